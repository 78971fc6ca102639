"""Values of any type: usual ones, those around the constants of a query, keys, and limits."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Iterable
from decimal import Decimal, localcontext
from functools import singledispatch
from random import Random
from typing import Any
from uuid import UUID

import ibis.expr.datatypes as types

NULL_SHARE = 1 / 8  # of the items of nested values
NEAR_SHARE = 0.7  # of values, how many are around the constants where there are any
REPEATED_SHARE = 0.25  # of the lists, how many hold an item twice
ITEMS = 3  # of a generated list or map, at most
LONGEST = 60  # characters of a string that is made because a query asks for a length

DATES = [dt.date(2023, 12, 31), dt.date(2024, 1, 1), dt.date(2024, 1, 31), dt.date(2024, 2, 29)]
TIMES = [dt.time(0, 0), dt.time(9, 30, 15), dt.time(23, 59, 59, 999_999)]
STRINGS = ["", "a", "A", "ab", "b ", "x_%", "zoë"]
NUMBERS = [
    Decimal(text) for text in ("-7", "-1", "0", "0.25", "1", "1.5", "2", "3", "4", "5", "10")
]
DOCUMENTS = ["null", '{"a": 1, "b": [1, 2]}', '{"a": null}', "[]", '"text"']
MEMBERS = (0, 1, 1, None)
DOCUMENTS_OF_NAMES, MOST_NAMES, NESTED_SHARE = 12, 6, 0.5
DAY_NUMBERS = range(1, 32)
YEARS = range(1000, 3000)

_NAME = re.compile(r"[^\W\d]\w*")
_LIMITS = {-1: dt.datetime.min, 1: dt.datetime.max}  # what has no moment before or after it

Maker = Callable[[Random], Any]


class UnsupportedTypeError(Exception):
    """There is no maker of values for a type."""


class Constants:
    """Constants that a query holds a column against, and the values around them.

    Parameters
    ----------
    values
        As DuckDB gives them to Python.

    Examples
    --------
    >>> found = Constants([5, "x%"])
    >>> found.numbers(), found.text()[:4]
    ([Decimal('4'), Decimal('5'), Decimal('6')], ['x%', 'x', 'xzz', 'xz'])
    """

    def __init__(self, values: Iterable[Any] = ()) -> None:
        values = list(values)
        self._strings = sorted({value for value in values if isinstance(value, str)})
        numbers = (_as_number(value) for value in values)
        self._numbers = sorted({number for number in numbers if number is not None})
        days = (_as_day(value) for value in values)
        self._days = sorted({day for day in days if day is not None})
        moments = {value.replace(tzinfo=None) for value in values if type(value) is dt.datetime}
        self._moments = sorted(moments)
        self._times = sorted({value for value in values if isinstance(value, dt.time)})

    def numbers(self) -> list[Decimal]:
        """Give the numbers, one less and one more, and for fractions the last digit's step."""
        found = {}
        for number in self._numbers:
            exponent = number.as_tuple().exponent
            unit = Decimal(1).scaleb(min(0, exponent if isinstance(exponent, int) else 0))
            for step in (-1, -unit, 0, unit, 1):
                found[number + step] = True
        return sorted(found)

    def text(self) -> list[str]:
        """Give the strings, what they match as patterns, and what they just do not match."""
        found: dict[str, bool] = {}
        for string in self._strings:
            found[string] = True
            if "%" in string or "_" in string:
                for filler in ("", "zz", "z"):
                    found[string.replace("%", filler).replace("_", "a")] = True
                instance = string.replace("%", "").replace("_", "a")
                found |= dict.fromkeys([f"z{instance}", f"{instance}z", instance[:-1]], True)
            else:
                found |= dict.fromkeys([f"{string}z", f"z{string}", string[:-1]], True)
            found[string.swapcase()] = True
        for number in self._numbers:
            if number == int(number) and 0 < number <= LONGEST:
                found |= {"x" * (int(number) + step): True for step in (-1, 0, 1)}
        return list(found)

    def documents(self) -> list[str]:
        """Give JSON documents with members of the names in the strings, nested and in lists.

        Their values are numbers that every type takes: a cast that fails would tell nothing.
        """
        words = (word for string in self._strings for word in _NAME.findall(string))
        names = list(dict.fromkeys(words))[:MOST_NAMES]
        found = []
        for number in range(DOCUMENTS_OF_NAMES if names else 0):
            rng = Random(number)
            document: dict[str, Any] = {}
            for name in names:
                inner = {other: rng.choice(MEMBERS) for other in names}
                nested = rng.choice((inner, [rng.choice(MEMBERS), {}, inner], [inner] * ITEMS))
                document[name] = nested if rng.random() < NESTED_SHARE else rng.choice(MEMBERS)
            found.append(json.dumps(document))
        return found

    def days(self) -> list[dt.date]:
        """Give the days, those before and after, and the ends of years and months among them."""
        found = {day.toordinal() + step for day in self._days for step in (-1, 0, 1)}
        for number in self._numbers:
            if number in YEARS:
                year = int(number)
                for edge in (dt.date(year, 1, 1), dt.date(year, 12, 31), dt.date(year, 6, 15)):
                    found |= {edge.toordinal(), edge.toordinal() - 1, edge.toordinal() + 1}
            elif number in DAY_NUMBERS:
                found |= {dt.date(2024, month, int(number)).toordinal() for month in (1, 3)}
                if number in range(1, 13):
                    found.add(dt.date(2024, int(number), 15).toordinal())
        span = [day.toordinal() for day in self._days]
        if len(span) > 1:
            found.add((span[0] + span[-1]) // 2)
        last = dt.date.max.toordinal()
        return [dt.date.fromordinal(n) for n in sorted(found) if 1 <= n <= last]

    def far_days(self) -> list[dt.date]:
        """Give days that are some way from the constants."""
        steps = (-366, -40, -3, -2, 2, 3, 40)
        return [
            dt.date.fromordinal(day.toordinal() + step)
            for day in self._days
            for step in steps
            if 1 <= day.toordinal() + step <= dt.date.max.toordinal()
        ]

    def far_numbers(self) -> list[Decimal]:
        """Give numbers that are some way from the constants."""
        return [
            value for number in self._numbers for value in (number * 2, number - 10, number // 2)
        ]

    def moments(self) -> list[dt.datetime]:
        """Give the moments and those just before and after, and the edges of the days."""
        tick = dt.timedelta(microseconds=1)
        near = [
            moment + step * tick
            for moment in self._moments
            for step in (-1, 0, 1)
            if moment.replace(tzinfo=None) != _LIMITS.get(step)
        ]
        return [*near, *(dt.datetime.combine(day, time) for day in self.days() for time in TIMES)]

    def times(self) -> list[dt.time]:
        """Give the times of day, and those a second before and after."""
        second = dt.timedelta(seconds=1)
        day = dt.date(2024, 1, 2)
        return [
            (dt.datetime.combine(day, time) + step * second).time()
            for time in self._times
            for step in (-1, 0, 1)
        ]


def maker(dtype: types.DataType, constants: Constants) -> Maker:
    """Give a function that makes the values in a nested type, with NULLs where it may hold them."""
    make = values(dtype, constants)
    if not dtype.nullable:
        return make
    return lambda rng: None if rng.random() < NULL_SHARE else make(rng)


@singledispatch
def values(dtype: types.DataType, constants: Constants) -> Maker:
    """Give a function that makes values of a type; this default branch refuses."""
    raise UnsupportedTypeError(f"the type {dtype} is not supported")


class Pool:
    """Common values and, chosen more often, those near the constants of a query.

    Attributes
    ----------
    near
        The values around the constants.
    """

    def __init__(self, common: Iterable[Any], near: Iterable[Any] = ()) -> None:
        self.near = list(dict.fromkeys(near))
        self._common = list(dict.fromkeys(common)) or self.near

    def __call__(self, rng: Random) -> Any:
        """Choose a value."""
        is_near = self.near and rng.random() < NEAR_SHARE
        return rng.choice(self.near if is_near else self._common)


@values.register
def _boolean(dtype: types.Boolean, constants: Constants) -> Maker:
    return Pool([True, False])


@values.register
def _integer(dtype: types.Integer, constants: Constants) -> Maker:
    low, high = dtype.bounds
    common, near = (
        [int(n) for n in pool if n == int(n) and low <= n <= high]
        for pool in ([*NUMBERS, *constants.far_numbers()], constants.numbers())
    )
    return Pool(common, near)


@values.register
def _floating(dtype: types.Floating, constants: Constants) -> Maker:
    return Pool(map(float, NUMBERS), map(float, constants.numbers()))


@values.register
def _decimal(dtype: types.Decimal, constants: Constants) -> Maker:
    precision, scale = dtype.precision or 18, dtype.scale or 0
    step, bound = Decimal(1).scaleb(-scale), Decimal(10) ** (precision - scale)
    with localcontext(prec=80):
        common, near = (
            [n.quantize(step) for n in pool if abs(n.quantize(step)) < bound]
            for pool in ([*NUMBERS, *constants.far_numbers()], constants.numbers())
        )
    return Pool(common, near)


@values.register
def _string(dtype: types.String, constants: Constants) -> Maker:
    return Pool(STRINGS, constants.text())


@values.register
def _binary(dtype: types.Binary, constants: Constants) -> Maker:
    return Pool(map(str.encode, STRINGS), map(str.encode, constants.text()))


@values.register
def _json(dtype: types.JSON, constants: Constants) -> Maker:
    return Pool(DOCUMENTS, constants.documents())


@values.register
def _uuid(dtype: types.UUID, constants: Constants) -> Maker:
    return Pool(str(UUID(int=i)) for i in range(6))


@values.register
def _date(dtype: types.Date, constants: Constants) -> Maker:
    return Pool([*DATES, *constants.far_days()], constants.days())


@values.register
def _time(dtype: types.Time, constants: Constants) -> Maker:
    return Pool(TIMES, constants.times())


@values.register
def _timestamp(dtype: types.Timestamp, constants: Constants) -> Maker:
    zone = dt.UTC if dtype.timezone else None
    usual = [
        dt.datetime.combine(day, time) for day in (*DATES, *constants.far_days()) for time in TIMES
    ]
    common, near = (
        [moment.replace(tzinfo=zone) for moment in pool] for pool in (usual, constants.moments())
    )
    return Pool(common, near)


@values.register
def _interval(dtype: types.Interval, constants: Constants) -> Maker:
    return Pool(dt.timedelta(**amount) for amount in ({"days": 1}, {"hours": 36}, {"seconds": 5}))


@values.register
def _array(dtype: types.Array, constants: Constants) -> Maker:
    item = maker(dtype.value_type, constants)

    def make(rng: Random) -> list[Any]:
        items = [item(rng) for _ in range(rng.randint(0, ITEMS))]
        return items + items[:1] * (rng.random() < REPEATED_SHARE)

    return make


@values.register
def _map(dtype: types.Map, constants: Constants) -> Maker:
    key, value = values(dtype.key_type, constants), maker(dtype.value_type, constants)
    return lambda rng: list({key(rng): value(rng) for _ in range(rng.randint(0, ITEMS))}.items())


@values.register
def _struct(dtype: types.Struct, constants: Constants) -> Maker:
    fields = {name: maker(part, constants) for name, part in dtype.items()}
    return lambda rng: {name: make(rng) for name, make in fields.items()}


@singledispatch
def key(dtype: types.DataType, number: int) -> Any:
    """Give the value that stands for a number in a column that rows are joined on; None: none."""


@key.register
def _integer_key(dtype: types.Integer, number: int) -> int:
    greatest: int = min(dtype.bounds[1], 1 << 30)
    return number % (greatest + 1)


@key.register
def _floating_key(dtype: types.Floating, number: int) -> float:
    return float(number)


@key.register
def _decimal_key(dtype: types.Decimal, number: int) -> Decimal:
    return Decimal(number % 10 ** max(1, (dtype.precision or 18) - (dtype.scale or 0)))


@key.register
def _string_key(dtype: types.String, number: int) -> str:
    return f"k{number}"


@key.register
def _date_key(dtype: types.Date, number: int) -> dt.date:
    return dt.date(2024, 1, 1) + dt.timedelta(days=number)


@key.register
def _timestamp_key(dtype: types.Timestamp, number: int) -> dt.datetime:
    zone = dt.UTC if dtype.timezone else None
    return dt.datetime(2024, 1, 1, tzinfo=zone) + dt.timedelta(hours=number)


@key.register
def _uuid_key(dtype: types.UUID, number: int) -> str:
    return str(UUID(int=number))


def later(value: Any, pace: dt.timedelta) -> Any:
    """Give the day or the moment at some distance from another one; that one at the end of time."""
    try:
        return value + pace
    except (OverflowError, TypeError):  # a time of day
        return value


@singledispatch
def limits(dtype: types.DataType) -> list[Any]:
    """Give the least and the greatest values of a type."""
    return []


@limits.register
def _integer_limits(dtype: types.Integer) -> list[int]:
    return [dtype.bounds[0], dtype.bounds[1]]


@limits.register
def _floating_limits(dtype: types.Floating) -> list[float]:
    return [float("nan"), float("inf"), float("-inf")]


@limits.register
def _decimal_limits(dtype: types.Decimal) -> list[Decimal]:
    with localcontext(prec=80):
        scale = dtype.scale or 0
        greatest = Decimal(10) ** (dtype.precision or 18) - 1
        return [greatest.scaleb(-scale), -greatest.scaleb(-scale)]


@limits.register
def _string_limits(dtype: types.String) -> list[str]:
    return ["", " ", "\t", "ÿ", "😀", "Z" * LONGEST]


@limits.register
def _date_limits(dtype: types.Date) -> list[dt.date]:
    return [dt.date(1, 1, 1), dt.date(1900, 2, 28), dt.date(2000, 2, 29), dt.date(9999, 12, 31)]


def _as_number(value: Any) -> Decimal | None:
    match value:
        case bool():
            return None
        case int() | Decimal():
            return Decimal(value)
        case float() if abs(value) < 1e15:
            return Decimal(repr(value))
        case str() if value.isdigit() and len(value) < 15:
            return Decimal(value)
    return None


def _as_day(value: Any) -> dt.date | None:
    if isinstance(value, dt.date):
        return value.date() if isinstance(value, dt.datetime) else value
    if isinstance(value, str):
        try:
            return dt.datetime.fromisoformat(value).date()
        except ValueError:
            return None
    return None
