"""dbt projects: models rendered without a warehouse, and the tables that their YAML declares."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlglot import exp
from sqlglot.errors import ParseError

from ibert.datagen.factory import jinja_worker
from ibert.datagen.factory.chunks import read_small
from ibert.diagnostics import Diagnostic, IbertError, Span
from ibert.documents import Document, load
from ibert.model.missing import require

PROJECT = "dbt_project.yml"
SECONDS = 20  # for a model; its process ends itself before
_TESTS = ("tests", "data_tests")
_YAML = (".yml", ".yaml")


class Dbt:
    """A dbt project.

    Parameters
    ----------
    folder
        Where `dbt_project.yml` is.
    dialect
        Of its SQL.

    Raises
    ------
    IbertError
        `dbt_project.yml` cannot be read, or Jinja is missing (IB901).

    Attributes
    ----------
    problems
        What of its YAML could not be read.
    """

    def __init__(self, folder: Path, dialect: str) -> None:
        require("jinja2", "report")
        self._folder, self._dialect = folder, dialect
        settings = load(read_small(folder / PROJECT), PROJECT).value
        self._settings: dict[str, Any] = settings if isinstance(settings, dict) else {}
        self.problems: list[Diagnostic] = []
        self.models = {path.stem: path for path in self._found("model-paths", "models", ".sql")}
        analyses = {path.stem: path for path in self._found("analysis-paths", "analyses", ".sql")}
        self.queries = {**analyses, **self.models}
        self.seeds = {path.stem: path for path in self._found("seed-paths", "seeds", ".csv")}
        self._macros = [self._read(path) for path in self._found("macro-paths", "macros", ".sql")]
        self._yaml = list(self._documents())
        self._sources = dict(self._named_sources())

    def _found(self, setting: str, usual: str, suffix: str) -> Iterator[Path]:
        for name in self._settings.get(setting) or [usual]:
            place = self._folder / str(name)
            if place.resolve().is_relative_to(self._folder.resolve()):
                found = (path for path in place.rglob(f"*{suffix}") if not path.is_symlink())
                yield from sorted(found)

    def _read(self, path: Path) -> str:
        try:
            return read_small(path)
        except IbertError as error:
            self.problems += error.diagnostics
            return ""

    def _documents(self) -> Iterator[Document]:
        paths = [path for suffix in _YAML for path in self._found("model-paths", "models", suffix)]
        for path in sorted(paths):
            try:
                yield load(read_small(path), path.relative_to(self._folder).as_posix())
            except IbertError as error:
                self.problems += error.diagnostics

    def _named_sources(self) -> Iterator[tuple[str, str]]:
        """Yield what each table of a source is called: by its name, if no other has it."""
        tables = [
            (source["name"], table.get("identifier", table["name"]), table["name"])
            for _, source, _, table in self._source_tables()
        ]
        names = [name for _, name, _ in tables]
        for source, name, called in tables:
            is_own = names.count(name) == 1 and name not in self.models
            yield f"{source}.{called}", name if is_own else f"{source}__{name}"

    def _source_tables(self) -> Iterator[tuple[Document, Any, tuple[str | int, ...], Any]]:
        for document in self._yaml:
            for place, source in _items(document.value, "sources"):
                for at, table in _items(source, "tables"):
                    yield document, source, ("sources", place, "tables", at), table

    def render(self, name: str) -> str:
        """Give the SQL of a model.

        Raises
        ------
        IbertError
            IB955 if it asks for something that only a warehouse knows, or is disabled.
        """
        path = self.queries[name]
        shown = path.relative_to(self._folder).as_posix()
        request = {
            "text": read_small(path),
            "name": name,
            "dialect": self._dialect,
            "models": sorted({*self.models, *self.seeds}),
            "sources": self._sources,
            "vars": self._variables(),
            "macros": self._macros,
        }
        answer = _rendered(request)
        if "sql" not in answer:
            span = Span(answer["line"], 1) if answer["line"] else None
            raise IbertError([_problem(answer["problem"], shown, span)])
        if not answer["config"]["enabled"]:
            raise IbertError([_problem("the model is disabled", shown)])
        return str(answer["sql"])

    def _variables(self) -> dict[str, Any]:
        variables = self._settings.get("vars")
        if not isinstance(variables, dict):
            return {}
        own = variables.get(str(self._settings.get("name")))
        return {**variables, **(own if isinstance(own, dict) else {})}

    def declarations(self) -> Iterator[tuple[str, str]]:
        """Yield each table that the YAML declares, with CREATE TABLE for its typed columns."""
        for document, source, place, table in self._source_tables():
            name = self._sources[f"{source['name']}.{table['name']}"]
            yield from self._declared(document, place, name, table)
        for document in self._yaml:
            for part in ("models", "seeds"):
                for at, model in _items(document.value, part):
                    yield from self._declared(document, (part, at), model["name"], model)

    def _declared(
        self, document: Document, place: tuple[str | int, ...], name: str, table: Any
    ) -> Iterator[tuple[str, str]]:
        columns, keys = [], []
        for at, column in _items(table, "columns"):
            if "data_type" not in column:
                continue
            try:
                kind = exp.DataType.build(str(column["data_type"]), dialect=self._dialect)
            except (ParseError, ValueError):
                span = document.span(*place, "columns", at, "data_type")
                message = f"unknown type {column['data_type']!r}"
                self.problems.append(_problem(message, document.source, span))
                continue
            tests = set(_tests(column))
            called = exp.to_identifier(str(column["name"]), quoted=True).sql(self._dialect)
            never = " NOT NULL" if "not_null" in tests else ""
            columns.append(f"{called} {kind.sql(self._dialect)}{never}")
            if {"unique", "not_null"} <= tests or "primary_key" in tests:
                keys.append(called)
        if columns:
            primary = [f"PRIMARY KEY ({keys[0]})"] if len(keys) == 1 else []
            title = exp.to_identifier(name, quoted=True).sql(self._dialect)
            yield name, f"CREATE TABLE {title} ({', '.join([*columns, *primary])})"

    def never_null(self) -> dict[str, set[str]]:
        """Give the columns of each model of which a test says that they are never NULL."""
        found: dict[str, set[str]] = {}
        for document in self._yaml:
            for _, model in _items(document.value, "models"):
                columns = {
                    str(column["name"]).casefold()
                    for _, column in _items(model, "columns")
                    if {"not_null", "primary_key"} & set(_tests(column))
                }
                found.setdefault(model["name"], set()).update(columns)
        return found


def _items(value: Any, key: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the named mappings of a list, with their places."""
    listed = value.get(key) if isinstance(value, dict) else None
    for place, item in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(item, dict) and isinstance(item.get("name"), str):
            yield place, item


def _tests(column: dict[str, Any]) -> Iterator[str]:
    """Yield the names of the tests and constraints of a column."""
    for part in _TESTS:
        listed = column.get(part)
        for test in listed if isinstance(listed, list) else ():
            yield from [test] if isinstance(test, str) else test if isinstance(test, dict) else ()
    for constraint in column.get("constraints") or ():
        if isinstance(constraint, dict):
            yield str(constraint.get("type"))


def _rendered(request: dict[str, Any]) -> dict[str, Any]:
    """Render in a process that has limits and no environment."""
    command = [sys.executable, "-I", jinja_worker.__file__]
    try:
        done = subprocess.run(  # noqa: S603  this very Python; the template is sandboxed there
            command,
            input=json.dumps(request, default=str),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            env={},
        )
        answer: dict[str, Any] = json.loads(done.stdout)
    except (subprocess.TimeoutExpired, ValueError):  # a process that was ended says nothing
        return {"problem": "rendering takes too long or too much memory", "line": None}
    return answer


def _problem(message: str, source: str, span: Span | None = None) -> Diagnostic:
    hint = "only what is known without a warehouse is rendered: ref, source, config, var, macros"
    return Diagnostic(code="IB955", message=message, source=source, span=span, hint=hint)
