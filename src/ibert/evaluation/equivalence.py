"""Rules that prove that a mutant means what its query means: both have one normal form."""

from __future__ import annotations

from collections.abc import Callable

from sqlglot import exp

from ibert.catalog import Catalog
from ibert.sql.parse import AS_WRITTEN, parse_as_written

# Functions whose value does not depend on the frame of their window.
FRAMELESS = (
    *(exp.RowNumber, exp.Rank, exp.DenseRank, exp.PercentRank, exp.CumeDist, exp.Ntile),
    *(exp.Lag, exp.Lead),
)
_FILTERS = (exp.Where, exp.Join, exp.Having, exp.Qualify, exp.If)
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
    is_never_null = _nullness(query, catalog)
    for node in list(query.walk()):
        match node:
            case exp.Select() if node.args.get("distinct") and _gives_its_keys(node):
                node.set("distinct", None)
            case exp.Ordered() if node.args.get("nulls_first") and is_never_null(node.this):
                node.set("nulls_first", False)
            case exp.Window() if isinstance(node.this, FRAMELESS):
                node.set("spec", None)
            case exp.NullSafeEQ() | exp.NullSafeNEQ() if _is_plain(node, is_never_null):
                node.replace(_NULL_SAFE[type(node)](this=node.this, expression=node.expression))
    return query.sql(AS_WRITTEN)


def _nullness(query: exp.Expr, catalog: Catalog) -> Callable[[exp.Expr], bool]:
    """Give a test for expressions that are never NULL."""
    has_outer = any(join.side for join in query.find_all(exp.Join))
    has_sets = bool(query.find(exp.Group) and query.find(exp.Cube, exp.Rollup, exp.GroupingSets))
    aliases = {alias.alias.casefold() for alias in query.find_all(exp.Alias)}
    tables = {table.name for table in query.find_all(exp.Table)} & set(catalog)
    nullable: dict[str, bool] = {}
    for table in tables:
        for name, dtype in catalog[table].items():
            folded = name.casefold()
            nullable[folded] = nullable.get(folded, False) or dtype.nullable

    def is_never_null(node: exp.Expr) -> bool:
        node = node.unnest()
        if isinstance(node, exp.Literal | exp.Count | exp.CountIf | exp.RowNumber | exp.Exists):
            return not isinstance(node, exp.Literal) or isinstance(node.parent, exp.Predicate)
        if not isinstance(node, exp.Column) or has_outer or has_sets:
            return False
        name = node.name.casefold()
        return name not in aliases and not nullable.get(name, True)

    return is_never_null


def _gives_its_keys(select: exp.Select) -> bool:
    """Tell whether the output holds all that rows are grouped by: no two rows are the same."""
    group = select.args.get("group")
    if not group or select.args["distinct"].args.get("on") or not group.expressions:
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


def _is_plain(node: exp.Expr, is_never_null: Callable[[exp.Expr], bool]) -> bool:
    """Tell whether a null-safe comparison does what a plain one does where it stands."""
    sides = [is_never_null(node.this), is_never_null(node.expression)]
    if all(sides):
        return True
    return isinstance(node, exp.NullSafeEQ) and any(sides) and _only_filters(node)


def _only_filters(node: exp.Expr) -> bool:
    """Tell whether NULL is as good as false for a predicate."""
    above = node.parent
    below = node
    while isinstance(above, exp.And | exp.Or | exp.Paren):
        below, above = above, above.parent
    if isinstance(above, exp.If):
        return above.this is below
    return isinstance(above, _FILTERS)
