"""The names of SQL dialects."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

# Ibis changes some of sqlglot's dialects when its first SQL backend is loaded, and adds its own.
# Here they are changed from the start, so that nothing depends on what else was loaded before.
from ibis.backends.sql import dialects as _patched  # noqa: F401
from sqlglot import exp
from sqlglot.dialects.dialect import Dialects
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.parsers.duckdb import DuckDBParser

from ibert.diagnostics import Diagnostic, IbertError, did_you_mean

DIALECTS = tuple(dialect.value for dialect in Dialects if dialect.value)
_OTHER_NAMES = {"mariadb": "mysql", "mssql": "tsql", "pyspark": "spark", "sqlserver": "tsql"}


def check_dialect(name: str, known: Collection[str] = DIALECTS) -> None:
    """Refuse what is not the name of a dialect.

    Parameters
    ----------
    name
        As sqlglot spells it.
    known
        The names to choose from.

    Raises
    ------
    IbertError
        IB203 with the name that was probably meant.

    Examples
    --------
    >>> check_dialect("mssql")
    Traceback (most recent call last):
    ibert.diagnostics.IbertError: IB203 no SQL dialect 'mssql'
      hint: did you mean 'tsql'?
    """
    if name not in known:
        hint = did_you_mean(_OTHER_NAMES.get(name.casefold(), name), known, "dialects")
        message = f"no SQL dialect {name!r}"
        raise IbertError([Diagnostic(code="IB203", message=message, hint=hint)])


# sqlglot's parser reads a column among the arguments of these as a unit, or leaves an argument out.
_REWRITTEN_FUNCTIONS = (
    "ARRAY_REVERSE_SORT",
    "DATEDIFF",
    "DATETRUNC",
    "DATE_DIFF",
    "DATE_TRUNC",
    "DECODE",
    "LIST_REVERSE_SORT",
    "TIME_BUCKET",
)


EXPORT_STATE = "export_state"
_UNIT_OR_CLOCK = re.compile("[a-zA-Z:]")


class _AsWrittenParser(DuckDBParser):
    FUNCTIONS = {  # noqa: RUF012  it overrides one of sqlglot's
        name: build
        for name, build in DuckDBParser.FUNCTIONS.items()
        if name not in _REWRITTEN_FUNCTIONS
    }

    _type_end = -1  # where the last type ended

    def _parse_interval_span(
        self, this: exp.Expr, parse_function_unit: bool = True
    ) -> exp.Interval:
        """Keep the text of an interval whole: '1.5 days' is not '1.5' DAY."""
        if this and this.is_string and _UNIT_OR_CLOCK.search(this.name):
            return self.expression(exp.Interval(this=this))
        return super()._parse_interval_span(this, parse_function_unit)

    def _parse_window(self, this: exp.Expr | None, alias: bool = False) -> exp.Expr | None:
        """Read what makes the state of an aggregate of it: `sum(x) EXPORT_STATE`."""
        found = super()._parse_window(this, alias)
        if found is not None and self._match_text_seq("EXPORT_STATE"):
            return self.expression(exp.Anonymous(this=EXPORT_STATE, expressions=[found]))
        return found

    def _parse_in(self, this: exp.Expr | None, alias: bool = False) -> exp.In:
        """Read IN (VALUES …) as IN of a query."""
        found: exp.In = super()._parse_in(this, alias)
        if len(found.expressions) == 1 and isinstance(found.expressions[0], exp.Values):
            query = exp.select("*").from_(found.expressions[0]).subquery(copy=False)
            return exp.In(this=found.this, query=query)
        return found

    def _parse_types(self, *args: Any, **kwargs: Any) -> exp.Expr | None:
        found: exp.Expr | None = super()._parse_types(*args, **kwargs)
        if found is not None:
            self._type_end = self._index
        return found

    def _parse_column_ops(self, this: exp.Expr | None) -> exp.Expr | None:
        """Leave DATE '…' together: sqlglot reads DATE '…'::VARCHAR as a cast to DATE."""
        if isinstance(this, exp.Literal) and this.is_string and self._index - 1 == self._type_end:
            return this
        return super()._parse_column_ops(this)

    def _parse_type(
        self, parse_interval: bool = True, fallback_to_identifier: bool = False
    ) -> exp.Expr | None:
        found: exp.Expr | None = super()._parse_type(parse_interval, fallback_to_identifier)
        constant = isinstance(found, exp.Cast) and isinstance(found.this, exp.Literal)
        if constant and self._curr and self._curr.token_type in self.COLUMN_OPERATORS:
            return self._parse_column_ops(found)
        return found


class DuckDBAsWritten(DuckDB):
    """DuckDB's dialect without what sqlglot changes in it: positions, JSON paths, units."""

    INDEX_OFFSET = 0
    Parser = _AsWrittenParser

    def to_json_path(self, path: exp.Expr | None) -> exp.Expr | None:
        """Leave a path alone: `j -> 'a.b'` is one key for DuckDB."""
        return path
