"""Shrink a database to the fewest rows on which two queries still differ.

Rows are left out by delta debugging (A. Zeller, R. Hildebrandt: Simplifying and Isolating
Failure-Inducing Input, TSE 2002). Nothing is loaded for it: a CTE of a table's name holds the rows
that are left, and stands in front of both queries.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from ibert.sandbox import Failure, Result
from ibert.verdict import Counterexample, TableRows
from ibert.verifier.comparison import compare, rows_of, shown
from ibert.verifier.reference import Reference, Run, refer

MOST_ROWS = 600  # of the tables that are shrunk
SECONDS = 3.0
SHOWN = 12  # rows of a result

Row = tuple[str, int]  # a table, and the number of a row in it


class _Found(NamedTuple):
    """What two queries give where they differ."""

    reference: Reference
    result: Result


def shrink(
    sql: str, other: str, run: Run, databases: Sequence[int], tables: Iterable[str]
) -> Counterexample | None:
    """Find few rows of a database on which two queries differ; None if none can be left out.

    Parameters
    ----------
    sql
        The query that says what is right, in DuckDB's dialect.
    other
        The one that differs.
    run
        Runs SQL on a database.
    databases
        Where they differ: the same rows in different orders.
    tables
        The names of the database's tables.
    """
    named = [table for table in tables if _mentions(f"{sql}\n{other}", table)]
    rows: list[Row] = []
    for table in named:
        ids = run(f"SELECT rowid FROM {_quoted(table)}", database=databases[0])  # noqa: S608
        if isinstance(ids, Failure):
            return None
        rows += [(table, row[0]) for row in rows_of(ids.table)]
    if len(rows) > MOST_ROWS:
        return None
    stop = time.monotonic() + SECONDS

    def differ(kept: Sequence[Row]) -> _Found | None:
        if time.monotonic() > stop:
            return None
        return _differ(sql, other, run, databases[0], _left(kept, named))

    if differ(rows) is None:
        return None
    rows = _minimal(rows, differ)
    found = _differ(sql, other, run, databases[0], _left(rows, named))
    return found and _described(found, f"{sql}\n{other}", run, databases[0], _left(rows, named))


def _minimal(rows: list[Row], differ: Callable[[Sequence[Row]], _Found | None]) -> list[Row]:
    """Leave out rows, in ever smaller parts, while the queries differ."""
    size = max(1, len(rows) // 2)
    while rows:
        start, changed = 0, False
        while start < len(rows):
            rest = rows[:start] + rows[start + size :]
            if differ(rest) is not None:
                rows, changed = rest, True
            else:
                start += size
        if size == 1 and not changed:
            break
        size = max(1, size // 2)
    return rows


def _left(rows: Iterable[Row], tables: Iterable[str]) -> dict[str, list[int]]:
    left: dict[str, list[int]] = {table: [] for table in tables}
    for table, number in rows:
        left[table].append(number)
    return left


def _differ(
    sql: str, other: str, run: Run, database: int, left: Mapping[str, Sequence[int]]
) -> _Found | None:
    """Run both queries on the rows that are left; None where they agree, or nothing is fixed."""

    def on_rows(text: str, *, database: int) -> Result | Failure:
        return run(_before(text, left, backwards=database < 0), database=abs(database) - 1)

    # The same database stands for itself in the other order, as a negative number.
    reference = refer(sql, on_rows, [database + 1, -database - 1])
    if isinstance(reference, Failure) or reference.undetermined:
        return None
    result = on_rows(other, database=database + 1)
    if isinstance(result, Failure):
        return None
    difference = compare(reference.result, result, named=reference.named, order=reference.order)
    if difference is None or difference.kind not in ("rows", "order"):
        return None
    return _Found(reference, result)


def _before(sql: str, left: Mapping[str, Sequence[int]], *, backwards: bool) -> str:
    """Put the rows that are left in front of a query."""
    order = " ORDER BY rowid DESC" if backwards else ""
    tables = ", ".join(
        f"{_quoted(table)} AS MATERIALIZED (SELECT * FROM main.{_quoted(table)} "  # noqa: S608
        f"WHERE {_among(ids)}{order})"
        for table, ids in left.items()
    )
    return f"WITH {tables} SELECT * FROM (\n{sql.rstrip().rstrip(';')}\n) AS shrunk"  # noqa: S608


def _among(ids: Sequence[int]) -> str:
    return f"rowid IN ({', '.join(map(str, ids))})" if ids else "FALSE"


def _described(
    found: _Found, text: str, run: Run, database: int, left: Mapping[str, Sequence[int]]
) -> Counterexample:
    tables = []
    for table, ids in left.items():
        if not ids:
            continue
        rows = run(
            f"SELECT * FROM {_quoted(table)} WHERE {_among(ids)}",  # noqa: S608
            database=database,
        )
        if isinstance(rows, Failure):
            continue
        columns = rows.columns
        named = [i for i, column in enumerate(columns) if _mentions(text, column)]
        named = named or list(range(len(columns)))
        tables.append(
            TableRows(
                name=table,
                columns=tuple(columns[i] for i in named),
                rows=tuple(tuple(row[i] for i in named) for row in shown(rows.table)),
            )
        )
    return Counterexample(
        tables=tuple(tables),
        columns=tuple(found.reference.result.columns),
        reference=tuple(shown(found.reference.result.table)[:SHOWN]),
        result=tuple(shown(found.result.table)[:SHOWN]),
        ordered=found.reference.order is not None,
    )


def _mentions(text: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE) is not None


def _quoted(name: str) -> str:
    return f'"{name.replace(chr(34), chr(34) * 2)}"'
