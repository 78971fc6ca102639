"""Constants, and the conditions on one column that say how far a recursive query goes."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlglot import exp


def constant_of(node: exp.Expr) -> int | datetime.datetime | datetime.date | None:
    """Read a whole number, a date or a timestamp.

    Examples
    --------
    >>> import sqlglot
    >>> [constant_of(sqlglot.parse_one(sql)) for sql in ("-2", "DATE '2020-01-31'", "a")]
    [-2, datetime.date(2020, 1, 31), None]
    """
    node = node.unnest()
    if isinstance(node, exp.Select) and set(filter(node.args.get, node.args)) <= {"expressions"}:
        return constant_of(node.expressions[0].unalias())
    if isinstance(node, exp.Neg):
        inner = constant_of(node.this)
        return -inner if isinstance(inner, int) else None
    if isinstance(node, exp.Literal):
        return int(node.name) if not node.is_string and node.name.isdigit() else None
    if isinstance(node, exp.Cast):
        kind = node.to
        if kind.is_type(*exp.DataType.INTEGER_TYPES):
            return constant_of(node.this)
        read = _READERS.get(kind.this)
        if read is not None and isinstance(node.this, exp.Literal):
            try:
                return read(node.this.name)
            except ValueError:
                return None
    return None


_READERS: dict[object, Callable[[str], datetime.date]] = {
    exp.DataType.Type.DATE: datetime.date.fromisoformat,
    exp.DataType.Type.TIMESTAMP: datetime.datetime.fromisoformat,
    exp.DataType.Type.TIMESTAMPNTZ: datetime.datetime.fromisoformat,
}


_MONTHS = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}
_UNITS = {"DAY": "days", "WEEK": "weeks", "HOUR": "hours", "MINUTE": "minutes", "SECOND": "seconds"}


def span_of(node: exp.Expr) -> datetime.timedelta | None:
    """Read an interval of a fixed length; a bare number is one of days."""
    days = constant_of(node)
    if isinstance(days, int):
        return datetime.timedelta(days=days)
    if not isinstance(node, exp.Interval):
        return None
    span = interval_of(node)
    return span[1] if span is not None and not span[0] else None


def interval_of(node: exp.Interval) -> tuple[int, datetime.timedelta] | None:
    """Read an interval as months and what is of a fixed length."""
    number, _, word = node.this.name.strip().partition(" ") if node.this else ("", "", "")
    unit = node.args["unit"].name if node.args.get("unit") is not None else word
    unit = unit.strip().upper().removesuffix("S")
    if not number.removeprefix("-").isdigit():
        return None
    if unit in _MONTHS:
        return int(number) * _MONTHS[unit], datetime.timedelta()
    if unit not in _UNITS:
        return None
    return 0, datetime.timedelta(**{_UNITS[unit]: int(number)})


class Predicate(NamedTuple):
    """A condition on one column.

    Parameters
    ----------
    column
        Its position; None for a constant condition.
    holds
        Whether a value may fulfil it.
    exact
        Whether that is all of the condition: others may leave out more.
    """

    column: int | None
    holds: Callable[[Any], bool]
    exact: bool = True


class Reader:
    """Reads conditions.

    Parameters
    ----------
    position
        Gives the position of the column that a node is.
    constants
        For each column its values in the first rows, where the text tells them.
    """

    def __init__(
        self,
        position: Callable[[exp.Expr], int | None],
        constants: Sequence[Sequence[Any] | None],
    ) -> None:
        self._position = position
        self._constants = constants

    def predicate(self, node: exp.Expr) -> Predicate | None:
        """Read a condition; None if it tells nothing of one column."""
        node = node.unnest()
        if isinstance(node, exp.Boolean):
            holds = bool(node.this)
            return Predicate(None, lambda value: holds)
        if isinstance(node, exp.And | exp.Or):
            return self._connected(node)
        if isinstance(node, exp.Not):
            return _opposite(self.predicate(node.this))
        if isinstance(node, exp.Between):
            low = exp.GTE(this=node.this.copy(), expression=node.args["low"].copy())
            high = exp.LTE(this=node.this.copy(), expression=node.args["high"].copy())
            return _both([self.predicate(low), self.predicate(high)])
        if isinstance(node, exp.In) and node.expressions:
            members = [exp.EQ(this=node.this.copy(), expression=m) for m in node.expressions]
            return _any([self.predicate(member) for member in members])
        return self._comparison(node)

    def _connected(self, node: exp.Expr) -> Predicate | None:
        tests = [self.predicate(part) for part in (node.this, node.expression)]
        return _both(tests) if isinstance(node, exp.And) else _any(tests)

    def _comparison(self, node: exp.Expr) -> Predicate | None:
        """Read a comparison of a column, or of one plus a constant, with a constant."""
        kind = type(node)
        if kind not in _TESTS:
            return None
        left, right = node.this.unnest(), node.expression.unnest()
        if self._column(left) is None:
            left, right, kind = right, left, _MIRRORED.get(kind, kind)
        column = self._column(left)
        if column is None:
            return None
        bound = constant_of(right)
        if bound is None:
            bound = self._text(right, column)
        shift: Any = 0
        if isinstance(left, exp.Add | exp.Sub):
            sign = -1 if isinstance(left, exp.Sub) else 1
            read = constant_of if isinstance(bound, int) else span_of
            shift = read(left.expression)
            if shift is None:
                return None
            shift = sign * shift
        if bound is None:
            return None
        compare = _TESTS[kind]

        def holds(value: Any) -> bool:
            shifted = value + shift if shift else value
            return compare(_instant(shifted), _instant(bound))

        return Predicate(column, holds)

    def _column(self, node: exp.Expr) -> int | None:
        """Give the position of the column that a node reads, alone or with a constant added."""
        if isinstance(node, exp.Add | exp.Sub):
            node = node.this.unnest()
        return self._position(node)

    def _text(self, node: exp.Expr, column: int) -> Any:
        """Read a text as what it is compared with: a date or a timestamp."""
        starts = self._constants[column]
        if not isinstance(node, exp.Literal) or not node.is_string or not starts:
            return None
        read = type(starts[0])
        if read not in (datetime.date, datetime.datetime):
            return None
        try:
            return read.fromisoformat(node.name)
        except ValueError:
            return None


def _both(tests: Sequence[Predicate | None]) -> Predicate | None:
    """Combine conditions of which all have to hold: those that are not known leave out more."""
    known = [test for test in tests if test is not None]
    columns = [test.column for test in known if test.column is not None]
    if not known:
        return None
    column = columns[0] if columns else None
    own = [test for test in known if test.column in (column, None)]
    exact = len(own) == len(tests) and all(test.exact for test in own)
    return Predicate(column, lambda value: all(test.holds(value) for test in own), exact)


def _any(tests: Sequence[Predicate | None]) -> Predicate | None:
    """Combine conditions of which one has to hold, of one column."""
    known = [test for test in tests if test is not None]
    columns = {test.column for test in known} - {None}
    if len(known) < len(tests) or len(columns) > 1:
        return None
    column = next(iter(columns), None)
    exact = all(test.exact for test in known)
    return Predicate(column, lambda value: any(test.holds(value) for test in known), exact)


def _opposite(test: Predicate | None) -> Predicate | None:
    if test is None or not test.exact:
        return None
    return Predicate(test.column, lambda value: not test.holds(value))


_TESTS: dict[type[exp.Expr], Callable[[Any, Any], bool]] = {
    exp.EQ: lambda value, bound: value == bound,
    exp.NEQ: lambda value, bound: value != bound,
    exp.LT: lambda value, bound: value < bound,
    exp.LTE: lambda value, bound: value <= bound,
    exp.GT: lambda value, bound: value > bound,
    exp.GTE: lambda value, bound: value >= bound,
}
_MIRRORED: dict[type[exp.Expr], type[exp.Expr]] = {
    exp.LT: exp.GT,
    exp.GT: exp.LT,
    exp.LTE: exp.GTE,
    exp.GTE: exp.LTE,
}


def _instant(value: Any) -> Any:
    """Give a date as the timestamp at its beginning, as which it is compared with others."""
    if type(value) is datetime.date:
        return datetime.datetime(value.year, value.month, value.day)
    return value
