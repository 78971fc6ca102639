"""Compare the result of a query with the one it should equal. Knows nothing of SQL or Ibis.

Columns, names, types, rows (with duplicates) and, where it is fixed, their order. Values are
compared as what they are: NULL is not NaN, true is not 1, and only floating-point numbers have a
tolerance.
"""

from __future__ import annotations

import datetime as dt
import math
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from itertools import groupby
from typing import Any

import pyarrow as pa

from ibert.sandbox import Result
from ibert.verdict import Difference
from ibert.verifier.types import Family, arrow_family, duckdb_family, fetched_family

TOLERANCE = 1e-12  # of floating-point numbers, relative and absolute
SHOWN_ROWS = 5  # of each side in a Difference
GIVE_UP = 500  # rows without a counterpart after which none is searched for any more

Row = tuple[Any, ...]


def compare(
    reference: Result,
    result: Result,
    *,
    named: Sequence[bool] | None = None,
    order: Sequence[Row] | None = None,
) -> Difference | None:
    """Compare two results; None where they are equal.

    Parameters
    ----------
    reference
        What the result should be; as DuckDB returned it.
    result
        As DuckDB returned it (it has `types`), or as it was fetched (`types` is None).
    named
        For each column of the reference, whether its name is compared. All are by default.
    order
        The sort key of each row of the reference: rows with equal keys may come in any order,
        others may not. None: all rows may come in any order.

    Examples
    --------
    >>> three = Result.of(pa.table({"n": [1, None, 2]}), ["INTEGER"])
    >>> compare(three, Result.of(pa.table({"n": [2, 1, None]}), ["INTEGER"])) is None
    True
    >>> compare(three, Result.of(pa.table({"n": [2, 1, 1]}), ["INTEGER"])).message
    '1 of 3 rows differ'
    """
    return (
        _columns_differ(reference, result)
        or _names_differ(reference, result, named)
        or _types_differ(reference, result)
        or _rows_differ(reference, result, order)
    )


def rows_of(table: pa.Table) -> list[Row]:
    """Give the rows as tuples of canonical values: hashable, equal where values are the same."""
    if not table.num_columns:
        return [()] * table.num_rows
    return list(zip(*map(_values, table.columns), strict=True))


def shown(table: pa.Table) -> list[tuple[str, ...]]:
    """Give the rows as text."""
    return [tuple(map(_text, row)) for row in rows_of(table)]


def _columns_differ(reference: Result, result: Result) -> Difference | None:
    want, have = len(reference.columns), len(result.columns)
    if want == have:
        return None
    message = f"{have} columns ({', '.join(result.columns)}), not {want}"
    return Difference(kind="columns", message=message, columns=tuple(reference.columns))


def _names_differ(
    reference: Result, result: Result, named: Sequence[bool] | None
) -> Difference | None:
    chosen = named or [True] * len(reference.columns)
    wrong = [
        f"{have!r}, not {want!r}"
        for want, have, is_named in zip(reference.columns, result.columns, chosen, strict=True)
        if is_named and want != have
    ]
    if not wrong:
        return None
    return Difference(kind="names", message=f"a column is named {'; '.join(wrong)}")


def _types_differ(reference: Result, result: Result) -> Difference | None:
    wrong = [
        f"{name!r} is {have}, not {want}"
        for name, want, have in zip(
            reference.columns, _families(reference, result), _families(result), strict=True
        )
        if want != have
    ]
    if not wrong:
        return None
    return Difference(kind="types", message="; ".join(wrong))


def _families(result: Result, compared_with: Result | None = None) -> list[Family]:
    if result.types is None:
        return [arrow_family(field.type) for field in result.table.schema]
    families = list(map(duckdb_family, result.types))
    if compared_with is not None and compared_with.types is None:
        return list(map(fetched_family, families))
    return families


def _rows_differ(
    reference: Result, result: Result, order: Sequence[Row] | None
) -> Difference | None:
    if reference.stream == result.stream:
        return None
    want, have = rows_of(reference.table), rows_of(result.table)
    missing, unexpected = _unmatched(want, have)
    if missing or unexpected:
        differing = max(len(missing), len(unexpected))
        count = "" if len(want) == len(have) else f"; {len(have)} rows, not {len(want)}"
        message = f"{differing} of {max(len(want), len(have))} rows differ{count}"
        return _shown("rows", message, reference.columns, missing, unexpected)
    start = 0
    for _, tied in groupby(order or ()):
        end = start + len(list(tied))
        missing, unexpected = _unmatched(want[start:end], have[start:end])
        if missing or unexpected:
            message = f"the order differs at row {start + 1} of {len(want)}"
            return _shown("order", message, reference.columns, missing, unexpected)
        start = end
    return None


