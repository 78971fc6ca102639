"""The parent's side of the wall: owns a worker process, its jobs and their limits."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec
import pyarrow as pa

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

JOBS = 10_000  # that one worker does: what libraries keep from each of them stays bounded
START_SECONDS = 60.0  # for a worker to import Ibis and DuckDB on a busy machine
ENVIRONMENT = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "HOME", "LANG", "LC_ALL", "VIRTUAL_ENV")
_ENCODE = msgspec.msgpack.Encoder().encode
_DECODER: msgspec.msgpack.Decoder[Reply] = msgspec.msgpack.Decoder(Reply)


class SandboxError(RuntimeError):
    """The sandbox itself does not work; says nothing about any job."""


class Sandbox(contextlib.AbstractContextManager["Sandbox"]):
    """A warm worker process that runs SQL and Ibis code on read-only DuckDB databases.

    Use it as a context manager. A worker that dies or is killed is replaced before the next job.

    Parameters
    ----------
    databases
        DuckDB files. Jobs name one by its index.
    limits
        What each job may use.

    Examples
    --------
    >>> import tempfile, ibert.fixtures
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "fixtures.duckdb")
    ...     ibert.fixtures.write_database(path)
    ...     with Sandbox([path]) as sandbox:
    ...         execution = sandbox.run("con.table('users').count().name('n')")
    >>> execution.raw.columns, execution.raw.types, execution.raw.table.to_pydict()
    (['n'], ['BIGINT'], {'0': [40]})
    """

    def __init__(self, databases: Sequence[str | Path], *, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._databases = [str(Path(path).resolve()) for path in databases]
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._jobs = 0

    def __exit__(self, *exception: object) -> None:
        self.close()

    def query(self, sql: str, *, database: int = 0) -> Result | Failure:
        """Run one SQL statement."""
        reply = self._ask(Query(sql, database))
        if isinstance(reply, Execution):
            return Failure(FailureKind.CRASHED, "the worker answered another job")
        return reply

    def run(self, code: str, *, database: int = 0) -> Execution | Failure:
        """Run Ibis code and fetch its expression.

        The code sees `con` (an Ibis backend that holds the tables), `ibis`, `_` and each table
        under its own name. Its result is the variable `expr` or, without one, the value of its
        last line.
        """
        reply = self._ask(Snippet(code, database))
        if isinstance(reply, Result):
            return Failure(FailureKind.CRASHED, "the worker answered another job")
        return reply

    def close(self) -> None:
        """End the worker. Using the sandbox again starts another."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(self, job: Query | Snippet) -> Reply:
        if self._jobs == JOBS:
            self.close()
        try:
            message = _ENCODE(job)
        except UnicodeEncodeError:
            return Failure(FailureKind.RAISED, "it is not valid Unicode text")
        connection = self._connection or self._start()
        self._jobs += 1
        try:
            connection.send_bytes(message)
            if not connection.poll(self.limits.seconds):
                self.close()
                return Failure(
                    FailureKind.TIMEOUT, f"it ran for more than {self.limits.seconds:g} seconds"
                )
            reply = _DECODER.decode(connection.recv_bytes(2 * self.limits.result_bytes + 4096))
        except (EOFError, OSError, msgspec.DecodeError):
            return self._crashed()
        except BaseException:  # an interrupt: the reply to this job must not answer the next one
            self.close()
            raise
        return self._checked(reply)

    def _checked(self, reply: Reply) -> Reply:
        """Look at what came over the wall; a worker that ran out of memory is not used again."""
        if isinstance(reply, Failure):
            if reply.kind is FailureKind.MEMORY:
                self.close()
            return reply
        results = [reply] if isinstance(reply, Result) else [reply.raw, reply.fetched]
        try:
            for result in results:
                result.table  # noqa: B018  reads and validates it
        except pa.ArrowInvalid as error:
            return Failure(FailureKind.RAISED, f"its result is not valid Arrow data: {error}")
        return reply

    def _start(self) -> Connection:
        self._jobs = 0
        ours, theirs = socket.socketpair()
        environment = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
        with ours, theirs, tempfile.TemporaryFile() as output:
            self._process = subprocess.Popen(  # noqa: S603  our own module
                [sys.executable, "-m", "ibert.sandbox.worker", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env={**environment, "TZ": "UTC", "PYTHONWARNINGS": "ignore"},
                start_new_session=True,
            )
            theirs.close()
            self._connection = Connection(ours.detach())
            try:
                self._connection.send_bytes(_ENCODE(Setup(self._databases, self.limits)))
                ready = self._connection.poll(START_SECONDS) and self._connection.recv_bytes()
            except (EOFError, OSError):
                ready = b""
            if not ready:
                self.close()
                output.seek(0)
                printed = output.read(4096).decode(errors="replace").strip().splitlines()
                raise SandboxError(f"the sandbox's worker did not start: {(printed or ['?'])[-1]}")
        return self._connection

    def _crashed(self) -> Failure:
        process = self._process
        self.close()
        status = process.returncode if process else None
        if status is not None and status < 0:
            with contextlib.suppress(ValueError):
                return Failure(FailureKind.CRASHED, f"it died of {signal.Signals(-status).name}")
        return Failure(FailureKind.CRASHED, f"it ended the process with exit code {status}")
