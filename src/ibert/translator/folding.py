"""Constants calculated while translating, and dates written as texts."""

from __future__ import annotations

import ast
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from sqlglot import exp

from ibert.translator.datatypes import DOUBLE, INTEGER, Type
from ibert.translator.literals import is_exact
from ibert.translator.values import Value, constant, literal

_RULES: dict[type[exp.Expr], Callable[[Any, Any], Any]] = {
    exp.Add: lambda left, right: left + right,
    exp.Sub: lambda left, right: left - right,
    exp.Mul: lambda left, right: left * right,
}
_INT32 = 2**31


def folded(node: type[exp.Expr], left: Value, right: Value, kind: Type) -> Value | None:
    """Calculate with two constants as DuckDB does: integers of 32 bits, and exact decimals."""
    rule = _RULES.get(node)
    if rule is None or not (left.is_literal and right.is_literal):
        return None
    if left.type == right.type == INTEGER:
        result = rule(left.literal, right.literal)
        return literal(result, INTEGER) if -_INT32 <= result < _INT32 else None
    if not all(part.type.is_decimal or part.type == INTEGER for part in (left, right)):
        return None
    exact = rule(Decimal(repr(left.literal)), Decimal(repr(right.literal)))
    scales = [part.type.args[1] if part.type.is_decimal else 0 for part in (left, right)]
    scale = sum(scales) if node is exp.Mul else max(scales)
    text = f"{exact:.{scale}f}"
    if len(text) > 15 or not is_exact(text.lstrip("-")):
        return None
    return literal(float(text), kind, DOUBLE)


def bare_date(value: Value, other: Value) -> Value:
    """Give a date as its text, which Ibis reads beside a column of dates or timestamps."""
    if not other.uses or other.declared.name not in ("date", "timestamp"):
        return value
    if value.type.name == "timestamp" and other.declared.name == "date":
        return value
    node = value.node
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return value
    if node.func.attr != value.type.name or len(node.args) != 1 or node.keywords:
        return value
    (text,) = node.args
    if not (isinstance(text, ast.Constant) and isinstance(text.value, str)):
        return value
    base = node.func.value
    if not (isinstance(base, ast.Name) and base.id == "ibis"):
        return value
    return Value(constant(text.value), value.type, literal=text.value)
