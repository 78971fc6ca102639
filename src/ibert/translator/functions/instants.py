"""Constants of dates and times."""

from __future__ import annotations

import datetime as dt
import re

from ibert.translator.datatypes import DATE, TIME, TIMESTAMP, TIMESTAMPTZ, Type
from ibert.translator.values import Value, function

_DATE = r"(?P<year>\d{4})(?P<separator>[-/])(?P<month>\d\d?)(?P=separator)(?P<day>\d\d?)"
_TIME = r"(?P<hour>\d\d?):(?P<minute>\d\d?)(?::(?P<second>\d\d?)(?:\.(?P<fraction>\d{1,9}))?)?"
_ZONE = r"(?P<zone>Z|(?P<sign>[+-])(?P<hours>\d\d)(?::?(?P<minutes>\d\d))?)"

_PATTERNS = {
    "date": re.compile(rf"\s*{_DATE}(?:[ T]{_TIME})?\s*"),
    "timestamp": re.compile(rf"\s*{_DATE}(?:[ T]{_TIME}\s*)?"),
    "timestamptz": re.compile(rf"\s*{_DATE}[ T]{_TIME}{_ZONE}\s*"),
    "time": re.compile(rf"\s*{_TIME}\s*"),
}
_MICROSECONDS = 6  # the digits of a fraction that count


def temporal_literal(text: str, kind: Type) -> Value | None:
    """Give a constant of a date or time type; None where only DuckDB itself can read the text.

    Such are the infinities, years before Christ or past 9999, invalid dates, and times whose
    meaning depends on the session's time zone.

    Examples
    --------
    >>> import ast
    >>> from ibert.translator.datatypes import DATE, TIMESTAMP
    >>> ast.unparse(temporal_literal("2020-1-5", DATE).node)
    "ibis.date('2020-01-05')"
    >>> ast.unparse(temporal_literal("2020-01-05T10:20", TIMESTAMP).node)
    "ibis.timestamp('2020-01-05 10:20:00')"
    >>> temporal_literal("infinity", DATE) is None
    True
    """
    pattern = _PATTERNS.get(kind.name)
    found = pattern.fullmatch(text) if pattern else None
    if found is None:
        return None
    try:
        return _WRITERS[kind.name](found)
    except (ValueError, OverflowError):
        return None


def _date(found: re.Match[str]) -> Value:
    day = dt.date(int(found["year"]), int(found["month"]), int(found["day"]))
    if found["hour"]:
        _clock(found)
    return function("date", day.isoformat(), type=DATE)


def _moment(found: re.Match[str]) -> dt.datetime:
    day = dt.date(int(found["year"]), int(found["month"]), int(found["day"]))
    return dt.datetime.combine(day, _clock(found))


def _timestamp(found: re.Match[str]) -> Value:
    if found["hour"] is None:
        day = dt.date(int(found["year"]), int(found["month"]), int(found["day"]))
        return function("timestamp", day.isoformat(), type=TIMESTAMP)
    return function("timestamp", _moment(found).isoformat(" "), type=TIMESTAMP)


def _timestamptz(found: re.Match[str]) -> Value:
    offset = dt.timedelta(hours=int(found["hours"] or 0), minutes=int(found["minutes"] or 0))
    moment = _moment(found) + (offset if found["sign"] == "-" else -offset)
    return function("timestamp", moment.isoformat(" "), timezone="UTC", type=TIMESTAMPTZ)


def _time(found: re.Match[str]) -> Value:
    return function("time", _clock(found).isoformat(), type=TIME)


def _clock(found: re.Match[str]) -> dt.time:
    """Read the time of day; DuckDB cuts off what is less than a microsecond."""
    fraction = (found["fraction"] or "").ljust(_MICROSECONDS, "0")[:_MICROSECONDS]
    return dt.time(
        int(found["hour"]), int(found["minute"]), int(found["second"] or 0), int(fraction)
    )


_WRITERS = {"date": _date, "timestamp": _timestamp, "timestamptz": _timestamptz, "time": _time}
