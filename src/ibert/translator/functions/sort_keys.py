"""Sort keys inside aggregates and windows: what they sort by, and how Ibis takes them."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from ibert.translator.syntax import signature
from ibert.translator.values import Argument, Value, as_expression, key


def unsorted(sort_key: Value) -> tuple[Value, bool]:
    """Give what a sort key sorts by, and whether it is descending.

    Examples
    --------
    >>> from ibert.translator.datatypes import INTEGER
    >>> from ibert.translator.values import Slot, field, method
    >>> column = field(Slot(), "x", INTEGER)
    >>> value, descending = unsorted(method(column, "desc", type=INTEGER))
    >>> value.name, descending
    ('x', True)
    """
    match sort_key.node:
        case ast.Call(func=ast.Attribute(value=node, attr="asc" | "desc" as order)):
            kinds = (sort_key.type, sort_key.declared)
            return Value(node, *kinds, sort_key.uses, sort_key.eager), order == "desc"
    return sort_key, False


def same(left: Value, right: Value) -> bool:
    """Whether two values are the same expression."""
    return signature(left.node) == signature(right.node)


def is_constant(sort_key: Value) -> bool:
    """Whether a key is the same for all rows."""
    value, _ = unsorted(sort_key)
    match value.node:
        case ast.Constant():
            return True
        case ast.Call(func=ast.Attribute(value=ast.Name(id="ibis"), attr="literal" | "null")):
            return True
    return False


def distinct(keys: Sequence[Value]) -> list[Value]:
    """Leave out constants and what an earlier key sorts by: Ibis would keep the later one."""
    kept: list[Value] = []
    for candidate in keys:
        value, _ = unsorted(candidate)
        known = any(same(value, unsorted(other)[0]) for other in kept)
        if not known and not is_constant(candidate):
            kept.append(candidate)
    return kept


def written(keys: Sequence[Value]) -> Argument:
    """Write keys for an argument: alone without a list, plain columns by name, None for no keys."""
    columns = [key(as_expression(value)) for value in keys]
    return columns[0] if len(columns) == 1 else columns or None
