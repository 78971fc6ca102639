"""What Ibis' compilers and sqlglot's generators leave out or get wrong, put right."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import ibis.expr.operations as ops
import ibis.expr.types as ir
from sqlglot import Dialect, exp

_STAYS = "_stays"


def knows_null_order(dialect: Any) -> bool:
    """Tell whether a dialect has NULLS FIRST and NULLS LAST; NULL is the lowest value in others."""
    return bool(Dialect.get_or_raise(dialect).generator_class.NULL_ORDERING_SUPPORTED)


def with_null_keys(relation: ir.Table) -> ir.Table:
    """Order the rows of windows by whether a key is NULL first, for a dialect that cannot say so.

    Ibis and sqlglot leave NULL where the dialect has it, or refuse.
    """
    found: ir.Table = relation.op().replace(_with_null_keys).to_expr()
    return found


def _with_null_keys(node: ops.Node, changed: dict[str, Any] | None) -> ops.Node:
    arguments = {**dict(zip(node.__argnames__, node.__args__, strict=True)), **(changed or {})}
    if isinstance(node, ops.WindowFunction) and not _has_distance(node):
        keys = arguments["order_by"]
        arguments["order_by"] = tuple(made for key in keys for made in _null_keys(key))
        return type(node)(**arguments)
    return node if changed is None else type(node)(**arguments)


def _null_keys(key: ops.SortKey) -> Iterator[ops.SortKey]:
    """Yield the keys by which rows stand as by one key, in a dialect where NULL is the lowest."""
    if key.arg.dtype.nullable and key.ascending is not key.nulls_first:
        first = key.nulls_first
        rank = ops.IfElse(ops.IsNull(key.arg), 1, 0)  # T-SQL cannot order by a condition
        yield ops.SortKey(rank, ascending=not first, nulls_first=not first)
    yield key


def _has_distance(window: ops.WindowFunction) -> bool:
    """Tell whether a frame counts from the value of its key, of which there is one then."""
    bounds = [bound.value for bound in (window.start, window.end) if bound is not None]
    zeros = [isinstance(value, ops.Literal) and value.value == 0 for value in bounds]
    return window.how == "range" and not all(zeros)


def leave_null_order(tree: exp.Expr) -> None:
    """Order NULL in windows as a dialect does in which it is the lowest value."""
    for window in tree.find_all(exp.Window):
        for key in window.find_all(exp.Ordered):
            key.set("nulls_first", not key.args.get("desc"))


def with_lists(tree: exp.Query) -> exp.Query:
    """Make lists of the tuples in a tree, in which sqlglot looks for nothing."""
    for node in tree.walk():
        for key, value in node.args.items():
            if isinstance(value, tuple):
                node.set(key, list(value))
    return tree


@cache
def knows_qualify(dialect: Any) -> bool:
    """Tell whether a dialect filters by windows."""
    query = exp.select("a").from_("t").copy()
    query.set("qualify", exp.Qualify(this=exp.column("a")))
    return "QUALIFY" in query.sql(dialect)


def filter_outside(tree: exp.Expr) -> None:
    """Filter by windows in a query around, on a column that says which rows stay.

    sqlglot's own way leaves columns in the filter whose tables it cannot see.
    """
    for select in list(tree.find_all(exp.Select)):
        _filter_outside(select)


def _filter_outside(select: exp.Select) -> None:
    condition = select.args.get("qualify")
    if condition is None or select.is_star:
        return
    stays = exp.Case().when(condition.pop().this, exp.Literal.number(1))
    names = [exp.column(exp.to_identifier(name, quoted=True)) for name in select.named_selects]
    inner = select.copy().select(exp.alias_(stays, _STAYS))
    outer = exp.select(*names).from_(inner.subquery(_STAYS)).where(exp.column(_STAYS).eq(1))
    if select.parent is None:
        select.args.clear()
        for key, value in outer.args.items():
            select.set(key, value)
    else:
        select.replace(outer)
