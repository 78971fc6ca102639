"""Roots from SQL files of a user: each query with what the compiler makes of it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
from sqlglot import exp

from ibert.catalog import Catalog
from ibert.datagen.factory.databases import StrangersProver
from ibert.datagen.factory.projects import Project
from ibert.datagen.factory.root import Draft, Tally, proved
from ibert.datagen.factory.shard import Counts, derived, write_shard
from ibert.diagnostics import Diagnostic, IbertError, Span
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


def sql_config(project: Project, dialect: str, licence: str, seed: int = 0) -> SqlConfig:
    """Say what decides the examples of a project."""
    return SqlConfig(files=project.files, dialect=dialect, licence=licence, seed=seed)


def sql_shard(
    config: SqlConfig, number: int, project: Project, catalog: Catalog, output: Path
) -> Counts:
    """Make the shard of one file: all that its queries give."""
    name = config.files[number]
    tally, roots = Tally(), 0
    with Documenter() as documenter:
        for draft in _drafts(project, name, config, catalog, tally):
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


def _in_file(problem: Diagnostic, name: str, start: Span) -> Diagnostic:
    """Give a problem of a statement with its place in the file."""
    span = problem.span
    if span is not None:
        column = span.column + (start.column - 1 if span.line == 1 else 0)
        span = Span(span.line + start.line - 1, column)
    return msgspec.structs.replace(problem, source=name, span=span or start)


def _drafts(
    project: Project, name: str, config: SqlConfig, catalog: Catalog, tally: Tally
) -> Iterator[Draft]:
    text = project.texts.get(name)
    if text is None:
        problem = project.reason(name)
        tally.reject("file", problem.code if problem else "IB002")
        return
    found: list[Diagnostic] = []
    script = Script(text.sql, text.dialect, name, found)
    for number, (statement, tokens) in enumerate(script.statements(), 1):
        if not isinstance(statement, _QUERIES):
            continue
        sql = script.text(tokens)
        used = [
            catalog.table_name(t.name) for t in statement.find_all(exp.Table) if t.name in catalog
        ]
        tables = catalog.subset(dict.fromkeys(used))
        try:
            code = sql_to_ibis(sql, tables, dialect=text.dialect, verify=False).code
        except IbertError as error:
            tally.reject("sql_to_ibis", f"not translated ({error.diagnostics[0].code})")
            start = script.span(tokens)
            project.refused += [_in_file(one, name, start) for one in error.diagnostics]
            continue
        place = f"{name}:{number}"
        yield Draft(sql, text.dialect, code, tables, "sql", place, config.licence)
    for problem in found:
        tally.reject("file", problem.code)
    project.refused += found
