"""Aggregates of a window frame in parts: what EXCLUDE leaves of it is before and after a gap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

from ibert.translator.datatypes import BIGINT, BOOLEAN, DOUBLE, INTEGER, VARCHAR, Type, list_of
from ibert.translator.functions import lists, signatures
from ibert.translator.functions.aggregates import (
    EMPTY_VALUES,
    AggregateCall,
    simplified,
    windowed,
)
from ibert.translator.values import Value, builtin, function, literal, method, null, operator

Window = Callable[[Value], Value | None]


def over_parts(call: AggregateCall, ignore_nulls: bool, parts: Sequence[Window]) -> Value | None:
    """Write an aggregate or an end of the rows in several windows; None if there is no spelling.

    Parameters
    ----------
    call
        The aggregate, or FIRST_VALUE, LAST_VALUE, NTH_VALUE.
    ignore_nulls
        Whether an end passes over NULLs.
    parts
        What writes `.over(…)`, for the windows that hold the rows between them, in order.
    """
    call = simplified(call)
    if call.name in _ENDS or call.name == "nth_value":
        return _end(call, ignore_nulls, parts)
    if call.distinct or call.order_by or call.name in EMPTY_VALUES - {"count"}:
        return None
    if call.name == "avg" and call.single and not call.first.declared.is_decimal:
        return _average(call, parts)
    combine = _COMBINED.get(call.name)
    found = windowed(call) if combine is not None else None
    if combine is None or found is None:
        return _over_list(call, parts)
    written = _written(found, parts)
    if written is None or len(written) < 2:
        return written[0] if written else None
    return combine(written, call)


def _written(value: Value, parts: Sequence[Window]) -> list[Value] | None:
    known = [found for part in parts if (found := part(value)) is not None]
    return known if len(known) == len(parts) else None


Combination = Callable[[list[Value], AggregateCall], Value | None]


def _reduction(name: str) -> Combination:
    """Reduce the list of them, which passes over those of no rows."""

    def combine(values: list[Value], _: AggregateCall) -> Value | None:
        kinds = {"type": values[0].type, "declared": values[0].declared}
        return method(_array(values), name, **kinds)

    return combine


def _array(values: list[Value]) -> Value:
    kinds = {"type": list_of(values[0].type), "declared": list_of(values[0].declared)}
    return function("array", values, **kinds)


def _count(values: list[Value], _: AggregateCall) -> Value:
    return reduce(lambda one, other: operator("+", one, other, BIGINT), values)


def _extreme(name: str) -> Combination:
    def combine(values: list[Value], _: AggregateCall) -> Value:
        return function(name, *values, type=values[0].type, declared=values[0].declared)

    return combine


def _text(values: list[Value], call: AggregateCall) -> Value:
    separator = call.arguments[1] if len(call.arguments) > 1 else literal(",", VARCHAR)

    def joined(one: Value, other: Value) -> Value:
        behind = operator("+", one, separator, VARCHAR)
        both = operator("+", behind, other, VARCHAR)
        return function("coalesce", both, one, other, type=VARCHAR)

    return reduce(joined, values)


def _list(values: list[Value], _: AggregateCall) -> Value | None:
    """Put lists together; of no rows the whole is NULL, not empty."""
    whole = _flat(values)
    empty = operator("==", method(whole, "length", type=BIGINT), literal(0, INTEGER), BOOLEAN)
    kinds = {"type": whole.type, "declared": whole.declared}
    return function("ifelse", empty, null(whole.type), whole, **kinds)


def _flat(values: list[Value]) -> Value:
    kinds = {"type": values[0].type, "declared": values[0].declared}
    return values[0] if len(values) == 1 else method(_array(values), "flatten", **kinds)


_COMBINED: dict[str, Combination] = {
    "sum": _reduction("sums"),
    "count": _count,
    "count_if": _reduction("sums"),
    "min": _extreme("least"),
    "max": _extreme("greatest"),
    "bool_and": _reduction("alls"),
    "bool_or": _reduction("anys"),
    "string_agg": _text,
    "array_agg": _list,
}
# Of values that are equally frequent, the one that a window gives is not the one that a list gives.
_NOT_OVER_LISTS = {"mode"}


def _average(call: AggregateCall, parts: Sequence[Window]) -> Value | None:
    """Divide the sum by the number of values."""
    total, count = (over_parts(call._replace(name=name), False, parts) for name in ("sum", "count"))
    if total is None or count is None:
        return None
    return operator("/", total, count, DOUBLE)


def _over_list(call: AggregateCall, parts: Sequence[Window]) -> Value | None:
    """Aggregate the list of the values."""
    result = signatures.result_type(call.name, [value.type for value in call.arguments])
    constants = call.arguments[1:]
    if result is None or call.name in _NOT_OVER_LISTS or any(v.uses for v in constants):
        return None
    values = _values(call, parts, include_null=False)
    name = literal(call.name, VARCHAR)
    return values and builtin("list_aggregate", values, name, *constants, type=result)


_ENDS = {"first": 0, "last": -1}


def _end(call: AggregateCall, ignore_nulls: bool, parts: Sequence[Window]) -> Value | None:
    """Give an element of the list of the values."""
    if call.name in _ENDS:
        place: int | None = _ENDS[call.name]
    else:
        number = call.arguments[1].literal
        place = number - 1 if isinstance(number, int) and number > 0 else None
    if place is None or not call.is_plain or (call.where is not None and not ignore_nulls):
        return None
    values = _values(call, parts, include_null=not ignore_nulls)
    return values and lists.index(values, literal(place + (place >= 0), INTEGER))


def _values(call: AggregateCall, parts: Sequence[Window], include_null: bool) -> Value | None:
    if not call.columnar:
        return None
    kinds: dict[str, Type] = {
        "type": list_of(call.first.type),
        "declared": list_of(call.first.declared),
    }
    listed = method(
        call.first, "collect", **kinds, include_null=include_null or None, where=call.where
    )
    written = _written(listed, parts)
    return _flat(written) if written else None
