"""The catalog: the tables in scope and their Ibis schemas."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import ibis
import ibis.expr.datatypes as dt
from ibis.expr.schema import Schema
from sqlglot import exp

from ibert.catalog import readers
from ibert.catalog.ddl import read_ddl, write_ddl
from ibert.catalog.keys import Keys, read_keys
from ibert.catalog.schemas import by_path, check_schemas, type_name
from ibert.catalog.types import write_type
from ibert.diagnostics import Diagnostic, IbertError, collected, did_you_mean


class Catalog:
    """The tables in scope and their Ibis schemas; does not change.

    Names are found in any case, as in SQL; a name in the very case wins where there are several.
    Catalogs are equal if they have the same tables, in whatever order, with the same columns in the
    same order and of the same types, whatever keys are declared.

    Parameters
    ----------
    tables
        Schemas by table name. To make a catalog from anything else, see the `from_` methods.
    keys
        The declared keys by table name; those of DDL are read by `from_ddl` and `from_any`.

    Raises
    ------
    IbertError
        IB101 for each column of a type that Ibis does not have, IB103 for columns that differ in
        case only, IB107 for each table without columns.

    Examples
    --------
    >>> catalog = Catalog.from_any({"orders": {"id": "!int64", "total": "decimal(9, 2)"}})
    >>> catalog["Orders"]
    ibis.Schema {
      id     !int64
      total  decimal(9, 2)
    }
    >>> catalog.column("orders", "totl")
    Traceback (most recent call last):
    ibert.diagnostics.IbertError: IB105 no column 'totl' in table 'orders'
      hint: did you mean 'total'?
    """

    __slots__ = ("_keys", "_tables")

    def __init__(
        self, tables: Mapping[str, Schema], keys: Mapping[str, Keys] | None = None
    ) -> None:
        check_schemas(tables, by_path())
        self._tables = dict(tables)
        self._keys = {name: found for name, found in (keys or {}).items() if name in tables}

    @classmethod
    def from_any(cls, thing: object, *, dialect: str = "duckdb") -> Catalog:
        """Make a catalog from whatever tells of tables.

        Parameters
        ----------
        thing
            A catalog; a mapping of tables to schemas or to `{column: Ibis type}`; an Ibis
            connection; the path of a DDL script (`.sql`, `.ddl`), a DuckDB database (`.duckdb`,
            `.db`, `.ddb`), a data file (`.parquet`, `.csv`), a document (`.json`, `.yaml`, `.yml`)
            or a directory with data files; or a list of paths.
        dialect
            The dialect of DDL scripts.

        Raises
        ------
        IbertError
            IB001 and IB002 for files that cannot be read, IB106 for what does not tell of tables,
            and what the methods below raise.

        Examples
        --------
        >>> Catalog.from_any({"t": {"a": "int64"}, "u": ibis.schema({"b": "string"})})
        Catalog(t, u)
        """
        if isinstance(thing, Catalog):
            return thing
        with readers.Reader(dialect) as reader:
            return cls(reader.read(thing), reader.keys)

    @classmethod
    def from_dict(
        cls, tables: Mapping[str, Mapping[str, str]], *, source: str | None = None
    ) -> Catalog:
        """Make a catalog from `{table: {column: Ibis type}}`.

        Parameters
        ----------
        tables
            Columns and their types by table; types as Ibis writes them, `!` for NOT NULL.
        source
            What diagnostics name in front of `table.column`.

        Raises
        ------
        IbertError
            IB101 for each unknown type, IB106 for a mapping of another shape.

        Examples
        --------
        >>> Catalog.from_dict({"orders": {"total": "decimel"}})
        Traceback (most recent call last):
        ibert.diagnostics.IbertError: orders.total: IB101 unknown type 'decimel'
          hint: did you mean 'decimal'?
        """
        return cls(readers.read_mapping(tables, source))

    @classmethod
    def from_ddl(cls, sql: str, dialect: str = "duckdb", *, source: str | None = None) -> Catalog:
        """Make a catalog from the CREATE TABLE statements of a script.

        Tables go by the last part of their names, as they are written. Columns are nullable unless
        they are NOT NULL, part of the primary key, or filled by the database.

        Parameters
        ----------
        sql
            The script.
        dialect
            The name that sqlglot has for its dialect.
        source
            The file it comes from, for diagnostics.

        Raises
        ------
        IbertError
            Everything that is wrong with the script: IB002 syntax, IB101 type, IB102 and IB103
            duplicates, IB104 and IB105 unknown tables and columns, IB106 a statement that cannot
            be followed or no table at all, IB107 no columns, IB203 dialect.

        Examples
        --------
        >>> Catalog.from_ddl("CREATE TABLE s.orders (id SERIAL, note TEXT)", "postgres")["orders"]
        ibis.Schema {
          id    !int32
          note  string
        }
        """
        return cls(read_ddl(sql, dialect, source), read_keys(sql, dialect))

    @classmethod
    def from_document(cls, text: str, source: str) -> Catalog:
        """Make a catalog from YAML or JSON text that holds `{table: {column: Ibis type}}`.

        Parameters
        ----------
        text
            The text.
        source
            The name of the file; JSON if it ends in `.json`, YAML otherwise.

        Raises
        ------
        IbertError
            IB002 for text that is not well-formed, IB101 for each unknown type, IB106 for text of
            another shape.

        Examples
        --------
        >>> Catalog.from_document("orders: {id: '!int64', note: string}", "shop.yaml")
        Catalog(orders)
        """
        return cls(readers.read_document(text, source))

    @classmethod
    def from_duckdb(cls, path: str | Path) -> Catalog:
        """Make a catalog from the tables and views in the main schema of a DuckDB file.

        Raises
        ------
        IbertError
            IB001 if the file cannot be opened, IB101 for each column of a type that Ibis does not
            have, IB106 for each view that does not work and for a database without tables.

        Examples
        --------
        >>> Catalog.from_duckdb("nowhere.duckdb")
        Traceback (most recent call last):
        ibert.diagnostics.IbertError: nowhere.duckdb: IB001 No such file or directory
        """
        return cls(readers.read_duckdb(Path(path)))

    @classmethod
    def from_files(cls, paths: Iterable[str | Path]) -> Catalog:
        """Make a catalog from several files.

        Parameters
        ----------
        paths
            Parquet and CSV files: each is a table that goes by the name of the file, its types are
            those of Ibis' DuckDB backend. Also other files that `from_any` reads.

        Raises
        ------
        IbertError
            IB001 and IB002 for each file that cannot be read, IB102 for files of the same name.

        Examples
        --------
        >>> Catalog.from_files(["nowhere.parquet"])
        Traceback (most recent call last):
        ibert.diagnostics.IbertError: nowhere.parquet: IB001 No such file or directory
        """
        with readers.Reader("duckdb") as reader:
            return cls(reader.paths(paths))

    @classmethod
    def from_backend(cls, connection: ibis.BaseBackend) -> Catalog:
        """Make a catalog from the tables that an Ibis connection lists.

        Raises
        ------
        IbertError
            IB101 for each column of a type that Ibis does not have, IB106 for each table that
            cannot be read.

        Examples
        --------
        >>> connection = ibis.sqlite.connect()
        >>> table = connection.create_table("t", schema={"a": "int64"})
        >>> Catalog.from_backend(connection)
        Catalog(t)
        >>> connection.disconnect()
        """
        return cls(readers.read_backend(connection))

    @property
    def tables(self) -> Mapping[str, Schema]:
        """The schemas by table name, in the order of declaration; read-only."""
        return MappingProxyType(self._tables)

    @property
    def keys(self) -> Mapping[str, Keys]:
        """The declared keys by table name; read-only."""
        return MappingProxyType(self._keys)

    def __iter__(self) -> Iterator[str]:
        return iter(self._tables)

    def __len__(self) -> int:
        return len(self._tables)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and len(_spellings(name, self._tables)) == 1

    def __getitem__(self, name: str) -> Schema:
        return self._tables[self.table_name(name)]

    def __eq__(self, other: object) -> bool:
        return self._tables == other._tables if isinstance(other, Catalog) else NotImplemented

    def __hash__(self) -> int:
        return hash(frozenset(self._tables.items()))

    def __repr__(self) -> str:
        return f"Catalog({', '.join(self)})"

    def table_name(self, name: str) -> str:
        """Give the name of a table as it is declared.

        Raises
        ------
        IbertError
            IB104 if there is no such table, or several in other cases.

        Examples
        --------
        >>> Catalog.from_any({"Orders": {"id": "int64"}}).table_name("ORDERS")
        'Orders'
        """
        return _spelling(name, self._tables, "IB104", f"table {name!r}", "tables")

    def column_name(self, table: str, column: str) -> str:
        """Give the name of a column as it is declared.

        Raises
        ------
        IbertError
            IB104 if there is no such table, IB105 if it has no such column.

        Examples
        --------
        >>> Catalog.from_any({"Orders": {"Id": "int64"}}).column_name("orders", "id")
        'Id'
        """
        what = f"column {column!r} in table {self.table_name(table)!r}"
        return _spelling(column, self[table], "IB105", what, "columns")

    def column(self, table: str, column: str) -> dt.DataType:
        """Give the type of a column.

        Raises
        ------
        IbertError
            IB104 if there is no such table, IB105 if it has no such column.

        Examples
        --------
        >>> Catalog.from_any({"orders": {"id": "int64"}}).column("orders", "id")
        Int64(nullable=True)
        """
        return self[table][self.column_name(table, column)]

    def subset(self, names: Iterable[str]) -> Catalog:
        """Give the catalog of some of the tables, in the order of declaration.

        Raises
        ------
        IbertError
            IB104 for each name that is no table's.

        Examples
        --------
        >>> Catalog.from_any({"a": {"x": "int64"}, "b": {"x": "int64"}}).subset(["B"])
        Catalog(b)
        """
        kept = set()
        with collected() as found:
            for name in names:
                try:
                    kept.add(self.table_name(name))
                except IbertError as error:
                    found += error.diagnostics
        return Catalog({name: self._tables[name] for name in self if name in kept}, self._keys)

    def to_dict(self) -> dict[str, dict[str, str]]:
        """Give `{table: {column: Ibis type}}`, which `from_dict` reads.

        Raises
        ------
        IbertError
            IB101 for each type that has no text Ibis can read: structs with fields that are not
            plain words, decimals with a precision and no scale.

        Examples
        --------
        >>> Catalog.from_any({"orders": {"id": "! INT64"}}).to_dict()
        {'orders': {'id': '!int64'}}
        """
        with collected() as found:
            return {
                table: {
                    column: type_name(dtype, f"{table}.{column}", found)
                    for column, dtype in schema.items()
                }
                for table, schema in self._tables.items()
            }

    def to_sql_types(self) -> dict[str, dict[str, exp.DataType]]:
        """Give the types of DuckDB that the columns have; those that it has none for are left out.

        Examples
        --------
        >>> types = Catalog.from_any({"orders": {"id": "int64"}}).to_sql_types()
        >>> types["orders"]["id"].sql()
        'BIGINT'
        """
        return {
            table: {
                column: kind
                for column, dtype in schema.items()
                if (kind := write_type(_unscaled(dtype), "duckdb")) is not None
            }
            for table, schema in self._tables.items()
        }

    def to_ddl(self, dialect: str = "duckdb") -> str:
        """Give the CREATE TABLE statements of the tables.

        Parameters
        ----------
        dialect
            The name that sqlglot has for the dialect.

        Raises
        ------
        IbertError
            IB101 for each column of a type that the dialect has none for, IB203 for no dialect.

        Examples
        --------
        >>> print(Catalog.from_any({"order": {"id": "!int64", "note": "string"}}).to_ddl())
        CREATE TABLE "order" (
          id BIGINT NOT NULL,
          note TEXT
        );
        """
        return write_ddl(self._tables, dialect)


def _unscaled(dtype: dt.DataType) -> dt.DataType:
    """Give a timestamp without the precision that DuckDB's own one has anyway."""
    if isinstance(dtype, dt.Timestamp) and dtype.scale == 6:
        return dt.Timestamp(timezone=dtype.timezone, nullable=dtype.nullable)
    return dtype


def _spellings(name: str, known: Iterable[str]) -> list[str]:
    """Give the names that are the same as one, in any case; only that one if it is there itself."""
    known = list(known)
    if name in known:
        return [name]
    return [candidate for candidate in known if candidate.casefold() == name.casefold()]


def _spelling(name: str, known: Iterable[str], code: str, what: str, kind: str) -> str:
    spellings = _spellings(name, known)
    if len(spellings) == 1:
        return spellings[0]
    message, hint = f"no {what}", did_you_mean(name, known, kind)
    if spellings:
        message = f"more than one {what}"
        hint = f"write {' or '.join(map(repr, spellings))}"
    raise IbertError([Diagnostic(code=code, message=message, hint=hint)])
