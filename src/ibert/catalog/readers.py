"""Schemas from whatever holds tables: files, directories, databases, connections, documents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import ibis
from ibis.common.exceptions import IbisError, TableNotFound
from ibis.expr.schema import Schema

from ibert.catalog.ddl import read_ddl
from ibert.catalog.dialects import types_of
from ibert.catalog.keys import Keys, read_keys
from ibert.catalog.schemas import SHAPE, Locate, by_path, check_schemas, read_schemas
from ibert.diagnostics import Diagnostic, IbertError, Span, collected
from ibert.documents import load, read_text

DATA_SUFFIXES = (".csv", ".parquet")
DATABASE_SUFFIXES = (".db", ".ddb", ".duckdb")
DDL_SUFFIXES = (".ddl", ".sql")
DOCUMENT_SUFFIXES = (".json", ".yaml", ".yml")

Tables = dict[str, Schema]


class Reader:
    """Reads schemas; data files through one DuckDB connection, opened when there is one to read.

    Parameters
    ----------
    dialect
        The dialect of `.sql` and `.ddl` files.

    Attributes
    ----------
    keys
        The keys of the tables that were read, as far as they are declared.

    Examples
    --------
    >>> with Reader("duckdb") as reader:
    ...     reader.read({"t": {"a": "int64"}})
    {'t': ibis.Schema {
      a  int64
    }}
    """

    def __init__(self, dialect: str) -> None:
        types_of(dialect)  # refuses what is no dialect, also where there is no DDL
        self._dialect = dialect
        self._open = ExitStack()
        self.keys: dict[str, Keys] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def read(self, thing: object) -> Tables:
        """Read what `Catalog.from_any` takes."""
        if isinstance(thing, str) and "\n" in thing:
            message = "a text in place of a path"
            hint = "texts are read by Catalog.from_ddl and Catalog.from_document"
            raise IbertError([Diagnostic(code="IB106", message=message, hint=hint)])
        if isinstance(thing, str | Path):
            return self.path(Path(thing))
        if isinstance(thing, ibis.BaseBackend):
            return read_backend(thing)
        if isinstance(thing, Mapping):
            return read_mapping(thing)
        if isinstance(thing, list | tuple) and all(isinstance(path, str | Path) for path in thing):
            return self.paths(thing)
        message = f"a catalog cannot be made from {type(thing).__name__}"
        hint = "give a mapping, a path, a list of paths or an Ibis connection"
        raise IbertError([Diagnostic(code="IB106", message=message, hint=hint)])

    def path(self, path: Path) -> Tables:
        """Read a file by its suffix, or the data files of a directory."""
        if _is_directory(path):
            files = sorted(file for file in path.iterdir() if _suffix(file) in DATA_SUFFIXES)
            if not files:
                raise _refused("IB106", "no Parquet or CSV file in this directory", path)
            return self.paths(files)
        suffix = _suffix(path)
        if suffix in DATA_SUFFIXES:
            return {path.stem: self.file(path)}
        if suffix in DATABASE_SUFFIXES:
            return read_duckdb(path)
        if suffix in DDL_SUFFIXES:
            text = read_text(path)
            self.keys |= read_keys(text, self._dialect)
            return read_ddl(text, self._dialect, str(path))
        if suffix in DOCUMENT_SUFFIXES:
            return read_document(read_text(path), str(path))
        known = ", ".join(
            sorted((*DATA_SUFFIXES, *DATABASE_SUFFIXES, *DDL_SUFFIXES, *DOCUMENT_SUFFIXES))
        )
        hint = f"a file or a directory of files that end in {known}"
        raise _refused("IB106", "not a kind of file that tells of tables", path, hint)

    def paths(self, paths: Iterable[str | Path]) -> Tables:
        """Read several files; their tables must have different names."""
        tables: Tables = {}
        origins: dict[str, Path] = {}
        with collected() as found:
            for path in map(Path, paths):
                try:
                    part = self.path(path)
                except IbertError as error:
                    found += error.diagnostics
                    continue
                for name, schema in part.items():
                    first = origins.setdefault(name.casefold(), path)
                    if first is not path:
                        message = f"table {name!r} is in {first} already"
                        found += _refused("IB102", message, path).diagnostics
                    tables[name] = schema
        return tables

    def file(self, path: Path) -> Schema:
        """Read the schema of a Parquet or CSV file, as Ibis' DuckDB backend sees it."""
        import duckdb

        is_csv, is_blank = _suffix(path) == ".csv", _is_blank(path)
        if is_csv and is_blank:
            raise _refused("IB107", f"table {path.stem!r} has no columns", path)
        read = self._connection.read_csv if is_csv else self._connection.read_parquet
        try:
            schema = read(str(path)).schema()
        except duckdb.Error as error:
            raise _refused("IB002", _first_line(error), path) from error
        check_schemas({path.stem: schema}, _inside(str(path)))
        return schema

    @cached_property
    def _connection(self) -> Any:
        connection = ibis.duckdb.connect()
        self._open.callback(connection.disconnect)
        return connection