def _shown(
    kind: str, message: str, columns: list[str], missing: list[Row], unexpected: list[Row]
) -> Difference:
    return Difference(
        kind=kind,
        message=message,
        columns=tuple(columns),
        missing=tuple(tuple(map(_text, row)) for row in missing[:SHOWN_ROWS]),
        unexpected=tuple(tuple(map(_text, row)) for row in unexpected[:SHOWN_ROWS]),
    )


def _unmatched(want: list[Row], have: list[Row]) -> tuple[list[Row], list[Row]]:
    """Pair the rows of both sides; give those of either that are left over."""
    if want == have:
        return [], []
    wanted = Counter(want)
    wanted.subtract(have)
    missing = [row for row, count in wanted.items() for _ in range(count)]
    unexpected = [row for row, count in wanted.items() for _ in range(-count)]
    if any(isinstance(value, float) for row in missing for value in _leaves(row)):
        return _unmatched_within_tolerance(missing, unexpected)
    return missing, unexpected


def _unmatched_within_tolerance(want: list[Row], have: list[Row]) -> tuple[list[Row], list[Row]]:
    """Pair rows that agree but for the rounding of their floating-point numbers."""
    candidates = defaultdict(list)
    for row in want:
        candidates[_without_floats(row)].append(row)
    unexpected: list[Row] = []
    for row in have:
        group = candidates.get(_without_floats(row), []) if len(unexpected) < GIVE_UP else []
        near = next((i for i, other in enumerate(group) if _is_close(row, other)), None)
        if near is None:
            unexpected.append(row)
        else:
            group.pop(near)
    return [row for group in candidates.values() for row in group], unexpected


def _is_close(one: Any, other: Any) -> bool:
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(_is_close, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return bool(one == other)


def _leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, tuple):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def _without_floats(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_without_floats, value))
    return float if isinstance(value, float) else value


# The Arrow types whose Python values are canonical as they are.
_PLAIN = (
    pa.types.is_integer,
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_date,
    pa.types.is_time,
    pa.types.is_decimal,
)


def _values(column: pa.ChunkedArray) -> Iterable[Any]:
    if pa.types.is_struct(column.type) and len(set(column.type.names)) < column.type.num_fields:
        column = _numbered(column)
    try:
        values: list[Any] = column.to_pylist()
    except (OverflowError, ValueError):  # a date or time that Python does not have
        return list(column.cast(pa.string()).to_pylist())
    if any(test(column.type) for test in _PLAIN):
        return values
    return map(_canonical, values)


def _numbered(column: pa.ChunkedArray) -> pa.Array:
    """Give the fields of structs numbers for names, where several have the same one."""
    structs = column.combine_chunks()
    fields = [structs.field(i) for i in range(structs.type.num_fields)]
    names = [str(i) for i in range(len(fields))]
    return pa.StructArray.from_arrays(fields, names=names, mask=structs.is_null())


def _canonical(value: Any) -> Any:
    if isinstance(value, bool):
        return ("bool", value)  # True == 1 in Python
    if isinstance(value, float):
        return ("float", "NaN" if math.isnan(value) else value + 0.0)  # -0.0 is 0.0
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).replace(tzinfo=None) if value.tzinfo else value
    if isinstance(value, dict):
        return tuple(map(_canonical, value.values()))
    if isinstance(value, list):
        items = tuple(map(_canonical, value))
        return tuple(sorted(items, key=repr)) if _is_map(value) else items
    if isinstance(value, tuple):
        return tuple(map(_canonical, value))
    if isinstance(value, uuid.UUID):
        return str(value)
    return value


def _is_map(value: list[Any]) -> bool:
    """Tell a map (Arrow gives pairs) from a list (whose structs are dicts, never tuples)."""
    return bool(value) and all(isinstance(item, tuple) for item in value)


def _text(value: Any) -> str:
    match value:
        case None:
            return "NULL"
        case ("bool", flag):
            return str(flag).lower()
        case ("float", number):
            return str(number)
        case Decimal() | dt.date() | dt.time():
            return str(value)
        case tuple():
            return f"[{', '.join(map(_text, value))}]"
        case _:
            return repr(value)
