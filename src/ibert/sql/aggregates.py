"""What aggregates of other dialects give for NULL and for no rows."""

from __future__ import annotations

from sqlglot import exp

from ibert.sql.rules import SPARK, TRINO, Meaning, function

_COUNT_TO_ZERO = ("bigquery", "clickhouse", "snowflake", *SPARK, *TRINO)
_GIVE_NULL = ("bigquery", "snowflake", *SPARK, *TRINO)


def _count_if(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Count to 0 where no row is true, for which DuckDB's COUNT_IF gives NULL."""
    if isinstance(node.this, exp.Distinct):
        return None
    true = exp.If(this=node.this.copy(), true=exp.Literal.number(1))
    return exp.Count(this=exp.Case(ifs=[true]), big_int=True)


def _at_extreme(node: exp.Expr, dialect: str) -> exp.Expr | None:
    """Take what stands beside an extreme, NULL too: DuckDB passes over such rows."""
    value, key = node.this, node.expression
    if node.args.get("count") or isinstance(value, exp.Distinct):
        return None
    is_max = isinstance(node, exp.ArgMax)
    if isinstance(node.parent, exp.Filter | exp.Window):
        return function("ARG_MAX_NULL" if is_max else "ARG_MIN_NULL", value, key)
    ordered = exp.Ordered(this=key.copy(), desc=is_max, nulls_first=False)
    first = exp.First(this=exp.Order(this=value.copy(), expressions=[ordered]))
    known = exp.Not(this=exp.Is(this=key.copy(), expression=exp.Null()))
    return exp.Filter(this=first, expression=exp.Where(this=known))


AGGREGATES = (
    Meaning(exp.CountIf, _COUNT_TO_ZERO, _count_if),
    Meaning((exp.ArgMax, exp.ArgMin), _GIVE_NULL, _at_extreme),
)
