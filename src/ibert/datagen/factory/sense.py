"""Give random queries sense: constants that columns hold, names that say what they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random

from sqlglot import exp

LARGEST = 110  # nodes of a query that a person would still read
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
    return len(nodes) <= LARGEST and not any(map(_is_silly, nodes))


def _is_silly(node: exp.Expr) -> bool:
    if isinstance(node, exp.Values) or _repeats(node):
        return True
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
            return any(test in tests[:place] for place, test in enumerate(tests))
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
        if isinstance(node, exp.In):
            distinct = dict.fromkeys(item.sql("duckdb") for item in node.expressions)
            if len(distinct) < len(node.expressions):
                node.set("expressions", node.expressions[: len(distinct)])


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
