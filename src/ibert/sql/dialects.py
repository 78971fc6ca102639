"""The names of SQL dialects."""

from __future__ import annotations

from collections.abc import Collection

# Ibis changes some of sqlglot's dialects when its first SQL backend is loaded, and adds its own.
# Here they are changed from the start, so that nothing depends on what else was loaded before.
from ibis.backends.sql import dialects as _patched  # noqa: F401
from sqlglot.dialects.dialect import Dialects

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
