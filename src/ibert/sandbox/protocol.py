"""What crosses the wall between the parent and a worker: plain data, never pickled objects."""

from __future__ import annotations

import enum
from functools import cached_property
from typing import Self

import msgspec
import pyarrow as pa


class Limits(msgspec.Struct, frozen=True):
    """What one job may use.

    Parameters
    ----------
    seconds
        Wall-clock time.
    memory_bytes
        Address space on top of what the idle worker has.
    output_bytes
        What it may print, and the size of any file it may write.
    result_rows
        Rows of a result.
    result_bytes
        Size of a result.
    """

    seconds: float = 10.0
    memory_bytes: int = 1 << 30
    output_bytes: int = 1 << 20
    result_rows: int = 100_000
    result_bytes: int = 1 << 26


class FailureKind(enum.StrEnum):
    """Why a job gave no result."""

    RAISED = "raised"
    NO_EXPRESSION = "no expression"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    OUTPUT = "output"
    CRASHED = "crashed"


class Failure(msgspec.Struct, frozen=True, tag=True):
    """A job that gave no result.

    Parameters
    ----------
    kind
        Why.
    message
        What was raised, in one paragraph, or which limit was met.
    exception
        The name of the exception's class, where one was raised.
    line
        The 1-based line of the job's own code that raised, where it is known.
    """

    kind: FailureKind
    message: str
    exception: str | None = None
    line: int | None = None


class Result(msgspec.Struct, frozen=True, tag=True, dict=True):
    """The rows of a query.

    Parameters
    ----------
    columns
        The names of the columns.
    types
        Their DuckDB types, such as `DECIMAL(12,2)`; None where Ibis cast the data to its own.
    stream
        The rows as an Arrow IPC stream.
    """

    columns: list[str]
    types: list[str] | None
    stream: bytes

    @classmethod
    def of(cls, table: pa.Table, types: list[str] | None) -> Self:
        """Pack an Arrow table, whose names may repeat."""
        columns = table.column_names
        numbered = table.rename_columns(list(map(str, range(len(columns)))))
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, numbered.schema) as writer:
            writer.write_table(numbered)
        return cls(columns, types, sink.getvalue().to_pybytes())

    @cached_property
    def table(self) -> pa.Table:
        """The rows, in numbered columns; validated: they come from the other side of the wall."""
        with pa.ipc.open_stream(self.stream) as reader:
            table = reader.read_all()
        table.validate(full=True)
        return table


class Execution(msgspec.Struct, frozen=True, tag=True):
    """What an Ibis expression gave.

    Parameters
    ----------
    sql
        The SQL that Ibis compiled it to.
    raw
        What DuckDB returns for that SQL.
    fetched
        What the user gets from `to_pyarrow`: the same rows, cast to the types that Ibis declares.
    settled
        Whether the rows cannot depend on how those of the tables are stored.
    """

    sql: str
    raw: Result
    fetched: Result
    settled: bool = False


class Query(msgspec.Struct, frozen=True, tag=True):
    """A job: run one SQL statement on a database."""

    sql: str
    database: int = 0


class Snippet(msgspec.Struct, frozen=True, tag=True):
    """A job: run Ibis code on a database and fetch the expression it defines."""

    code: str
    database: int = 0


class Setup(msgspec.Struct, frozen=True):
    """What a worker is told at its start."""

    databases: list[str]
    limits: Limits


Reply = Result | Execution | Failure
