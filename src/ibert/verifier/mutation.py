"""Near misses of a query: each mutant is the query with one thing changed.

The operators are those of the literature on testing SQL (J. Tuya, M. J. Suárez-Cabal, C. de la
Riva: Mutating database queries, 2007; C. Chandra et al.: XData, VLDBJ 2015) and the slips that
translators make: frames, NULLs, positions, orders.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from typing import NamedTuple

from sqlglot import exp

from ibert.catalog import Catalog
from ibert.sql.parse import AS_WRITTEN

# A function of a copy of a node: gives what takes its place, or None where nothing can.
Change = Callable[[exp.Expr], exp.Expr | None]
Changes = Iterable[Change]
Operator = Callable[[exp.Expr], Changes]


class Mutant(NamedTuple):
    """A query with one thing changed.

    Attributes
    ----------
    operator
        What kind of thing was changed.
    sql
        The query, in DuckDB's dialect.
    """

    operator: str
    sql: str

    @property
    def id(self) -> str:
        """A name that follows from the text."""
        return hashlib.sha256(self.sql.encode()).hexdigest()[:12]

    @property
    def is_probe(self) -> bool:
        """Whether databases may be chosen with it; the others judge the choice."""
        return int(self.id[0], 16) % 2 == 0


def mutants(query: exp.Expr, catalog: Catalog) -> list[Mutant]:
    """Give the mutants of a query, each text once; some of them do not run.

    Parameters
    ----------
    query
        Of DuckDB's dialect, parsed as it is written.
    catalog
        The tables: columns are mistaken for others of the same type.

    Examples
    --------
    >>> from ibert.sql.parse import parse_as_written
    >>> catalog = Catalog.from_any({"t": {"a": "int64"}})
    >>> query = parse_as_written("SELECT DISTINCT a FROM t WHERE a > 1")
    >>> for mutant in mutants(query, catalog)[:4]:
    ...     print(mutant.operator, "|", mutant.sql)
    distinct | SELECT a FROM t WHERE a > 1
    where | SELECT DISTINCT a FROM t
    comparison | SELECT DISTINCT a FROM t WHERE a >= 1
    comparison | SELECT DISTINCT a FROM t WHERE a < 1
    """
    original = query.sql(AS_WRITTEN)
    found: dict[str, Mutant] = {}
    for place, node in enumerate(query.walk()):
        for operator, change in _changes(node, catalog):
            sql = _changed(query, place, change)
            if sql is not None and sql != original:
                found.setdefault(sql, Mutant(operator, sql))
    return list(found.values())


def _changes(
    node: exp.Expr, catalog: Catalog
) -> Iterator[tuple[str, Callable[[exp.Expr], exp.Expr | None]]]:
    """Give what can be done to a node: functions of a copy of it."""
    for operator, kinds, changes in OPERATORS:
        if isinstance(node, kinds):
            for change in changes(node):
                yield operator, change
    if isinstance(node, exp.Column):
        for name in _mistaken(node, catalog):
            yield "column", _with(this=exp.to_identifier(name))


def _changed(
    query: exp.Expr, place: int, change: Callable[[exp.Expr], exp.Expr | None]
) -> str | None:
    copy = query.copy()
    node = next(node for i, node in enumerate(copy.walk()) if i == place)
    parent = node.parent
    changed = change(node)
    if changed is None:
        return None
    if changed is not node:
        if parent is None:
            copy = changed
        else:
            node.replace(changed)
    return copy.sql(AS_WRITTEN)


def _set(node: exp.Expr, name: str, value: object) -> exp.Expr:
    node.set(name, value)
    return node


def _to(kind: type[exp.Expr], **more: object) -> Change:
    """Make a node of another class of one with two sides."""
    return lambda node: kind(this=node.this, expression=node.expression, **more)


def _like(kind: type[exp.Expr]) -> Change:
    """Make a node of another class with the same argument."""
    return lambda node: kind(this=node.this)


def _with(**parts: object) -> Change:
    """Give a node other parts."""

    def change(node: exp.Expr) -> exp.Expr:
        for name, part in parts.items():
            node.set(name, part)
        return node

    return change


def _is(other: exp.Expr) -> Change:
    """Put another node in the place of one."""
    return lambda _: other


def _again(kind: type[exp.Expr]) -> Change:
    """Make a node of another class with the same parts."""
    return lambda node: kind(**node.args)


def _without(name: str) -> Change:
    return lambda node: _set(node, name, None)


def _without_item(name: str, i: int) -> Change:
    def change(node: exp.Expr) -> exp.Expr:
        items = list(node.args[name])
        del items[i]
        return _set(node, name, items)

    return change


# Predicates

_COMPARISONS: dict[type[exp.Expr], tuple[type[exp.Expr], ...]] = {
    exp.EQ: (exp.NEQ, exp.LTE, exp.GTE, exp.NullSafeEQ),
    exp.NEQ: (exp.EQ, exp.LT, exp.GT, exp.NullSafeNEQ),
    exp.LT: (exp.LTE, exp.GT, exp.GTE, exp.NEQ),
    exp.LTE: (exp.LT, exp.GTE, exp.EQ),
    exp.GT: (exp.GTE, exp.LT, exp.LTE, exp.NEQ),
    exp.GTE: (exp.GT, exp.LTE, exp.EQ),
    exp.NullSafeEQ: (exp.EQ,),
    exp.NullSafeNEQ: (exp.NEQ,),
}


def _comparison(node: exp.Expr) -> Changes:
    return [_to(kind) for kind in _COMPARISONS.get(type(node), ())]


def _connector(node: exp.Expr) -> Changes:
    kind = exp.Or if isinstance(node, exp.And) else exp.And
    yield lambda n: exp.Paren(this=_to(kind)(n))
    yield lambda n: n.this
    yield lambda n: n.expression


def _negation(node: exp.Expr) -> Changes:
    yield lambda n: n.this


def _negated(node: exp.Expr) -> Changes:
    if not isinstance(node.parent, exp.Not) and not isinstance(node, exp.SubqueryPredicate):
        yield lambda n: exp.not_(exp.paren(n.copy()))


def _exists(node: exp.Expr) -> Changes:
    if not isinstance(node.parent, exp.Not):
        yield lambda n: exp.not_(n.copy())


def _between(node: exp.Expr) -> Changes:
    yield lambda n: exp.GTE(this=n.this, expression=n.args["low"])
    yield lambda n: exp.LTE(this=n.this, expression=n.args["high"])
    yield lambda n: exp.paren(
        exp.and_(
            exp.GT(this=n.this.copy(), expression=n.args["low"]),
            exp.LTE(this=n.this.copy(), expression=n.args["high"]),
        )
    )
    yield lambda n: exp.paren(
        exp.and_(
            exp.GTE(this=n.this.copy(), expression=n.args["low"]),
            exp.LT(this=n.this.copy(), expression=n.args["high"]),
        )
    )


def _membership(node: exp.Expr) -> Changes:
    count = len(node.expressions)
    for i in range(count if count > 1 else 0):
        yield _without_item("expressions", i)


def _pattern(node: exp.Expr) -> Changes:
    if isinstance(node.expression, exp.Literal):
        text = node.expression.name
        others = [text.removeprefix("%"), text.removesuffix("%")]
        others += [f"{text}%"] * (not text.endswith("%")) + [f"%{text}"] * (text[:1] != "%")
        for other in others:
            if other != text:
                yield _with(expression=exp.Literal.string(other))
    yield _to(exp.ILike if isinstance(node, exp.Like) else exp.Like)


def _null_test(node: exp.Expr) -> Changes:
    if isinstance(node.expression, exp.Null) and not isinstance(node.parent, exp.Not):
        yield lambda n: exp.not_(n.copy())


# Constants

_FIRST_DAY, _LAST_DAY = dt.date.min.toordinal(), dt.date.max.toordinal()


def _constant(node: exp.Expr) -> Changes:
    if isinstance(node.parent, exp.DataTypeParam | exp.Limit | exp.Offset | exp.Interval):
        steps: tuple[int, ...] = (-1, 1)
    else:
        steps = (1, -1)
    if isinstance(node.parent, exp.DataTypeParam):
        return
    if not node.is_string:
        value = Decimal(node.name)
        for step in steps:
            if value + step >= 0:
                text = str(value + step)
                yield _is(exp.Literal.number(text))
        return
    day = _date(node.name)
    if day is not None:
        for step in steps:
            # A row that is still valid is often given the last day there is as its end.
            if _FIRST_DAY <= day.toordinal() + step <= _LAST_DAY:
                text = str(day + dt.timedelta(days=step))
                yield _is(exp.Literal.string(text))
        return
    if node.name.isdigit():
        for step in steps:
            text = str(int(node.name) + step)
            yield _is(exp.Literal.string(text))
        return
    if isinstance(node.parent, exp.Like | exp.ILike | exp.Cast | exp.Interval):
        return
    if node.name.upper() in _PARTS:
        return
    for text in (f"{node.name}x", node.name.swapcase(), node.name[:-1]):
        if text != node.name:
            yield _is(exp.Literal.string(text))


def _date(text: str) -> dt.date | None:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        return None


# Clauses


def _clause(name: str) -> Operator:
    def changes(node: exp.Expr) -> Changes:
        if node.args.get(name):
            yield _without(name)

    return changes


def _item(name: str, least: int = 1) -> Operator:
    """Leave out one item of a list of more."""

    def changes(node: exp.Expr) -> Changes:
        items = node.args.get(name) or []
        for i in range(len(items) if isinstance(items, list) and len(items) > least else 0):
            yield _without_item(name, i)

    return changes


def _distinct_select(node: exp.Expr) -> Changes:
    if node.args.get("distinct"):
        yield _without("distinct")
    elif not (node.args.get("order") or _is_single(node)):
        yield lambda n: _set(n, "distinct", exp.Distinct())


def _is_single(select: exp.Expr) -> bool:
    """Tell whether it cannot matter how often a query gives a row."""
    above = select.parent.parent if isinstance(select.parent, exp.Subquery) else select.parent
    if isinstance(above, exp.Exists | exp.In):
        return True
    return not select.args.get("group") and all(
        projection.find(exp.AggFunc) and not projection.find(exp.Window)
        for projection in select.expressions
    )


_SIDES = ("", "LEFT", "RIGHT", "FULL")


def _join(node: exp.Expr) -> Changes:
    kind, side_now = node.text("kind").upper(), node.text("side").upper()
    if kind in ("SEMI", "ANTI"):
        yield _with(kind="ANTI" if kind == "SEMI" else "SEMI")
        return
    plain = not (node.args.get("on") or node.args.get("using"))
    if plain or node.text("method") or kind == "CROSS":
        return
    for side in _SIDES:
        if side != side_now:
            yield _with(kind=None, side=side or None)


def _set_operation(node: exp.Expr) -> Changes:
    yield lambda n: _set(n, "distinct", not n.args.get("distinct"))
    for kind in (exp.Union, exp.Intersect, exp.Except):
        if not isinstance(node, kind):
            yield _again(kind)
    yield lambda n: _kept_clauses(n, n.this)
    yield lambda n: _kept_clauses(n, n.expression)


def _kept_clauses(operation: exp.Expr, branch: exp.Expr) -> exp.Expr:
    if operation.args.get("with_") or operation.args.get("order"):
        for name in ("with_", "order", "limit"):
            if operation.args.get(name) and not branch.args.get(name):
                branch.set(name, operation.args[name])
    return branch


def _sort_key(node: exp.Expr) -> Changes:
    yield lambda n: _set(n, "desc", not n.args.get("desc"))
    yield lambda n: _set(n, "nulls_first", not n.args.get("nulls_first"))


# Aggregates and windows

_AGGREGATES: dict[type[exp.Expr], tuple[type[exp.Expr], ...]] = {
    exp.Sum: (exp.Avg, exp.Max),
    exp.Avg: (exp.Sum, exp.Min),
    exp.Min: (exp.Max,),
    exp.Max: (exp.Min,),
    exp.First: (exp.Last,),
    exp.Last: (exp.First,),
    exp.StddevSamp: (exp.StddevPop,),
    exp.Stddev: (exp.StddevPop,),
    exp.Variance: (exp.VariancePop,),
    exp.Upper: (exp.Lower,),
    exp.Lower: (exp.Upper,),
    exp.Ceil: (exp.Floor,),
    exp.Floor: (exp.Ceil,),
    exp.LogicalAnd: (exp.LogicalOr,),
    exp.LogicalOr: (exp.LogicalAnd,),
}


def _aggregate(node: exp.Expr) -> Changes:
    for kind in _AGGREGATES.get(type(node), ()):
        yield _like(kind)


def _distinct_argument(node: exp.Expr) -> Changes:
    if isinstance(node.this, exp.Distinct):
        if len(node.this.expressions) == 1:
            yield lambda n: _set(n, "this", n.this.expressions[0])
    elif isinstance(node.this, exp.Expr) and not isinstance(node.this, exp.Star):
        yield lambda n: _set(n, "this", exp.Distinct(expressions=[n.this]))


def _count(node: exp.Expr) -> Changes:
    if not isinstance(node.this, exp.Star):
        yield lambda n: _set(n, "this", exp.Star())


def _window(node: exp.Expr) -> Changes:
    if node.args.get("partition_by"):
        yield from _item("partition_by", 0)(node)
    if node.args.get("spec"):
        yield _without("spec")
    elif node.args.get("order"):
        bounds = {"start": "UNBOUNDED", "start_side": "PRECEDING", "end": "CURRENT ROW"}
        yield lambda n: _set(n, "spec", exp.WindowSpec(kind="ROWS", **bounds))


def _frame(node: exp.Expr) -> Changes:
    kind = str(node.args.get("kind")).upper()
    yield lambda n: _set(n, "kind", "RANGE" if kind == "ROWS" else "ROWS")
    for end in ("start", "end"):
        bound = node.args.get(end)
        if bound == "CURRENT ROW":
            side = "PRECEDING" if end == "start" else "FOLLOWING"
            yield _with(**{end: "UNBOUNDED", f"{end}_side": side})
        elif bound == "UNBOUNDED":
            yield _with(**{end: "CURRENT ROW", f"{end}_side": None})


_RANKS = (exp.RowNumber, exp.Rank, exp.DenseRank)


def _rank(node: exp.Expr) -> Changes:
    for kind in _RANKS:
        if not isinstance(node, kind):
            yield _is(kind())


def _shift(node: exp.Expr) -> Changes:
    kind = exp.Lead if isinstance(node, exp.Lag) else exp.Lag
    yield _again(kind)
    for name in ("offset", "default"):
        if node.args.get(name):
            yield _without(name)


# Expressions

_ARITHMETIC: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.Add: exp.Sub,
    exp.Sub: exp.Add,
    exp.Mul: exp.Add,
    exp.Div: exp.IntDiv,
    exp.IntDiv: exp.Div,
    exp.Mod: exp.IntDiv,
}


def _arithmetic(node: exp.Expr) -> Changes:
    if type(node) in _ARITHMETIC:
        yield _to(_ARITHMETIC[type(node)])


def _null_handling(node: exp.Expr) -> Changes:
    yield lambda n: n.this


def _case(node: exp.Expr) -> Changes:
    if node.args.get("default"):
        yield _without("default")
    branches = node.args["ifs"]
    if len(branches) > 1:
        for i in range(len(branches)):
            yield _without_item("ifs", i)
        yield lambda n: _set(n, "ifs", list(reversed(n.args["ifs"])))


_PARTS = {"YEAR": "MONTH", "MONTH": "DAY", "DAY": "MONTH", "QUARTER": "MONTH", "WEEK": "DAY",
          "HOUR": "MINUTE", "MINUTE": "HOUR", "SECOND": "MINUTE", "DOW": "ISODOW",
          "ISODOW": "DOW", "DAYOFWEEK": "ISODOW", "DOY": "DAY"}  # fmt: skip


def _date_part(node: exp.Expr) -> Changes:
    other = _PARTS.get(node.name.upper())
    if other:
        yield lambda n: _set(n, "this", exp.var(other))


def _unit(node: exp.Expr) -> Changes:
    unit = node.args.get("unit")
    other = _PARTS.get(unit.name.upper()) if isinstance(unit, exp.Expr) else None
    if other:
        yield lambda n: _set(n, "unit", exp.var(other))


def _date_function(node: exp.Expr) -> Changes:
    """Take a unit that is an argument for another one."""
    first = node.expressions[0] if node.expressions else None
    if isinstance(first, exp.Literal) and first.is_string and first.name.upper() in _PARTS:
        other = exp.Literal.string(_PARTS[first.name.upper()].lower())
        yield lambda n: _set(n, "expressions", [other, *n.expressions[1:]])


def _filter(node: exp.Expr) -> Changes:
    yield lambda n: n.this


# Kind of change, the nodes that it is made to, and what it does to them.
OPERATORS: tuple[tuple[str, tuple[type[exp.Expr], ...], Operator], ...] = (
    ("distinct", (exp.Select,), _distinct_select),
    ("where", (exp.Select,), _clause("where")),
    ("having", (exp.Select,), _clause("having")),
    ("qualify", (exp.Select,), _clause("qualify")),
    ("order", (exp.Select, exp.SetOperation), _clause("order")),
    ("limit", (exp.Select, exp.SetOperation), _clause("limit")),
    ("offset", (exp.Select, exp.SetOperation), _clause("offset")),
    ("comparison", tuple(_COMPARISONS), _comparison),
    ("connector", (exp.And, exp.Or), _connector),
    ("negation", (exp.Not,), _negation),
    ("negation", (exp.Predicate,), _negated),
    ("exists", (exp.Exists,), _exists),
    ("between", (exp.Between,), _between),
    ("in", (exp.In,), _membership),
    ("like", (exp.Like, exp.ILike), _pattern),
    ("null test", (exp.Is,), _null_test),
    ("constant", (exp.Literal,), _constant),
    ("group", (exp.Group,), _item("expressions")),
    ("join", (exp.Join,), _join),
    ("set operation", (exp.SetOperation,), _set_operation),
    ("sort key", (exp.Order,), _item("expressions")),
    ("sort key", (exp.Ordered,), _sort_key),
    ("aggregate", tuple(_AGGREGATES), _aggregate),
    ("distinct aggregate", (exp.Count, exp.Sum, exp.Avg), _distinct_argument),
    ("count", (exp.Count,), _count),
    ("window", (exp.Window,), _window),
    ("frame", (exp.WindowSpec,), _frame),
    ("rank", _RANKS, _rank),
    ("shift", (exp.Lag, exp.Lead), _shift),
    ("arithmetic", tuple(_ARITHMETIC), _arithmetic),
    ("null handling", (exp.Coalesce, exp.Nullif), _null_handling),
    ("case", (exp.Case,), _case),
    ("date part", (exp.Extract,), _date_part),
    ("date part", (exp.TimestampTrunc, exp.DateTrunc, exp.Interval, exp.DateAdd), _unit),
    ("date part", (exp.Anonymous,), _date_function),
    ("filter", (exp.Filter,), _filter),
)

MISTAKEN = 2  # columns that one is mistaken for


def _mistaken(column: exp.Column, catalog: Catalog) -> list[str]:
    """Give other columns of the same type in a table that has this one."""
    for schema in catalog.tables.values():
        names = {name.casefold(): name for name in schema}
        if column.name.casefold() in names:
            own = names[column.name.casefold()]
            like = [n for n in schema if n != own and type(schema[n]) is type(schema[own])]
            start = int(hashlib.sha256(own.encode()).hexdigest(), 16) % max(1, len(like))
            return (like[start:] + like[:start])[:MISTAKEN]
    return []
