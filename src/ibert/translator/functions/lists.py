"""Lists, structs and maps: their parts, and functions of them."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import reduce

from ibert.translator.datatypes import (
    BIGINT,
    BOOLEAN,
    DOUBLE,
    HUGEINT,
    INTEGER,
    INTERVAL,
    NULL,
    TIMESTAMP,
    UBIGINT,
    UNKNOWN,
    VARCHAR,
    Type,
    common,
    list_of,
)
from ibert.translator.functions import constructors, lambdas, signatures
from ibert.translator.functions import json as json_functions
from ibert.translator.functions.constructors import (
    array,
    as_list,
    common_element,
    field,
    map_literal,
    python_constant,
    retyped,
    struct,
    struct_insert,
    unnamed,
)
from ibert.translator.functions.lambdas import LambdaArgument, list_filter
from ibert.translator.functions.rules import Rule
from ibert.translator.values import (
    Value,
    builtin,
    cast,
    constant,
    function,
    literal,
    method,
    null,
    operator,
    subscript,
)
from ibert.translator.values import name as variable

__all__ = [
    "RULES",
    "LambdaArgument",
    "array",
    "concatenated",
    "contains",
    "field",
    "index",
    "map_literal",
    "slice_of",
    "struct",
    "struct_insert",
]


def index(base: Value, position: Value) -> Value | None:
    """Give an element: `x[i]`, counted from 1, or from the end where the position is negative.

    Examples
    --------
    >>> base = Value(variable("x"), list_of(INTEGER))
    >>> [ast.unparse(index(base, literal(i, INTEGER)).node) for i in (1, -1)]
    ['x[0]', 'x[-1]']
    """
    if position.is_null or base.is_null:
        return null(_part_type(base.type))
    rule = _INDEX.get(base.type.name)
    return rule(base, position) if rule else None


def _part_type(kind: Type) -> Type:
    return kind.args[1] if kind.name == "map" else kind.element if kind.is_list else kind


def _list_index(base: Value, position: Value) -> Value:
    place = _position(position)
    element = base.type.element
    if place is None or base.declared.dtype is None:
        return builtin("list_extract", base, position, type=element)
    return subscript(base, place, element, base.declared.element)


def _text_index(base: Value, position: Value) -> Value:
    place = _position(position)
    # Ibis counts from the end with substring(), which does not stop at the beginning.
    if place is None or place < -1:
        return builtin("array_extract", base, position, type=VARCHAR)
    return subscript(base, place, VARCHAR)


def _position(position: Value) -> int | None:
    """Give a constant position as Python counts; others may be 0, which is the first for Ibis."""
    if not position.is_literal or not isinstance(position.literal, int) or not position.literal:
        return None
    return position.literal - 1 if position.literal > 0 else position.literal


def _map_value(base: Value, key: Value) -> Value:
    if not _is_key(base, key):
        return builtin("map_extract_value", base, key, type=base.type.args[1])
    return subscript(base, key, base.type.args[1], base.declared.args[1])


def _is_key(base: Value, key: Value) -> bool:
    """Whether a value can be looked up in a map without a cast."""
    if base.declared.dtype is None or base.type.name != "map":
        return False
    kind = base.type.args[0]
    return not key.is_null and (key.type == kind or (key.type.is_integer and kind.is_integer))


def _struct_index(base: Value, position: Value) -> Value | None:
    if isinstance(position.literal, str):
        return field(base, position.literal)
    places = range(1, len(base.type.args) + 1)
    if not isinstance(position.literal, int) or position.literal not in places:
        return None
    kind = base.type.args[position.literal - 1][1]
    return builtin("struct_extract", base, position, type=kind)


_INDEX: dict[str, Rule] = {
    "list": _list_index,
    "array": _list_index,
    "varchar": _text_index,
    "map": _map_value,
    "struct": _struct_index,
    "json": json_functions.extract,
}


def slice_of(
    base: Value, start: Value | None, stop: Value | None, step: Value | None = None
) -> Value | None:
    """Give a part: `x[a:b]`, counted from 1, its end included.

    Examples
    --------
    >>> base = Value(variable("x"), list_of(INTEGER))
    >>> ast.unparse(slice_of(base, literal(2, INTEGER), literal(-2, INTEGER)).node)
    'x[1:-1]'
    """
    if not base.type.is_list and base.type != VARCHAR:
        return None
    if step is None and (base.type == VARCHAR or base.declared.dtype is not None):
        found = _native_slice(as_list(base), start, stop)
        if found is not None:
            return found
    backwards = step is not None and not (_is_integer(step) and step.literal > 0)
    if backwards and (start is None or stop is None):
        return None
    bounds = [start or literal(1, INTEGER), stop or literal(-1, INTEGER)]
    kind = list_of(base.type.element) if base.type.is_list else base.type
    return builtin("array_slice", base, *bounds, *([step] if step else []), type=kind)


def _native_slice(base: Value, start: Value | None, stop: Value | None) -> Value | None:
    if not all(bound is None or _is_integer(bound) for bound in (start, stop)):
        return None
    first = start.literal if start else 1
    last = stop.literal if stop else -1
    if base.type == VARCHAR and first < 0 and last == -1:
        return method(base, "right", -first, type=VARCHAR)
    if base.type == VARCHAR and (first < 0 or last < -1):
        return None
    lower = first - 1 if first > 0 else first
    upper = last + 1 if last < 0 else last
    written = ast.Slice(
        lower=constant(lower) if lower else None,
        upper=None if last == -1 else constant(upper),
    )
    return subscript(base, written, base.type, base.declared)


def _is_integer(value: Value) -> bool:
    return value.is_literal and isinstance(value.literal, int) and value.type != BOOLEAN


# Functions of lists


def concatenated(left: Value, right: Value) -> Value | None:
    """Give two lists one after the other: `a || b`, which is NULL where one of them is."""
    if left.is_null or right.is_null:
        return literal(None, NULL)
    if not (left.type.is_list and right.type.is_list):
        return None
    left, right = as_list(left), as_list(right)
    element = common(left.type.element, right.type.element)
    kind = list_of(element)
    if kind.dtype is None:
        return None
    left, right = (_concatenable(side, kind) for side in (left, right))
    wider = common(left.declared.element, right.declared.element)
    if left.uses:
        right = _unwrapped(right)
    elif right.uses:
        left = _unwrapped(left)
    return operator("+", left, right, kind, list_of(wider))


def _concatenable(value: Value, kind: Type) -> Value:
    of, wanted = value.declared.element, kind.element
    if of in (NULL, wanted) or (of.is_integer and wanted.is_integer):
        return value
    return retyped(value, kind)


def _unwrapped(value: Value) -> Value:
    """Write a list of constants as Python has it, beside a list that tells Ibis what it is."""
    node = python_constant(value)
    if node is None or value.type.element.is_decimal:
        return value
    return Value(node, value.type, value.declared, literal=ast.literal_eval(node))


def _length(base: Value, dimension: Value | None = None) -> Value | None:
    if not base.type.is_list or base.declared.dtype is None:
        return None
    if dimension is not None and dimension.literal != 1:
        return None
    return method(base, "length", type=BIGINT)


def contains(base: Value, item: Value) -> Value | None:
    """Tell whether a list has an element, or a map a key; NULL where it is NULL itself."""
    if base.type.name == "map":
        return _map_contains(base, item)
    if not base.type.is_list or base.declared.dtype is None:
        return None
    return method(base, "contains", item, type=BOOLEAN)


def _list_position(base: Value, item: Value) -> Value | None:
    # DuckDB finds NULL too, and the position of what is absent is NULL; Ibis does neither.
    if not base.type.is_list or base.declared.dtype is None or not item.is_literal or item.is_null:
        return None
    found = method(base, "index", item, type=INTEGER, declared=BIGINT)
    counted = operator("+", found, literal(1, INTEGER), INTEGER, BIGINT)
    return method(counted, "nullif", literal(0, INTEGER), type=INTEGER, declared=BIGINT)


def _without_nulls(base: Value) -> Value | None:
    """Give the elements that are not NULL."""
    if not base.type.is_list or base.declared.dtype is None:
        return None
    element = Value(variable("x"), base.type.element)
    return list_filter(base, LambdaArgument(["x"], method(element, "notnull", type=BOOLEAN)))


def _list_distinct(base: Value) -> Value | None:
    kept = _without_nulls(base)
    return kept and method(kept, "unique", type=kept.type, declared=kept.declared)


def _list_unique(base: Value) -> Value | None:
    distinct = _list_distinct(base)
    return distinct and method(distinct, "length", type=BIGINT)


def _list_sort(base: Value, *how: Value) -> Value | None:
    if how or not base.type.is_list or base.declared.dtype is None:
        return None
    base = as_list(base)
    return method(base, "sort", type=base.type, declared=base.declared)


def _flatten(base: Value) -> Value | None:
    if base.declared.dtype is None or base.type.element.name != "list":
        return None
    base = as_list(base)
    return method(base, "flatten", type=base.type.element, declared=base.declared.element)


def _to_string(base: Value, separator: Value, *default: Value) -> Value | None:
    if default or not isinstance(separator.literal, str) or base.declared.dtype is None:
        return None
    if not base.type.is_list or base.type.element == NULL:
        return None
    texts = base if base.type.element == VARCHAR else cast(as_list(base), list_of(VARCHAR))
    return method(texts, "join", separator, type=VARCHAR)


def _end(base: Value, position: int) -> Value | None:
    if not base.type.is_list:
        return None
    return _list_index(base, literal(position, INTEGER))


def _total(base: Value) -> Value | None:
    element = base.type.element
    if not _is_summable(base):
        return None
    kind = signatures.result_type("list_sum", [base.type])
    return method(base, "sums", type=kind or element, declared=base.declared.element)


def _mean(base: Value) -> Value | None:
    declared = base.declared.element
    if not _is_summable(base):
        return None
    return method(base, "means", type=DOUBLE, declared=declared if declared.is_decimal else DOUBLE)


def _is_summable(base: Value) -> bool:
    return base.declared.dtype is not None and base.declared.element.is_numeric


def _aggregating(method_name: str, element: Type | None = None) -> Rule:
    """Give the rule for an aggregate of elements, of those of one type or of any."""

    def rule(base: Value) -> Value | None:
        if base.declared.dtype is None or not base.type.is_list:
            return None
        if base.type.element == NULL or element not in (None, base.type.element):
            return None
        return method(base, method_name, type=base.type.element, declared=base.declared.element)

    return rule


def _list_aggregate(base: Value, function_name: Value, *rest: Value) -> Value | None:
    if not isinstance(function_name.literal, str) or not base.type.is_list:
        return None
    label = f"list_{function_name.literal.lower()}"
    rule = RULES.get(label)
    found = rule(base) if rule and not rest else None
    if found is not None:
        return found
    types = [part.type for part in rest]
    kind = signatures.result_type(label, [base.type, *types])
    if kind in (None, UNKNOWN):
        kind = signatures.result_type(function_name.literal, [base.type.element, *types])
    return kind and builtin("list_aggregate", base, function_name, *rest, type=kind)


def _range(*bounds: Value) -> Value | None:
    """Give the numbers, or the points in time, before an end."""
    if all(bound.type.is_integer and bound.type != HUGEINT for bound in bounds):
        if any(bound.is_null for bound in bounds):
            return None
        declared = reduce(common, (bound.declared for bound in bounds[:2]))
        return _eager("range", bounds, list_of(BIGINT), list_of(declared))
    if len(bounds) == 3 and bounds[2].type == INTERVAL:
        kinds = {bound.type.name for bound in bounds[:2]}
        if kinds <= {"date", "timestamp"} and not any(bound.is_literal for bound in bounds):
            points = [cast(bound, TIMESTAMP) for bound in bounds[:2]]
            return _eager("range", (*points, bounds[2]), list_of(TIMESTAMP))
    return None


def _generate_series(*bounds: Value) -> Value | None:
    """Give the numbers up to an end, for constants: an end that is no constant could overflow."""
    if not all(_is_integer(bound) for bound in bounds):
        return None
    numbers = [bound.literal for bound in bounds]
    first, last, step = [[0, numbers[0], 1], [*numbers[:2], 1], numbers][len(numbers) - 1]
    ends = [first, last + (1 if step >= 0 else -1), *([step] if step != 1 else [])]
    shortest = ends[1:] if len(ends) == 2 and not first else ends
    return _range(*(literal(end, BIGINT) for end in shortest))


def _eager(
    path: str, arguments: Sequence[Value], kind: Type, declared: Type | None = None
) -> Value:
    """Write a function of the module that cannot wait for the columns of its arguments."""
    found = function(path, *arguments, type=kind, declared=declared)
    return Value(found.node, found.type, found.declared, found.uses, found.uses)


def _list_zip(*lists: Value) -> Value | None:
    if lists and lists[-1].type == BOOLEAN:
        types = [part.type for part in lists[:-1]]
    else:
        types = [part.type for part in lists]
    if not all(kind.is_list for kind in types):
        return None
    return builtin("list_zip", *lists, type=list_of(unnamed([kind.element for kind in types])))


def _unpivot_list(*values: Value) -> Value | None:
    element = common_element(values)
    return None if element is None else builtin("unpivot_list", *values, type=list_of(element))


# Functions of structs and maps


def _struct_concat(*structs: Value) -> Value | None:
    if not all(part.type.name == "struct" for part in structs):
        return None
    fields = tuple(pair for part in structs for pair in part.type.args)
    return builtin("struct_concat", *structs, type=Type("struct", fields))


def _struct_at(base: Value, position: Value) -> Value | None:
    found = _struct_index(base, position) if base.type.name == "struct" else None
    return found and builtin("struct_extract_at", base, position, type=found.type)


def _of_map(method_name: str, part: int) -> Rule:
    """Give the rule for the list of the keys or of the values of a map."""

    def rule(base: Value) -> Value | None:
        if base.type.name != "map" or base.declared.dtype is None:
            return None
        kind, declared = base.type.args[part], base.declared.args[part]
        return method(base, method_name, type=list_of(kind), declared=list_of(declared))

    return rule


def _cardinality(base: Value) -> Value | None:
    if base.type.name != "map" or base.declared.dtype is None:
        return None
    return method(base, "length", type=UBIGINT, declared=BIGINT)


def _map_contains(base: Value, key: Value) -> Value | None:
    return method(base, "contains", key, type=BOOLEAN) if _is_key(base, key) else None


def _map_extract_value(base: Value, key: Value) -> Value | None:
    return _map_value(base, key) if base.type.name == "map" else None


RULES: dict[str, Rule] = {
    **constructors.RULES,
    **lambdas.RULES,
    "array_extract": index,
    "array_length": _length,
    "array_slice": slice_of,
    "array_to_string": _to_string,
    "cardinality": _cardinality,
    "contains": contains,
    "flatten": _flatten,
    "generate_series": _generate_series,
    "length": _length,
    "list_aggregate": _list_aggregate,
    "list_avg": _mean,
    "list_bool_and": _aggregating("alls", BOOLEAN),
    "list_bool_or": _aggregating("anys", BOOLEAN),
    "list_contains": contains,
    "list_distinct": _list_distinct,
    "list_extract": index,
    "list_first": lambda base: _end(base, 1),
    "list_last": lambda base: _end(base, -1),
    "list_max": _aggregating("maxs"),
    "list_min": _aggregating("mins"),
    "list_mode": _aggregating("modes"),
    "list_position": _list_position,
    "list_slice": slice_of,
    "list_sort": _list_sort,
    "list_sum": _total,
    "list_unique": _list_unique,
    "list_zip": _list_zip,
    "map_contains": contains,
    "map_extract_value": _map_extract_value,
    "map_keys": _of_map("keys", 0),
    "map_values": _of_map("values", 1),
    "range": _range,
    "struct_concat": _struct_concat,
    "struct_extract": index,
    "struct_extract_at": _struct_at,
    "unpivot_list": _unpivot_list,
}
