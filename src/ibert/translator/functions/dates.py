"""Dates, times, timestamps and intervals: arithmetic, and the functions of DuckDB that Ibis has."""

from __future__ import annotations

import re
from functools import partial

from ibert.translator.datatypes import (
    BIGINT,
    DATE,
    DOUBLE,
    INTEGER,
    INTERVAL,
    NULL,
    TIME,
    TIMESTAMP,
    TIMESTAMPTZ,
    UNKNOWN,
    VARCHAR,
    Type,
)
from ibert.translator.functions.durations import SECONDS
from ibert.translator.functions.instants import temporal_literal
from ibert.translator.functions.intervals import (
    interval,
    interval_literal,
    of_units,
    resolution,
    single_unit,
    to_interval,
)
from ibert.translator.functions.parts import canonical_part
from ibert.translator.functions.rules import Rule
from ibert.translator.values import (
    Value,
    attribute,
    builtin,
    cast,
    function,
    literal,
    method,
    null,
    operator,
)

__all__ = [
    "RULES",
    "add",
    "date_part",
    "divide",
    "interval",
    "interval_literal",
    "multiply",
    "subtract",
    "temporal_literal",
    "to_interval",
]


# Arithmetic.


def add(left: Value, right: Value) -> Value | None:
    """Give `left + right` where one of them is a date, a time or an interval."""
    if (left.type == INTERVAL and right.type != INTERVAL) or left.type.is_integer:
        left, right = right, left
    if NULL in (left.type, right.type):
        return _null_of_date(left, right)
    if right.type == INTERVAL:
        return _shifted("+", left, right)
    if left.type == DATE and right.type.is_integer:
        return builtin("add", left, right, type=DATE)
    if {left.type, right.type} == {DATE, TIME}:
        return builtin("add", left, right, type=TIMESTAMP)
    for moment, text in ((left, right), (right, left)):
        if moment.type.is_timestamp and text.type == VARCHAR:
            amount = to_interval(text)
            return None if amount is None else _shifted("+", moment, amount)
    return None


def subtract(left: Value, right: Value) -> Value | None:
    """Give `left - right` where one of them is a date, a time or an interval."""
    if left.type == NULL and _is_dated(right):
        return null(BIGINT if right.type == DATE else INTERVAL)
    if NULL in (left.type, right.type):
        return _null_of_date(left, right)
    if right.type == INTERVAL:
        return _shifted("-", left, right)
    left = _read_beside(left, right)
    if left.type == right.type == DATE:
        # Unlike delta(), this counts the days to infinity as DuckDB does.
        return cast(operator("-", left, right, BIGINT, INTERVAL), BIGINT)
    if left.type == DATE and right.type.is_integer:
        return builtin("subtract", left, right, type=DATE)
    if _is_dated(left) and _is_dated(right):
        left, right = _alike(left, right)
        return operator("-", left, right, INTERVAL, SECONDS)
    return None


def multiply(left: Value, right: Value) -> Value | None:
    """Give `left * right` where one of them is an interval."""
    if right.type == INTERVAL:
        left, right = right, left
    if left.type != INTERVAL:
        return None
    if right.type == NULL:
        return null(INTERVAL)
    return operator("*", left, right, INTERVAL) if right.type.is_numeric else None


def divide(left: Value, right: Value) -> Value | None:
    """Give `left / right` where the first is an interval; Ibis has only // for that."""
    if left.type != INTERVAL:
        return None
    if right.type == NULL:
        return null(INTERVAL)
    return builtin("/", left, right, type=INTERVAL) if right.type.is_numeric else None


def _null_of_date(left: Value, right: Value) -> Value | None:
    """Give NULL where one of two is: DuckDB only takes it for a number or an interval."""
    kind = right.type if left.type == NULL else left.type
    if kind in (DATE, TIMESTAMPTZ):
        return null(kind)
    return null(TIMESTAMP) if kind.is_timestamp else None


def _is_dated(value: Value) -> bool:
    """Whether it is a date or a timestamp."""
    return value.type == DATE or value.type.is_timestamp


def _as_typed(value: Value) -> Value:
    """Have Ibis declare a timestamp as one where it takes it for a date."""
    return cast(value, value.type) if value.declared == DATE != value.type else value


def _shifted(symbol: str, left: Value, right: Value) -> Value | None:
    """Give a date, a time or an interval with an interval added or subtracted."""
    if left.type == INTERVAL:
        return operator(symbol, left, right, INTERVAL)
    counted_in = resolution(right.node)
    if left.type == TIME:
        name = "add" if symbol == "+" else "subtract"
        if counted_in != "time":
            return builtin(name, left, right, type=TIME)
        return operator(symbol, left, right, TIME)
    if not _is_dated(left):
        return None
    result = TIMESTAMPTZ if left.type == TIMESTAMPTZ else TIMESTAMP
    if left.declared == DATE and counted_in != "date":
        left = cast(left, TIMESTAMP)
    return operator(symbol, left, right, result, left.declared)


