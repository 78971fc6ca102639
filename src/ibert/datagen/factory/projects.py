"""What a folder of SQL holds: plain files, a dbt project, or models of SQLMesh."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ibis.expr.schema import Schema
from sqlglot import exp
from sqlglot.errors import SqlglotError

from ibert.catalog import Catalog
from ibert.catalog.keys import Keys
from ibert.compilation import Program
from ibert.datagen.factory.chunks import read_small
from ibert.datagen.factory.dbt import PROJECT, Dbt
from ibert.datagen.factory.sqlmesh import read_model
from ibert.diagnostics import Diagnostic, IbertError
from ibert.sql import parse_query
from ibert.sql.dialects import check_dialect
from ibert.sql.script import Script
from ibert.tasks.sql_to_ibis import sql_to_ibis


class Text(NamedTuple):
    """The SQL of a file, ready to be parsed.

    Attributes
    ----------
    sql, dialect
        What it says, and in which dialect.
    model
        The table that its query makes; empty: none that others read.
    """

    sql: str
    dialect: str
    model: str = ""


class Project:
    """The SQL files of a folder.

    Parameters
    ----------
    folder
        Where they are; a dbt project where there is a `dbt_project.yml`.
    dialect
        Of the SQL, where a file says nothing else.

    Raises
    ------
    IbertError
        IB001 if there is no SQL file; what is wrong with `dbt_project.yml`.

    Attributes
    ----------
    files
        Their names within the folder.
    texts
        What they say; those that cannot be read are not there.
    refused
        Why those cannot, which declarations could not be read, and which queries not be translated.
    """

    def __init__(self, folder: Path, dialect: str) -> None:
        self._folder, self._dialect = folder, dialect
        self._dbt = Dbt(folder, dialect) if (folder / PROJECT).exists() else None
        self.files = tuple(sorted(self._names()))
        if not self.files:
            raise IbertError([Diagnostic(code="IB001", message="no .sql file", source=str(folder))])
        self.refused: list[Diagnostic] = []
        self.texts: dict[str, Text] = {}
        self._columns: dict[str, str] = {}  # CREATE TABLE for models of SQLMesh
        for name in self.files:
            try:
                self.texts[name] = self._text(name)
            except IbertError as error:
                self.refused += error.diagnostics

    def _names(self) -> Iterator[str]:
        paths = self._dbt.queries.values() if self._dbt else self._folder.rglob("*.sql")
        for path in paths:
            if not path.is_symlink() and path.is_file():
                yield path.relative_to(self._folder).as_posix()

    def reason(self, name: str) -> Diagnostic | None:
        """Say why a file is not read."""
        return next((one for one in self.refused if one.source == name), None)

    def _text(self, name: str) -> Text:
        path = self._folder / name
        if self._dbt:
            sql = self._dbt.render(path.stem)
            return Text(unqualified(sql, self._dialect), self._dialect, path.stem)
        try:
            text = read_small(path)
        except IbertError as error:  # told with the name within the folder
            (problem,) = error.diagnostics
            raise IbertError(
                [Diagnostic(code=problem.code, message=problem.message, source=name)]
            ) from error
        model = read_model(text, self._dialect, name)
        if model is None:
            return Text(unqualified(text, self._dialect), self._dialect)
        dialect = model.dialect or self._dialect
        check_dialect(dialect)
        if model.columns:
            self._columns[model.name] = f'CREATE TABLE "{model.name}" {model.columns}'
        return Text(unqualified(model.text, dialect), dialect, model.name)

    def tables(self, known: Catalog) -> Catalog:
        """Give the tables that the queries may use.

        Parameters
        ----------
        known
            What is told of them from elsewhere; it wins.
        """
        tables: dict[str, Schema] = {}
        keys: dict[str, Keys] = {}
        for ddl, source in self._declarations():
            try:
                found = Catalog.from_ddl(ddl, self._dialect, source=source)
            except IbertError:
                continue  # no declarations: its queries are read all the same
            tables |= found.tables
            keys |= found.keys
        if self._dbt:
            tables |= _seeds(self._dbt)
            self.refused += self._dbt.problems
        tables |= known.tables
        tables |= self._models(Catalog(tables, keys), {*known, *self._columns})
        return Catalog(tables, {**keys, **known.keys})

    def _declarations(self) -> Iterator[tuple[str, str]]:
        if self._dbt:
            yield from ((ddl, name) for name, ddl in self._dbt.declarations())
        yield from ((ddl, name) for name, ddl in self._columns.items())
        for name, text in self.texts.items():
            if not text.model:
                yield text.sql, name

    def _models(self, known: Catalog, fixed: set[str]) -> dict[str, Schema]:
        """Give the schemas that the queries of models have, those first that need no other."""
        never = self._dbt.never_null() if self._dbt else {}
        waiting = {
            text.model: text
            for text in self.texts.values()
            if text.model and text.model not in fixed
        }
        found: dict[str, Schema] = {}
        catalog = known
        while True:
            ready = {
                name: schema
                for name, text in waiting.items()
                if (schema := _schema(text, catalog, set(waiting) - {name})) is not None
            }
            if not ready:
                return found
            for name, schema in ready.items():
                del waiting[name]
                names = never.get(name, set())
                found[name] = Schema(
                    {
                        column: dtype.copy(
                            nullable=dtype.nullable and column.casefold() not in names
                        )
                        for column, dtype in schema.items()
                    }
                )
            catalog = Catalog({**catalog.tables, **found}, catalog.keys)


def unqualified(sql: str, dialect: str) -> str:
    """Leave out the schemas of tables in DuckDB's SQL: the tables of a project are in one.

    SQL of other dialects keeps them: what reads it knows no schemas.

    Examples
    --------
    >>> unqualified("SELECT a FROM shop.orders AS o", "duckdb")
    'SELECT a FROM orders AS o'
    """
    if dialect != "duckdb":
        return sql
    found: list[Diagnostic] = []
    cuts: set[tuple[int, int]] = set()
    for statement, _ in Script(sql, dialect, None, found).statements():
        for table in statement.find_all(exp.Table):
            first = table.args.get("catalog") or table.args.get("db")
            if first is not None and "start" in first.meta and "start" in table.this.meta:
                cuts.add((first.meta["start"], table.this.meta["start"]))
    for start, end in sorted(cuts, reverse=True):
        sql = sql[:start] + sql[end:]
    return sql


def _schema(text: Text, catalog: Catalog, waiting: set[str]) -> Schema | None:
    """Give the columns of a query; None if it cannot be translated, or not yet."""
    try:
        query = parse_query(text.sql, text.dialect)
        steps = {cte.alias for cte in query.find_all(exp.CTE)}
        used = {table.name for table in query.find_all(exp.Table)} - steps
        if used & waiting:
            return None
        code = sql_to_ibis(text.sql, catalog, dialect=text.dialect, verify=False).code
        return Program(code, catalog).expr.as_table().schema()
    except (IbertError, SqlglotError):
        return None  # the file itself is told of when its examples are made


def _seeds(dbt: Dbt) -> dict[str, Schema]:
    found: dict[str, Schema] = {}
    for path in dbt.seeds.values():
        try:
            found |= Catalog.from_files([path]).tables
        except IbertError as error:
            dbt.problems += error.diagnostics
    return found
