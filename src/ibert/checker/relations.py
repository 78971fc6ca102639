"""Rules about tables: what becomes of them, of their order, and how they are put together."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

import ibis.expr.operations as ops
import ibis.expr.types as ir
from ibis.expr.types.groupby import GroupedTable

from ibert.checker.code import Code, argument, keyword, method
from ibert.checker.rule import Finding, rule
from ibert.diagnostics import Edit, Fix, Span
from ibert.interpreter import UNKNOWN

_JOINS = frozenset(
    {
        *("join", "inner_join", "left_join", "right_join", "outer_join"),
        *("semi_join", "anti_join", "any_inner_join", "any_left_join"),
    }
)
_SETS = ("union", "intersect", "difference")
_UNORDERED = frozenset({*_JOINS, *_SETS, "cross_join", "distinct", "agg", "aggregate", "count"})
# Reductions whose result depends on the order of the rows.
ORDERED = (ops.First, ops.Last, ops.GroupConcat, ops.ArrayCollect, ops.Arbitrary)


@rule("IB710", ast.Expr)
def dropped_expression(node: ast.Expr, code: Code) -> Iterator[Finding]:
    """Keep what a method gives: no expression changes in place.

    A statement that is only an expression builds a query and forgets it. (Sessions with
    `ibis.options.interactive` show it; there this rule is silent.)

    Bad: `t.filter(t.x > 3); expr = t.select("x")`
    Good: `kept = t.filter(t.x > 3); expr = kept.select("x")`
    """
    call = node.value
    body = code.reading.module.body
    if node is body[-1] or "interactive" in code.mentioned or not isinstance(call, ast.Call):
        return
    value = code.reading.values.get(call, UNKNOWN)
    if not isinstance(value, ir.Expr | GroupedTable) or not isinstance(call.func, ast.Attribute):
        return
    if not isinstance(code.receiver(call), ir.Expr | GroupedTable):
        return
    fix, root = None, _root(call)
    if root is not None and isinstance(value, ir.Table):
        span = code.span(call)
        edit = Edit(Span(span.line, span.column), f"{root.id} = ")
        fix = Fix(title=f"assign it to {root.id!r}", edits=(edit,))
    message = f"what {call.func.attr}() gives is dropped: it changes nothing in place"
    yield Finding(node, message, fix=fix)


def _root(node: ast.expr) -> ast.Name | None:
    """Give the name that a chain of methods begins with."""
    while isinstance(node, ast.Call | ast.Attribute):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node if isinstance(node, ast.Name) else None


@rule("IB711", ast.Call)
def lost_order(node: ast.Call, code: Code) -> Iterator[Finding]:
    """Order the rows last.

    A table has no order that a join, a set operation, `distinct()` or an aggregation would keep.

    Bad: `t.select("x").order_by("x").union(u.select("x"))`
    Good: `t.select("x").union(u.select("x")).order_by("x")`
    """
    name = method(node)
    if name not in _UNORDERED:
        return
    holder = code.receiver(node)
    if isinstance(holder, GroupedTable):
        holder = holder.table.to_expr()
    if not isinstance(holder, ir.Table) or not isinstance(holder.op(), ops.Sort):
        return
    made = code.value(node)
    metrics = getattr(made.op(), "metrics", {}) if isinstance(made, ir.Table) else {}
    if any(metric.find(ORDERED) for metric in metrics.values()):
        return
    assert isinstance(node.func, ast.Attribute)
    yield Finding(node, f"{name}() does not keep the order of its rows", "call order_by() last")


@rule("IB713", ast.Call)
def join_without_predicate(node: ast.Call, code: Code) -> Iterator[Finding]:
    """Say what a join compares, or call `cross_join()`.

    Without a predicate every row is joined with every other.

    Bad: `t.join(u)`
    Good: `t.join(u, "x")`
    """
    if not _is_join(node, code):
        return
    predicates = argument(node, 1, "predicates")
    how = code.value(argument(node, 2, "how"))
    given = code.value(predicates)
    empty = isinstance(given, list | tuple) and not given
    if (predicates is None or empty) and not (isinstance(how, str) and how in ("cross", "asof")):
        yield Finding(
            node,
            "a join without a predicate: every row meets every other",
            ("name the columns that are equal, or call cross_join()"),
        )


@rule("IB714", ast.Call)
def one_sided_join(node: ast.Call, code: Code) -> Iterator[Finding]:
    """Compare columns of both tables in a join.

    Predicates about one table only join each of its rows with all rows of the other, or with none.

    Bad: `t.join(u, t.x == 1)`
    Good: `t.join(u, t.x == u.x).filter(_.x == 1)`
    """
    predicates = argument(node, 1, "predicates")
    if predicates is None or not _is_join(node, code):
        return
    items = predicates.elts if isinstance(predicates, ast.List | ast.Tuple) else [predicates]
    found: set[Any] = set()
    for item in items:
        value = code.value(item)
        if not isinstance(value, ir.BooleanValue) or isinstance(value.op(), ops.Field):
            return
        found |= value.op().relations
    if len(found) == 1:
        yield Finding(
            predicates,
            "only one of the tables is compared",
            ("compare its columns with those of the other table"),
        )


def _is_join(node: ast.Call, code: Code) -> bool:
    return method(node) in _JOINS and isinstance(code.receiver(node), ir.Table)


@rule("IB715", ast.Attribute, ast.Constant)
def key_of_one_side(node: ast.Attribute | ast.Constant, code: Code) -> Iterator[Finding]:
    """Take the key of a right or outer join from both sides.

    Under its plain name stands the key of the left table, which is NULL for the rows that only the
    right table has; theirs is `key_right`.

    Bad: `t.outer_join(u, "x").select("x", "y")`
    Good: `t.outer_join(u, "x").select("y", x=ibis.coalesce(_.x, _.x_right))`
    """
    name: object = node.attr if isinstance(node, ast.Attribute) else node.value
    holder = code.value(node.value) if isinstance(node, ast.Attribute) else _chooser(node, code)
    if not isinstance(name, str) or not isinstance(holder, ir.Table):
        return
    above = code.parent(node)
    if isinstance(above, ast.Attribute) and above.attr in ("isnull", "notnull"):
        return  # asked which side a row is of
    chain = holder.op()
    if not isinstance(chain, ops.JoinChain) or f"{name}_right" in code.mentioned:
        return
    value, right = chain.values.get(name), chain.values.get(f"{name}_right")
    if right is None or not isinstance(value, ops.Field) or value.rel is not chain.first:
        return
    if any(link.how in ("right", "outer") and _equates(link, name) for link in chain.rest):
        message = f"{name!r} is the left table's key: NULL where only the right one has a row"
        yield Finding(node, message, f"ibis.coalesce(_.{name}, _.{name}_right) is that of both")


def _equates(link: ops.JoinLink, name: str) -> bool:
    return any(
        isinstance(one, ops.Equals)
        and all(isinstance(side, ops.Field) and side.name == name for side in one.args)
        for one in link.predicates
    )


def _chooser(node: ast.Constant, code: Code) -> Any:
    """Give the table that a name in quotes is a column of: an argument of select() and the like."""
    above = code.parent(node)
    if isinstance(above, ast.List | ast.Tuple):
        above = code.parent(above)
    if isinstance(above, ast.Call) and method(above) in ("select", "group_by", "order_by"):
        return code.receiver(above)
    return UNKNOWN


@rule("IB716", ast.Call)
def columns_in_another_order(node: ast.Call, code: Code) -> Iterator[Finding]:
    """Bring the columns of both tables into one order before a set operation.

    Ibis matches them by name, SQL by position: code in which the orders differ means one of the
    two.

    Bad: `t.select("x", "id").union(u.select("id", "x"))`
    Good: `t.select("x", "id").union(u.select(x="id", id="x"))`
    """
    left = code.receiver(node)
    if method(node) not in _SETS or not isinstance(left, ir.Table):
        return
    for item in node.args:
        right = code.value(item)
        if not isinstance(right, ir.Table) or right.columns == left.columns:
            continue
        same = set(right.columns) == set(left.columns)
        if same and right.schema().types == left.schema().types:  # by position it fits, too
            message = "the columns are matched by name, and theirs stand in another order"
            yield Finding(item, message, "select them in one order, renamed where they differ")


@rule("IB717", ast.Call)
def limit_of_another_table(node: ast.Call, code: Code) -> Iterator[Finding]:
    """Do not limit a table by what another one says.

    Ibis computes the limit from the limited table: the other one is ignored.

    Bad: `t.order_by("id").limit(u.count())`
    Good: `t.mutate(n=ibis.row_number().over(order_by="id")).filter(_.n < u.count().as_scalar())`
    """
    holder = code.receiver(node)
    if method(node) not in ("limit", "head") or not isinstance(holder, ir.Table) or not node.args:
        return
    op = code.op(node.args[0])
    if op is not None and op.find(ops.Relation) and holder.op() not in op.find(ops.Relation):
        yield Finding(node.args[0], "the limit is computed from the limited table itself")


@rule("IB718", ast.Call)
def mixed_rows(node: ast.Call, code: Code) -> Iterator[Finding]:
    """Choose one row of each group by its number, not with `distinct(on=…)`.

    `distinct(on=…)` takes the first value that is not NULL, column by column and in no order: a row
    of the result can be put together from several.

    Bad: `t.distinct(on="g")`
    Good: `t.filter(ibis.row_number().over(group_by="g", order_by="id") == 0)`
    """
    holder, on = code.receiver(node), keyword(node, "on")
    if method(node) != "distinct" or on is None or not isinstance(holder, ir.Table):
        return
    if code.value(keyword(node, "keep")) is None or code.value(on) is None:
        return
    keys = code.value(on)
    keys = [keys] if isinstance(keys, str) else keys
    if not isinstance(keys, list | tuple) or not all(isinstance(key, str) for key in keys):
        return
    rest = [holder.schema()[name] for name in holder.columns if name not in keys]
    if len(rest) > 1 and any(kind.nullable for kind in rest):
        yield Finding(
            node,
            "a row of the result can mix values of several rows",
            ("number the rows of each group with ibis.row_number(), and keep number 0"),
        )


@rule("IB719", ast.Call)
def page_without_order(node: ast.Call, code: Code) -> Iterator[Finding]:
    """Order a table before skipping rows of it.

    Without an order any rows can be the skipped ones, and each page is cut from another order.

    Bad: `t.limit(2, offset=2)`
    Good: `t.order_by("id").limit(2, offset=2)`
    """
    holder = code.receiver(node)
    if method(node) != "limit" or not isinstance(holder, ir.Table):
        return
    offset = code.value(argument(node, 1, "offset"))
    if not isinstance(offset, int) or offset <= 0:
        return
    op = holder.op()
    while isinstance(op, ops.Project | ops.Filter):
        op = op.parent
    if not isinstance(op, ops.Sort | ops.Limit):
        yield Finding(node, "rows are skipped in no order", "call order_by() before limit()")