def _alike(left: Value, right: Value) -> tuple[Value, Value]:
    """Bring two dates or timestamps to one kind, as DuckDB does."""
    if TIMESTAMPTZ in (left.type, right.type):
        return _as_timestamptz(left), _as_timestamptz(right)
    if left.declared == right.declared == DATE:
        return left, right
    return _as_timestamp(left), _as_timestamp(right)


def _as_timestamptz(value: Value) -> Value:
    return value if value.type == TIMESTAMPTZ else cast(value, TIMESTAMPTZ)


def _as_timestamp(value: Value) -> Value:
    return cast(value, TIMESTAMP) if value.declared == DATE else value


# Parts of dates and times.

_DATE_FIELDS = {
    "year": "year",
    "quarter": "quarter",
    "month": "month",
    "week": "week_of_year",
    "day": "day",
    "doy": "day_of_year",
    "isoyear": "iso_year",
}
_CLOCK_FIELDS = {"hour", "minute", "second"}
_PER_SECOND = {"millisecond": 1_000, "microsecond": 1_000_000}


def _field(part: str | None, value: Value) -> Value | None:
    """Give a part of a date or a time as Ibis has it; None where it has none."""
    if part in _DATE_FIELDS and _is_dated(value):
        return method(value, _DATE_FIELDS[part], type=BIGINT, declared=INTEGER)
    if part in _CLOCK_FIELDS and (value.type == TIME or value.type.is_timestamp):
        return method(_as_typed(value), part, type=BIGINT, declared=INTEGER)
    if part in _PER_SECOND and value.is_field and (value.type == TIME or value.type.is_timestamp):
        return _fraction(part, value)
    if part in ("dow", "isodow") and _is_dated(value):
        return _day_of_week(part, value)
    if part == "epoch" and value.type.is_timestamp and value.type != TIMESTAMPTZ:
        seconds = method(_as_typed(value), "epoch_seconds", type=DOUBLE, declared=INTEGER)
        return cast(seconds, DOUBLE)
    return None


def _fraction(part: str, value: Value) -> Value:
    """Count milliseconds or microseconds; DuckDB includes the seconds, Ibis does not."""
    value = _as_typed(value)
    seconds = method(value, "second", type=BIGINT, declared=INTEGER)
    fraction = method(value, part, type=BIGINT, declared=INTEGER)
    whole = operator("*", seconds, literal(_PER_SECOND[part], INTEGER), BIGINT)
    return operator("+", whole, fraction, BIGINT)


def _day_of_week(part: str, value: Value) -> Value:
    """Give the number of a day: Sunday is 0 for `dow`, 7 for `isodow`; Monday is 0 for Ibis."""
    index = method(_weekday(value), "index", type=BIGINT, declared=INTEGER)
    from_monday = operator("+", index, literal(1, INTEGER), BIGINT)
    if part == "isodow":
        return from_monday
    return operator("%", from_monday, literal(7, INTEGER), BIGINT)


def _weekday(value: Value) -> Value:
    return attribute(value, "day_of_week", UNKNOWN)


def date_part(part: Value, value: Value) -> Value | None:
    """Give the rule for `date_part(part, value)` and EXTRACT."""
    name = canonical_part(part.literal) if isinstance(part.literal, str) else None
    if name is None:
        return None
    found = _field(name, value)
    if found is not None:
        return found
    result = DOUBLE if name in ("epoch", "julian") else BIGINT
    return builtin("date_part", literal(name, VARCHAR), value, type=result)


def _day_name(value: Value) -> Value | None:
    return method(_weekday(value), "full_name", type=VARCHAR) if _is_dated(value) else None


# What truncates, counts and formats.

_DATE_UNITS = {"year": "Y", "quarter": "Q", "month": "M", "week": "W", "day": "D"}
_CLOCK_UNITS = {"hour": "h", "minute": "m", "second": "s", "millisecond": "ms", "microsecond": "us"}


def _date_trunc(part: Value, value: Value) -> Value | None:
    name = canonical_part(part.literal) if isinstance(part.literal, str) else None
    if name is None or not _is_dated(value):
        return None
    result = TIMESTAMPTZ if value.type == TIMESTAMPTZ else TIMESTAMP
    if name in _DATE_UNITS:
        declared = DATE if value.declared == DATE else TIMESTAMP
        return method(value, "truncate", _DATE_UNITS[name], type=result, declared=declared)
    if name in _CLOCK_UNITS and value.type != DATE:
        value = _as_typed(value)
        return method(value, "truncate", _CLOCK_UNITS[name], type=result, declared=TIMESTAMP)
    return builtin("date_trunc", literal(name, VARCHAR), value, type=result)


def _date_diff(part: Value, start: Value, end: Value) -> Value | None:
    name = canonical_part(part.literal) if isinstance(part.literal, str) else None
    if name is None:
        return None
    start, end = _read_beside(start, end), _read_beside(end, start)
    if start.type == end.type == TIME:
        units = {*_CLOCK_UNITS}
    elif _is_dated(start) and _is_dated(end):
        start, end = _alike(_as_typed(start), _as_typed(end))
        both_dates = start.type == end.type == DATE
        units = {*_DATE_UNITS} if both_dates else {*_DATE_UNITS, *_CLOCK_UNITS}
    else:
        return None
    if name not in units:
        return builtin("date_diff", literal(name, VARCHAR), start, end, type=BIGINT)
    return method(end, "delta", start, unit=name, type=BIGINT)


