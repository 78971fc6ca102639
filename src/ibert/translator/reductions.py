"""Reductions: the methods of Ibis that make one value of many."""

from __future__ import annotations

import ast

from ibert.translator.datatypes import INTEGER
from ibert.translator.relations import (
    Aggregate,
)
from ibert.translator.values import (
    FieldNode,
    FunctionNode,
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