def read_mapping(tables: Mapping[Any, Any], source: str | None = None) -> Tables:
    """Read `{table: {column: type}}`; diagnostics name the path, after the source.

    Examples
    --------
    >>> read_mapping({"orders": {"total": "decimel"}}, "context")
    Traceback (most recent call last):
    ibert.diagnostics.IbertError: context.orders.total: IB101 unknown type 'decimel'
      hint: did you mean 'decimal'?
    """
    return read_schemas(tables, by_path(*([source] if source else [])))


def read_document(text: str, source: str) -> Tables:
    """Read `{table: {column: type}}` from YAML, or from JSON if the source ends in `.json`."""
    document = load(text, source)

    def locate(*path: str, key: bool = False) -> tuple[str | None, Span | None]:
        return source, document.key_span(*path) if key else document.span(*path)

    if not document.value:
        message = "no tables in this file"
        raise IbertError([Diagnostic(code="IB106", message=message, source=source, hint=SHAPE)])
    return read_schemas(document.value, locate)


def read_duckdb(path: Path) -> Tables:
    """Read the tables and views in the main schema of a DuckDB file."""
    import duckdb

    if _is_directory(path):
        raise _refused("IB001", "Is a directory", path)
    try:
        connection = ibis.duckdb.connect(path, read_only=True)
    except duckdb.Error as error:
        open_here = isinstance(error, duckdb.ConnectionException)
        hint = "it is open in this process: give the connection" if open_here else None
        raise _refused("IB001", _first_line(error), path, hint) from error
    try:
        tables = _read_connection(connection, (IbisError, TableNotFound, duckdb.Error), str(path))
    finally:
        connection.disconnect()
    if not tables:
        raise _refused("IB106", "no tables in this database", path)
    return tables


def read_backend(connection: ibis.BaseBackend) -> Tables:
    """Read the tables that an Ibis connection lists."""
    return _read_connection(connection, (IbisError, TableNotFound))


def _read_connection(
    connection: ibis.BaseBackend, errors: tuple[type[Exception], ...], source: str | None = None
) -> Tables:
    tables = {}
    with collected() as found:
        for name in connection.list_tables():
            try:
                tables[name] = connection.table(name).schema()
            except errors as error:
                message = f"table {name!r} cannot be read: {_first_line(error)}"
                found.append(Diagnostic(code="IB106", message=message, source=source))
        check_schemas(tables, _inside(source))
    return tables


def _inside(source: str | None) -> Locate:
    """Locate in a file without lines, or in a connection without a name."""

    def locate(*path: str, key: bool = False) -> tuple[str | None, Span | None]:
        return ": ".join(filter(None, (source, ".".join(path)))), None

    return locate


def _is_directory(path: Path) -> bool:
    """Whether a path that must exist is a directory."""
    try:
        path.stat()
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or str(error)
        raise _refused("IB001", reason, path) from error
    return path.is_dir()


def _is_blank(path: Path) -> bool:
    """Whether a file, which must be readable, begins with nothing but blank lines."""
    try:
        with path.open("rb") as file:
            return not file.read(1 << 16).strip()
    except OSError as error:
        raise _refused("IB001", error.strerror or str(error), path) from error


def _suffix(path: Path) -> str:
    return path.suffix.lower()


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _refused(code: str, message: str, path: Path, hint: str | None = None) -> IbertError:
    return IbertError([Diagnostic(code=code, message=message, source=str(path), hint=hint)])
