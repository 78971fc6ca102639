"""Intervals side by side: Ibis takes only those of one unit together."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from ibert.translator.datatypes import INTERVAL, Type
from ibert.translator.values import FieldNode, FunctionNode, Value, builtin, call, dotted

SECONDS = Type("interval", ("s",))  # what Ibis declares for a difference of timestamps

_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
# The keyword of ibis.interval for a unit, and its length when DuckDB compares: months of 30 days.
_UNITS = {
    "Y": ("years", 360 * _DAY),
    "Q": ("quarters", 90 * _DAY),
    "M": ("months", 30 * _DAY),
    "W": ("weeks", 7 * _DAY),
    "D": ("days", _DAY),
    "h": ("hours", 3600 * _SECOND),
    "m": ("minutes", 60 * _SECOND),
    "s": ("seconds", _SECOND),
    "ms": ("milliseconds", 1000),
    "us": ("microseconds", 1),
}
_LENGTHS = dict(_UNITS.values())
_CODES = {keyword: code for code, (keyword, _) in _UNITS.items()}


def comparable(left: Value, right: Value) -> tuple[Value, Value]:
    """Give two intervals such that Ibis compares them as DuckDB does: by their length.

    Examples
    --------
    >>> day = call(dotted("ibis.interval"), (), {"days": 1}, INTERVAL)
    >>> one, other = comparable(Value(ast.Name("x"), INTERVAL, SECONDS), day)
    >>> ast.unparse(one.node), ast.unparse(other.node)
    ('x', 'ibis.interval(seconds=86400)')
    """
    if _unit(left) is not None and _unit(left) == _unit(right):
        return left, right
    left, right = _converted(left, right), _converted(right, left)
    left, right = of_one_unit([left, right])
    return left, right


def of_one_unit(values: Sequence[Value]) -> list[Value]:
    """Give intervals as they are, under one unit: by a cast that says nothing new to DuckDB."""
    units = {_unit(value) for value in values if not value.is_null}
    if len(units) == 1 and None not in units:
        return list(values)
    return [
        value if value.is_null or _unit(value) == "us" else _in_microseconds(value)
        for value in values
    ]


def _unit(value: Value) -> str | None:
    """Give the code of the unit that Ibis has for an interval."""
    amounts = _amounts(value)
    if amounts is not None:
        (keyword,) = amounts if len(amounts) == 1 else ("",)
        return _CODES.get(keyword)
    match value.node:
        case ast.Call(func=ast.Attribute(attr="as_interval"), args=[ast.Constant(value=code)]):
            return str(code)
        case FieldNode() | ast.Call(func=FunctionNode()):
            return str(value.declared.args[0]) if value.declared.args else "us"
    return str(value.declared.args[0]) if value.declared.args else None


def _amounts(value: Value) -> dict[str, int] | None:
    """Read a constant interval."""
    match value.node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="ibis"), attr="interval")):
            try:
                return {str(part.arg): ast.literal_eval(part.value) for part in value.node.keywords}
            except ValueError:
                return None
    return None


def _converted(value: Value, other: Value) -> Value:
    """Give a constant in the unit of the other interval, if that leaves no rest."""
    amounts, unit = _amounts(value), _unit(other)
    if amounts is None or unit is None:
        return value
    length = sum(_LENGTHS[keyword] * count for keyword, count in amounts.items())
    keyword, one = _UNITS[unit]
    if length % one:
        return value
    return call(dotted("ibis.interval"), (), {keyword: length // one}, INTERVAL)


def _in_microseconds(value: Value) -> Value:
    example = call(dotted("ibis.interval"), (), {"microseconds": 1}, INTERVAL)
    return builtin("cast_to_type", value, example, type=INTERVAL)
