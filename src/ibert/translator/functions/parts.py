"""The names of the parts of dates and times, and of units."""

from __future__ import annotations

# DuckDB's name for a part, and what else one may write for it.
_NAMES = {
    "millennium": "millennia millenniums mil mils millenium",
    "century": "centuries centurys cent c",
    "decade": "decades dec decs",
    "year": "years yr yrs y",
    "quarter": "quarters",
    "month": "months mon mons",
    "week": "weeks w weekofyear",
    "day": "days d dayofmonth",
    "hour": "hours hr hrs h",
    "minute": "minutes min mins m",
    "second": "seconds sec secs s",
    "millisecond": "milliseconds ms msec msecs msecond mseconds",
    "microsecond": "microseconds us usec usecs usecond useconds",
    "dow": "dayofweek weekday",
    "isodow": "",
    "doy": "dayofyear",
    "isoyear": "",
    "yearweek": "",
    "era": "",
    "epoch": "",
    "julian": "",
    "timezone": "",
    "timezone_hour": "",
    "timezone_minute": "",
}
_CANONICAL = {
    written: part for part, others in _NAMES.items() for written in (part, *others.split())
}


def canonical_part(name: str) -> str | None:
    """Give the one name of a part of dates or a unit of time; None if DuckDB has no such part.

    Examples
    --------
    >>> [canonical_part(name) for name in ("Months", "m", "dayofweek", "fortnight")]
    ['month', 'minute', 'dow', None]
    """
    return _CANONICAL.get(name.lower())
