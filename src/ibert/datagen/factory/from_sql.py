"""Roots from SQL files of a user: each query with what the compiler makes of it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
from ibis.expr.schema import Schema
from sqlglot import exp

from ibert.catalog import Catalog
from ibert.datagen.factory.chunks import read_small
from ibert.datagen.factory.databases import StrangersProver
from ibert.datagen.factory.root import Draft, Tally, proved
from ibert.datagen.factory.shard import Counts, derived, write_shard
from ibert.diagnostics import Diagnostic, IbertError
from ibert.documentation import Documenter
from ibert.sql.script import Script
from ibert.tasks.sql_to_ibis import sql_to_ibis
from ibert.verifier.reference import in_duckdb

_QUERIES = (exp.Select, exp.SetOperation)


class SqlConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What decides the examples of SQL files.

    Parameters
    ----------
    files
        The files, by their names within the folder.
    dialect
        Of the SQL.
    licence
        Of the files.
    seed
        Makes the rows of the tables.
    """

    files: tuple[str, ...]
    dialect: str
    licence: str
    seed: int = 0


def sql_config(folder: Path, dialect: str, licence: str, seed: int = 0) -> SqlConfig:
    """Find the SQL files of a folder, and of those in it.

    Raises
    ------
    IbertError
        IB001 if there is none.
    """
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.sql"))
    if not names:
        raise IbertError([Diagnostic(code="IB001", message="no .sql file", source=str(folder))])
    return SqlConfig(files=tuple(names), dialect=dialect, licence=licence, seed=seed)


def declared(folder: Path, config: SqlConfig) -> Catalog:
    """Give the tables that the files declare with CREATE TABLE; those that cannot be read, not."""
    tables: dict[str, Schema] = {}
    for name in config.files:
        try:
            text = read_small(folder / name)
            tables.update(Catalog.from_ddl(text, config.dialect, source=name).tables)
        except IbertError:
            continue  # no declarations: its queries are read all the same
    return Catalog(tables)


def sql_shard(
    config: SqlConfig, number: int, folder: Path, catalog: Catalog, output: Path
) -> Counts:
    """Make the shard of one file: all that its queries give."""
    name = config.files[number]
    tally, roots = Tally(), 0
    with Documenter() as documenter:
        for draft in _drafts(folder, name, config, catalog, tally):
            try:
                sql = in_duckdb(draft.sql, draft.dialect, draft.catalog.to_sql_types())
                with (
                    tempfile.TemporaryDirectory() as place,
                    StrangersProver(draft.catalog, sql, config.seed, Path(place)) as prover,
                ):
                    for root in proved(iter([draft]), prover, tally):
                        roots += 1
                        tally.rows += derived(root, documenter, tally)
            except IbertError as error:
                tally.reject("root", error.diagnostics[0].code)
    return write_shard(output, number, "sql", roots, tally)


def _drafts(
    folder: Path, name: str, config: SqlConfig, catalog: Catalog, tally: Tally
) -> Iterator[Draft]:
    try:
        text = read_small(folder / name)
    except IbertError as error:
        tally.reject("file", error.diagnostics[0].code)
        return
    found: list[Diagnostic] = []
    script = Script(text, config.dialect, name, found)
    for number, (statement, tokens) in enumerate(script.statements(), 1):
        if not isinstance(statement, _QUERIES):
            continue
        sql = script.text(tokens)
        used = [
            catalog.table_name(t.name) for t in statement.find_all(exp.Table) if t.name in catalog
        ]
        tables = catalog.subset(dict.fromkeys(used))
        try:
            code = sql_to_ibis(sql, tables, dialect=config.dialect, verify=False).code
        except IbertError as error:
            tally.reject("sql_to_ibis", f"not translated ({error.diagnostics[0].code})")
            continue
        place = f"{name}:{number}"
        yield Draft(sql, config.dialect, code, tables, "sql", place, config.licence)
    for problem in found:
        tally.reject("file", problem.code)
