"""The worker's side of the wall: `python -m ibert.sandbox.worker FD`."""

from __future__ import annotations

import ast
import contextlib
import io
import os
import resource
import sys
import threading
import time
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import duckdb
import ibis
import ibis.backends.duckdb
import ibis.expr.operations as ops
import ibis.expr.types as ir
import msgspec
import pyarrow as pa
from ibis.backends.duckdb.converter import DuckDBPyArrowData

from ibert.sandbox.protocol import (
    Execution,
    Failure,
    FailureKind,
    Limits,
    Query,
    Reply,
    Result,
    Setup,
    Snippet,
)

SNIPPET = "<ibis>"  # the file name of a job's code in tracebacks
DUCKDB_CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "access_mode": "READ_ONLY",
    "threads": 1,
    "enable_external_access": False,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,
}
# What can depend on the order of rows, and the aggregates that cannot.
UNSETTLED = (
    *(ops.Limit, ops.Sample, ops.WindowFunction, ops.Unnest, ops.TableUnnest, ops.Impure),
    *(ops.ScalarUDF, ops.SQLQueryResult),
)
SETTLED_AGGREGATES = (
    *(ops.CountStar, ops.Count, ops.CountDistinct, ops.CountDistinctStar),
    *(ops.Sum, ops.Mean, ops.Min, ops.Max),
)
_ENCODE = msgspec.msgpack.Encoder().encode
_DECODE = msgspec.msgpack.Decoder(Query | Snippet).decode


class NoExpressionError(Exception):
    """The code defines no Ibis expression."""


class NotASelectError(Exception):
    """The SQL is several statements, or one that is no query."""


class ResultTooLargeError(Exception):
    """A result has more rows or bytes than the limit."""


class Database(ibis.backends.duckdb.Backend):  # type: ignore[misc]
    """An Ibis backend on one read-only DuckDB file.

    Each job has a cursor of its own, so that temporary tables, macros and settings end with it.
    """

    def __init__(self, path: str, limits: Limits) -> None:
        super().__init__()
        memory = f"{limits.memory_bytes // 2} bytes"
        self._base = duckdb.connect(path, config={**DUCKDB_CONFIG, "memory_limit": memory})
        self._base.execute("SET GLOBAL TimeZone = 'UTC'")
        self._base.execute("SET GLOBAL lock_configuration = true")
        self._can_reconnect = False
        self._limits = limits
        self._tables: dict[str, ir.Table] = {}
        self.renew()
        self._tables = {name: self.table(name) for name in self.list_tables()}

    def renew(self) -> None:
        """Begin a job."""
        self.con = self._base.cursor()
        self._record_batch_readers_consumed: dict[str, bool] = {}

    def namespace(self) -> dict[str, Any]:
        """Give the names that a job's code sees."""
        module = ModuleType("snippet")  # what looks a class's module up finds it
        sys.modules[module.__name__] = module
        vars(module).update(self._tables, con=self, ibis=ibis, _=ibis._)
        return vars(module)

    def table(self, name: str, /, *, database: str | tuple[str, str] | None = None) -> ir.Table:
        """Give a table; its schema is read once."""
        if database is None and name in self._tables:
            return self._tables[name]
        return super().table(name, database=database)

    def query(self, sql: str) -> Result:
        """Run one SELECT statement as it is."""
        statements = self.con.extract_statements(sql)
        if [statement.type for statement in statements] != [duckdb.StatementType.SELECT]:
            raise NotASelectError("the SQL is not one SELECT statement")
        types, table = self._execute(sql)
        return self._packed(types, table)

    def fetch(self, expr: ir.Expr) -> Execution:
        """Do what `to_pyarrow` does, and keep what DuckDB returned before Ibis cast it."""
        self._run_pre_execute_hooks(expr)
        relation = expr.as_table()
        sql = self.compile(relation)
        types, raw = self._execute(sql)
        fetched = relation.__pyarrow_result__(raw, data_mapper=DuckDBPyArrowData)
        packed = self._packed(types, raw)
        settled = not relation.op().find(is_unsettled)
        if fetched is raw:  # nothing was cast
            return Execution(sql, packed, msgspec.structs.replace(packed, types=None), settled)
        return Execution(sql, packed, self._packed(None, fetched), settled)

    def _execute(self, sql: str) -> tuple[list[str], pa.Table]:
        cursor = self.con.execute(sql)
        types = [str(column[1]) for column in cursor.description]
        limit = self._limits.result_rows
        batches, rows = [], 0
        with cursor.to_arrow_reader(limit + 1) as reader:
            for batch in reader:
                batches.append(batch)
                if (rows := rows + batch.num_rows) > limit:
                    raise ResultTooLargeError(f"the result has more than {limit:,} rows")
            return types, pa.Table.from_batches(batches, reader.schema)

    def _packed(self, types: list[str] | None, table: pa.Table) -> Result:
        result = Result.of(table, types)
        if len(result.stream) > (limit := self._limits.result_bytes):
            raise ResultTooLargeError(f"the result has more than {limit:,} bytes")
        return result


