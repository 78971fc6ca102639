"""Suites: queries, and the databases that they run on."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from string import Template as Text

import duckdb
import msgspec
import pyarrow as pa

from ibert import fixtures
from ibert.catalog import Catalog
from ibert.database import connect, write_databases
from ibert.datagen.sql2ibis.module import as_module
from ibert.datagen.sql2ibis.template import Template, Variation, load_templates
from ibert.diagnostics import Diagnostic, IbertError, did_you_mean
from ibert.documents import read_text
from ibert.evaluation.benchmarks import TPCDS, TPCH, Benchmark, fill
from ibert.sandbox import Failure
from ibert.verifier import Verifier
from ibert.verifier.comparison import rows_of

SETUP = "ibis_setup.sql"  # beside the file of cases


@dataclass(frozen=True)
class Case:
    """A query to translate and, where somebody wrote it, the Ibis code that equals it."""

    name: str
    sql: str
    dialect: str = "duckdb"
    code: str | None = None


@dataclass(frozen=True)
class Suite:
    """Queries over the same tables.

    Attributes
    ----------
    name
        A key of `SUITES`.
    cases
        No two have the same query.
    catalog
        The tables.
    databases
        DuckDB files that hold the same rows, in two orders.
    """

    name: str
    cases: tuple[Case, ...]
    catalog: Catalog
    databases: tuple[Path, ...]


@dataclass(frozen=True)
class Source:
    """What suites are made from.

    Attributes
    ----------
    folder
        Where the databases go, in a folder for each suite.
    scale
        The scale factor of `tpch` and `tpcds`.
    cases
        For `ibis-map`: a JSON list of `{"id": …, "sql": …}`, beside a script that makes the tables.
    """

    folder: Path
    scale: float = 0.01
    cases: Path | None = None


class CaseRow(msgspec.Struct):
    """What is read of a row of a file of cases."""

    id: str
    sql: str


def load_suite(name: str, source: Source, *, limit: int | None = None) -> Suite:
    """Make the databases and the cases of a suite.

    Parameters
    ----------
    name
        A key of `SUITES`.
    source
        Where from.
    limit
        Take only as many cases, from the first.

    Raises
    ------
    IbertError
        The suite is not known, or what it is made from is missing or cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     suite = load_suite("fixtures", Source(Path(folder)), limit=2)
    >>> len(suite.cases), "orders" in suite.catalog
    (2, True)
    """
    if name not in SUITES:
        message, hint = f"unknown suite {name!r}", did_you_mean(name, SUITES, "suites")
        raise IbertError([Diagnostic(code="IB203", message=message, hint=hint)])
    folder = source.folder / name
    folder.mkdir()
    suite = SUITES[name](dataclasses.replace(source, folder=folder))
    return dataclasses.replace(suite, cases=suite.cases[:limit])


def _benchmark(source: Source, *, benchmark: Benchmark) -> Suite:
    with connect(":memory:") as con:
        queries = fill(con, benchmark, source.scale)
        catalog, databases = _copied(con, source.folder)
    cases = tuple(Case(name, sql) for name, sql in queries.items())
    return Suite(source.folder.name, cases, catalog, databases)


def _ibis_map(source: Source) -> Suite:
    path = source.cases
    if path is None:
        message = "the suite ibis-map needs the file of its cases"
        raise IbertError([Diagnostic(code="IB001", message=message, hint="give it with --cases")])
    rows = read_cases(path)
    with connect(":memory:") as con:
        _run_script(con, path.with_name(SETUP))
        catalog, databases = _copied(con, source.folder)
    cases = tuple(_that_run(_distinct(Case(row.id, row.sql) for row in rows), databases))
    return Suite(source.folder.name, cases, catalog, databases)


def _run_script(con: duckdb.DuckDBPyConnection, path: Path) -> None:
    try:
        con.execute(read_text(path))
    except duckdb.Error as error:
        diagnostic = Diagnostic(code="IB301", message=str(error), source=str(path))
        raise IbertError([diagnostic]) from error


def read_cases(path: Path) -> list[CaseRow]:
    """Read a file of cases.

    Raises
    ------
    IbertError
        IB002 if it is no JSON list of `{"id": …, "sql": …}`.
    """
    try:
        return msgspec.json.decode(read_text(path), type=list[CaseRow])
    except msgspec.DecodeError as error:
        hint = 'it is a list of {"id": …, "sql": …}'
        diagnostic = Diagnostic(code="IB002", message=str(error), source=str(path), hint=hint)
        raise IbertError([diagnostic]) from error


def _templates(source: Source, *, variations: int | None) -> Suite:
    """Take the queries of the training data's templates: so many of each, or all."""
    catalog = Catalog.from_ddl(fixtures.SCHEMA_SQL)
    cases = _distinct(
        _case(template, variation)
        for template in load_templates(catalog=catalog)
        for variation in template.variations[:variations]
    )
    databases = fixtures.write_databases(source.folder)
    return Suite(source.folder.name, tuple(cases), catalog, tuple(databases))


def _case(template: Template, variation: Variation) -> Case:
    values = variation.params.items()
    sql = Text(template.sql).substitute({name: value.sql for name, value in values}).strip()
    code = Text(template.ibis).substitute({name: value.ibis for name, value in values}).strip()
    name = f"{template.name}[{variation.label}]"
    return Case(name, sql, template.dialect, as_module(code, template.context))


SUITES: dict[str, Callable[[Source], Suite]] = {
    "fixtures": partial(_templates, variations=1),
    "templates": partial(_templates, variations=None),
    "tpch": partial(_benchmark, benchmark=TPCH),
    "tpcds": partial(_benchmark, benchmark=TPCDS),
    "ibis-map": _ibis_map,
}


def _copied(con: duckdb.DuckDBPyConnection, folder: Path) -> tuple[Catalog, tuple[Path, ...]]:
    """Write the tables of a database into two files: as they are, and with the rows in reverse."""
    query = "SELECT table_name, sql FROM duckdb_tables() ORDER BY table_oid"
    statements = dict(con.execute(query).fetchall())
    tables = {name: con.table(f'"{name}"').to_arrow_table() for name in statements}
    ddl = "\n".join(statements.values())
    return Catalog.from_ddl(ddl), tuple(write_databases(folder, ddl, tables))


def _distinct(cases: Iterable[Case]) -> Iterator[Case]:
    """Leave out queries that came before."""
    first: dict[tuple[str, str], Case] = {}
    for case in cases:
        if first.setdefault((case.dialect, case.sql), case) is case:
            yield case


def _that_run(cases: Iterable[Case], databases: tuple[Path, ...]) -> list[Case]:
    with Verifier([databases]) as verifier:
        return [case for case in cases if _runs(case, verifier)]


def _runs(case: Case, verifier: Verifier) -> bool:
    """Tell whether a case is one query, runs, and gives what can be compared."""
    try:
        reference = verifier.reference(case.sql, case.dialect)
        if isinstance(reference, Failure):
            return False
        rows_of(reference.result.table)
    except (IbertError, pa.ArrowNotImplementedError):  # a struct whose fields have no names
        return False
    return True
