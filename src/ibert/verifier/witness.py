"""Generate rows for any catalog: values that predicates tell apart, NULLs, ties, matching keys."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal, localcontext
from functools import singledispatch
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

import ibis.expr.datatypes as types
import pyarrow as pa
from sqlglot import exp

from ibert.catalog import Catalog
from ibert.database import write_databases
from ibert.diagnostics import Diagnostic, collected
from ibert.sql import parse_query

ROWS = 40
COPIES = 4  # of the rows, how many repeat an earlier one
NULLS = 5  # of the rows that are no copies, in each column that may hold them
WITNESSES = 3
ITEMS = 3  # of a generated list or map, at most

DATES = [dt.date(2023, 12, 31), dt.date(2024, 1, 1), dt.date(2024, 1, 31), dt.date(2024, 2, 29)]
TIMES = [dt.time(0, 0), dt.time(9, 30, 15), dt.time(23, 59, 59, 999_999)]
STRINGS = ["", "a", "A", "ab", "b ", "x_%", "zoë"]
NUMBERS = [Decimal(text) for text in ("-7", "-1", "0", "0.25", "1", "1.5", "2", "3", "10")]
DOCUMENTS = ["null", '{"a": 1, "b": [1, 2]}', '{"a": null}', "[]", '"text"']

Maker = Callable[[Random], Any]


class Literals:
    """Constants that a query compares a column with, and the values around them."""

    def __init__(self, nodes: Iterable[exp.Literal]) -> None:
        nodes = list(nodes)
        self._strings = sorted({node.name for node in nodes if node.is_string})
        self._numbers = sorted({Decimal(node.name) for node in nodes if node.is_number})
        self._dates = sorted(filter(None, map(_as_date, self._strings)))

    def text(self) -> list[str]:
        """Give the strings, what they match as patterns, and both in other cases."""
        instances = [text.replace("%", "").replace("_", "a") for text in self._strings]
        return [*self._strings, *instances, *map(str.swapcase, [*self._strings, *instances])]

    def numbers(self) -> list[Decimal]:
        """Give the numbers, one less and one more."""
        return [number + step for number in self._numbers for step in (-1, 0, 1)]

    def days(self) -> list[dt.date]:
        """Give the days, the one before and the one after."""
        ordinals = {day.toordinal() + step for day in self._dates for step in (-1, 0, 1)}
        return [
            dt.date.fromordinal(n) for n in sorted(ordinals) if 1 <= n <= dt.date.max.toordinal()
        ]


def literals_by_column(query: exp.Expr) -> dict[str, Literals]:
    """Give the constants that each column (by its name in lower case) meets in a predicate.

    Examples
    --------
    >>> query = parse_query("SELECT * FROM t WHERE a > 5 AND b LIKE 'x%'")
    >>> {name: (found.numbers(), found.text()) for name, found in literals_by_column(query).items()}
    {'a': ([Decimal('4'), Decimal('5'), Decimal('6')], []), 'b': ([], ['x%', 'x', 'X%', 'X'])}
    """
    found = defaultdict(list)
    for literal in query.find_all(exp.Literal):
        predicate = literal.find_ancestor(exp.Predicate)
        for column in predicate.find_all(exp.Column) if predicate else ():
            found[column.name.casefold()].append(literal)
    return {name: Literals(nodes) for name, nodes in found.items()}


def write_witnesses(
    folder: Path, catalog: Catalog, sql: str, *, dialect: str = "duckdb", seed: int = 0
) -> list[list[Path]]:
    """Write `WITNESSES` witnesses for judging code against a query, each also in reverse.

    Raises
    ------
    IbertError
        The SQL does not parse, or a column's type cannot be generated.
    """
    query = parse_query(sql, dialect)
    ddl = catalog.to_ddl("duckdb")
    witnesses = []
    for i in range(WITNESSES):
        place = folder / str(i)
        place.mkdir()
        tables = generate_tables(catalog, query, f"{seed}:{i}")
        witnesses.append(write_databases(place, ddl, tables))
    return witnesses


def generate_tables(catalog: Catalog, query: exp.Expr, seed: str) -> dict[str, pa.Table]:
    """Make rows for every table of a catalog, half of the values around the query's constants.

    Raises
    ------
    IbertError
        A column has a type that cannot be generated.
    """
    own = literals_by_column(query)
    whole = Literals(query.find_all(exp.Literal))
    tables = {}
    with collected() as found:
        for name, schema in catalog.tables.items():
            rng = Random(f"{seed}:{name}")
            columns = {}
            for column, dtype in schema.items():
                try:
                    literals = own.get(column.casefold(), whole)
                    columns[column] = _column(dtype, literals, rng)
                except UnsupportedTypeError as error:
                    message = f"no values can be made for {name}.{column}: {error}"
                    found.append(Diagnostic(code="IB101", message=message))
            if columns.keys() == set(schema):
                tables[name] = _table(columns, schema.to_pyarrow(), rng)
    return tables


class UnsupportedTypeError(Exception):
    """There is no maker of values for a type."""


def _column(dtype: types.DataType, literals: Literals, rng: Random) -> list[Any]:
    make = values(dtype, literals)
    column = [make(rng) for _ in range(ROWS)]
    if dtype.nullable:
        for place in rng.sample(range(ROWS - COPIES), NULLS):
            column[place] = None
    return column


def _table(columns: dict[str, list[Any]], schema: pa.Schema, rng: Random) -> pa.Table:
    places = [*range(ROWS - COPIES), *rng.sample(range(ROWS - COPIES), COPIES)]
    arrays = [
        pa.array([columns[field.name][place] for place in places], field.type) for field in schema
    ]
    return pa.table(arrays, schema=schema)


def maker(dtype: types.DataType, literals: Literals) -> Maker:
    """Give a function that makes the values in a nested type, with NULLs where it may hold them."""
    make = values(dtype, literals)
    if not dtype.nullable:
        return make
    return lambda rng: None if rng.random() < NULLS / ROWS else make(rng)


@singledispatch
def values(dtype: types.DataType, literals: Literals) -> Maker:
    """Give a function that makes values of a type; this default branch refuses."""
    raise UnsupportedTypeError(f"the type {dtype} is not supported")


def _choice(common: Iterable[Any], near: Iterable[Any] = ()) -> Maker:
    """Choose among common values and, half of the time, those near the query's constants."""
    pools = [list(dict.fromkeys(pool)) for pool in (common, near)]
    pools = [pool for pool in pools if pool]
    return lambda rng: rng.choice(rng.choice(pools))


