"""What a worker does between its fork and its end, by role."""

from __future__ import annotations

import os
import socket
import sys
import warnings
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

import ibis.expr.datatypes as dt
import ibis.expr.schema as sch
import msgspec

from ibert.sandbox import channel, forks
from ibert.sandbox.builder import Source, build
from ibert.sandbox.kernel.protection import Layer
from ibert.sandbox.kernel.seccomp import Calls
from ibert.sandbox.protocol import (
    Broken,
    Code,
    Failure,
    FailureKind,
    Fetch,
    Query,
    Ready,
    Reply,
    Role,
    Setup,
    Snippet,
)
from ibert.sandbox.snippet import Output, expression, failure, fresh_namespace, read
from ibert.sandbox.walls import Walls, close_all_but

if TYPE_CHECKING:
    from ibert.sandbox.database import Database, IbisDatabase

LARGEST_MESSAGE = 1 << 28
_ENCODE = msgspec.msgpack.Encoder().encode
_DECODE_SQL = msgspec.msgpack.Decoder(Query | Fetch).decode
_DECODE_CODE = msgspec.msgpack.Decoder(Snippet).decode


def work(connection: socket.socket, server: int) -> None:
    """Set up, say so, and do jobs until the parent hangs up."""
    close_all_but(connection.fileno())
    setup = msgspec.msgpack.decode(channel.receive(connection, limit=LARGEST_MESSAGE), type=Setup)
    warnings.simplefilter("ignore")
    try:
        ready, jobs = _ROLES[setup.role](setup, connection, server)
    except Exception as error:  # noqa: BLE001  the parent hears of it
        channel.send(connection, _ENCODE(Broken(f"{type(error).__name__}: {error}")))
        return
    channel.send(connection, _ENCODE(ready))
    jobs()


def _build(
    setup: Setup, connection: socket.socket, server: int
) -> tuple[Ready, Callable[[], None]]:
    """Fork a child for each snippet that compiles it."""
    walls = Walls(setup.layers, setup.limits)
    sources = [Source(tables) for tables in setup.tables]
    checked = Layer.POLICY in setup.layers
    descendants = forks.Descendants()
    walls.around_worker(server)
    worker = os.getpid()

    def confine() -> None:
        walls.around_job(worker, Calls.COMPUTE, seconds=setup.limits.seconds)

    def child(job: socket.socket) -> None:
        output = _silenced(setup)
        confine()
        snippet = _DECODE_CODE(channel.receive(job, limit=LARGEST_MESSAGE))
        built = build(snippet.codes, sources[snippet.database], output, checked=checked)
        channel.send(job, _ENCODE(built))

    forks.rehearse(confine)
    return Ready(), lambda: forks.serve(connection, child, descendants)


def _run(setup: Setup, connection: socket.socket, server: int) -> tuple[Ready, Callable[[], None]]:
    """Fork a child for each snippet that runs it on a database."""
    from ibert.sandbox.database import IbisDatabase

    walls = Walls(setup.layers, setup.limits)
    databases = [IbisDatabase(database) for database in _opened(setup)]
    checked = Layer.POLICY in setup.layers
    finish = _finisher(setup.finish)
    descendants = forks.Descendants()
    walls.around_worker(server)
    worker = os.getpid()

    def confine() -> None:
        walls.around_job(worker, Calls.COMPUTE_WITH_THREADS, seconds=setup.limits.seconds)

    def child(job: socket.socket) -> None:
        output = _silenced(setup)
        confine()
        snippet = _DECODE_CODE(channel.receive(job, limit=LARGEST_MESSAGE))
        database = databases[snippet.database]
        replies = [
            run(code, database, output, checked=checked, finish=finish) for code in snippet.codes
        ]
        channel.send(job, _ENCODE(replies))

    forks.rehearse(confine)
    return Ready(), lambda: forks.serve(connection, child, descendants)


def _execute(
    setup: Setup, connection: socket.socket, server: int
) -> tuple[Ready, Callable[[], None]]:
    """Run SQL, one statement after the other."""
    walls = Walls(setup.layers, setup.limits)
    databases = _opened(setup)
    tables = [database.tables() for database in databases]
    for database in databases:
        database.query("SELECT 1")
    walls.around_worker(server)
    walls.around_job(server, Calls.COMPUTE_WITH_THREADS, seconds=None)

    def jobs() -> None:
        while True:
            try:
                job = _DECODE_SQL(channel.receive(connection, limit=LARGEST_MESSAGE))
            except channel.ClosedError:
                return
            channel.send(connection, _ENCODE(answer(job, databases[job.database])))

    return Ready(tables), jobs


_ROLES = {Role.BUILD: _build, Role.RUN: _run, Role.EXECUTE: _execute}


def _opened(setup: Setup) -> list[Database]:
    import pyarrow as pa

    from ibert.sandbox.database import Database

    locked = Layer.DUCKDB in setup.layers
    found = [Database.open(path, setup.limits, locked=locked) for path in setup.databases]
    pa.allocate_buffer(1)  # Arrow reserves its first gigabyte of address space now, not in a job
    return found


def _finisher(name: str | None) -> Callable[[Any], Any] | None:
    """Find a function, and call it once: what it imports late has to be there."""
    if name is None:
        return None
    import ibis

    module, _, attribute = name.partition(":")
    finish: Callable[[Any], Any] = getattr(import_module(module), attribute)
    finish(ibis.table({"a": "int64"}, name="t"))
    return finish


def _silenced(setup: Setup) -> Output:
    output = Output(setup.limits.output_bytes)
    sys.stdout = sys.stderr = output
    return output


def run(
    code: Code,
    database: IbisDatabase,
    output: Output,
    *,
    checked: bool = True,
    finish: Callable[[Any], Any] | None = None,
) -> Reply:
    """Run code on a database; whatever it raises is its answer."""
    database.renew()
    try:
        module = read(code, checked=checked)
        found = expression(module, fresh_namespace(database.namespace(), checked=checked))
        reply = database.fetch(finish(found) if finish else found)
        output.check()
    except BaseException as error:  # noqa: BLE001  the boundary: SystemExit is an answer too
        return _failure(error, output.limit)
    return reply


def answer(job: Query | Fetch, database: Database) -> Reply:
    """Run SQL; whatever that raises is its answer."""
    database.renew()
    try:
        if isinstance(job, Query):
            return database.query(job.sql)
        types = map(dt.dtype, job.types)
        schema = sch.Schema(dict(zip(job.names, types, strict=True)))
        return database.fetch(job.sql, schema)
    except BaseException as error:  # noqa: BLE001  the boundary
        return _failure(error, 0)


def _failure(error: BaseException, output_bytes: int) -> Failure:
    import duckdb
    import pyarrow as pa

    from ibert.sandbox.database import ResultTooLargeError

    if isinstance(error, ResultTooLargeError):
        return Failure(FailureKind.OUTPUT, str(error))
    if isinstance(error, duckdb.OutOfMemoryException | pa.ArrowMemoryError):
        return Failure(FailureKind.MEMORY, "it needed more memory than the limit")
    return failure(error, output_bytes)
