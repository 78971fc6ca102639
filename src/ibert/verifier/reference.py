"""The reference: what a query gives, and what about it is fixed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from sqlglot import exp

from ibert.diagnostics import IbertError
from ibert.sandbox import Failure, Result
from ibert.sql import Output, describe_output, is_qualified, parse_query, to_duckdb
from ibert.sql.annotation import ColumnTypes
from ibert.verifier.comparison import Row, compare, rows_of

MOST_CHARACTERS = 65_536  # of SQL: it is parsed here, where no limit of the sandbox holds
Run = Callable[..., Result | Failure]  # runs SQL on the database of a number


@dataclass(frozen=True)
class Reference:
    """The result that code should give.

    Attributes
    ----------
    result
        The rows of the SQL.
    named
        Whether the SQL chose the name of each column, and for no other one: in Ibis no name occurs
        twice.
    order
        The sort key of each row; None where any order will do.
    undetermined
        Why this result is not the only right one; None where it is.
    """

    result: Result
    named: list[bool]
    order: list[Row] | None = None
    undetermined: str | None = None


@lru_cache(maxsize=16)
def parsed(sql: str, dialect: str = "duckdb") -> exp.Expr:
    """Parse a query for those who only read it: each text is judged on several databases.

    Raises
    ------
    IbertError
        The SQL is not one query of the dialect.
    """
    return parse_query(sql, dialect)


@lru_cache(maxsize=16)
def _output(sql: str) -> Output:
    return describe_output(parsed(sql))


def is_settled(sql: str, rows: int) -> bool:
    """Tell whether the rows that SQL gave cannot depend on the order in which rows are stored.

    What is not understood may depend on it.

    Parameters
    ----------
    sql
        A query of DuckDB's dialect.
    rows
        How many it gave.

    Examples
    --------
    >>> is_settled("SELECT max(a) FROM t", 1), is_settled("SELECT first(a) FROM t", 1)
    (True, False)
    >>> [is_settled("SELECT a FROM t LIMIT 3", rows) for rows in (2, 3)]
    [True, False]
    """
    if len(sql) > MOST_CHARACTERS:
        return False
    try:
        output = _output(sql)
    except IbertError:
        return False
    is_uncut = output.uncut is not None and rows <= output.uncut
    return (output.settled or is_uncut) and not output.volatile


def in_duckdb(sql: str, dialect: str, columns: ColumnTypes) -> str:
    """Give the text of a query in DuckDB's dialect, with tables by the last part of their names.

    Parameters
    ----------
    sql
        The query.
    dialect
        Its dialect.
    columns
        The types of the columns of the tables, on which some operators of other dialects depend.

    Raises
    ------
    IbertError
        The SQL is not one query of the dialect, or DuckDB has no spelling for it.

    Examples
    --------
    >>> in_duckdb("SELECT TOP 3 a FROM t", "tsql", {})
    'SELECT a FROM t LIMIT 3'
    """
    query = parsed(sql, dialect)
    return to_duckdb(query, dialect, columns) if dialect != "duckdb" or is_qualified(query) else sql


def refer(sql: str, run: Run, databases: Sequence[int]) -> Reference | Failure:
    """Run a query of DuckDB's dialect and find out what about its result is fixed.

    Parameters
    ----------
    sql
        The query.
    run
        Runs SQL on a database.
    databases
        Which hold the same rows in different orders.

    Raises
    ------
    IbertError
        The SQL is not one query.
    """
    output = _output(sql)
    first, *others = databases
    result = run(sql, database=first)
    if isinstance(result, Failure):
        return result
    chosen = output.chosen(len(result.columns))
    named = [
        is_chosen and count == 1
        for is_chosen, count in zip(chosen, _occurrences(result.columns), strict=True)
    ]
    if output.volatile:
        return Reference(result, named, undetermined="it draws at random")
    order = None
    if output.ordered:
        again = output.keyed and run(output.keyed, database=first)
        keyed = again or result
        order = _sort_keys(keyed, output, result)
        if order is None:
            reason = "its ORDER BY cannot be read off its result"
            return Reference(result, named, undetermined=reason)
    if output.whole and _cuts_ties(run(output.whole, database=first), output):
        reason = "its LIMIT or OFFSET cuts rows that its ORDER BY does not tell apart"
        return Reference(result, named, order, reason)
    for database in () if output.settled else others:
        again = run(sql, database=database)
        if isinstance(again, Failure) or compare(result, again, order=order):
            reason = "its result depends on the order in which the rows are stored"
            return Reference(result, named, order, reason)
    for text in output.decided:
        again = run(text, database=first)
        if isinstance(again, Result) and compare(result, again, order=order):
            reason = "it takes some of its rows in no order"
            return Reference(result, named, order, reason)
    return Reference(result, named, order)


def _occurrences(names: Sequence[str]) -> list[int]:
    """Tell for each name how often it occurs; DuckDB does not mind the case."""
    folded = [name.casefold() for name in names]
    return [folded.count(name) for name in folded]


def _cuts_ties(whole: Result | Failure, output: Output) -> bool:
    """Tell whether rows with the same sort key but other values stand on both sides of a cut."""
    if isinstance(whole, Failure) or (positions := output.key_positions(whole.columns)) is None:
        return False
    rows = rows_of(whole.table)
    for cut in output.cuts:
        if 0 < cut < len(rows):
            key = [rows[cut][i] for i in positions]
            if key == [rows[cut - 1][i] for i in positions]:
                tied = [row for row in rows if [row[i] for i in positions] == key]
                if any(row != tied[0] for row in tied):
                    return True
    return False


def _sort_keys(keyed: Result | Failure, output: Output, reference: Result) -> list[Row] | None:
    """Read the sort key of each row off the keyed result; None where that cannot be done."""
    if isinstance(keyed, Failure):
        return None
    positions = output.key_positions(keyed.columns)
    if positions is None:
        return None
    rows = rows_of(keyed.table)
    if keyed is not reference:
        width = len(reference.columns)
        if [row[:width] for row in rows] != rows_of(reference.table):
            return None
    return [tuple(row[i] for i in positions) for row in rows]
