"""Recursive queries over constants alone, as the rows that they come to."""

from __future__ import annotations

import calendar
import datetime
import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlglot import exp

from ibert.translator.bounds import Predicate, constant_of, interval_of
from ibert.translator.datatypes import BIGINT, INTEGER, INTEGERS, Type, from_sqlglot

MOST = 100  # rows that are written out
Row = tuple[Any, ...]
Formula = Callable[[Row], Any]
Position = Callable[[exp.Expr], int | None]


def constant_levels(
    base: exp.Select,
    member: exp.Select,
    predicates: Sequence[Predicate],
    position: Position,
    distinct: bool,
) -> exp.Values | None:
    """Give all rows; None where the text does not tell them, or there are too many.

    Parameters
    ----------
    base, member
        The query of the first row, and of the next.
    predicates
        All that has to hold of a row for it to have a next one.
    position
        Gives the position of the column that a node is.
    distinct
        Whether repeated rows are left out.
    """
    nodes = [item.unalias().unnest() for item in base.expressions]
    first = tuple(map(constant_of, nodes))
    formulas = [_formula(item.unalias(), position) for item in member.expressions]
    known = [formula for formula in formulas if formula is not None]
    if base.args.get("from_") or None in first or len(known) < len(formulas):
        return None
    kinds = [_kind(node, value) for node, value in zip(nodes, first, strict=True)]
    rows: list[Row] = []
    try:
        for row in _levels(first, known, predicates):
            if distinct and row in rows:
                break
            if len(rows) == MOST or not all(map(_fits, row, kinds)):
                return None
            rows.append(row)
    except (TypeError, OverflowError):  # of what is no arithmetic of DuckDB's either
        return None
    return exp.Values(
        expressions=[
            exp.Tuple(expressions=[_literal(*pair) for pair in zip(row, kinds, strict=True)])
            for row in rows
        ]
    )


def _levels(
    row: Row, formulas: Sequence[Formula], predicates: Sequence[Predicate]
) -> Iterator[Row]:
    """Yield a row and those that come from it; a column keeps the type that it has at first."""
    dates = [type(value) is datetime.date for value in row]
    yield row
    while all(test.holds(None if test.column is None else row[test.column]) for test in predicates):
        made = [formula(row) for formula in formulas]
        row = tuple(
            _date(value) if is_date else value for value, is_date in zip(made, dates, strict=True)
        )
        yield row


_OPERATORS: dict[type[exp.Expr], Callable[[Any, Any], Any]] = {
    exp.Add: operator.add,
    exp.Sub: operator.sub,
    exp.Mul: operator.mul,
}


def _formula(node: exp.Expr, position: Position) -> Formula | None:
    """Read how a column comes from the row before."""
    node = node.unnest()
    index = position(node)
    if index is not None:
        return lambda row: row[index]
    value = constant_of(node)
    if value is not None:
        return lambda _: value
    if isinstance(node, exp.Cast) and node.to.is_type(exp.DataType.Type.DATE):
        inner = _formula(node.this, position)
        return inner and (lambda row: _date(inner(row)))
    combine = _OPERATORS.get(type(node))
    if combine is None:
        return None
    right = node.expression.unnest()
    if isinstance(right, exp.Interval):
        return _shifted(node, right, position)
    left, other = _formula(node.this, position), _formula(right, position)
    if left is None or other is None:
        return None
    return lambda row: combine(*_operands(left(row), other(row)))


def _operands(left: Any, right: Any) -> tuple[Any, Any]:
    """Give a number beside a date as days."""
    if type(left) is datetime.date and isinstance(right, int):
        return left, datetime.timedelta(days=right)
    return left, right


def _shifted(node: exp.Expr, interval: exp.Interval, position: Position) -> Formula | None:
    """Read `d + INTERVAL 1 MONTH`, which is a timestamp."""
    inner, span = _formula(node.this, position), interval_of(interval)
    if inner is None or span is None or isinstance(node, exp.Mul):
        return None
    sign = -1 if isinstance(node, exp.Sub) else 1
    months, rest = sign * span[0], sign * span[1]
    return lambda row: _months_later(_timestamp(inner(row)), months) + rest


def _months_later(value: datetime.datetime, months: int) -> datetime.datetime:
    year, month = divmod(value.year * 12 + value.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return value.replace(year=year, month=month + 1, day=min(value.day, last))


def _timestamp(value: Any) -> datetime.datetime:
    if isinstance(value, datetime.datetime):
        return value
    return datetime.datetime(value.year, value.month, value.day)


def _date(value: Any) -> Any:
    return value.date() if isinstance(value, datetime.datetime) else value


def _kind(node: exp.Expr, value: Any) -> Type:
    """Give the type of a constant of the first row."""
    if isinstance(node, exp.Cast):
        return from_sqlglot(node.to)
    return INTEGER if _fits(value, INTEGER) else BIGINT


def _fits(value: Any, kind: Type) -> bool:
    """Whether a value is one of a type; a recursive query has no result otherwise."""
    if kind.name not in INTEGERS:
        return type(value) is _CLASSES.get(kind.name)
    bits, signed = INTEGERS[kind.name]
    lowest = -(1 << (bits - 1)) if signed else 0
    return type(value) is int and lowest <= value < lowest + (1 << bits)


_CLASSES = {"date": datetime.date, "timestamp": datetime.datetime}


def _literal(value: Any, kind: Type) -> exp.Expr:
    if not isinstance(value, int):
        return exp.cast(exp.Literal.string(str(value)), kind.sql)
    number = exp.Literal.number(abs(value))
    written = exp.Neg(this=number) if value < 0 else number
    return written if kind == INTEGER else exp.cast(written, kind.sql)
