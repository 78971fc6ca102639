"""Rules that prove that a mutant means what its query means: both have one normal form."""

from __future__ import annotations

from sqlglot import exp

from ibert.catalog import Catalog
from ibert.evaluation.guarantees import Guarantees, only_filters
from ibert.sql.parse import AS_WRITTEN, parse_as_written

# Functions whose value does not depend on the frame of their window.
FRAMELESS = (
    *(exp.RowNumber, exp.Rank, exp.DenseRank, exp.PercentRank, exp.CumeDist, exp.Ntile),
    *(exp.Lag, exp.Lead),
)
_RUNNING = tuple(
    f"{kind} BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW" for kind in ("ROWS", "RANGE")
)
_BOUNDS = {"UNBOUNDED", "CURRENT ROW"}
_ROW_BY_ROW = {"expressions", "from_", "joins", "where"}  # parts that see one row at a time
_OF_MANY_ROWS = (exp.AggFunc, exp.Window, exp.Anonymous)
# What may give something else the next time; what is not known may as well.
_VOLATILE = (
    *(exp.Anonymous, exp.CurrentDate, exp.CurrentTime, exp.CurrentTimestamp, exp.Rand, exp.Randn),
    *(exp.Uuid, exp.Localtime, exp.Localtimestamp),
)
_NULL_SAFE = {exp.NullSafeEQ: exp.EQ, exp.NullSafeNEQ: exp.NEQ}


def normal_form(sql: str, catalog: Catalog) -> str:
    """Write a query (DuckDB's dialect) without what changes nothing in what it gives.

    Examples
    --------
    >>> catalog = Catalog.from_any({"t": {"a": "!int64", "b": "string"}})
    >>> sql = "SELECT DISTINCT b, count(*) FROM t WHERE b IS NOT DISTINCT FROM 'x' GROUP BY b"
    >>> normal_form(sql, catalog)
    "SELECT b, COUNT(*) FROM t WHERE b = 'x' GROUP BY b"
    >>> normal_form("SELECT row_number() OVER (ORDER BY a NULLS FIRST) FROM t", catalog)
    'SELECT ROW_NUMBER() OVER (ORDER BY a) FROM t'
    """
    query = parse_as_written(sql)
    for select in query.find_all(exp.Select):
        _narrow_joins(select, Guarantees(catalog))
    guarantees = Guarantees(catalog)
    for node in list(query.walk()):
        match node:
            case exp.Where(this=exp.Boolean(this=True)):
                node.pop()
            case exp.Order():
                _settle_order(node)
            case exp.IntDiv() if _is_fractional(node.this) or _is_fractional(node.expression):
                node.replace(exp.Div(this=node.this, expression=node.expression))
            case exp.Select() if node.args.get("distinct") and _is_distinct(node, guarantees):
                node.set("distinct", None)
            case exp.Ordered() if node.args.get("nulls_first"):
                node.set("nulls_first", not guarantees.is_never_null(node.this))
            case exp.Window():
                _settle_window(node, guarantees)
            case exp.NullSafeEQ() | exp.NullSafeNEQ() if _is_plain(node, guarantees):
                node.replace(_NULL_SAFE[type(node)](this=node.this, expression=node.expression))
            case exp.Count(this=exp.Expr() as counted) if guarantees.is_never_null(counted):
                node.set("this", exp.Star())
            case exp.ILike(expression=exp.Literal() as pattern) if _has_no_case(pattern.name):
                node.replace(exp.Like(this=node.this, expression=pattern))
            case exp.Exists(this=exp.Select() as select) if not select.find(exp.AggFunc):
                _forget_output(select)
    for union in query.find_all(exp.Union):
        if union.args.get("distinct"):
            _absorb(union)
    return query.sql(AS_WRITTEN)


def is_constant(sql: str) -> bool:
    """Tell whether a query (DuckDB's dialect) gives the same whatever there is: it reads nothing.

    Examples
    --------
    >>> is_constant("SELECT upper('a')"), is_constant("SELECT now()")
    (True, False)
    """
    return parse_as_written(sql).find(exp.Table, *_VOLATILE) is None


def _absorb(union: exp.Union) -> None:
    """Where one branch of UNION is the other one with a WHERE, leave that out: it adds nothing."""
    one, other = union.this, union.expression
    if not (isinstance(one, exp.Select) and isinstance(other, exp.Select)):
        return
    for few, all_ in ((one, other), (other, one)):
        whole = few.copy()
        whole.set("where", None)
        if whole == all_ and set(_parts(whole)) <= _ROW_BY_ROW and not whole.find(*_OF_MANY_ROWS):
            few.set("where", None)
            return


def _settle_order(order: exp.Order) -> None:
    """Leave out sort keys that come again, and an order that the query around it makes anew."""
    seen: list[exp.Expr] = []
    for key in list(order.expressions):
        if isinstance(key.this, exp.Column) and key.this in seen:
            key.pop()
        seen.append(key.this)
    select = order.parent
    above = select.parent_select if select is not None else None
    if (
        isinstance(select, exp.Select)
        and isinstance(above, exp.Select)
        and isinstance(select.parent, exp.Subquery)
        and isinstance(select.parent.parent, exp.From | exp.Join)
        and set(_parts(select)) <= {*_ROW_BY_ROW, "order"}
        and above.args.get("order")
        and set(_parts(above)) <= {*_ROW_BY_ROW, "order"}
        and not any(p.find(*_OF_MANY_ROWS) for p in (*above.expressions, *select.expressions))
    ):
        order.pop()


