"""Constants of SQL."""

from __future__ import annotations

import re
from decimal import Decimal

from sqlglot import exp

from ibert.translator.datatypes import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    HUGEINT,
    INTEGER,
    NULL,
    UHUGEINT,
    VARCHAR,
    decimal,
)
from ibert.translator.refusal import Refusal
from ibert.translator.scope import Rule, Scope
from ibert.translator.values import Value, as_expression, cast, invert, literal, operator, unary

_NUMBER = re.compile(r"\d*\.?\d*(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
_INT32, _INT64, _INT128 = 2**31, 2**63, 2**127


def constant(node: exp.Expr, scope: Scope) -> Value:
    """Translate a string or a number."""
    text = node.name
    if node.args["is_string"]:
        return literal(text, VARCHAR)
    return number(text)


def number(text: str) -> Value:
    """Translate the text of a number: an integer, a decimal, or with an exponent a double.

    Examples
    --------
    >>> number("12").type.name, number("1.50").type.args, number("1e3").type.name
    ('integer', (3, 2), 'double')
    """
    text = text.replace("_", "")
    if text.isdigit():
        return _integer(int(text))
    if not _NUMBER.fullmatch(text):  # sqlglot reads the sign in 1e3+1 as part of the number
        raise Refusal(f"the number {text}", None, "put a space before the sign")
    if "e" in text.lower():
        return cast(literal(text, VARCHAR), DOUBLE)
    whole, _, fraction = text.partition(".")
    kind = decimal(max(1, len(whole) + len(fraction)), len(fraction))
    if kind.args[0] > 38:
        return cast(literal(text, VARCHAR), DOUBLE)
    if is_exact(text):
        return literal(float(text), kind, DOUBLE)
    return cast(literal(text, VARCHAR), kind)


def is_exact(text: str) -> bool:
    """Whether Python writes a float with the digits of a decimal, without an exponent."""
    written = repr(float(text))
    return "e" not in written and Decimal(written) == Decimal(text)


def _integer(value: int) -> Value:
    """Give an integer of the first type that holds it; DuckDB leaves out the lowest INTEGER."""
    if abs(value) < _INT32:
        return literal(value, INTEGER)
    if -_INT64 < value < _INT64:
        return literal(value, BIGINT)
    wider = ((-_INT64, _INT64, BIGINT), (-_INT128, _INT128, HUGEINT), (0, 2 * _INT128, UHUGEINT))
    kind = next((kind for low, high, kind in wider if low <= value < high), DOUBLE)
    return cast(literal(str(value), VARCHAR), kind)


def boolean(node: exp.Expr, scope: Scope) -> Value:
    """Translate TRUE and FALSE."""
    return literal(bool(node.this), BOOLEAN)


def null(node: exp.Expr, scope: Scope) -> Value:
    """Translate NULL."""
    return literal(None, NULL)


def negation(node: exp.Expr, scope: Scope) -> Value:
    """Translate a minus sign; a constant takes it in."""
    inner = node.this
    if isinstance(inner, exp.Literal) and not inner.is_string and inner.name.isdigit():
        return _integer(-int(inner.name))
    operand = scope.value(inner)
    if operand.is_literal and isinstance(operand.literal, int | float) and operand.type != BOOLEAN:
        return literal(-operand.literal, operand.type, operand.declared)
    if operand.is_null:
        return literal(None, NULL) if operand.type.is_decimal else operand
    if operand.type == NULL:
        return operand
    if operand.type == VARCHAR:
        operand = cast(operand, DOUBLE)
    return unary("-", operand)


def negated(node: exp.Expr, scope: Scope) -> Value:
    """Translate NOT."""
    return invert(truth(scope.value(node.this)))


def truth(value: Value) -> Value:
    """Give a value as a condition: numbers are true unless they are 0."""
    if value.type == BOOLEAN:
        return value
    if value.type == NULL:
        return Value(as_expression(value.typed(BOOLEAN)).node, BOOLEAN, None)
    if value.type.is_numeric:
        return operator("!=", value, literal(0, INTEGER), BOOLEAN)
    return cast(as_expression(value), BOOLEAN)


def parenthesised(node: exp.Expr, scope: Scope) -> Value:
    """Translate what stands in parentheses."""
    return scope.value(node.this)


def hexadecimal(node: exp.Expr, scope: Scope) -> Value:
    """Translate a number in hexadecimal."""
    return _integer(int(node.name, 16))


def raw_text(node: exp.Expr, scope: Scope) -> Value:
    """Translate `$$text$$`."""
    return literal(node.name, VARCHAR)


RULES: dict[type[exp.Expr], Rule] = {
    exp.Literal: constant,
    exp.Boolean: boolean,
    exp.Null: null,
    exp.Neg: negation,
    exp.Not: negated,
    exp.Paren: parenthesised,
    exp.HexString: hexadecimal,
    exp.RawString: raw_text,
}
