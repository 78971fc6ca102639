"""Literals and types: as Python values where Ibis infers the same literal from them."""

from __future__ import annotations

import ast
import datetime
import decimal
import math
import uuid
from collections.abc import Mapping
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
from parsy import ParseError  # type: ignore[import-untyped]

from ibert.translator.datatypes import UNKNOWN
from ibert.translator.decompilation.syntax import of_ibis
from ibert.translator.refusal import Refusal
from ibert.translator.values import LOAD, Value, constant, dotted, name

_BARE = (bool, int, float, str, bytes)


def literal_value(node: ops.Literal) -> Value:
    """Write a literal.

    Examples
    --------
    >>> texts = ["2024-01-31", "-3", "[1, 2]"]
    >>> written = [
    ...     literal_value(ibis.literal(*arguments).op())
    ...     for arguments in (["2024-01-31", "date"], [-3], [-3, "int64"], [[1, 2]], [None, "date"])
    ... ]
    >>> print(*(ast.unparse(value.node) for value in written), sep="; ")
    ibis.date('2024-01-31'); -3; ibis.literal(-3, 'int64'); [1, 2]; ibis.null('date')
    """
    value, dtype = node.value, node.dtype
    if value is None:
        return of_ibis("null", *([] if dtype == dt.null else [dtype_node(dtype)]))
    if dtype.is_interval():
        return _interval(value, dtype)
    for kind, path in _CONSTRUCTORS.items():
        if dtype == kind:
            return of_ibis(path, python_value(value))
    if _is_inferred(value, dtype):
        return Value(python_value(value), UNKNOWN, literal=value)
    return of_ibis("literal", python_value(value), dtype_node(dtype))


# What Ibis has a constructor for that takes a text.
_CONSTRUCTORS = {
    dt.date: "date",
    dt.time: "time",
    dt.timestamp: "timestamp",
    dt.uuid: "uuid",
}


def _interval(value: int, dtype: dt.Interval) -> Value:
    """Write an interval with the name of its unit."""
    return of_ibis("interval", **{dtype.unit.plural: value})


def _is_inferred(value: Any, dtype: dt.DataType) -> bool:
    """Whether Ibis makes the same literal of the Python value alone."""
    if isinstance(value, tuple):
        plain = all(isinstance(item, _BARE) for item in value)
        return plain and bool(value) and dt.infer(list(value)) == dtype
    return isinstance(value, _BARE) and dt.infer(value) == dtype


def python_value(value: Any) -> ast.expr:
    """Write the value of a literal.

    Raises
    ------
    Refusal
        It has no syntax, such as a geometry.
    """
    if value is None or isinstance(value, bool | str | bytes):
        return ast.Constant(value=value)
    if isinstance(value, float) and not math.isfinite(value):
        return ast.Call(func=name("float"), args=[constant(str(value))], keywords=[])
    if isinstance(value, int | float):
        return constant(value)
    if isinstance(value, decimal.Decimal):
        return constant(format(value, "f"))
    if isinstance(value, datetime.date | datetime.time | uuid.UUID):
        return constant(str(value))
    if isinstance(value, tuple | list):
        return ast.List(elts=[python_value(item) for item in value], ctx=LOAD)
    if isinstance(value, Mapping):
        keys = [python_value(key) for key in value]
        return ast.Dict(keys=list(keys), values=[python_value(item) for item in value.values()])
    raise Refusal(f"a literal of the type {type(value).__name__}")


def dtype_node(dtype: dt.DataType) -> ast.expr:
    """Write a type as its text, or with constructors where that cannot be read back.

    Examples
    --------
    >>> kinds = [dt.Array(dt.int64), dt.Struct({"a b": dt.Decimal(9, 2)})]
    >>> [ast.unparse(dtype_node(kind)) for kind in kinds]
    ["'array<int64>'", "dt.Struct({'a b': 'decimal(9, 2)'})"]
    """
    text = str(dtype)
    if is_readable(text, dtype):
        return constant(text)
    parts: list[ast.expr]
    if dtype.is_struct() and dtype.nullable:
        parts = [
            ast.Dict(
                keys=[constant(label) for label in dtype.names],
                values=[dtype_node(part) for part in dtype.types],
            )
        ]
    elif dtype.is_array() and dtype.nullable and dtype.length is None:
        parts = [dtype_node(dtype.value_type)]
    elif dtype.is_map() and dtype.nullable:
        parts = [dtype_node(dtype.key_type), dtype_node(dtype.value_type)]
    else:
        raise Refusal(f"the type {text}")
    return ast.Call(func=dotted(f"dt.{type(dtype).__name__}"), args=parts, keywords=[])


def is_readable(text: str, dtype: dt.DataType) -> bool:
    """Whether a text is read as the type."""
    try:
        return bool(dt.dtype(text) == dtype)
    except ParseError:
        return False


def schema_node(schema: ibis.Schema) -> ast.expr:
    """Write a schema as a dictionary."""
    return ast.Dict(
        keys=[constant(column) for column in schema.names],
        values=[dtype_node(dtype) for dtype in schema.types],
    )


def is_text(value: Value) -> bool:
    """Whether it is a literal that Ibis would take for the name of a column."""
    return isinstance(value.literal, str)
