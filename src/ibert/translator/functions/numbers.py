"""Functions of numbers.

Ibis casts what it rounds to the type it declares, which raises for infinities and numbers beyond
BIGINT: `floor`, `ceil`, `trunc`, and `round` without digits stay functions of DuckDB unless their
argument is whole. `log2` and `log` of other bases would be quotients of logarithms, whose last
digits differ (`log2(8)` has to be 3).
"""

from __future__ import annotations

from ibert.translator.datatypes import BIGINT, BOOLEAN, DOUBLE, FLOAT, NULL, TINYINT, UUID, Type
from ibert.translator.functions.rules import Rule
from ibert.translator.values import Value, cast, dotted, function, literal, method, null

_BEYOND_BIGINT = ("ubigint", "uhugeint")  # rounding makes other types of them
_UNSIGNED = ("utinyint", "usmallint", "uinteger")


def _is_number(value: Value) -> bool:
    """Whether Ibis takes it for a number too."""
    return value.type.is_numeric and value.declared.is_numeric and value.declared.dtype is not None


def _same(name: str) -> Rule:
    """Give the rule for a method whose result has the type of the number."""

    def rule(value: Value) -> Value | None:
        if value.is_null:
            return null(BIGINT)
        if not _is_number(value):
            return None
        return method(value, name, type=value.type, declared=value.declared)

    return rule


def _real(name: str) -> Rule:
    """Give the rule for a method whose result is DOUBLE, though Ibis keeps decimals."""

    def rule(value: Value) -> Value | None:
        if value.is_null:
            return null(DOUBLE)
        if not _is_number(value):
            return None
        declared = value.declared if value.declared.is_decimal else DOUBLE
        return method(value, name, type=DOUBLE, declared=declared)

    return rule


def _sign(value: Value) -> Value | None:
    if not _is_number(value):
        return None
    return method(value, "sign", type=TINYINT, declared=value.declared)


def _logarithm(*values: Value) -> Value | None:
    return _real("log10")(*values) if len(values) == 1 else None


def _arc_tangent(first: Value, second: Value) -> Value | None:
    if not (_is_number(first) and _is_number(second)):
        return None
    return method(first, "atan2", second, type=DOUBLE)


def _whole(value: Value) -> Value | None:
    """Read floor and ceil of whole numbers, which are DOUBLE unless they are decimals."""
    if _is_whole(value):
        return value if value.type.is_decimal else cast(value, DOUBLE)
    return None


def _is_whole(value: Value) -> bool:
    kind = value.type
    return _is_number(value) and (kind.is_integer or (kind.is_decimal and kind.args[1] == 0))


def _truncated(value: Value, *digits: Value) -> Value | None:
    return value if _is_whole(value) and not digits else None


def _rounded(value: Value, *digits: Value) -> Value | None:
    places = digits[0] if digits else None
    if (
        not _is_number(value)
        or value.type.name in _BEYOND_BIGINT
        or (places is not None and not places.type.is_integer)
    ):
        return None
    known = 0 if places is None else _integer(places)
    if known is not None and known >= 0 and _has_places(value.type, known):
        return _kept(value)
    if value.type.is_decimal:
        return _rounded_decimal(value, known)
    if not value.type.is_floating or places is None or known == 0 or places.is_null:
        return None
    rounded = method(cast(value, value.type), "round", places, type=DOUBLE)
    return cast(rounded, FLOAT) if value.type == FLOAT else rounded


def _has_places(kind: Type, places: int) -> bool:
    """Whether numbers of a type have no more places than that."""
    return kind.is_integer or (kind.is_decimal and kind.args[1] <= places)


def _kept(value: Value) -> Value:
    """Give a number that rounding does not change, except that unsigned ones become BIGINT."""
    return cast(value, BIGINT) if value.type.name in _UNSIGNED else value


def _rounded_decimal(value: Value, places: int | None) -> Value | None:
    if value.is_null:
        return literal(None, NULL)  # DuckDB finds no type for it
    if places is None or places < 0:
        return None
    exact = cast(value, value.type)
    return method(exact, "round", *([places] if places else []), type=_with_scale(value, places))


def _with_scale(value: Value, places: int) -> Type:
    return Type("decimal", (value.type.args[0], places))


def _integer(value: Value) -> int | None:
    """Give a constant integer."""
    found = value.literal if value.is_literal else None
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _floating(name: str) -> Rule:
    """Give the rule for a test that only floating-point numbers have in Ibis."""

    def rule(value: Value) -> Value | None:
        if not _is_number(value):
            return None
        floating = value.type.is_floating and value.declared.is_floating
        return method(value if floating else cast(value, DOUBLE), name, type=BOOLEAN)

    return rule


def _pi() -> Value:
    return Value(dotted("ibis.pi"), DOUBLE)


def _random() -> Value:
    return function("random", type=DOUBLE)


def _uuid() -> Value:
    return function("uuid", type=UUID)


RULES: dict[str, Rule] = {
    "abs": _same("abs"),
    "acos": _real("acos"),
    "asin": _real("asin"),
    "atan": _real("atan"),
    "atan2": _arc_tangent,
    "ceil": _whole,
    "cos": _real("cos"),
    "cot": _real("cot"),
    "degrees": _real("degrees"),
    "exp": _real("exp"),
    "floor": _whole,
    "isinf": _floating("isinf"),
    "isnan": _floating("isnan"),
    "ln": _real("ln"),
    "log": _logarithm,
    "log10": _real("log10"),
    "pi": _pi,
    "radians": _real("radians"),
    "random": _random,
    "round": _rounded,
    "sign": _sign,
    "sin": _real("sin"),
    "sqrt": _real("sqrt"),
    "tan": _real("tan"),
    "trunc": _truncated,
    "uuid": _uuid,
}
