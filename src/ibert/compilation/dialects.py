"""The dialects of SQL, and how Ibis code gets there."""

from __future__ import annotations

from typing import NamedTuple

from sqlglot import Dialect

from ibert.backends import compilers_by_backend
from ibert.diagnostics import Diagnostic, IbertError, did_you_mean

# The name of Ibis' backend for a dialect that sqlglot calls otherwise.
_BACKENDS = {"tsql": "mssql", "fabric": "mssql", "spark": "pyspark", "singlestore": "singlestoredb"}
# Dialects that Ibis has no compiler for: the backend whose SQL sqlglot rewrites for them.
_NEAREST = {
    "doris": "mysql",
    "dremio": "trino",
    "drill": "trino",
    "dune": "trino",
    "hive": "pyspark",
    "presto": "trino",
    "redshift": "postgres",
    "spark2": "pyspark",
    "starrocks": "mysql",
    "teradata": "duckdb",
}


# What sqlglot calls dialects that are named after a backend.
_READ_AS = {"mssql": "tsql", "pyspark": "spark"}


class Target(NamedTuple):
    """A dialect, the backend of Ibis that compiles for it, and whether sqlglot rewrites that."""

    dialect: str
    backend: str
    rewritten: bool

    @property
    def read_as(self) -> str:
        """The dialect that its SQL is read in."""
        return _READ_AS.get(self.dialect, self.dialect)


def _targets() -> dict[str, Target]:
    own = {name: Target(name, name, False) for name in compilers_by_backend()}
    renamed = {name: Target(name, backend, False) for name, backend in _BACKENDS.items()}
    rewritten = {name: Target(name, backend, True) for name, backend in _NEAREST.items()}
    return dict(sorted((own | renamed | rewritten).items()))


def target_of(dialect: str) -> Target:
    """Find how to get to a dialect.

    Raises
    ------
    IbertError
        There is no such dialect.

    Examples
    --------
    >>> target_of("tsql")
    Target(dialect='tsql', backend='mssql', rewritten=False)
    >>> target_of("redshift")
    Target(dialect='redshift', backend='postgres', rewritten=True)
    """
    targets = _targets()
    if dialect not in targets:
        hint = did_you_mean(dialect, targets, "dialects")
        raise IbertError(
            [Diagnostic(code="IB203", message=f"unknown dialect {dialect!r}", hint=hint)]
        )
    return targets[dialect]


def sqlglot_dialect(target: Target) -> type[Dialect] | Dialect | str:
    """Give what sqlglot generates SQL with."""
    if target.rewritten:
        return target.dialect
    found: type[Dialect] | Dialect | str = compilers_by_backend()[target.backend].dialect
    return found
