"""A read-only DuckDB file: its SQL confined to itself, and Ibis on top where code runs on it."""

from __future__ import annotations

import json
import re
from functools import cached_property
from typing import Any, Self

import duckdb
import ibis
import ibis.backends.duckdb
import ibis.expr.types as ir
import msgspec
import pyarrow as pa
from ibis.backends.duckdb.converter import DuckDBPyArrowData

from ibert.sandbox.protocol import Execution, Limits, Result, Tables

DUCKDB_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "access_mode": "READ_ONLY",
    "threads": 1,
    "python_enable_replacements": False,
}
LOCKED_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    **DUCKDB_CONFIG,
    "enable_external_access": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "temp_directory": "",
}
# Functions that give tables, change nothing, and tell of their arguments and the tables only.
_OF_ARGUMENTS = ("range", "generate_series", "unnest", "repeat", "repeat_row", "summary")
_OF_JSON = ("json_each", "json_tree")
_OF_CATALOG = ("duckdb_columns", "duckdb_tables", "duckdb_views", "duckdb_constraints")
TABLE_FUNCTIONS = frozenset((*_OF_ARGUMENTS, *_OF_JSON, *_OF_CATALOG))
_WORD = re.compile(r"[^\W\d]\w*")


class NotASelectError(Exception):
    """The SQL is several statements, or one that is no query."""


class FunctionRefusedError(Exception):
    """The SQL calls a function that reaches beyond its tables."""


class ResultTooLargeError(Exception):
    """A result has more rows or bytes than the limit."""


class Database:
    """SQL on one DuckDB connection.

    Each job has a cursor of its own, so that temporary tables, macros and settings end with it.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, limits: Limits, *, locked: bool = True
    ) -> None:
        self._base = connection
        self._base.execute("SET GLOBAL TimeZone = 'UTC'")
        if locked:
            self._base.execute("SET GLOBAL disabled_filesystems = 'LocalFileSystem'")
            self._base.execute("SET GLOBAL lock_configuration = true")
        self.limits = limits
        self._locked = locked
        self.renew()

    @classmethod
    def open(cls, path: str, limits: Limits, *, locked: bool = True) -> Self:
        """Open a DuckDB file to read it."""
        config = LOCKED_CONFIG if locked else DUCKDB_CONFIG
        memory = f"{limits.memory_bytes // 2} bytes"
        connection = duckdb.connect(path, config={**config, "memory_limit": memory})
        return cls(connection, limits, locked=locked)

    def renew(self) -> None:
        """Begin a job."""
        self.con = self._base.cursor()

    def tables(self) -> Tables:
        """Give the tables that SQL finds without a schema's name."""
        query = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'main'"
        names = [name for (name,) in self._base.execute(query).fetchall()]
        found = {}
        for name in names:
            quoted = name.replace('"', '""')
            columns = self._base.execute(f'DESCRIBE "{quoted}"').fetchall()
            found[name] = [(column[0], column[1], column[2] == "YES") for column in columns]
        return found

    def query(self, sql: str) -> Result:
        """Run one SELECT statement as it is."""
        self._check(sql)
        types, table = self.execute(sql)
        return self.packed(types, table)

    def fetch(self, sql: str, schema: ibis.Schema) -> Execution:
        """Do what `to_pyarrow` does, and keep what DuckDB returned before Ibis casts it."""
        self._check(sql)
        types, raw = self.execute(sql)
        return self.cast(sql, types, raw, schema)

    def cast(self, sql: str, types: list[str], raw: pa.Table, schema: ibis.Schema) -> Execution:
        """Give rows also as Ibis gives them to the user."""
        fetched = DuckDBPyArrowData.convert_table(raw, schema)
        packed = self.packed(types, raw)
        if fetched is raw:  # nothing was cast
            return Execution(sql, packed, msgspec.structs.replace(packed, types=None))
        return Execution(sql, packed, self.packed(None, fetched))

    def execute(self, sql: str) -> tuple[list[str], pa.Table]:
        """Run SQL; give the DuckDB types of its columns, and its rows."""
        cursor = self.con.execute(sql)
        types = [str(column[1]) for column in cursor.description]
        limit = self.limits.result_rows
        batches, rows = [], 0
        with cursor.to_arrow_reader(limit + 1) as reader:
            for batch in reader:
                batches.append(batch)
                if (rows := rows + batch.num_rows) > limit:
                    raise ResultTooLargeError(f"the result has more than {limit:,} rows")
            return types, pa.Table.from_batches(batches, reader.schema)

    def packed(self, types: list[str] | None, table: pa.Table) -> Result:
        """Pack a result for its way through the wall."""
        result = Result.of(table, types)
        if len(result.stream) > (limit := self.limits.result_bytes):
            raise ResultTooLargeError(f"the result has more than {limit:,} bytes")
        return result

    def _check(self, sql: str) -> None:
        statements = self.con.extract_statements(sql)
        if [statement.type for statement in statements] != [duckdb.StatementType.SELECT]:
            raise NotASelectError("the SQL is not one SELECT statement")
        if self._locked and not self._refused.isdisjoint(_WORD.findall(sql.casefold())):
            for name in self._table_functions(sql):
                if name.casefold() not in TABLE_FUNCTIONS:
                    raise FunctionRefusedError(f"the table function {name} may not be called")

    @cached_property
    def _refused(self) -> frozenset[str]:
        """The names of table functions that are not allowed; SQL rarely has one."""
        query = "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type IN ({})"
        kinds = "'table', 'table_macro', 'pragma'"
        found = self._base.execute(query.format(kinds)).fetchall()
        return frozenset(name.casefold() for (name,) in found) - TABLE_FUNCTIONS

    def _table_functions(self, sql: str) -> list[str]:
        query = "SELECT json_serialize_sql(?)"
        ((text,),) = self._base.execute(query, [sql]).fetchall()
        found, left = [], [json.loads(text)]
        while left:
            node = left.pop()
            if isinstance(node, dict):
                if node.get("type") == "TABLE_FUNCTION":
                    found.append(str(node["function"]["function_name"]))
                left.extend(node.values())
            elif isinstance(node, list):
                left.extend(node)
        return found


class IbisDatabase(ibis.backends.duckdb.Backend):  # type: ignore[misc]
    """An Ibis backend on a database."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database
        self._can_reconnect = False
        self._tables: dict[str, ir.Table] = {}
        self.renew()
        self._tables = {name: self.table(name) for name in self.list_tables()}

    def renew(self) -> None:
        """Begin a job."""
        self._database.renew()
        self.con = self._database.con
        self._record_batch_readers_consumed: dict[str, bool] = {}

    def namespace(self) -> dict[str, Any]:
        """Give the names that a job's code sees."""
        return {**self._tables, "con": self, "ibis": ibis, "_": ibis._}

    def table(self, name: str, /, *, database: str | tuple[str, str] | None = None) -> ir.Table:
        """Give a table; its schema is read once."""
        if database is None and name in self._tables:
            return self._tables[name]
        return super().table(name, database=database)

    def fetch(self, expr: ir.Expr) -> Execution:
        """Do what `to_pyarrow` does, and keep what DuckDB returned before Ibis cast it."""
        self._run_pre_execute_hooks(expr)
        relation = expr.as_table()
        sql = self.compile(relation)
        types, raw = self._database.execute(sql)
        return self._database.cast(sql, types, raw, relation.schema())