def _read_beside(value: Value, other: Value) -> Value:
    """Read a string as DuckDB does beside a date or a time."""
    if value.is_literal and value.type == VARCHAR and other.type.is_temporal:
        return temporal_literal(str(value.literal), other.type) or cast(value, other.type)
    return value


# The directives that DuckDB and sqlglot understand in the same way.
_FORMAT = re.compile(r"(?:[^%]|%-[dmyHIMSj]|%[aAwdbBmyYGHIpMSfnguzZjUWVcxX%])+")


def _is_format(value: Value) -> bool:
    return isinstance(value.literal, str) and _FORMAT.fullmatch(value.literal) is not None


def _strftime(value: Value, pattern: Value) -> Value | None:
    if value.type == VARCHAR:
        value, pattern = pattern, value
    if not _is_dated(value) or not _is_format(pattern):
        return None
    return method(value, "strftime", pattern, type=VARCHAR)


def _strptime(text: Value, pattern: Value) -> Value | None:
    if text.type != VARCHAR or not _is_format(pattern) or re.search("%[zZn]", pattern.literal):
        return None
    return method(text, "as_timestamp", pattern, type=TIMESTAMP, declared=TIMESTAMPTZ)


# What makes dates and times.


def _is_integer(value: Value) -> bool:
    return value.type.is_integer and value.declared.is_integer


def _of_parts(name: str, result: Type, count: int) -> Rule:
    """Give the rule for `make_date(year, month, day)` and its like."""

    def rule(*parts: Value) -> Value | None:
        if len(parts) != count or not all(map(_is_integer, parts)):
            return None
        return function(name, *parts, type=result)

    return rule


def _of_epoch(unit: str, result: Type) -> Rule:
    """Give the rule for `to_timestamp(seconds)` and `epoch_ms(milliseconds)`."""

    def rule(count: Value) -> Value | None:
        if not _is_integer(count):
            return None
        return method(count, "as_timestamp", unit, type=result, declared=TIMESTAMP)

    return rule


def _today() -> Value:
    return function("today", type=DATE)


def _local_now() -> Value:
    return function("now", type=TIMESTAMP)


def _local_time() -> Value:
    return method(_local_now(), "time", type=TIME)


# Ibis counts buckets from 1970-01-01, DuckDB from 2000-01-03 or, in months, from 2000-01-01.
_DAY = 86_400_000_000
_WIDTHS = {
    "microseconds": (1, 10_959 * _DAY),
    "milliseconds": (1_000, 10_959 * _DAY),
    "seconds": (1_000_000, 10_959 * _DAY),
    "minutes": (60_000_000, 10_959 * _DAY),
    "hours": (3_600_000_000, 10_959 * _DAY),
    "days": (_DAY, 10_959 * _DAY),
    "weeks": (7 * _DAY, 10_959 * _DAY),
    "months": (1, 360),
    "quarters": (3, 360),
    "years": (12, 360),
}


def _time_bucket(width: Value, value: Value, *origin: Value) -> Value | None:
    constant = single_unit(width)
    if constant is None or origin or not value.type.is_timestamp or value.type == TIMESTAMPTZ:
        return None
    keyword, count = constant
    size, distance = _WIDTHS[keyword]
    if count <= 0 or distance % (size * count):
        return None
    value = _as_typed(value)
    return method(value, "bucket", type=TIMESTAMP, declared=TIMESTAMP, **{keyword: count})


_FIELDS = (
    *("year", "isoyear", "quarter", "month", "week", "weekofyear"),
    *("day", "dayofmonth", "dayofyear", "dayofweek", "weekday", "isodow"),
    *("hour", "minute", "second", "millisecond", "microsecond", "epoch"),
)
RULES: dict[str, Rule] = {
    **{name: partial(_field, canonical_part(name)) for name in _FIELDS},
    **{f"to_{unit}s": of_units(unit) for unit in (*_DATE_UNITS, *_CLOCK_UNITS)},
    "current_date": _today,
    "current_localtime": _local_time,
    "current_localtimestamp": _local_now,
    "date_add": add,
    "date_diff": _date_diff,
    "date_part": date_part,
    "date_trunc": _date_trunc,
    "dayname": _day_name,
    "epoch_ms": _of_epoch("ms", TIMESTAMP),
    "make_date": _of_parts("date", DATE, 3),
    "make_time": _of_parts("time", TIME, 3),
    "make_timestamp": _of_parts("timestamp", TIMESTAMP, 6),
    "strftime": _strftime,
    "strptime": _strptime,
    "time_bucket": _time_bucket,
    "to_timestamp": _of_epoch("s", TIMESTAMPTZ),
}
