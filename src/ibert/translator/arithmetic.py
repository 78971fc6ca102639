"""Arithmetic and operators on bits, with the types that DuckDB gives them."""

from __future__ import annotations

import functools
import operator as python
from collections.abc import Callable
from typing import Any

from sqlglot import exp

from ibert.translator import folding
from ibert.translator.datatypes import (
    BIGINT,
    BIT,
    BOOLEAN,
    DOUBLE,
    FLOAT,
    INTEGER,
    INTERVAL,
    NULL,
    UNKNOWN,
    VARCHAR,
    Type,
    as_decimal,
    common,
    decimal,
    from_ibis,
    list_of,
    product,
)
from ibert.translator.functions import dates
from ibert.translator.refusal import Refusal
from ibert.translator.scope import Rule, Scope
from ibert.translator.syntax import calls, has_subquery
from ibert.translator.values import (
    Value,
    adapted,
    as_expression,
    builtin,
    cast,
    enclosed,
    literal,
    operator,
    unary,
)
from ibert.translator.values import null as null_of

_SYMBOLS: dict[type[exp.Expr], str] = {
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.Div: "/",
    exp.Mod: "%",
    exp.BitwiseAnd: "&",
    exp.BitwiseOr: "|",
    exp.BitwiseXor: "^",
    exp.BitwiseLeftShift: "<<",
    exp.BitwiseRightShift: ">>",
}
# What an operator is as a function, for operands that Ibis cannot calculate with.
_FUNCTIONS: dict[type[exp.Expr], str] = {
    exp.Add: "add",
    exp.Sub: "subtract",
    exp.Mul: "multiply",
    exp.Mod: "mod",
    exp.BitwiseXor: "xor",
}
_TEMPORAL: dict[type[exp.Expr], Callable[[Value, Value], Value | None]] = {
    exp.Add: dates.add,
    exp.Sub: dates.subtract,
    exp.Mul: dates.multiply,
    exp.Div: dates.divide,
}


def arithmetic(node: exp.Expr, scope: Scope) -> Value:
    """Translate + - * / %."""
    left, right = scope.value(node.this), scope.value(node.expression)
    return calculate(node, left, right)


def calculate(node: exp.Expr, left: Value, right: Value) -> Value:
    """Give the value of an operator of arithmetic over two values."""
    if any(part.type.is_temporal or part.type == INTERVAL for part in (left, right)):
        rule = _TEMPORAL.get(type(node))
        found = rule(left, right) if rule else None
        if found is None:
            raise Refusal(
                f"{type(node).__name__.lower()} of {left.type.name} and {right.type.name}", node
            )
        return found
    if left.type.is_list or right.type.is_list:
        return _joined(node, left, right)
    left, right = _number(left, right), _number(right, left)
    if left.type == NULL or right.type == NULL:
        own = left.type if right.type == NULL else right.type
        if own.is_decimal and not isinstance(node, exp.Div):
            return literal(None, NULL)  # DuckDB finds no type for it
        return null_of(arithmetic_type(type(node), own, own))
    kind = arithmetic_type(type(node), adapted(left, right), adapted(right, left))
    if left.is_null or right.is_null:
        # DuckDB finds no type for decimals beside NULL.
        return literal(None, NULL) if kind.is_decimal else null_of(kind)
    if kind.is_decimal and any(map(_may_be_null_constant, (left, right))):
        words = "arithmetic of decimals with a constant that may be NULL"
        raise Refusal(words, node, "DuckDB calculates it first: write its value")
    left, right = enclosed(left), enclosed(right)
    if isinstance(node, exp.Mod) and right.is_literal and right.literal == 0:
        return null_of(kind)
    folded = folding.folded(type(node), left, right, kind)
    if folded is not None:
        return folded
    if None in (left.declared.dtype, right.declared.dtype) and type(node) in _FUNCTIONS:
        return builtin(_FUNCTIONS[type(node)], left, right, type=kind)
    if isinstance(node, exp.Mod) and right.declared.is_unsigned:
        return builtin("mod", left, right, type=kind)  # Ibis divides the bounds of the types
    if isinstance(node, exp.Mod) and kind == DOUBLE:
        left, right = cast(left, DOUBLE), cast(right, DOUBLE)
    left, right = aligned(left, right)
    declared = _declared(type(node), left, right)
    return operator(_SYMBOLS[type(node)], left, right, kind, declared)


_GIVE_NULL = {"cases", "ifelse", "null", "nullif", "try_cast"}


def _may_be_null_constant(value: Value) -> bool:
    """Whether DuckDB may find a constant to be NULL, beside which it finds no type for decimals."""
    if value.uses or value.is_literal or has_subquery(value):
        return False
    return calls(value, *_GIVE_NULL)


def _joined(node: exp.Expr, left: Value, right: Value) -> Value:
    """Give `+` of lists, which takes NULL for an empty one."""
    kind = common(left.type, right.type)
    if not isinstance(node, exp.Add) or kind == UNKNOWN:
        words = f"{type(node).__name__.lower()} of {left.type.name} and {right.type.name}"
        raise Refusal(words, node)
    return builtin("list_concat", left, right, type=list_of(kind.element))


def _number(value: Value, other: Value) -> Value:
    """Read text as a number where DuckDB does."""
    if value.type == VARCHAR and value.is_literal and not other.type.is_decimal:
        from ibert.translator.literals import number

        text = str(value.literal).strip()
        if text.isdigit():
            return number(text)
    if value.type == VARCHAR:
        return cast(value, DOUBLE)
    if value.type == BOOLEAN:
        return cast(as_expression(value), INTEGER)
    return value


