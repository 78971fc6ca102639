"""Schemas from mappings of type names, and what every schema in a catalog must keep to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol

import ibis.expr.datatypes as dt
import parsy  # type: ignore[import-untyped]
from ibis.common.annotations import ValidationError
from ibis.common.exceptions import IbisError
from ibis.expr.schema import Schema
from sqlglot import exp
from sqlglot.errors import SqlglotError

from ibert.catalog.types import parts, read_type
from ibert.diagnostics import Diagnostic, Span, collected, did_you_mean

SHAPE = "write {table: {column: type}}"

_TYPE_NAMES = (
    *("array<…>", "binary", "boolean", "date", "decimal", "float32", "float64", "inet", "int8"),
    *("int16", "int32", "int64", "interval", "json", "map<…>", "string", "struct<…>", "time"),
    *("timestamp", "uint8", "uint16", "uint32", "uint64", "uuid"),
)


class Locate(Protocol):
    """Tells where the value (or the key) at a path of keys stands."""

    def __call__(self, *path: str, key: bool = False) -> tuple[str | None, Span | None]:
        """Give the source, and the place in it where it has lines."""


def by_path(*prefix: str) -> Locate:
    """Locate in what has no lines: the place is the path itself.

    Examples
    --------
    >>> by_path("context")("orders", "id")
    ('context.orders.id', None)
    """

    def locate(*path: str, key: bool = False) -> tuple[str | None, Span | None]:
        return ".".join((*prefix, *path)) or None, None

    return locate


def read_schemas(tables: object, locate: Locate) -> dict[str, Schema]:
    """Read schemas from `{table: {column: type}}`, where types are names or Ibis types.

    Raises
    ------
    IbertError
        IB101 for each unknown type, IB106 for each part of another shape, and what `check_schemas`
        raises.

    Examples
    --------
    >>> read_schemas({"t": {"a": "!int64"}}, by_path())
    {'t': ibis.Schema {
      a  !int64
    }}
    """
    schemas: dict[str, Schema] = {}
    with collected() as found:
        if not isinstance(tables, Mapping):
            found.append(_misshapen("tables", tables, *locate()))
            return schemas
        for table, columns in tables.items():
            if not isinstance(table, str):
                found.append(_misshapen("the name of a table", table, *locate()))
            elif isinstance(columns, Schema):
                schemas[table] = columns
            elif isinstance(columns, Mapping):
                schemas[table] = _schema(table, columns, locate, found)
            else:
                found.append(_misshapen(f"the columns of {table!r}", columns, *locate(table)))
        check_schemas(schemas, locate)
    return schemas


def check_schemas(tables: Mapping[str, Schema], locate: Locate) -> None:
    """Check that each table has columns, with names of their own and types that Ibis has.

    Raises
    ------
    IbertError
        IB101, IB103, IB106 or IB107 for each that has not.

    Examples
    --------
    >>> check_schemas({"t": Schema({"a": "int64", "A": "int64"})}, by_path())
    Traceback (most recent call last):
    ibert.diagnostics.IbertError: t.A: IB103 column 'A' is another name of 'a'
      hint: names that differ in case only are the same name in SQL
    """
    with collected() as found:
        for table, schema in tables.items():
            if isinstance(schema, Schema):
                found += _findings(table, schema, locate)
            else:
                found.append(_misshapen("a schema", schema, *locate(table)))


def type_name(dtype: dt.DataType, place: str, found: list[Diagnostic]) -> str:
    """Give the text of a type; add a diagnostic if Ibis does not read the text back."""
    text = str(dtype)
    if _dtype(text) != dtype:
        message = f"Ibis does not read the name of the type {text}"
        found.append(Diagnostic(code="IB101", message=message, source=place))
    return text


def _findings(table: str, schema: Schema, locate: Locate) -> Iterator[Diagnostic]:
    if not len(schema):
        source, span = locate(table, key=True)
        message = f"table {table!r} has no columns"
        yield Diagnostic(code="IB107", message=message, source=source, span=span)
    folded: dict[str, str] = {}
    for column, dtype in schema.items():
        source, span = locate(table, column, key=True)
        first = folded.setdefault(column.casefold(), column)
        if first != column:
            message = f"column {column!r} is another name of {first!r}"
            hint = "names that differ in case only are the same name in SQL"
            yield Diagnostic(code="IB103", message=message, source=source, span=span, hint=hint)
        for part in parts(dtype):
            if part.is_unknown():
                message = f"Ibis has no type {part.raw_type or part}"
                yield Diagnostic(code="IB101", message=message, source=source, span=span)


def _schema(
    table: str, columns: Mapping[object, object], locate: Locate, found: list[Diagnostic]
) -> Schema:
    dtypes = {}
    for column, text in columns.items():
        if not isinstance(column, str):
            found.append(_misshapen("the name of a column", column, *locate(table)))
            continue
        dtype = text if isinstance(text, dt.DataType) else _dtype(text)
        if dtype is None:
            source, span = locate(table, column)
            found.append(
                Diagnostic(
                    code="IB101",
                    message=f"unknown type {_shortened(text)}",
                    source=source,
                    span=span,
                    hint=_hint(str(text)),
                )
            )
        # Any type will do for the rest of the checks.
        dtypes[column] = dtype or dt.null
    return Schema(dtypes)


def _dtype(text: object) -> dt.DataType | None:
    """Give the Ibis type of a name; None if there is none."""
    if not isinstance(text, str):
        return None
    try:
        return dt.dtype(text)
    except (parsy.ParseError, IbisError, ValidationError, ValueError, RecursionError):
        return None


def _hint(text: str) -> str:
    """Give the hint for an unknown type: the Ibis type of the SQL type it may be, or a like one."""
    if text.isidentifier():
        try:
            meant = read_type(exp.DataType.build(text, dialect="duckdb"), "duckdb")
        except SqlglotError:
            meant = None
        if meant is not None:
            return f"did you mean {str(meant)!r}?"
    return did_you_mean(text, _TYPE_NAMES, "types")


def _misshapen(what: str, value: object, source: str | None, span: Span | None) -> Diagnostic:
    message = f"{_shortened(value)} in place of {what}"
    return Diagnostic(code="IB106", message=message, source=source, span=span, hint=SHAPE)


def _shortened(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
