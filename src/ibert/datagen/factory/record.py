"""Rows as columns: what the files of a dataset declare, in JSON lines and in Parquet."""

from __future__ import annotations

from typing import Any

import msgspec
import pyarrow as pa

from ibert.datagen.factory.row import Content, Origin, Row

_TABLE = pa.struct(
    [
        ("name", pa.string()),
        ("columns", pa.list_(pa.struct([("name", pa.string()), ("type", pa.string())]))),
    ]
)
_TYPES = {"tables": pa.list_(_TABLE), "rows": pa.int64()}
_LISTS = ("features", "operations")

# No column is ever null or of mixed types: readers need not guess.
SCHEMA = pa.schema(
    [
        pa.field(name, _TYPES.get(name, pa.list_(pa.string()) if name in _LISTS else pa.string()))
        for name in ("id", *Content.__struct_fields__, *Origin.__struct_fields__)
    ]
)


def record(row: Row) -> dict[str, Any]:
    """Give a row as the dataset has it: one level, a value for each column.

    Examples
    --------
    >>> origin = Origin(source="api", name="Table.count", licence="Apache-2.0", root="",
    ...     structure="", code_structure="", schema="", database="")
    >>> content = Content(task="qa", input="?", target="!")
    >>> found = record(Row(id="x", content=content, origin=origin))
    >>> list(found) == SCHEMA.names, found["input"], found["rows"]
    (True, '?', 0)
    """
    values = {"id": row.id}
    for part in (row.content, row.origin):
        values |= msgspec.to_builtins(part)
    return values


def row_of(values: dict[str, Any]) -> Row:
    """Give the row that a record stands for.

    Raises
    ------
    msgspec.ValidationError
        It is none.
    """
    parts = [
        msgspec.convert({name: values.get(name) for name in kind.__struct_fields__}, kind)
        for kind in (Content, Origin)
    ]
    content, origin = parts
    assert isinstance(content, Content)
    assert isinstance(origin, Origin)
    return Row(id=str(values.get("id")), content=content, origin=origin)
