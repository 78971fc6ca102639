"""Give random queries sense: constants that columns hold, names that say what they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from sqlglot import exp

SHORT = 2  # letters of a name that says nothing
LARGEST = 80  # nodes of a query that a person would still read
COMPARISONS = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.In, exp.Between)
_SIDES = (*COMPARISONS[:6], exp.NullSafeEQ, exp.NullSafeNEQ, exp.Sub, exp.Div, exp.Mod)
_NESTED = (exp.Case, exp.If, exp.Coalesce, exp.Nullif, exp.Cast, exp.Not)
_STRINGS = (exp.Like, exp.ILike, exp.StartsWith, exp.Contains, exp.EndsWith)
# The name of a computed column: what is done to the column that it is made from.
_ALIASES: tuple[tuple[type[exp.Expr], str], ...] = (
    (exp.RowNumber, "row_number"),
    (exp.Count, "{}_count"),
    (exp.Sum, "total_{}"),
    (exp.Avg, "average_{}"),
    (exp.Min, "lowest_{}"),
    (exp.Max, "highest_{}"),
    (exp.Lag, "previous_{}"),
    (exp.Lead, "next_{}"),
    (exp.Year, "{}_year"),
    (exp.Month, "{}_month"),
    (exp.Upper, "{}_upper"),
    (exp.Lower, "{}_lower"),
    (exp.Length, "{}_length"),
    (exp.Round, "{}_rounded"),
    (exp.Coalesce, "{}_filled"),
    (exp.Case, "{}_case"),
    (exp.TimestampTrunc, "{}_period"),
    (exp.Is, "{}_missing"),
)


def is_sensible(query: exp.Expr) -> bool:
    """Tell whether a person might have written a query.

    Examples
    --------
    >>> import sqlglot
    >>> [is_sensible(sqlglot.parse_one(f"SELECT a FROM t WHERE {test}"))
    ...     for test in ("a > 1", "a = a", "1 = 2", "COALESCE(a, a) > 1")]
    [True, False, False, False]
    """
    nodes = list(query.walk())
    if len(nodes) > LARGEST:
        return False
    return not any(test(node) for node in nodes for test in (_is_silly, _is_blind, _is_strange))


def _is_blind(node: exp.Expr) -> bool:
    """Tell whether a node pays no heed to what columns stand for: keys, pairs of tables."""
    match node:
        case exp.Join(kind="CROSS"):
            return True
        case exp.Join():
            on, using = node.args.get("on"), node.args.get("using")
            return not using and (on is None or not any(map(_is_link, on.flatten())))
        case exp.Group():
            keys = [*node.expressions]
            for part in ("cube", "rollup"):
                keys += [key for one in node.args.get(part) or () for key in one.expressions]
            return len({key.name for key in keys}) < len(keys)
        case exp.Add() | exp.Sub() | exp.Mul() | exp.Div() | exp.Sum() | exp.Avg() | exp.Abs():
            sides = (node.this, node.args.get("expression"))
            return any(isinstance(one, exp.Column) and one.name.endswith("_id") for one in sides)
    return False


def _is_strange(node: exp.Expr) -> bool:
    """Tell whether a person would hardly write a node so."""
    match node:
        case exp.Tuple() | exp.Any():
            return True
        case exp.Between():
            return any(node.args[bound].find(exp.Column) for bound in ("low", "high"))
        case exp.In():
            return any(item.find(exp.Column) is not None for item in node.expressions)
        case exp.Null():
            return not isinstance(node.parent, exp.Is | exp.Case | exp.If)
        case exp.Boolean():
            return isinstance(node.parent, exp.Connector | exp.Paren | exp.Select)
        case exp.Literal():
            is_whole = isinstance(node.parent, exp.Select)
            return "'" in node.name or "_" in node.name or is_whole
        case exp.Ordered():
            is_constant = isinstance(node.this, exp.Literal)
            return is_constant and node.find_ancestor(exp.Window) is not None
        case exp.Concat():
            return len({part.sql() for part in node.expressions}) < len(node.expressions)
        case exp.Identifier():
            return not node.name.islower() or " " in node.name
        case exp.Alias():
            return isinstance(node.this, exp.Column) and isinstance(node.parent, exp.Select)
        case exp.Order():
            keys = [key.this.name for key in node.expressions if key.this.name]
            return len(set(keys)) < len(keys)
        case exp.AggFunc():
            has_value = node.this is not None and not isinstance(node.this, exp.Star)
            return has_value and node.find(exp.Column) is None
        case exp.Binary():
            return node.find(exp.Column, exp.Star) is None
    return False


def _is_link(condition: exp.Expr) -> bool:
    """Tell whether a condition is an equality of columns of one name of two tables."""
    match condition:
        case exp.EQ(this=exp.Column() as one, expression=exp.Column() as other):
            return bool(one.name == other.name and one.table != other.table)
    return False


def _is_silly(node: exp.Expr) -> bool:
    if isinstance(node, exp.Values) or _repeats(node):
        return True
    if isinstance(node, exp.Mul | exp.Add):
        return bool(node.this == node.expression)
    if isinstance(node, _SIDES):
        return bool(node.this == node.expression) or not node.find(exp.Column)
    if isinstance(node, exp.And | exp.Or):
        return bool(node.this == node.expression)
    if isinstance(node, exp.Between):
        is_of_column = isinstance(node.this, exp.Column)
        return not is_of_column or bool(node.args["low"] == node.args["high"])
    if isinstance(node, exp.Is):
        return not node.find(exp.Column)
    if isinstance(node, _NESTED):
        same = isinstance(node.unnest(), exp.Not) and isinstance(node.this.unnest(), exp.Not)
        return same or node.find_ancestor(type(node)) is not None or not node.find(exp.Column)
    if isinstance(node, exp.Where | exp.Having | exp.Qualify):
        return not node.find(exp.Column) or isinstance(node.this, exp.Boolean)
    if isinstance(node, exp.Alias):
        return isinstance(node.this, exp.Literal | exp.Null) and isinstance(node.parent, exp.Select)
    return False


def _repeats(node: exp.Expr) -> bool:
    """Tell whether a choice is between what is the same, or begins with a constant."""
    match node:
        case exp.Case():
            tests = [branch.this for branch in node.args["ifs"]]
            results = [branch.args["true"] for branch in node.args["ifs"]]
            same = all(one == node.args.get("default") for one in results)
            known = any(isinstance(test, exp.Boolean) for test in tests)
            return same or known or any(one in tests[:place] for place, one in enumerate(tests))
        case exp.Coalesce():
            return isinstance(node.this, exp.Literal) or node.this in node.expressions
        case exp.Nullif():
            return bool(node.this == node.expression)
    return False


def settle(query: exp.Expr, literals: Mapping[str, Sequence[str]], rng: Random) -> None:
    """Hold columns against constants that they may have.

    Examples
    --------
    >>> import sqlglot
    >>> query = sqlglot.parse_one("SELECT city FROM t WHERE city = 'a' AND city LIKE 'a%'")
    >>> settle(query, {"city": ["'Oslo'"]}, Random(0))
    >>> query.sql()
    "SELECT city FROM t WHERE city = 'Oslo' AND city LIKE 'Osl%'"
    """
    for node in list(query.find_all(*COMPARISONS, *_STRINGS, exp.Case)):
        known = [name for name in _columns(node) if literals.get(name)]
        if not known:
            continue
        pool = literals[known[0]]
        places = node.args.get("ifs", []) if isinstance(node, exp.Case) else [node]
        for place in places:
            _fill(place, pool, rng, part=isinstance(node, _STRINGS))
        _tell_apart(node)


def _tell_apart(node: exp.Expr) -> None:
    """Leave out what a list has twice, and put bounds in order."""
    if isinstance(node, exp.In):
        distinct = {item.sql("duckdb"): item for item in node.expressions}
        node.set("expressions", list(distinct.values()))
    elif isinstance(node, exp.Between):
        bounds = [node.args["low"], node.args["high"]]
        if all(isinstance(bound, exp.Literal) and bound.is_number for bound in bounds):
            low, high = sorted(bounds, key=lambda bound: float(bound.name))
            node.set("low", low)
            node.set("high", high)


def _columns(node: exp.Expr) -> list[str]:
    this = node.args.get("this")
    sides = [this, node.args.get("expression")]
    return [side.name.casefold() for side in sides if isinstance(side, exp.Column)]


def _fill(node: exp.Expr, pool: Sequence[str], rng: Random, *, part: bool) -> None:
    for key in ("this", "expression", "low", "high", "expressions"):
        value = node.args.get(key)
        for item in value if isinstance(value, list) else [value]:
            if not isinstance(item, exp.Literal) or item.is_string is not pool[0].startswith("'"):
                continue
            if part:
                item.replace(exp.Literal.string(_part(item.name, rng.choice(pool).strip("'"))))
            elif item.is_string:
                item.replace(exp.Literal.string(rng.choice(pool)[1:-1]))
            else:
                item.replace(exp.Literal.number(rng.choice(pool)))


def _part(pattern: str, text: str) -> str:
    """Give a pattern of the same form for a text."""
    start, end = pattern.startswith("%"), pattern.endswith("%")
    if start and end:
        return f"%{text[1:3]}%"
    if start:
        return f"%{text[-2:]}"
    return f"{text[:3]}%" if end else text[:2]


def rename(query: exp.Expr) -> None:
    """Name the computed columns of the outermost SELECT by what they hold.

    Examples
    --------
    >>> import sqlglot
    >>> query = sqlglot.parse_one("SELECT city, SUM(price) AS x FROM t GROUP BY city ORDER BY x")
    >>> rename(query)
    >>> query.sql()
    'SELECT city, SUM(price) AS total_price FROM t GROUP BY city ORDER BY total_price'
    """
    if not isinstance(query, exp.Select):
        return
    words = [node.name.casefold() for node in query.find_all(exp.Identifier)]
    order = query.args.get("order")
    sorted_by = {node.name for node in order.find_all(exp.Column)} if order else set()
    for item in query.expressions:
        if not isinstance(item, exp.Alias):
            continue
        uses = words.count(item.alias.casefold()) - 1
        in_order = sum(item.alias == name for name in sorted_by)
        name = _name(item.this)
        if name is None or uses != in_order or name in words:
            continue
        old = item.alias
        item.set("alias", exp.to_identifier(name))
        words.append(name)
        for column in list(order.find_all(exp.Column)) if order else ():
            if column.name == old and not column.table:
                column.replace(exp.column(name))


def _name(node: exp.Expr) -> str | None:
    """Find a name for a computed column; None where nothing tells."""
    column = next((c.name.casefold() for c in node.find_all(exp.Column)), None)
    inner = node.this if isinstance(node, exp.Window) else node
    kind = next((text for kind, text in _ALIASES if isinstance(inner, kind)), None)
    if isinstance(inner, exp.Count) and isinstance(inner.this, exp.Star):
        return "row_count"
    if kind is not None and ("{}" not in kind or column):
        return kind.format(column)
    if isinstance(inner, exp.Predicate | exp.Connector) and column:
        return f"{column}_test"
    return f"{column}_value" if column and not isinstance(inner, exp.Column) else None


def is_named(query: exp.Expr) -> bool:
    """Tell whether the names that a query gives say something.

    Examples
    --------
    >>> import sqlglot
    >>> [is_named(sqlglot.parse_one(f"SELECT a + 1 AS {name} FROM t")) for name in ("b", "next_a")]
    [False, True]
    """
    names = [alias.alias for alias in query.find_all(exp.Alias)]
    return all(len(name) > SHORT for name in names)
