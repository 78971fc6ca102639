"""Lists, structs and maps made of values."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Sequence
from functools import reduce

from ibert.translator.datatypes import (
    BOOLEAN,
    DOUBLE,
    INTEGER,
    INTERVAL,
    JSON,
    NULL,
    UNKNOWN,
    VARCHAR,
    Type,
    common,
    list_of,
    map_of,
    settled,
)
from ibert.translator.functions import json as json_functions
from ibert.translator.functions.durations import of_one_unit
from ibert.translator.functions.rules import Rule
from ibert.translator.syntax import has_subquery, nodes
from ibert.translator.values import (
    Slot,
    Value,
    as_expression,
    attribute,
    builtin,
    cast,
    common_type,
    constant,
    converted,
    function,
    is_keyword,
    literal,
    method,
    null,
    subscript,
    typed_literal,
)

_CONSTANTS = (ast.Constant, ast.List, ast.Dict, ast.UnaryOp, ast.USub, ast.Load)


def array(values: Sequence[Value]) -> Value | None:
    """Give a list of values: `[a, b]`.

    Examples
    --------
    >>> from ibert.translator.values import name
    >>> ast.unparse(array([literal(1, INTEGER), literal(None, NULL)]).node)
    "ibis.literal([1, None], 'array<int32>')"
    >>> ast.unparse(array([Value(name("x"), INTEGER), literal(1, INTEGER)]).node)
    'ibis.array([x, 1])'
    """
    element = common_element(values)
    if element is None:
        return None
    kind = list_of(element)
    if element.dtype is None or (values and has_subquery(values[0])):
        return builtin("list_value", *values, type=kind)  # `ARRAY(SELECT …)` is something else
    constants = [_constant_of(value, element) for value in values]
    if None not in constants and not (values and element in (VARCHAR, BOOLEAN)):
        return function("literal", constants, kind.dtype, type=kind)
    if element == INTERVAL:
        return function("array", of_one_unit(values), type=kind)
    own = {value.declared for value in values if not value.is_null}
    mixed = len(own) > 1 and any(item.is_unsigned for item in own)
    parts = [_fitted(as_list(value), element, mixed) for value in values]
    if element.is_integer:
        declared = [part.declared for part in parts if not part.is_literal]
        kind = list_of(reduce(common, declared, element))
    return function("array", parts, type=kind)


def common_element(values: Sequence[Value]) -> Type | None:
    """Give the type of the elements of a list."""
    if UNKNOWN in (value.type for value in values):
        return UNKNOWN
    element = common_type(values)
    if element.name == "array":
        element = list_of(element.element)
    return None if element == UNKNOWN else element


def _fitted(value: Value, kind: Type, mixed: bool) -> Value:
    """Give a value such that Ibis finds that a list of its like has elements of a type.

    Of integers with and without sign Ibis takes the type of some.
    """
    if value.is_null or value.declared == kind == value.type:
        return value
    whole = value.declared.is_integer
    if (whole and kind.is_integer and not mixed) or (
        (whole or value.declared.is_floating) and kind == DOUBLE
    ):
        return value
    return retyped(value, kind)


def retyped(value: Value, kind: Type) -> Value:
    """Give a value as another type: a constant is written as one of that type."""
    node = _constant_of(value, kind)
    if node is None or kind.dtype is None:
        return cast(as_expression(value), kind)
    return function("literal", node, kind.dtype, type=kind)


def _constant_of(value: Value, kind: Type) -> ast.expr | None:
    """Give a constant as Python has it, if Ibis can read it as one of a type."""
    return python_constant(value) if _reads_as(value.type, kind) else None


def _reads_as(given: Type, kind: Type) -> bool:
    if given in (NULL, kind) or (given.is_numeric and kind.is_numeric):
        return True
    if given.is_list and kind.is_list:
        return _reads_as(given.element, kind.element)
    if given.name == kind.name == "struct":
        pairs = zip(given.args, kind.args, strict=True)
        return all(_reads_as(one, other) for (_, one), (_, other) in pairs)
    return False


def python_constant(value: Value) -> ast.expr | None:
    """Give a literal, or a list or a struct of them, as Python has it.

    Examples
    --------
    >>> ast.unparse(python_constant(array([literal(1, INTEGER)])))
    '[1]'
    """
    if value.is_literal:
        return value.node
    match value.node:
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id="ibis"), attr="literal" | "array"),
            args=[ast.Dict() | ast.List() as inner, *_],
        ) if all(isinstance(part, _CONSTANTS) for part in nodes(inner)):
            return inner
    return None


def as_list(value: Value) -> Value:
    """Give an array of fixed size as a list: Ibis keeps the size where DuckDB does not."""
    if value.type.name != "array" or value.type.dtype is None:
        return value
    kind = list_of(value.type.element)
    return method(value, "cast", kind.dtype, type=kind)


def struct(fields: dict[str, Value]) -> Value:
    """Give a struct: `{'a': x}`.

    Examples
    --------
    >>> from ibert.translator.values import name
    >>> ast.unparse(struct({"a": Value(name("x"), INTEGER), "b": literal(1, INTEGER)}).node)
    "ibis.struct({'a': x, 'b': 1})"
    """
    kind = Type("struct", tuple((name, settled(part.type)) for name, part in fields.items()))
    keys: list[ast.expr | None] = [constant(name) for name in fields]
    constants = [python_constant(part) for part in fields.values()]
    plain = [node for node in constants if node is not None]
    if len(plain) == len(fields) and kind.dtype is not None:
        return function("literal", ast.Dict(keys=keys, values=plain), kind.dtype, type=kind)
    parts = [_with_type(part) for part in fields.values()]
    if len(plain) == len(fields):
        parts = [typed_literal(part) for part in parts]
    declared = zip(fields, (part.declared for part in parts), strict=True)
    written = Value(
        ast.Dict(keys=keys, values=[part.node for part in parts]),
        kind,
        uses=frozenset[Slot]().union(*(part.uses for part in parts)),
        eager=frozenset[Slot]().union(*(part.eager for part in parts)),
    )
    return function("struct", written, type=kind, declared=Type("struct", tuple(declared)))


def _with_type(value: Value) -> Value:
    """Give a NULL, or a list of them, the type that DuckDB falls back on."""
    kind = settled(value.type)
    if kind == value.type:
        return value
    return null(kind) if value.is_null else retyped(value, kind)


def map_literal(keys: Value, values: Value) -> Value | None:
    """Give a map out of the list of its keys and that of its values.

    Examples
    --------
    >>> from ibert.translator.values import name
    >>> keys = array([literal("a", VARCHAR)])
    >>> ast.unparse(map_literal(keys, array([Value(name("x"), INTEGER)])).node)
    "ibis.map(['a'], ibis.array([x]))"
    """
    if not (keys.type.is_list and values.type.is_list):
        return None
    if keys.type.element == NULL:
        empty = map_of(INTEGER, INTEGER)
        return function("literal", ast.Dict(keys=[], values=[]), empty.dtype, type=empty)
    keys, values = as_list(keys), _with_type(as_list(values))
    kind = map_of(keys.type.element, values.type.element)
    if kind.dtype is None:
        return builtin("map", keys, values, type=kind)
    declared = map_of(keys.declared.element, values.declared.element)
    return function("map", _bare(keys), _bare(values), type=kind, declared=declared)


def _bare(value: Value) -> Value:
    """Write a list of constants as Python has it, where Ibis reads the same type off it."""
    node = python_constant(value)
    if node is None or value.type.element not in (VARCHAR, BOOLEAN):
        return value
    return Value(node, value.type)


def field(value: Value, name: str) -> Value | None:
    """Give a field of a struct, or of a JSON object.

    Examples
    --------
    >>> from ibert.translator.values import name
    >>> base = Value(name("s"), Type("struct", (("Street", VARCHAR),)))
    >>> ast.unparse(field(base, "street").node)
    's.Street'
    """
    if value.type == JSON:
        return json_functions.extract(value, literal(name, VARCHAR))
    found, declared = value.type.field(name), value.declared.field(name)
    if found is None:
        return None
    if declared is None or value.declared.dtype is None:
        return builtin("struct_extract", value, literal(found[0], VARCHAR), type=found[1])
    if _is_attribute(found[0]):
        return attribute(value, found[0], found[1], declared[1])
    return subscript(value, found[0], found[1], declared[1])


def _is_attribute(name: str) -> bool:
    return is_keyword(name) and not name.startswith("_") and name not in _attributes_of_structs()


@functools.cache
def _attributes_of_structs() -> frozenset[str]:
    from ibis.expr.types import StructColumn, StructScalar

    return frozenset({*dir(StructColumn), *dir(StructScalar)})


def struct_insert(base: Value, fields: dict[str, Value]) -> Value | None:
    """Give a struct with more fields; one that is NULL counts as one of NULLs.

    Examples
    --------
    >>> from ibert.translator.values import name
    >>> base = Value(name("s"), Type("struct", (("a", INTEGER),)))
    >>> ast.unparse(struct_insert(base, {"b": literal(1, INTEGER)}).node)
    "ibis.struct({'a': s.a, 'b': 1})"
    """
    if base.type.name != "struct":
        return None
    own = {name: field(base, name) for name, _ in base.type.args}
    known = {name: value for name, value in own.items() if value is not None}
    return struct(known | fields) if len(known) == len(own) else None


def _union(fields: dict[str, Value]) -> Value | None:
    """Give `union_value(n := 1)`; a cast of NULL would be no member of it."""
    (name, value), *more = fields.items()
    if more or not value.is_literal or value.is_null:
        return None
    return converted(value, Type("union", ((name, value.type),)))


def row(*values: Value) -> Value:
    """Give a struct whose fields have no names: `(a, b)`."""
    return builtin("row", *values, type=unnamed([value.type for value in values]))


def unnamed(types: Sequence[Type]) -> Type:
    """Give the type of a struct whose fields have no names."""
    return Type("struct", tuple(("", kind) for kind in types))


RULES: dict[str, Rule] = {
    "list_value": lambda *values: array(values),
    "map": map_literal,
    "row": row,
}

# Functions whose last arguments have names.
NAMED: dict[str, Callable[..., Value | None]] = {
    "struct_insert": struct_insert,
    "union_value": _union,
}
