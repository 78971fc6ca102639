"""Families of column types: within one, values mean the same and only widths differ."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import duckdb
import pyarrow as pa
from duckdb.sqltypes import DuckDBPyType
from pyarrow import types as arrow


class Family(NamedTuple):
    """A family of types; `list`, `map` and `struct` have parts, those of a struct have names."""

    name: str
    parts: tuple[Family, ...] = ()
    fields: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(str, self.parts))})" if self.parts else self.name


# DuckDB's type ids by family. An id that is not here is a family of its own.
_DUCKDB = {
    "integer": "tinyint smallint integer bigint hugeint "
    "utinyint usmallint uinteger ubigint uhugeint",
    "float": "float double",
    "string": "varchar enum",
    "timestamp": "timestamp timestamp_s timestamp_ms timestamp_ns",
    "null": "sqlnull",
}
_FAMILY = {kind: family for family, kinds in _DUCKDB.items() for kind in kinds.split()}

# What a family is once it was fetched, where Ibis asks Arrow for another type.
_FETCHED = {"json": "string", "uuid": "string"}

_ARROW = (
    (arrow.is_boolean, "boolean"),
    (arrow.is_integer, "integer"),
    (arrow.is_floating, "float"),
    (arrow.is_decimal, "decimal"),
    (arrow.is_string, "string"),
    (arrow.is_large_string, "string"),
    (arrow.is_string_view, "string"),
    (arrow.is_binary, "blob"),
    (arrow.is_large_binary, "blob"),
    (arrow.is_date, "date"),
    (arrow.is_time, "time"),
    (arrow.is_interval, "interval"),
    (arrow.is_duration, "interval"),
    (arrow.is_null, "null"),
)
_ARROW_LIST = (arrow.is_list, arrow.is_large_list, arrow.is_fixed_size_list)
_ARROW_EXTENSION = {"arrow.json": "string", "arrow.uuid": "string"}


@lru_cache(maxsize=4096)
def duckdb_family(name: str) -> Family:
    """Give the family of a DuckDB type.

    Examples
    --------
    >>> duckdb_family("HUGEINT") == duckdb_family("TINYINT")
    True
    >>> print(duckdb_family("STRUCT(a INTEGER, b DECIMAL(4,1)[])"))
    struct(integer, list(decimal))
    """
    if name == "JSON":  # an alias of VARCHAR to DuckDB's own type objects
        return Family("json")
    try:
        kind = DuckDBPyType(name)
    except duckdb.Error:  # a struct whose fields have no names
        return Family(name)
    if kind.id in ("list", "array"):
        return Family("list", (duckdb_family(str(kind.children[0][1])),))
    if kind.id in ("struct", "map"):
        parts = tuple(duckdb_family(str(child)) for _, child in kind.children)
        fields = tuple(field for field, _ in kind.children) if kind.id == "struct" else ()
        return Family(kind.id, parts, fields)
    return Family(_FAMILY.get(kind.id, kind.id))


@lru_cache(maxsize=4096)
def arrow_family(kind: pa.DataType) -> Family:
    """Give the family of an Arrow type.

    Examples
    --------
    >>> print(arrow_family(pa.list_(pa.int8())))
    list(integer)
    """
    if isinstance(kind, pa.BaseExtensionType):
        return Family(_ARROW_EXTENSION.get(kind.extension_name, kind.extension_name))
    if any(test(kind) for test in _ARROW_LIST):
        return Family("list", (arrow_family(kind.value_type),))
    if arrow.is_map(kind):
        return Family("map", (arrow_family(kind.key_type), arrow_family(kind.item_type)))
    if arrow.is_struct(kind):
        parts = tuple(arrow_family(field.type) for field in kind)
        return Family("struct", parts, tuple(field.name for field in kind))
    if arrow.is_dictionary(kind):
        return arrow_family(kind.value_type)
    if arrow.is_timestamp(kind):
        return Family("timestamp with time zone" if kind.tz else "timestamp")
    return Family(next((name for test, name in _ARROW if test(kind)), str(kind)))


@lru_cache(maxsize=4096)
def fetched_family(family: Family) -> Family:
    """Give the family that a column of this family has once it was fetched.

    Examples
    --------
    >>> print(fetched_family(duckdb_family("UUID[]")))
    list(string)
    """
    name = _FETCHED.get(family.name, family.name)
    return Family(name, tuple(map(fetched_family, family.parts)), family.fields)
