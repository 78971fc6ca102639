"""Parse SQL with sqlglot; what is wrong with it becomes a diagnostic with its place."""

from __future__ import annotations

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError, UnsupportedError

from ibert.diagnostics import Diagnostic, IbertError, Span, did_you_mean

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
        The dialect is unknown, or the text is not one query.

    Examples
    --------
    >>> parse_query("SELECT a FROM t").named_selects
    ['a']
    """
    _check_dialect(dialect)
    try:
        statements = sqlglot.parse(sql, read=dialect)
    except ParseError as error:
        raise IbertError([_syntax(detail, source) for detail in error.errors]) from error
    except TokenError as error:
        raise IbertError([Diagnostic(code="IB002", message=str(error), source=source)]) from error
    except RecursionError as error:
        message = "the SQL is nested too deeply"
        raise IbertError([Diagnostic(code="IB002", message=message, source=source)]) from error
    queries = [statement for statement in statements if statement is not None]
    if len(queries) != 1 or not isinstance(queries[0], QUERIES):
        found = f"{len(queries)} statements" if len(queries) != 1 else queries[0].key.upper()
        message = f"one query is wanted, not {found}"
        raise IbertError([Diagnostic(code="IB002", message=message, source=source)])
    return queries[0]


def to_duckdb(query: exp.Expr, dialect: str) -> str:
    """Give the text of a query of some dialect in DuckDB's.

    Raises
    ------
    IbertError
        DuckDB has no spelling for it.

    Examples
    --------
    >>> to_duckdb(parse_query("SELECT TOP 3 a FROM t", "tsql"), "tsql")
    'SELECT a FROM t LIMIT 3'
    """
    try:
        return query.sql("duckdb", unsupported_level=sqlglot.ErrorLevel.RAISE)
    except UnsupportedError as error:
        message = f"DuckDB cannot run this {dialect} query: {error}"
        raise IbertError([Diagnostic(code="IB301", message=message)]) from error


def _check_dialect(dialect: str) -> None:
    names = [name for name in sqlglot.Dialect.classes if name]
    if dialect not in names:
        hint = did_you_mean(dialect, names, "dialects")
        raise IbertError(
            [Diagnostic(code="IB203", message=f"unknown dialect {dialect!r}", hint=hint)]
        )


def _syntax(detail: dict[str, object], source: str | None) -> Diagnostic:
    line, end = detail.get("line"), detail.get("col")
    width = len(str(detail.get("highlight") or ""))
    span = None
    if isinstance(line, int) and isinstance(end, int):
        span = Span(line, max(1, end - width + 1), line, end + 1)
    message = str(detail["description"]).rstrip(".")
    if "<Token " in message:
        message = f"{message.partition('<Token ')[0]}{detail['highlight']!r}"
    if message.startswith("Required keyword"):  # "… missing for <class 'sqlglot.….Where'>"
        message = f"incomplete {message.rpartition('.')[2].strip(chr(39) + '>').upper()}"
    return Diagnostic(code="IB002", message=message, source=source, span=span)
