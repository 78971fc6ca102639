"""Reductions: the methods of Ibis that make one value of many."""

from __future__ import annotations

import ast

from ibert.translator.datatypes import INTEGER, UNKNOWN
from ibert.translator.names import unique
from ibert.translator.refusal import Refusal
from ibert.translator.relations import (
    Aggregate,
)
from ibert.translator.syntax import rebuilt, signature, slots_of
from ibert.translator.values import (
    FieldNode,
    FunctionNode,
    Slot,
    Value,
    literal,
)

# Methods that make one value of the values of a column, besides those with a count.
_COUNTS = {"count", "nunique", "approx_nunique"}
_REDUCTIONS = {
    *_COUNTS,
    *("sum", "mean", "min", "max", "any", "all", "notany", "notall", "std", "var", "mode", "first"),
    *("last", "arbitrary", "argmin", "argmax", "collect", "group_concat", "median", "quantile"),
    *("approx_median", "approx_quantile", "corr", "cov", "kurtosis", "bit_and", "bit_or"),
    *("bit_xor", "topk"),
}


def is_reduction(node: ast.AST) -> bool:
    """Whether some syntax makes one value of the values of many rows."""
    if not isinstance(node, ast.Call):
        return False
    if isinstance(node.func, FunctionNode):
        return node.func.function.aggregate
    return isinstance(node.func, ast.Attribute) and node.func.attr in _REDUCTIONS


def is_count(value: Value) -> bool:
    """Whether a value is a number of rows or values, which is 0 and not NULL of none."""
    node = value.node
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _COUNTS
    )


def is_plain(relation: Aggregate) -> bool:
    """Whether all columns that the metrics and conditions read are in reductions."""

    def outside(node: ast.AST) -> bool:
        if isinstance(node, FieldNode):
            return True
        return not is_reduction(node) and any(map(outside, ast.iter_child_nodes(node)))

    values = [*relation.metrics.values(), *relation.having]
    return not any(outside(value.node) for value in values)


def value_of_nothing(value: Value) -> Value | None:
    """Give what an aggregate is over no rows at all, None if that takes a look at its values."""
    if is_count(value):
        return literal(0, INTEGER)
    if is_reduction(value.node) or _is_strict(value.node):
        return literal(None, value.type)
    return None


def _is_strict(node: ast.AST) -> bool:
    """Whether arithmetic makes NULL of a reduction that is NULL."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.Div):
        return any(_is_null_of_nothing(part) for part in (node.left, node.right))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr in ("cast", "round", "abs") and _is_null_of_nothing(node.func.value)
    return False


def _is_null_of_nothing(node: ast.AST) -> bool:
    if is_reduction(node):
        return not (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in _COUNTS
        )
    return _is_strict(node)


def split(relation: Aggregate) -> tuple[Aggregate, dict[str, Value], list[Value]]:
    """Take the reductions out of metrics and conditions; give what is made of them."""
    taken = set(relation.columns)
    wanted = relation.metrics | {
        unique(f"condition_{i}", taken): value for i, value in enumerate(relation.having)
    }
    found: dict[object, str] = {}
    reductions: dict[str, Value] = {}
    results: dict[str, Value] = {}
    for name, value in wanted.items():
        if is_reduction(value.node):
            found.setdefault(signature(value.node), name)
    slot = Slot()
    for name, value in wanted.items():

        def moved(node: ast.AST, value: Value = value, name: str = name) -> ast.AST:
            if is_reduction(node):
                mark = signature(node)
                if mark not in found:
                    found[mark] = unique(f"{name}_part", taken | set(found.values()))
                if found[mark] not in reductions:
                    assert isinstance(node, ast.expr)
                    kind = value.type if node is value.node else UNKNOWN
                    declared = value.declared if node is value.node else UNKNOWN
                    reductions[found[mark]] = Value(
                        node, kind, declared, slots_of(node), value.eager
                    )
                return FieldNode(slot, found[mark])
            if isinstance(node, FieldNode):
                return FieldNode(slot, _key_of(node, relation))
            return rebuilt(node, moved)

        node = moved(value.node)
        assert isinstance(node, ast.expr)
        uses = frozenset([slot])
        eager = uses if value.eager else frozenset()
        results[name] = Value(node, value.type, value.declared, uses, eager)
    plain = Aggregate(relation.parent, relation.keys, reductions)
    plain.slot = slot
    having = [results.pop(name) for name in wanted if name not in relation.metrics]
    return plain, results, having


def _key_of(node: FieldNode, relation: Aggregate) -> str:
    mark = signature(node)
    for name, value in relation.keys.items():
        if signature(value.node) == mark:
            return name
    raise Refusal("an aggregate over columns of the query around it", None)
