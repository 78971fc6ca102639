"""Parse queries; what is wrong with them becomes diagnostics with their places."""

from __future__ import annotations

from sqlglot import ErrorLevel, exp
from sqlglot.errors import UnsupportedError
from sqlglot.transforms import eliminate_join_marks

from ibert.diagnostics import Diagnostic, IbertError, collected
from ibert.sql.annotation import ColumnTypes, annotate
from ibert.sql.conversions import remarks
from ibert.sql.dialects import DuckDBAsWritten, check_dialect
from ibert.sql.meanings import keep_meaning
from ibert.sql.rules import UnknownMeaningError
from ibert.sql.script import PARSER_ERRORS, Script

AS_WRITTEN = DuckDBAsWritten.__name__.lower()
QUERIES = (exp.Query, exp.Values, exp.Pivot)  # the statements that give rows


def parse_query(sql: str, dialect: str = "duckdb", *, source: str | None = None) -> exp.Expr:
    """Parse one query.

    Parameters
    ----------
    sql
        The text of one SELECT, set operation, VALUES or PIVOT.
    dialect
        A dialect of sqlglot.
    source
        What diagnostics call the text.

    Raises
    ------
    IbertError
        IB203 for an unknown dialect, IB002 for a text that is not one query.

    Examples
    --------
    >>> parse_query("SELECT a FROM t").named_selects
    ['a']
    """
    check_dialect(dialect)
    return _query(sql, dialect, source)


def count_constants(query: exp.Expr) -> int | None:
    """Count the constants of a query: no relation of constants that it has holds more.

    None for a recursive query, which may come down to any number of constants.

    Examples
    --------
    >>> count_constants(parse_query("SELECT a FROM (VALUES (1, 'x'), (NULL, TRUE)) AS t(a, b)"))
    4
    """
    if any(found.recursive for found in query.find_all(exp.With)):
        return None
    return sum(1 for _ in query.find_all(exp.Literal, exp.Boolean, exp.Null))


def parse_as_written(sql: str, *, source: str | None = None) -> exp.Expr:
    """Parse one query of DuckDB's dialect without any change: positions count from 1.

    Raises
    ------
    IbertError
        IB002 for a text that is not one query.

    Examples
    --------
    >>> parse_as_written("SELECT l[1]").expressions[0].expressions[0].name
    '1'
    """
    return _query(sql, AS_WRITTEN, source)


def _query(sql: str, dialect: str, source: str | None) -> exp.Expr:
    with collected() as found:
        script = Script(sql, dialect, source, found)
        statements = list(script.statements())
        if not found and len(statements) != 1:
            span = script.span(statements[1][1]) if statements else None
            script.find("IB002", f"one query is wanted, not {len(statements)} statements", span)
        for statement, tokens in statements[:1]:
            if not isinstance(statement, QUERIES):
                message = f"a query is wanted, not {statement.key.upper()}"
                script.find("IB002", message, script.span(tokens))
    return statements[0][0]


def is_qualified(query: exp.Expr) -> bool:
    """Tell whether a query names the schema of a table.

    Examples
    --------
    >>> is_qualified(parse_query("SELECT a FROM sales.t")), is_qualified(parse_query("FROM t"))
    (True, False)
    """
    return any(table.db for table in query.find_all(exp.Table))


def to_duckdb(
    query: exp.Expr,
    dialect: str,
    columns: ColumnTypes | None = None,
    remarked: list[tuple[exp.Expr, str]] | None = None,
) -> str:
    """Give the text of a query of some dialect in DuckDB's; tables go by the last part of a name.

    Parameters
    ----------
    query
        What `parse_query` gives.
    dialect
        Its dialect.
    columns
        The types of the columns of the tables, on which some operators depend.
    remarked
        Where parts go whose result is not the same for all data, with what there is to say.

    Raises
    ------
    IbertError
        IB301 if DuckDB has no spelling for it, IB501 if it is not known what it means.

    Examples
    --------
    >>> to_duckdb(parse_query("SELECT TOP 3 a FROM t", "tsql"), "tsql")
    'SELECT a FROM t LIMIT 3'
    >>> to_duckdb(parse_query("SELECT t.a FROM sales.t", "postgres"), "postgres")
    'SELECT t.a FROM t'
    """
    query = query.copy()
    for table in query.find_all(exp.Table):
        table.set("db", None)
        table.set("catalog", None)
    if dialect != "duckdb":
        query = _joined(query)
        annotate(query, dialect, columns or {})
        if remarked is not None:
            remarked.extend(remarks(query, dialect))
        keep_meaning(query, dialect)
    try:
        return query.sql("duckdb", unsupported_level=ErrorLevel.RAISE)
    except (UnsupportedError, RecursionError, *PARSER_ERRORS) as error:
        message = f"DuckDB cannot run this {dialect} query: {error}"
        raise IbertError([Diagnostic(code="IB301", message=message)]) from error


def _joined(query: exp.Expr) -> exp.Expr:
    """Write conditions with (+) as outer joins."""
    if not any(column.args.get("join_mark") for column in query.find_all(exp.Column)):
        return query
    try:
        return eliminate_join_marks(query)
    except AssertionError as error:  # that is how sqlglot declines
        raise UnknownMeaningError("(+) here", query, "write LEFT JOIN … ON") from error
