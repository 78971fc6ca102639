"""The parent's side of the wall: owns workers, their jobs and limits, and decides."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from ibert.sandbox.kernel.protection import ALL_LAYERS, ENOUGH, Layer, Protection, protection
from ibert.sandbox.protocol import (
    Answer,
    Broken,
    Built,
    Code,
    Execution,
    Failure,
    FailureKind,
    Fetch,
    Limits,
    NeedsDatabase,
    Profile,
    Query,
    Reply,
    Result,
    Role,
    Setup,
    Snippet,
    Tables,
)
from ibert.sandbox.workers import Report, SandboxError, Worker, WorkerLostError, warm_up

JOBS = 10_000  # that one executor does: what libraries keep from each of them stays bounded
ALLOW_WEAK = "IBERT_ALLOW_WEAK_SANDBOX"  # the environment's variable that stands for the option
# What surely has to run where the data are; whoever parses the code finds the rest.
_BESIDE_DATA = re.compile(r"\bmemtable\b|\budf\.\w+\.(?:python|pyarrow)\b")
_OVERHEAD = 1 << 16  # bytes of a reply that are no result
_ENCODE = msgspec.msgpack.Encoder().encode
_ANSWER = msgspec.msgpack.Decoder[Answer](Answer)
_BUILT = msgspec.msgpack.Decoder[list[Built]](list[Built])
_LOST = Failure(FailureKind.CRASHED, "it ended the process that ran it")
_T = TypeVar("_T")


class Sandbox(contextlib.AbstractContextManager["Sandbox"]):
    """Runs SQL and Ibis code that nobody vouches for on read-only DuckDB databases.

    Use it as a context manager. Workers start when they are first needed, and others take their
    place when they are lost.

    Parameters
    ----------
    databases
        DuckDB files. Jobs name one by its index.
    limits
        What each job may use.
    allow_weak
        Whether to run code on a machine that cannot confine it (see `protection`). None: whether
        the environment's `IBERT_ALLOW_WEAK_SANDBOX` is set.
    layers
        The walls to set up; all but for tests.
    finish
        A function, as `module:name`, that is applied to the code's expression before that is
        fetched.

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

    def __init__(
        self,
        databases: Sequence[str | Path],
        *,
        limits: Limits | None = None,
        allow_weak: bool | None = None,
        layers: frozenset[Layer] = ALL_LAYERS,
        finish: str | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.protection: Protection = protection(layers)
        self._allow_weak = bool(os.environ.get(ALLOW_WEAK)) if allow_weak is None else allow_weak
        self._databases = [str(Path(path).resolve()) for path in databases]
        self._layers = layers
        self._finish = finish
        self._workers: dict[Role, Worker] = {}
        self._tables: list[Tables] = []
        self._jobs = 0

    def __exit__(self, *exception: object) -> None:
        self.close()

    def query(self, sql: str, *, database: int = 0) -> Result | Failure:
        """Run one SELECT statement."""
        reply = self._execute(Query(sql, database))
        return _LOST if isinstance(reply, Execution) else reply

    def run(
        self,
        code: str,
        *,
        database: int = 0,
        profile: Profile = Profile.STRICT,
        constants: int | None = 0,
    ) -> Execution | Failure:
        """Run Ibis code and fetch its expression.

        The code sees `con` (an Ibis backend that holds the tables), `ibis`, `_` and each table
        under its own name. Its result is the variable `expr` or, without one, the value of its
        last line. It runs in a process of its own.

        Parameters
        ----------
        code
            Python that the policy allows.
        database
            What it runs on.
        profile
            What it may say.
        constants
            How many values its memtables may hold, in the strict profile; None for any number.

        Raises
        ------
        SandboxError
            The sandbox does not work, or this machine cannot confine code.
        """
        (outcome,) = self._run([Code(code, profile, constants)], database)
        return outcome

    def run_shared(
        self,
        codes: Sequence[Code],
        *,
        database: int = 0,
    ) -> list[Execution | Failure]:
        """Run several pieces of Ibis code, those without functions of their own in one process.

        That is quicker, and one of them might disturb the next. Where they come from different
        people, run what is to be accepted again with `run`; and what failed, wherever it is from:
        that may have been another's fault.
        """
        return self._run(list(codes), database)

    def close(self) -> None:
        """End the workers. Using the sandbox again starts others."""
        while self._workers:
            self._workers.popitem()[1].close()

    # Code: compiled without data; what cannot be is run where they are.

    def _run(self, codes: list[Code], database: int) -> list[Execution | Failure]:
        if self.protection.level < ENOUGH and self._layers == ALL_LAYERS and not self._allow_weak:
            raise SandboxError(_weakness(self.protection))
        warm_up()
        dataless = [
            code for code in codes if not self._finish and not _BESIDE_DATA.search(code.text)
        ]
        built_ones = iter(self._built(dataless, database) if dataless else [])
        outcomes: list[Execution | Failure] = []
        for code in codes:
            built = next(built_ones) if code in dataless else NeedsDatabase()
            if isinstance(built, NeedsDatabase):
                outcomes.append(self._run_alone(code, database))
            elif isinstance(built, Fetch):
                reply = self._execute(msgspec.structs.replace(built, database=database))
                outcomes.append(_LOST if isinstance(reply, Result) else reply)
            else:
                outcomes.append(built.legible() if isinstance(built, Failure) else _LOST)
        return outcomes

    def _built(self, codes: list[Code], database: int) -> list[Built]:
        replies = self._in_child(Role.BUILD, codes, database)
        if isinstance(replies, Failure):
            return [replies] * len(codes)
        return replies

    def _run_alone(self, code: Code, database: int) -> Execution | Failure:
        replies = self._in_child(Role.RUN, [code], database)
        if isinstance(replies, Failure):
            return replies
        reply = replies[0]
        if not isinstance(reply, Execution | Failure):
            return _LOST
        checked = self._checked(reply)
        return _LOST if isinstance(checked, Result) else checked

    def _in_child(self, role: Role, codes: list[Code], database: int) -> list[Built] | Failure:
        try:
            message = _ENCODE(Snippet(codes, database))
        except UnicodeEncodeError:
            return Failure(FailureKind.RAISED, "it is not valid Unicode text")
        limit, seconds = self._largest, self.limits.seconds
        found = self._with(role, lambda worker: worker.fork(message, limit=limit, seconds=seconds))
        if isinstance(found, Failure):
            return found
        reply, report = found
        if ended := self._ended(report):
            return ended
        try:
            replies = _BUILT.decode(reply or b"")
        except (msgspec.DecodeError, RecursionError):
            return Failure(FailureKind.CRASHED, "it ended the process with exit code 0")
        return replies if len(replies) == len(codes) else _LOST

    def _ended(self, report: Report) -> Failure | None:
        if report.timed_out or report.died_of == "SIGXCPU":
            return self._timeout()
        if report.died_of:
            return Failure(FailureKind.CRASHED, f"it died of {report.died_of}")
        if code := os.waitstatus_to_exitcode(report.status):
            return Failure(FailureKind.CRASHED, f"it ended the process with exit code {code}")
        return None

    # SQL.

    def _execute(self, job: Query | Fetch) -> Reply:
        try:
            message = _ENCODE(job)
        except UnicodeEncodeError:
            return Failure(FailureKind.RAISED, "it is not valid Unicode text")
        if self._jobs == JOBS:
            self._drop(Role.EXECUTE)
        self._jobs += 1
        limit, seconds = self._largest, self.limits.seconds
        try:
            found = self._with(
                Role.EXECUTE, lambda worker: worker.ask(message, limit=limit, seconds=seconds)
            )
        except TimeoutError:
            self._drop(Role.EXECUTE)
            return self._timeout()
        if isinstance(found, Failure):
            return found
        try:
            answer = _ANSWER.decode(found)
        except (msgspec.DecodeError, RecursionError):
            self._drop(Role.EXECUTE)
            return _LOST
        if isinstance(answer, Broken):
            return _LOST
        if isinstance(answer, Failure) and answer.kind is FailureKind.MEMORY:
            self._drop(Role.EXECUTE)
        return self._checked(answer)

    # Both.

    def _with(self, role: Role, ask: Callable[[Worker], _T]) -> _T | Failure:
        """Ask a worker, and a fresh one if it is lost: that need not be the job's fault."""
        for _ in range(2):
            worker = self._worker(role)
            try:
                return ask(worker)
            except WorkerLostError:
                self._drop(role)
            except BaseException:  # an interrupt: the reply must not answer the next job
                self._drop(role)
                raise
        return _LOST

    def _worker(self, role: Role) -> Worker:
        if role not in self._workers:
            if role is Role.BUILD and not self._tables:
                self._tables = self._worker(Role.EXECUTE).ready.tables
            if role is Role.EXECUTE:
                self._jobs = 0
            databases = [] if role is Role.BUILD else self._databases
            tables = self._tables if role is Role.BUILD else []
            finish = self._finish if role is Role.RUN else None
            setup = Setup(role, databases, self.limits, self._layers, tables, finish)
            self._workers[role] = Worker(setup)
        return self._workers[role]

    def _drop(self, role: Role) -> None:
        if worker := self._workers.pop(role, None):
            worker.close()

    @property
    def _largest(self) -> int:
        return 2 * self.limits.result_bytes + _OVERHEAD

    def _timeout(self) -> Failure:
        message = f"it ran for more than {self.limits.seconds:g} seconds"
        return Failure(FailureKind.TIMEOUT, message)

    def _checked(self, reply: Reply) -> Reply:
        """Look at all rows before anything is done with them."""
        if isinstance(reply, Failure):
            return reply.legible()
        from ibert.sandbox import arrow

        try:
            for result in [reply] if isinstance(reply, Result) else [reply.raw, reply.fetched]:
                result.checked(self.limits)
        except arrow.StreamTooLargeError as error:
            return Failure(FailureKind.OUTPUT, str(error))
        except arrow.InvalidStreamError as error:
            return Failure(FailureKind.CRASHED, str(error))
        return reply


def _weakness(found: Protection) -> str:
    reasons = "; ".join(f"{layer}: {reason}" for layer, reason in sorted(found.missing.items()))
    return (
        f"this machine cannot confine code that nobody vouches for ({reasons}). "
        f"Run it all the same with --allow-weak-sandbox, or {ALLOW_WEAK}=1"
    )