def arithmetic_type(node: type[exp.Expr], left: Type, right: Type) -> Type:
    """Give the type of the result of arithmetic.

    Examples
    --------
    >>> arithmetic_type(exp.Mul, decimal(12, 2), decimal(12, 2))
    Type(name='decimal', args=(18, 4))
    >>> arithmetic_type(exp.Div, INTEGER, INTEGER).name
    'double'
    """
    if UNKNOWN in (left, right):
        return UNKNOWN
    if node is exp.Div:
        return FLOAT if common(left, right) == FLOAT else DOUBLE
    if not (left.is_decimal or right.is_decimal) or left.is_floating or right.is_floating:
        return common(left, right)
    if node is exp.Mul:
        return product(left, right)
    (p1, s1), (p2, s2) = as_decimal(left).args, as_decimal(right).args
    widest = 18 if max(p1, p2) <= 18 else 38  # what 64 bits hold stays there
    scale, digits = max(s1, s2), max(p1 - s1, p2 - s2)
    if node is exp.Mod:
        return decimal(digits + scale, scale) if digits + scale <= 38 else DOUBLE
    return decimal(min(widest, digits + scale + 1), scale)


def _declared(node: type[exp.Expr], left: Value, right: Value) -> Type:
    """Give the type that Ibis declares for the result of arithmetic."""
    one, other = left.declared, right.declared
    if one.is_decimal or other.is_decimal:
        return (
            common(one, other)
            if one.is_decimal and other.is_decimal
            else (one if one.is_decimal else other)
        )
    if node is exp.Div or one.is_floating or other.is_floating:
        return DOUBLE
    if not (one.dtype and other.dtype and one.is_integer and other.is_integer):
        return BIGINT
    sides = (
        side.literal if side.is_literal else str(side.declared.dtype) for side in (left, right)
    )
    return _promoted(_SYMBOLS[node], *sides)


_PYTHON: dict[str, Callable[[Any, Any], Any]] = {
    "+": python.add,
    "-": python.sub,
    "*": python.mul,
    "%": python.mod,
    "&": python.and_,
    "|": python.or_,
    "^": python.xor,
    "<<": python.lshift,
    ">>": python.rshift,
}


@functools.cache
def _promoted(symbol: str, *sides: int | str) -> Type:
    """Give the integer that Ibis declares, which goes by the bounds of types and constants."""
    import ibis

    left, right = (
        ibis.table({"side": side}, name="rows").side
        if isinstance(side, str)
        else ibis.literal(side)
        for side in sides
    )
    return from_ibis(_PYTHON[symbol](left, right).type())


def aligned(left: Value, right: Value) -> tuple[Value, Value]:
    """Bring decimals to a common type where Ibis knows none that holds both."""
    one, other = left.declared, right.declared
    if not (one.is_decimal and other.is_decimal) or one == other:
        return left, right
    (p1, s1), (p2, s2) = one.args, other.args
    if (p1 >= p2 and s1 >= s2) or (p2 >= p1 and s2 >= s1):
        return left, right
    sizes = [kind.args for kind in (one, other, left.type, right.type) if kind.is_decimal]
    scale = max(scale for _, scale in sizes)
    both = decimal(min(38, max(digits - own for digits, own in sizes) + scale), scale)
    return (left, cast(right, both)) if right.is_literal else (cast(left, both), right)


def integer_division(node: exp.Expr, scope: Scope) -> Value:
    """Translate //, which cuts towards zero."""
    one, other = scope.values([node.this, node.expression])
    left, right = _number(one, other), _number(other, one)
    kind = common(adapted(left, right), adapted(right, left))
    if kind.is_decimal:
        kind = DOUBLE
    return builtin("divide", left, right, type=kind)


def bitwise(node: exp.Expr, scope: Scope) -> Value:
    """Translate the operators on bits."""
    left, right = scope.value(node.this), scope.value(node.expression)
    if left.is_null or right.is_null:
        return null_of(common(left.type, right.type))
    symbol = _SYMBOLS[type(node)]
    kind = left.type if BIT in (left.type, right.type) else common(left.type, right.type)
    if not (left.declared.is_integer and right.declared.is_integer):
        return builtin(_FUNCTIONS.get(type(node), symbol), left, right, type=kind)
    return operator(symbol, left, right, kind, _declared(type(node), left, right))


def complement(node: exp.Expr, scope: Scope) -> Value:
    """Translate ~."""
    operand = enclosed(scope.value(node.this), logic=True)
    if not operand.declared.is_integer:
        return builtin("~", operand, type=operand.type)
    return unary("~", operand)


def power(node: exp.Expr, scope: Scope) -> Value:
    """Translate ** and pow()."""
    one, other = scope.values([node.this, node.expression])
    base, exponent = _number(one, other), _number(other, one)
    if base.is_null or exponent.is_null:
        return null_of(DOUBLE)
    base, exponent = (
        cast(as_expression(part), DOUBLE) if part.declared.is_decimal else part
        for part in (base, exponent)
    )
    return operator("**", base, exponent, DOUBLE, DOUBLE)


RULES: dict[type[exp.Expr], Rule] = {
    **dict.fromkeys((exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod), arithmetic),
    **dict.fromkeys(
        (
            exp.BitwiseAnd,
            exp.BitwiseOr,
            exp.BitwiseXor,
            exp.BitwiseLeftShift,
            exp.BitwiseRightShift,
        ),
        bitwise,
    ),
    exp.IntDiv: integer_division,
    exp.BitwiseNot: complement,
    exp.Pow: power,
}