@values.register
def _boolean(dtype: types.Boolean, literals: Literals) -> Maker:
    return _choice([True, False])


@values.register
def _integer(dtype: types.Integer, literals: Literals) -> Maker:
    low, high = dtype.bounds
    common, near = (
        [int(n) for n in pool if n == int(n) and low <= n <= high]
        for pool in (NUMBERS, literals.numbers())
    )
    return _choice(common, near)


@values.register
def _floating(dtype: types.Floating, literals: Literals) -> Maker:
    return _choice(map(float, NUMBERS), map(float, literals.numbers()))


@values.register
def _decimal(dtype: types.Decimal, literals: Literals) -> Maker:
    precision, scale = dtype.precision or 18, dtype.scale or 0
    step, bound = Decimal(1).scaleb(-scale), Decimal(10) ** (precision - scale)
    with localcontext(prec=80):
        common, near = (
            [n.quantize(step) for n in pool if abs(n.quantize(step)) < bound]
            for pool in (NUMBERS, literals.numbers())
        )
    return _choice(common, near)


@values.register
def _string(dtype: types.String, literals: Literals) -> Maker:
    return _choice(STRINGS, literals.text())


@values.register
def _binary(dtype: types.Binary, literals: Literals) -> Maker:
    return _choice(map(str.encode, STRINGS), map(str.encode, literals.text()))


@values.register
def _json(dtype: types.JSON, literals: Literals) -> Maker:
    return _choice(DOCUMENTS)


@values.register
def _uuid(dtype: types.UUID, literals: Literals) -> Maker:
    return _choice(str(UUID(int=i)) for i in range(6))


@values.register
def _date(dtype: types.Date, literals: Literals) -> Maker:
    return _choice(DATES, literals.days())


@values.register
def _time(dtype: types.Time, literals: Literals) -> Maker:
    return _choice(TIMES)


@values.register
def _timestamp(dtype: types.Timestamp, literals: Literals) -> Maker:
    zone = dt.UTC if dtype.timezone else None
    common, near = (
        [dt.datetime.combine(day, time, zone) for day in days for time in TIMES]
        for days in (DATES, literals.days())
    )
    return _choice(common, near)


@values.register
def _array(dtype: types.Array, literals: Literals) -> Maker:
    item = maker(dtype.value_type, literals)
    return lambda rng: [item(rng) for _ in range(rng.randint(0, ITEMS))]


@values.register
def _map(dtype: types.Map, literals: Literals) -> Maker:
    key, value = values(dtype.key_type, literals), maker(dtype.value_type, literals)
    return lambda rng: list({key(rng): value(rng) for _ in range(rng.randint(0, ITEMS))}.items())


@values.register
def _struct(dtype: types.Struct, literals: Literals) -> Maker:
    fields = {name: maker(part, literals) for name, part in dtype.items()}
    return lambda rng: {name: make(rng) for name, make in fields.items()}


def _as_date(text: str) -> dt.date | None:
    try:
        return dt.datetime.fromisoformat(text).date()
    except ValueError:
        return None
