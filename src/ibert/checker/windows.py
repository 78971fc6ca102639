"""Rules about windows and reductions: which rows they see, and in which order."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
from ibis.expr.types.groupby import GroupedTable

from ibert.checker.code import Code, argument, keyword, method
from ibert.checker.rule import Finding, rule

_WINDOWS = (ibis.window, ibis.rows_window, ibis.range_window)
_FRAME = {"rows", "range", "between", "preceding", "following"}
_POSITIONAL = (ops.First, ops.Last, ops.GroupConcat, ops.ArrayCollect, ops.Arbitrary)
_ANALYTIC = (
    *(ops.RowNumber, ops.MinRank, ops.DenseRank, ops.PercentRank, ops.CumeDist, ops.NTile),
    *(ops.Lag, ops.Lead, ops.NthValue),
)
_RANKS = (ops.RowNumber, ops.MinRank, ops.DenseRank)
_NARROWING = (ops.Filter, ops.Limit, ops.Distinct, ops.Sample, ops.DropNull)


@rule("IB720", ast.Call)
def order_without_frame(node: ast.Call, code: Code) -> Iterator[Finding]:
    """Give a running total its frame.

    `over(order_by=…)` alone sees all rows of the group, as if it had no order: the total stands in
    every row. SQL's default ends at the current row and those equal to it: `range=(None, 0)`.

    Bad: `t.mutate(z=t.x.sum().over(order_by="id"))`
    Good: `t.mutate(z=t.x.sum().over(order_by="id", rows=(None, 0)))`
    """
    reduction = _op(code.receiver(node))
    if method(node) != "over" or not isinstance(reduction, ops.Reduction):
        return
    if isinstance(reduction, _POSITIONAL):
        return
    target = node
    if node.args and isinstance(node.args[0], ast.Call):
        target = node.args[0]
        if code.value(target.func) is not ibis.window:
            return
    named = {item.arg for item in target.keywords}
    if "order_by" in named and not named & {*_FRAME, None} and not (target is node and node.args):
        fix = code.argue(target, "rows=(None, 0)", "end the frame at the current row")
        name = method(node.func.value) if isinstance(node.func, ast.Attribute) else ""
        message = f"{name or 'the reduction'}() sees all rows: an order alone makes no running one"
        yield Finding(node, message, fix=fix)


@rule("IB721", ast.Call)
def open_frame(node: ast.Call, code: Code) -> Iterator[Finding]:
    """Give a frame both ends.

    A frame with one end is open at the other: `preceding=2` alone reaches to the last row.

    Bad: `t.mutate(z=t.x.sum().over(ibis.window(preceding=1, order_by="id")))`
    Good: `t.mutate(z=t.x.sum().over(ibis.window(preceding=1, following=0, order_by="id")))`
    """
    function = code.value(node.func)
    if not any(function is window for window in _WINDOWS):
        return
    named = {item.arg for item in node.keywords}
    ends = {"preceding", "following"}
    if len(node.args) > 1 or None in named or len(named & ends) != 1:
        return
    given, other = sorted(ends, key=lambda name: name not in named)
    if node.args or code.value(keyword(node, given)) is None:
        return
    end = "last" if other == "following" else "first"
    fix = code.argue(node, f"{other}=0", "end it at the current row")
    yield Finding(node, f"without {other}= the frame reaches to the {end} row", fix=fix)


@rule("IB722", ast.Call)
def window_without_order(node: ast.Call, code: Code) -> Iterator[Finding]:
    """Give an order to what counts rows or looks at neighbours.

    `row_number()`, `lag()`, `cumsum()` and frames of rows take the rows in any order without one.

    Bad: `t.mutate(z=t.x.lag())`
    Good: `t.mutate(z=t.x.lag().over(order_by="id"))`
    """
    op = code.op(node)
    if isinstance(op, ops.WindowFunction):
        framed = op.start is not None or op.end is not None
        needs = isinstance(op.func, _ANALYTIC) or (framed and isinstance(op.func, ops.Reduction))
        if op.order_by or not needs:
            return
    elif not isinstance(op, _ANALYTIC):
        return
    if code.is_windowed(node) or _has_order(node, code):
        return
    yield Finding(node, "the rows are taken in no order", 'add .over(order_by="…")')


def _has_order(node: ast.AST, code: Code) -> bool:
    """Whether the table that an expression is computed in may have an order, or is not known."""
    call = code.table_call(node)
    holder = None if call is None else code.receiver(call)
    if isinstance(holder, GroupedTable):
        return bool(holder.orderings) or isinstance(holder.table, ops.Sort)
    return not isinstance(holder, ir.Table) or isinstance(holder.op(), ops.Sort)


@rule("IB723", ast.Call)
def first_of_no_order(node: ast.Call, code: Code) -> Iterator[Finding]:
    """Say by which order a value is the first or the last.

    `first()`, `last()` and `group_concat()` take the rows in any order without `order_by=`.

    Bad: `t.group_by("g").agg(z=t.x.last())`
    Good: `t.group_by("g").agg(z=t.x.last(order_by="id"))`
    """
    op = code.op(node)
    if not isinstance(op, ops.First | ops.Last | ops.GroupConcat) or op.order_by:
        return
    if method(node) not in ("first", "last", "group_concat") or code.is_windowed(node):
        return
    if method(code.table_call(node) or node) in ("agg", "aggregate") and not _has_order(node, code):
        yield Finding(
            node,
            f"{method(node)}() takes the rows in no order",
            ("pass order_by=, or arbitrary() where any value will do"),
        )


@rule("IB724", ast.Call)
def ignored_in_a_window(node: ast.Call, code: Code) -> Iterator[Finding]:
    """Give the order to `over()`, not to the reduction in it.

    Inside `over()` the reduction's own `order_by=` and `include_null=` are ignored.

    Bad: `t.mutate(z=t.x.first(order_by=t.id.desc()).over(group_by="g"))`
    Good: `t.mutate(z=t.x.first().over(group_by="g", order_by=t.id.desc()))`
    """
    if method(node) != "over" or not isinstance(node.func, ast.Attribute):
        return
    inner = node.func.value
    if not isinstance(inner, ast.Call) or not isinstance(code.op(inner), _POSITIONAL):
        return
    for item in inner.keywords:
        order = item.arg == "order_by" and code.value(item.value) is not None
        nulls = item.arg == "include_null" and code.value(item.value) is False
        if order or nulls:
            yield Finding(
                item.value,
                f"inside over() {item.arg}= is ignored",
                ("pass the order to over()" if order else "filter the NULLs before"),
            )


@rule("IB725", ast.Call)
def reduction_of_an_earlier_table(node: ast.Call, code: Code) -> Iterator[Finding]:
    """Make a scalar of a reduction over a whole table with `as_scalar()`.

    A reduction over a table that was filtered since is taken over the rows that are left.

    Bad: `t.filter(t.x > 5).mutate(z=t.x.min())`
    Good: `t.filter(t.x > 5).mutate(z=t.x.min().as_scalar())`
    """
    op = code.op(node)
    if not isinstance(op, ops.Reduction) or _is_scalar(node, code):
        return
    call = code.table_call(node)
    if call is None or method(call) not in ("mutate", "select", "filter"):
        return
    holder = code.receiver(call)
    if not isinstance(holder, ir.Table) or code.is_windowed(node) or len(op.relations) != 1:
        return
    (relation,) = op.relations
    if _narrowed(holder.op(), relation):
        text = ast.unparse(node)
        fix = code.append(node, ".as_scalar()", "take it over all rows of the earlier table")
        yield Finding(node, f"{text} is taken over the rows that are left, not over all", fix=fix)


def _is_scalar(node: ast.AST, code: Code) -> bool:
    above = code.parent(node)
    return isinstance(above, ast.Attribute) and above.attr == "as_scalar"


def _narrowed(op: Any, earlier: Any) -> bool:
    """Whether a relation comes from an earlier one by way of one that drops rows."""
    dropped = False
    while op is not earlier:
        dropped = dropped or isinstance(op, _NARROWING)
        op = getattr(op, "parent", None)
        if op is None:
            return False
    return dropped


@rule("IB726", ast.Call)
def count_of_a_condition(node: ast.Call, code: Code) -> Iterator[Finding]:
    """Count the rows for which a condition holds with `sum()`.

    `count()` counts what is not NULL, and `False` is not NULL.

    Bad: `t.agg(z=(t.x > 5).count())`
    Good: `t.agg(z=(t.x > 5).sum())`
    """
    if method(node) != "count" or not isinstance(node.func, ast.Attribute):
        return
    holder = code.op(node.func.value)
    if isinstance(holder, ops.Comparison | ops.And | ops.Or | ops.Not | ops.InValues | ops.Between):
        span = code.span(node.func)
        text = f"{code.source(node.func.value)}.sum"
        fix = code.replace(node.func, text, "add up where it holds")
        message = "count() counts False as well: only NULL is left out"
        assert span.line
        yield Finding(node, message, fix=fix)


@rule("IB727", ast.Compare)
def rank_from_one(node: ast.Compare, code: Code) -> Iterator[Finding]:
    """Count ranks from 0.

    `row_number()`, `rank()` and `dense_rank()` begin with 0: `<= 3` keeps four.

    Bad: `t.filter(ibis.row_number().over(order_by="id") <= 2)`
    Good: `t.filter(ibis.row_number().over(order_by="id") < 2)`
    """
    match node:
        case ast.Compare(ops=[ast.LtE()], comparators=[ast.Constant(value=int(number))]):
            if number > 0 and _is_rank(code.op(node.left)):
                text = f"{code.source(node.left)} < {number}"
                fix = code.replace(node, text, "count from 0")
                yield Finding(node, f"ranks begin with 0: these are {number + 1}", fix=fix)


def _is_rank(op: Any) -> bool:
    """Whether a value is a rank, or the column that one was put in."""
    while isinstance(op, ops.Field) and isinstance(op.rel, ops.Project):
        op = op.rel.values[op.name]
    return isinstance(op, ops.WindowFunction) and isinstance(op.func, _RANKS)


def _op(value: Any) -> Any:
    return value.op() if isinstance(value, ir.Expr) else None


@rule("IB728", ast.Call)
def limit_before_reduction(node: ast.Call, code: Code) -> Iterator[Finding]:
    """Order a table before reducing the first rows of it.

    Without an order `limit()` and `head()` take any rows, and what is computed from them is any
    result.

    Bad: `t.limit(2).agg(z=_.x.sum())`
    Good: `t.order_by("id").limit(2).agg(z=_.x.sum())`
    """
    holder = code.receiver(node)
    if method(node) not in ("agg", "aggregate", "count") or not isinstance(
        holder, ir.Table | GroupedTable
    ):
        return
    op = holder.table if isinstance(holder, GroupedTable) else holder.op()
    while isinstance(op, ops.Project | ops.Filter):
        op = op.parent
    if not isinstance(op, ops.Limit) or op.n is None or isinstance(op.parent, ops.Sort):
        return
    metrics = getattr(_op(code.value(node)), "metrics", {})
    counts = method(node) == "count" or all(
        isinstance(metric, ops.CountStar) for metric in metrics.values()
    )
    if not counts:
        yield Finding(
            node, "it is computed from rows in no order", "call order_by() before limit()"
        )


@rule("IB729", ast.Call)
def group_order_of_reduction(node: ast.Call, code: Code) -> Iterator[Finding]:
    """Give a running reduction of a grouped table its frame.

    `group_by(…).order_by(…).mutate(…)` computes reductions over the whole group all the same.

    Bad: `t.group_by("g").order_by("id").mutate(z=_.x.sum())`
    Good: `t.group_by("g").order_by("id").mutate(z=_.x.cumsum())`
    """
    if method(node) not in ("mutate", "select"):
        return
    holder = code.receiver(node)
    if not isinstance(holder, GroupedTable) or not holder.orderings:
        return
    reductions = [
        item
        for item in (*node.args, *(one.value for one in node.keywords))
        if isinstance(code.op(item), ops.Reduction) and not isinstance(code.op(item), _POSITIONAL)
    ]
    wanted = argument(node, 0, "") is None
    if reductions and wanted and len(reductions) == len(node.keywords):
        yield Finding(
            node,
            "the order has no effect: reductions see the whole group",
            ("use cumsum() and the like, or .over(rows=(None, 0))"),
        )