def is_unsettled(op: ops.Node) -> bool:
    """Tell whether what an operation gives can depend on the order of its rows."""
    if isinstance(op, ops.Reduction):
        return not isinstance(op, SETTLED_AGGREGATES)
    if isinstance(op, ops.JoinChain):
        return any(link.how == "asof" for link in op.rest)
    return isinstance(op, UNSETTLED)


def expression(code: str, namespace: dict[str, Any]) -> ir.Expr:
    """Run code; give its `expr` or, without one, the value of its last line."""
    module = ast.parse(code, SNIPPET)
    last = module.body[-1] if module.body else None
    if isinstance(last, ast.Expr):
        module.body.pop()
        exec(_compiled(module), namespace)  # noqa: S102
        value = eval(_compiled(ast.Expression(last.value)), namespace)  # noqa: S307
        value = namespace.get("expr", value)
    else:
        exec(_compiled(module), namespace)  # noqa: S102
        value = namespace.get("expr")
    if not isinstance(value, ir.Expr):
        found = "neither defines `expr` nor ends with an expression"
        if value is not None:
            found = f"gives a {type(value).__name__}, not an Ibis expression"
        raise NoExpressionError(f"the code {found}")
    return value


def _compiled(tree: ast.Module | ast.Expression) -> CodeType:
    """Compile a job's code without the `__future__` imports of this file."""
    mode = "exec" if isinstance(tree, ast.Module) else "eval"
    return compile(tree, SNIPPET, mode, dont_inherit=True)


def answer(job: Query | Snippet, database: Database) -> Reply:
    """Do a job; whatever it raises is its answer."""
    database.renew()
    try:
        if isinstance(job, Query):
            return database.query(job.sql)
        return database.fetch(expression(job.code, database.namespace()))
    except NoExpressionError as error:
        return Failure(FailureKind.NO_EXPRESSION, str(error))
    except ResultTooLargeError as error:
        return Failure(FailureKind.OUTPUT, str(error))
    except (MemoryError, duckdb.OutOfMemoryException, pa.ArrowMemoryError):
        return Failure(FailureKind.MEMORY, "it needed more memory than the limit")
    except BaseException as error:  # noqa: BLE001  the boundary: SystemExit is an answer too
        return raised(error)


def raised(error: BaseException) -> Failure:
    """Describe an exception, with the line of the job's code that it passed through last."""
    if isinstance(error, SyntaxError) and error.filename == SNIPPET:
        line = error.lineno
    else:
        frames = traceback.extract_tb(error.__traceback__)
        line = next((f.lineno for f in reversed(frames) if f.filename == SNIPPET), None)
    try:
        message = str(error).strip() or "it gave no reason"
    except Exception:  # noqa: BLE001  the job may have written __str__ too
        message = "its message cannot be shown"
    message = message.encode(errors="replace").decode()
    return Failure(FailureKind.RAISED, message[:4000], type(error).__qualname__, line)


class Output:
    """What jobs print: file descriptors 1 and 2, a file that the kernel keeps from growing."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    def begin(self) -> None:
        """Empty the file and give Python fresh streams."""
        os.ftruncate(1, 0)
        os.lseek(1, 0, os.SEEK_SET)
        for name in ("stdout", "stderr"):
            stream = io.FileIO(1, "w", closefd=False)
            setattr(sys, name, io.TextIOWrapper(io.BufferedWriter(stream), errors="replace"))

    def exceeded(self) -> bool:
        """Tell whether a job filled it."""
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        return os.fstat(1).st_size >= self._limit


def end_with(parent: int) -> None:
    """End this process when its parent is gone, whatever the job is doing."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def main() -> None:
    """Set up, say so, and answer jobs until the parent hangs up."""
    threading.Thread(target=end_with, args=[os.getppid()], daemon=True).start()
    connection = Connection(int(sys.argv[1]))
    setup = msgspec.msgpack.decode(connection.recv_bytes(), type=Setup)
    databases = [Database(path, setup.limits) for path in setup.databases]
    output = Output(setup.limits.output_bytes)
    pa.allocate_buffer(1)  # Arrow reserves its first gigabyte of address space now, not in a job
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    bound = size + setup.limits.memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (bound, bound))
    connection.send_bytes(b"ready")
    while True:
        try:
            job = _DECODE(connection.recv_bytes())
        except EOFError:
            return
        if isinstance(job, Snippet):
            output.begin()
        reply = answer(job, databases[job.database])
        if isinstance(job, Snippet) and output.exceeded():
            limit = setup.limits.output_bytes
            reply = Failure(FailureKind.OUTPUT, f"it printed more than {limit:,} bytes")
        connection.send_bytes(_ENCODE(reply))


if __name__ == "__main__":
    main()
