"""Generate rows for any catalog: values that predicates tell apart, NULLs, ties, matching keys."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from decimal import Decimal
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
NULLS = 0.12  # the share of NULLs where a column may hold them
ITEMS = 3  # of a generated list or map, at most

DAY = dt.timedelta(days=1)
DATES = [dt.date(2023, 12, 31), dt.date(2024, 1, 1), dt.date(2024, 1, 31), dt.date(2024, 2, 29)]
TIMES = [dt.time(0, 0), dt.time(9, 30, 15), dt.time(23, 59, 59, 999_999)]
STRINGS = ["", "a", "A", "ab", "b ", "x_%", "zoë"]
NUMBERS = [Decimal(text) for text in ("-7", "-1", "0", "0.25", "1", "1.5", "2", "3", "10")]
DOCUMENTS = ["null", '{"a": 1, "b": [1, 2]}', '{"a": null}', "[]", '"text"']

Maker = Callable[[Random], Any]


class Literals:
    """The constants of a query, which its predicates compare columns with."""

    def __init__(self, query: exp.Expr) -> None:
        found = list(query.find_all(exp.Literal))
        self.strings = sorted({node.name for node in found if node.is_string})
        self.numbers = sorted({Decimal(node.name) for node in found if node.is_number})
        self.dates = sorted(filter(None, map(_as_date, self.strings)))

    def text(self) -> list[str]:
        """Give strings that patterns match, and the constants themselves."""
        instances = [text.replace("%", "").replace("_", "a") for text in self.strings]
        return [*STRINGS, *self.strings, *instances]

    def values(self) -> list[Decimal]:
        """Give numbers around the constants."""
        near = [number + step for number in self.numbers for step in (-1, 0, 1)]
        return [*NUMBERS, *near]

    def days(self) -> list[dt.date]:
        """Give days around the constants."""
        near = [date + step for date in self.dates for step in (-DAY, dt.timedelta(), DAY)]
        return [*DATES, *near]


def write_witnesses(
    folder: Path, catalog: Catalog, sql: str, *, dialect: str = "duckdb", seed: int = 0
) -> list[Path]:
    """Write databases for judging code against a query: generated rows, and the same in reverse.

    Raises
    ------
    IbertError
        The SQL does not parse, or a column's type cannot be generated.
    """
    literals = Literals(parse_query(sql, dialect))
    tables = generate_tables(catalog, literals, seed)
    return write_databases(folder, catalog.to_ddl("duckdb"), tables)


def generate_tables(catalog: Catalog, literals: Literals, seed: int) -> dict[str, pa.Table]:
    """Make rows for every table of a catalog.

    Raises
    ------
    IbertError
        A column has a type that cannot be generated.
    """
    tables = {}
    with collected() as found:
        for name, schema in catalog.tables.items():
            rng = Random(f"{seed}:{name}")
            columns = {}
            for column, dtype in schema.items():
                try:
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
    make = maker(dtype, literals)
    return [make(rng) for _ in range(ROWS)]


def _table(columns: dict[str, list[Any]], schema: pa.Schema, rng: Random) -> pa.Table:
    places = [*range(ROWS - COPIES), *rng.sample(range(ROWS - COPIES), COPIES)]
    arrays = [
        pa.array([columns[field.name][place] for place in places], field.type) for field in schema
    ]
    return pa.table(arrays, schema=schema)


def maker(dtype: types.DataType, literals: Literals) -> Maker:
    """Give a function that makes values of a type, with NULLs where it may hold them."""
    make = values(dtype, literals)
    if not dtype.nullable:
        return make
    return lambda rng: None if rng.random() < NULLS else make(rng)


@singledispatch
def values(dtype: types.DataType, literals: Literals) -> Maker:
    """Give a function that makes values of a type; this default branch refuses."""
    raise UnsupportedTypeError(f"the type {dtype} is not supported")


def _choice(options: Iterable[Any]) -> Maker:
    options = list(dict.fromkeys(options))
    return lambda rng: rng.choice(options)


@values.register
def _boolean(dtype: types.Boolean, literals: Literals) -> Maker:
    return _choice([True, False])


@values.register
def _integer(dtype: types.Integer, literals: Literals) -> Maker:
    low, high = dtype.bounds
    return _choice(int(n) for n in literals.values() if n == int(n) and low <= n <= high)


@values.register
def _floating(dtype: types.Floating, literals: Literals) -> Maker:
    return _choice(map(float, literals.values()))


@values.register
def _decimal(dtype: types.Decimal, literals: Literals) -> Maker:
    precision, scale = dtype.precision or 18, dtype.scale or 0
    step, bound = Decimal(1).scaleb(-scale), Decimal(10) ** (precision - scale)
    return _choice(n.quantize(step) for n in literals.values() if abs(n) < bound)


@values.register
def _string(dtype: types.String, literals: Literals) -> Maker:
    return _choice(literals.text())


@values.register
def _binary(dtype: types.Binary, literals: Literals) -> Maker:
    return _choice(text.encode() for text in literals.text())


@values.register
def _json(dtype: types.JSON, literals: Literals) -> Maker:
    return _choice(DOCUMENTS)


@values.register
def _uuid(dtype: types.UUID, literals: Literals) -> Maker:
    return _choice(str(UUID(int=i)) for i in range(6))


@values.register
def _date(dtype: types.Date, literals: Literals) -> Maker:
    return _choice(literals.days())


@values.register
def _time(dtype: types.Time, literals: Literals) -> Maker:
    return _choice(TIMES)


@values.register
def _timestamp(dtype: types.Timestamp, literals: Literals) -> Maker:
    zone = dt.UTC if dtype.timezone else None
    moments = [dt.datetime.combine(day, time) for day in literals.days() for time in TIMES]
    return _choice(moment.replace(tzinfo=zone) for moment in moments)


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