def _has_no_case(text: str) -> bool:
    """Tell whether a text has no letter that comes in two cases."""
    return text.lower() == text.upper()


def _parts(select: exp.Select) -> list[str]:
    """Name the parts that a SELECT has."""
    return [name for name, part in select.args.items() if part]


def _is_fractional(node: exp.Expr) -> bool:
    """Tell whether a number is surely of no integer type: for DuckDB, // is / then."""
    match node:
        case exp.Literal():
            return not (node.is_string or node.is_int)
        case exp.Cast():
            return node.to.this in exp.DataType.REAL_TYPES and not isinstance(node, exp.TryCast)
        case exp.Paren() | exp.Neg():
            return _is_fractional(node.this)
        case exp.Mul() | exp.Add() | exp.Sub():
            return _is_fractional(node.this) or _is_fractional(node.expression)
    return isinstance(node, exp.Avg | exp.Div)


def _settle_window(window: exp.Window, guarantees: Guarantees) -> None:
    """Leave out a frame that changes nothing; without ties, every rank is the row's number."""
    is_unique = guarantees.has_no_ties(window)
    if is_unique and isinstance(window.this, exp.Rank | exp.DenseRank):
        window.set("this", exp.RowNumber())
    spec = window.args.get("spec")
    if isinstance(window.this, FRAMELESS) or (is_unique and spec and spec.sql() in _RUNNING):
        window.set("spec", None)
    elif spec and spec.args.get("kind") == "RANGE":
        bounds = {str(spec.args.get("start")), str(spec.args.get("end"))}
        if bounds == {"UNBOUNDED"} or (is_unique and bounds <= _BOUNDS):
            spec.set("kind", "ROWS")


def _narrow_joins(select: exp.Select, guarantees: Guarantees) -> None:
    """Make outer joins inner ones where what they add is thrown away again."""
    joins = select.args.get("joins") or []
    for k, join in reversed(list(enumerate(joins))):
        rejected = {number for number, _ in guarantees.rejected(select)}
        before, after = any(number <= k for number in rejected), k + 1 in rejected
        if (join.side == "LEFT" and after) or (join.side == "RIGHT" and before):
            join.set("side", None)
        elif join.side == "FULL" and (before or after):
            join.set("side", None if before and after else "LEFT" if before else "RIGHT")


def _is_distinct(select: exp.Select, guarantees: Guarantees) -> bool:
    """Tell whether DISTINCT changes nothing."""
    if select.args["distinct"].args.get("on"):
        return False
    return _gives_its_keys(select) or _is_looked_into(select) or guarantees.are_distinct(select)


def _is_looked_into(select: exp.Select) -> bool:
    """Tell whether it only matters which rows there are: in IN, ANY, ALL and set operations."""
    above = select.parent.parent if isinstance(select.parent, exp.Subquery) else select.parent
    is_set = isinstance(above, exp.In | exp.Any | exp.All) or isinstance(
        select.parent, exp.In | exp.Any | exp.All
    )
    is_set |= isinstance(select.parent, exp.SetOperation) and bool(select.parent.args["distinct"])
    return is_set and not (select.args.get("limit") or select.args.get("offset"))


def _forget_output(select: exp.Select) -> None:
    """Leave out what does not matter for whether there is a row."""
    limit = select.args.get("limit")
    if limit and limit.expression.name.isdigit() and int(limit.expression.name) > 0:
        select.set("limit", None)
    if not (select.args.get("limit") or select.args.get("offset") or select.args.get("qualify")):
        select.set("expressions", [exp.Literal.number(1)])
        select.set("distinct", None)
        select.set("order", None)


def _gives_its_keys(select: exp.Select) -> bool:
    """Tell whether the output holds all that rows are grouped by: no two rows are the same."""
    group = select.args.get("group")
    if any(projection.find(exp.Explode, exp.Unnest) for projection in select.expressions):
        return False
    if group and group.args.get("all"):
        return True
    if not group or not group.expressions:
        return False
    if any(group.args.get(part) for part in ("cube", "rollup", "grouping_sets", "all")):
        return False
    bodies = [projection.unalias() for projection in select.expressions]
    names = {projection.alias_or_name.casefold() for projection in select.expressions}
    return all(
        key in bodies
        or (isinstance(key, exp.Literal) and key.is_int)
        or (isinstance(key, exp.Column) and key.name.casefold() in names)
        for key in group.expressions
    )


def _is_plain(node: exp.Expr, guarantees: Guarantees) -> bool:
    """Tell whether a null-safe comparison does what a plain one does where it stands."""
    sides = [guarantees.is_never_null(node.this), guarantees.is_never_null(node.expression)]
    if all(sides):
        return True
    if not isinstance(node, exp.NullSafeEQ) or not only_filters(node):
        return False
    return any(sides) or any(
        guarantees.is_idle_for_null(node, side) for side in (node.this, node.expression)
    )
