"""A DuckDB in memory that holds databases by number: where witness databases are tried out.

It runs queries that the user gave and mutants of them, never code; it reads no file and is locked.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import duckdb
import pyarrow as pa

from ibert.sandbox import Failure, FailureKind, Limits, Result

SECONDS = 1.0  # for one query: mutants without a join predicate multiply their tables
MOST_ROWS = 20_000


class Scratch(AbstractContextManager["Scratch"]):
    """Databases of the same tables.

    Examples
    --------
    >>> with Scratch("CREATE TABLE t (a INT)") as scratch:
    ...     scratch.load(0, {"t": pa.table({"a": [1, 2]})})
    ...     scratch.query("SELECT max(a) AS s FROM t", database=0).table.to_pydict()
    {'0': [2]}
    """

    def __init__(self, ddl: str, limits: Limits | None = None) -> None:
        self._ddl = ddl
        self._seconds = min(SECONDS, limits.seconds) if limits else SECONDS
        self._con = duckdb.connect(
            config={
                "threads": 1,
                "memory_limit": "1GB",
                "enable_external_access": False,
                "autoinstall_known_extensions": False,
                "autoload_known_extensions": False,
                "python_enable_replacements": False,
            }
        )
        self._con.execute("SET TimeZone = 'UTC'")
        self._current: int | None = None
        self._made: set[int] = set()
        self._lock = threading.Lock()
        self._is_running = False

    def __exit__(self, *exception: object) -> None:
        self._con.close()

    def load(self, database: int, tables: Mapping[str, pa.Table]) -> None:
        """Make a database; replaces the one of that number."""
        schema = f"d{database}"
        if database in self._made:
            for name in tables:
                self._con.execute(f"DELETE FROM {schema}.{_quoted(name)}")  # noqa: S608
        else:
            self._made.add(database)
            self._con.execute(f"CREATE SCHEMA {schema}")
            self._use(database)
            self._con.execute(self._ddl)
        for name, table in tables.items():
            if table.num_rows:
                columns = ", ".join(map(_quoted, table.column_names))
                self._con.register("loaded", table)
                target = f"{schema}.{_quoted(name)}"
                self._con.execute(f"INSERT INTO {target} ({columns}) SELECT {columns} FROM loaded")  # noqa: S608
                self._con.unregister("loaded")

    def query(self, sql: str, *, database: int = 0) -> Result | Failure:
        """Run one query on a database."""
        if self._current != database:
            self._use(database)
        try:
            with self._timed():
                cursor = self._con.execute(sql)
                types = [str(column[1]) for column in cursor.description]
                rows = cursor.to_arrow_table()
        except duckdb.InterruptException:
            return Failure(FailureKind.TIMEOUT, f"it ran for more than {self._seconds:g} seconds")
        except duckdb.OutOfMemoryException:
            return Failure(FailureKind.MEMORY, "it needed more memory than the limit")
        except (duckdb.Error, pa.ArrowException, RuntimeError) as error:
            return Failure(FailureKind.RAISED, str(error), type(error).__name__)
        if rows.num_rows > MOST_ROWS:
            return Failure(FailureKind.OUTPUT, f"the result has more than {MOST_ROWS:,} rows")
        return Result.of(rows, types)

    def values(self, sql: str, joint: pa.Table | None = None) -> list[tuple[Any, ...]] | None:
        """Evaluate expressions, on the rows of `joint` if they are given; None: they do not run."""
        if joint is not None:
            self._con.register("joint", joint)
        try:
            with self._timed():
                return self._con.execute(sql).fetchall()
        except (duckdb.Error, OverflowError, ValueError):
            return None
        finally:
            if joint is not None:
                self._con.unregister("joint")

    def _use(self, database: int) -> None:
        self._con.execute(f"USE memory.d{database}")
        self._current = database

    @contextmanager
    def _timed(self) -> Iterator[None]:
        def stop() -> None:
            with self._lock:
                if self._is_running:
                    self._con.interrupt()

        timer = threading.Timer(self._seconds, stop)
        self._is_running = True
        timer.start()
        try:
            yield
        finally:
            with self._lock:
                self._is_running = False
            timer.cancel()


def _quoted(name: str) -> str:
    return f'"{name.replace(chr(34), chr(34) * 2)}"'
