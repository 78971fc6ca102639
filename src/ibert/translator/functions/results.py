"""The types of results that DuckDB's signatures do not tell, as functions of the arguments.

Each takes the types of the arguments and the Python values of those that are literals; None sends
the call on to the signatures.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from ibert.translator import datatypes as dt
from ibert.translator.datatypes import (
    NULL,
    UNKNOWN,
    VARCHAR,
    Type,
    common,
    decimal,
    list_of,
    map_of,
)

_T = TypeVar("_T")
_Special = Callable[[list[Type], list[Any]], Type | None]


def _first(arguments: list[Type], _: list[Any]) -> Type | None:
    return arguments[0] if arguments else None


def _first_list(arguments: list[Type], _: list[Any]) -> Type | None:
    return _as_list(arguments[0])


def _as_list(kind: Type) -> Type:
    if kind == dt.JSON:
        return VARCHAR
    return list_of(kind.element) if kind.is_list else kind


def _extreme(arity: int) -> _Special:
    """Read max(x), max(x, n); arg_max(x, y), arg_max(x, y, n)."""

    def read(arguments: list[Type], _: list[Any]) -> Type:
        return list_of(arguments[0]) if len(arguments) > arity else arguments[0]

    return read


def _common(arguments: list[Type], literals: list[Any]) -> Type:
    pairs = zip(arguments, literals, strict=True)
    firm = [kind for kind, literal in pairs if not (kind == VARCHAR and isinstance(literal, str))]
    found = functools.reduce(common, firm, NULL)
    return functools.reduce(common, arguments, NULL) if found == NULL else found


def _list_of_common(arguments: list[Type], literals: list[Any]) -> Type:
    return list_of(_common(arguments, literals))


def _array_of_common(arguments: list[Type], literals: list[Any]) -> Type:
    return Type("array", (_common(arguments, literals), len(arguments)))


def _concatenated(arguments: list[Type], _: list[Any]) -> Type:
    if any(kind.is_list for kind in arguments):
        return functools.reduce(common, map(_as_list, arguments), NULL)
    blobs = len(arguments) > 1 and all(kind == dt.BLOB for kind in arguments)
    return dt.BLOB if blobs else VARCHAR


def _extended(of: int, by: int) -> _Special:
    def read(arguments: list[Type], _: list[Any]) -> Type:
        return list_of(common(arguments[of].element, arguments[by]))

    return read


def _total(arguments: list[Type], _: list[Any]) -> Type | None:
    return decimal(38, arguments[0].args[1]) if arguments[0].is_decimal else None


def _mean(arguments: list[Type], _: list[Any]) -> Type | None:
    return dt.DOUBLE if arguments[0].is_decimal else None


def _interpolated(arguments: list[Type], _: list[Any]) -> Type:
    """Read the quantiles that lie between values."""
    kind = arguments[0]
    if kind.is_integer:
        kind = dt.DOUBLE
    elif kind == dt.DATE:
        kind = dt.TIMESTAMP
    return list_of(kind) if len(arguments) > 1 and arguments[1].is_list else kind


def _deviation(arguments: list[Type], literals: list[Any]) -> Type:
    kind = arguments[0]
    return dt.INTERVAL if kind.is_temporal else _interpolated(arguments, literals)


def _discrete(arguments: list[Type], _: list[Any]) -> Type:
    several = len(arguments) > 1 and arguments[1].is_list
    return list_of(arguments[0]) if several else arguments[0]


def _approximate(arguments: list[Type], literals: list[Any]) -> Type:
    kind = _storage(arguments[0]) if arguments[0].is_decimal else arguments[0]
    return _discrete([kind, *arguments[1:]], literals)


def _storage(kind: Type) -> Type:
    """Give the integer that holds a decimal."""
    widths = ((4, dt.SMALLINT), (9, dt.INTEGER), (18, dt.BIGINT))
    return next((found for width, found in widths if kind.args[0] <= width), dt.HUGEINT)


def _histogram(arguments: list[Type], _: list[Any]) -> Type:
    binned = len(arguments) > 1 and arguments[0].is_decimal
    return map_of(dt.DOUBLE if binned else arguments[0], dt.UBIGINT)


def _whole(arguments: list[Type], _: list[Any]) -> Type | None:
    """Read floor and ceil."""
    return decimal(arguments[0].args[0], 0) if arguments[0].is_decimal else None


def _rounded(arguments: list[Type], literals: list[Any]) -> Type | None:
    if not arguments[0].is_decimal:
        return None
    precision, scale = arguments[0].args
    digits = literals[1] if len(arguments) > 1 else 0
    return decimal(precision, min(scale, max(0, digits))) if isinstance(digits, int) else UNKNOWN


def _sum(arguments: list[Type], _: list[Any]) -> Type | None:
    """Read add and subtract."""
    if len(arguments) == 1:
        return arguments[0]
    if not _decimals(arguments):
        return None
    precision, scale = common(*arguments).args
    return decimal(_precision(precision + 1, precision), scale)


def _product(arguments: list[Type], _: list[Any]) -> Type | None:
    return dt.product(*arguments) if _decimals(arguments) else None


def _precision(wanted: int, widest: int) -> int:
    """Keep results of operands that 64 bits hold in 64 bits."""
    return min(wanted, 18 if widest <= 18 else 38)


def _remainder(arguments: list[Type], _: list[Any]) -> Type | None:
    if not _decimals(arguments):
        return None
    return dt.DOUBLE if any("hugeint" in kind.name for kind in arguments) else common(*arguments)


def _decimals(arguments: list[Type]) -> bool:
    exact = all(kind.is_decimal or kind.is_integer for kind in arguments)
    return exact and len(arguments) == 2 and any(kind.is_decimal for kind in arguments)


def _field(arguments: list[Type], literals: list[Any]) -> Type | None:
    kind, name = arguments[0], literals[1]
    if kind.name != "struct":
        return None
    if isinstance(name, int):
        return kind.args[name - 1][1] if 0 < name <= len(kind.args) else UNKNOWN
    found = kind.field(name) if isinstance(name, str) else None
    return found[1] if found else UNKNOWN


def _map(arguments: list[Type], _: list[Any]) -> Type | None:
    return map_of(arguments[0].element, arguments[1].element) if len(arguments) == 2 else None


def _part(arguments: list[Type], literals: list[Any]) -> Type:
    part = literals[0]
    if arguments[0].is_list or not isinstance(part, str):
        return UNKNOWN if arguments[0].is_list else dt.BIGINT
    return dt.DOUBLE if part.lower() in ("epoch", "julian") else dt.BIGINT


def _parsed_time(arguments: list[Type], literals: list[Any]) -> Type:
    pattern = literals[1]
    if arguments[1].is_list and pattern is None:
        return UNKNOWN
    texts = pattern if isinstance(pattern, list | tuple) else [pattern or ""]
    if any("%z" in text or "%Z" in text for text in texts):
        return dt.TIMESTAMPTZ
    return Type("timestamp_ns") if any("%n" in text for text in texts) else dt.TIMESTAMP


def _mapped(arguments: list[Type], _: list[Any]) -> Type:
    """Read list_transform; a lambda counts as the type of its body."""
    return list_of(arguments[1]) if arguments[1] != UNKNOWN else UNKNOWN


def _quotient(arguments: list[Type], _: list[Any]) -> Type | None:
    """Read `divide`, which truncates integers only."""
    return dt.DOUBLE if any(kind.is_decimal for kind in arguments) else None


def _floored(arguments: list[Type], _: list[Any]) -> Type:
    """Read fdiv and fmod, whose bodies divide."""
    single = dt.FLOAT in arguments and dt.DOUBLE not in arguments
    return dt.FLOAT if single else dt.DOUBLE


def _captured(arguments: list[Type], literals: list[Any]) -> Type | None:
    """Read regexp_extract, which gives a struct where it is told names for the groups."""
    if len(arguments) < 3 or not arguments[2].is_list:
        return None
    names = literals[2] if isinstance(literals[2], list | tuple) else []
    return Type("struct", tuple((name, VARCHAR) for name in names)) if names else UNKNOWN


def _second(arguments: list[Type], _: list[Any]) -> Type:
    return arguments[1]


def _each(names: str, value: _T) -> dict[str, _T]:
    return dict.fromkeys(names.split(), value)


SPECIAL: dict[str, _Special] = {
    **_each(
        """
        abs any_value arbitrary constant_or_null fill first first_value lag last last_value lead
        map_concat mode nth_value nullif
        """,
        _first,
    ),
    **_each(
        """
        array_pop_back array_pop_front list_distinct list_filter list_reduce list_resize
        list_reverse list_reverse_sort list_select list_slice list_sort list_where
        """,
        _first_list,
    ),
    **_each("max min", _extreme(1)),
    **dict.fromkeys(
        [f"arg_{end}{nulls}" for end in ("max", "min") for nulls in ("", "_null", "_nulls_last")],
        _extreme(2),
    ),
    **_each("greatest least coalesce ifnull", _common),
    **_each("floor ceil", _whole),
    **_each("round trunc", _rounded),
    **_each("add subtract", _sum),
    **_each("median quantile_cont", _interpolated),
    **_each("approx_quantile reservoir_quantile", _approximate),
    **_each("struct_extract array_extract struct_extract_at", _field),
    **_each("histogram histogram_exact", _histogram),
    **_each("strptime try_strptime", _parsed_time),
    **_each("fdiv fmod", _floored),
    "approx_top_k": lambda arguments, _: list_of(arguments[0]),
    "array_push_front": _extended(0, 1),
    "array_value": _array_of_common,
    "avg": _mean,
    "cast_to_type": _second,
    "concat": _concatenated,
    "date_part": _part,
    "divide": _quotient,
    "list_append": _extended(0, 1),
    "list_concat": _concatenated,
    "list_prepend": _extended(1, 0),
    "list_transform": _mapped,
    "list_value": _list_of_common,
    "mad": _deviation,
    "map": _map,
    "mod": _remainder,
    "multiply": _product,
    "quantile_disc": _discrete,
    "regexp_extract": _captured,
    "sum": _total,
    "sum_no_overflow": _total,
}

# Macros have no types of their own.
RETURNS = {
    **_each(
        """
        array_to_string array_to_string_comma_default current_database current_query current_role
        current_schema current_user format_type pg_size_pretty pg_typeof session_user split_part
        user
        """,
        VARCHAR,
    ),
    **_each("json json_group_array json_group_object json_group_structure", dt.JSON),
    **_each("geomean round_even weighted_avg", dt.DOUBLE),
    **_each("map_contains_entry map_contains_value", dt.BOOLEAN),
    **_each("md5_number_lower md5_number_upper", dt.UBIGINT),
    "ago": dt.TIMESTAMPTZ,
    "current_schemas": list_of(VARCHAR),
    "days_in_month": dt.BIGINT,
    "list_grade_up": list_of(dt.BIGINT),
}
