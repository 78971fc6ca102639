"""Keep Ibis from mixing up the rows of a query with those of the queries around it."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from ibert.translator.relations import Aggregate, Join, Relation, Step, View
from ibert.translator.syntax import calls, fields, free_slots, has_subquery, nodes, subqueries_of
from ibert.translator.values import ColumnNode, FieldNode, RelationNode, Slot, Value

# What Ibis merges into one SELECT, losing the rows that the queries in the later one read.
_MERGED = {"filter", "select", "mutate", "drop", "order_by", "distinct", "rename"}


def separate(relations: Iterable[Relation]) -> None:
    """Keep Ibis from merging steps where queries for each row are in the later one."""
    pending, seen = list(relations), set()
    known: dict[Relation, frozenset[Slot]] = {}  # steps keep what they read when others join them
    while pending:
        item = pending.pop()
        if item in seen:
            continue
        seen.add(item)
        if isinstance(item, Step) and not isinstance(item, View):
            if _has_row_queries(item, known):
                _separate(item)
            if item.method == "filter" and (
                free_slots(item, known) or any(len(fields(value)) > 1 for value in item.values)
            ):
                _set_apart(item)
            local = frozenset([item.parent.slot])
            for value in item.values:
                if value.uses - local or has_subquery(value):
                    value.eager |= local if _cannot_wait(value.node, local) else frozenset()
        pending += item.inputs
        for value in item.values:
            pending += subqueries_of(value)


def _set_apart(step: Step) -> None:
    """Keep Ibis from putting an aggregate in place of its column, compared with another column."""
    parent = step.parent
    while isinstance(parent, View) and not parent.needed:
        parent = parent.parent
    if isinstance(parent, Aggregate) and not parent.keys:
        step.parent = Step(step.parent, "view", keeps_rows=True)


def _cannot_wait(node: ast.AST, local: frozenset[Slot]) -> bool:
    """Whether Ibis has an expression where it would need one that waits for the rows at hand."""

    def waits(part: ast.AST) -> bool:
        return any(isinstance(item, FieldNode) and item.slot in local for item in nodes(part))

    if isinstance(node, ast.BinOp) and not isinstance(node.op, ast.BitAnd | ast.BitOr):
        first, rest = node.left, [node.right]
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        first = node.func.value
        rest = [*node.args, *(part.value for part in node.keywords)]
    else:
        first, rest = None, []
    inner = first.operand if isinstance(first, ast.UnaryOp) else first
    plain = inner is None or isinstance(inner, ast.Constant | ast.Name)
    if first is not None and not plain and any(map(waits, rest)) and not waits(first):
        return True
    return any(_cannot_wait(part, local) for part in ast.iter_child_nodes(node))


def _has_row_queries(step: Step, known: dict[Relation, frozenset[Slot]]) -> bool:
    slot = step.parent.slot
    return any(
        slot in free_slots(part, known)
        for value in step.values
        if has_subquery(value)
        for part in subqueries_of(value)
    )


def _is_kept_apart(value: Value) -> bool:
    """Whether Ibis merges no step that has this value with another one."""
    return calls(value, "over", "unnest") or any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "isin"
        and isinstance(node.args[0], RelationNode | ColumnNode)
        for node in nodes(value.node)
    )


def _separate(step: Step) -> None:
    parent = step.parent
    while isinstance(parent, View) and not parent.needed:
        parent = parent.parent
    if isinstance(parent, Join) and step.method != "filter":
        step.parent = Step(step.parent, "view", keeps_rows=True)
    if not isinstance(parent, Step) or parent.method not in _MERGED:
        return
    if any(map(_is_kept_apart, [*parent.values, *step.values])):
        return
    if step.method == parent.method == "filter" and parent is step.parent and not parent.named:
        step.arguments = [*parent.arguments, *step.arguments]
        step.parent = parent.parent
        _separate(step)
        return
    step.parent = Step(step.parent, "view", keeps_rows=True)
