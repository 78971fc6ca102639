"""The parent's handles: warm servers that this process shares, and the workers they fork."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
from typing import NamedTuple

import msgspec

from ibert.sandbox import channel, forks
from ibert.sandbox.channel import END, FORK, REPLY, REQUEST
from ibert.sandbox.protocol import Broken, Ready, Role, Setup, Start

START_SECONDS = 60.0  # for a server to import Ibis and DuckDB on a busy machine
GRACE_SECONDS = 5.0  # for a worker to end a child that ran out of time
ENVIRONMENT = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "HOME", "LANG", "LC_ALL", "VIRTUAL_ENV")
_START = msgspec.msgpack.Decoder[Start](Start)
_ENCODE = msgspec.msgpack.Encoder().encode


class SandboxError(RuntimeError):
    """The sandbox itself does not work; says nothing about any job."""


class WorkerLostError(Exception):
    """A worker or its server ended, or does not answer."""


class Server:
    """A process that forks workers.

    Parameters
    ----------
    libraries
        What it has imported: `ibis`, or `database` for DuckDB and Arrow too.
    """

    def __init__(self, libraries: str) -> None:
        self._lock = threading.Lock()
        ours, theirs = socket.socketpair()
        with theirs:
            environment = {name: os.environ[name] for name in ENVIRONMENT if name in os.environ}
            self._process = subprocess.Popen(  # noqa: S603  our own module
                [sys.executable, "-P", "-m", _MODULE, str(theirs.fileno()), libraries],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env={**environment, "TZ": "UTC", "PYTHONWARNINGS": "ignore"},
                start_new_session=True,
            )
        self._control = ours
        self._is_ready = False

    def _wait(self) -> None:
        """Wait for it to be warm; several servers warm up at the same time."""
        if self._is_ready:
            return
        self._control.settimeout(START_SECONDS)
        with contextlib.suppress(OSError):
            self._is_ready = bool(self._control.recv(REPLY.size))
        if not self._is_ready:
            self._process.kill()
            assert self._process.stderr is not None
            printed = self._process.stderr.read(1 << 16).decode(errors="replace").strip()
            self.close()
            last = printed.splitlines()[-1:] or ["?"]
            raise SandboxError(f"the sandbox's server did not start: {last[0]}")

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def fork(self, descriptor: int) -> int:
        """Fork a worker that talks over a socket; give its process."""
        return self._ask(FORK, 0, [descriptor])

    def end(self, pid: int) -> None:
        """Kill a worker."""
        with contextlib.suppress(WorkerLostError):
            self._ask(END, pid, [])

    def close(self) -> None:
        """End the server, and with it its workers."""
        self._control.close()
        self._process.kill()
        self._process.wait()
        if self._process.stderr is not None:
            self._process.stderr.close()

    def _ask(self, kind: bytes, pid: int, descriptors: list[int]) -> int:
        with self._lock:
            try:
                self._wait()
                socket.send_fds(self._control, [REQUEST.pack(kind, pid)], descriptors)
                (answer,) = REPLY.unpack(self._control.recv(REPLY.size))
            except (OSError, ValueError, struct.error) as error:
                raise WorkerLostError(str(error)) from None
            except BaseException:  # an interrupt: the answer must not be taken for another's
                self.close()
                raise
        return int(answer)


_MODULE = "ibert.sandbox.server"
_LIBRARIES = {Role.BUILD: "ibis", Role.EXECUTE: "database", Role.RUN: "database"}
_servers: dict[tuple[int, str], Server] = {}
_starting = threading.Lock()


def server_for(role: Role) -> Server:
    """Give the warm server of this process for a role; starts it at its first use."""
    key = (os.getpid(), _LIBRARIES[role])  # a fork of this process has servers of its own
    with _starting:
        if key not in _servers:
            _servers[key] = Server(key[1])
            if len(_servers) == 1:
                atexit.register(_close_all)
        return _servers[key]


def warm_up() -> None:
    """Start the servers that code needs, without waiting for them: that can be done meanwhile."""
    for role in (Role.BUILD, Role.EXECUTE):
        server_for(role)


def _close_all() -> None:
    for (owner, _), server in _servers.items():
        if owner == os.getpid():
            server.close()


def forget(server: Server) -> None:
    """Drop a server that does not work."""
    with _starting:
        for key in [key for key, known in _servers.items() if known is server]:
            del _servers[key]
    server.close()


class Report(NamedTuple):
    """How a child ended."""

    timed_out: bool
    status: int
    cpu_seconds: float

    @property
    def died_of(self) -> str | None:
        """The signal that ended it."""
        if not os.WIFSIGNALED(self.status):
            return None
        return signal.Signals(os.WTERMSIG(self.status)).name


class Worker:
    """A worker, and the tables that it found.

    Parameters
    ----------
    setup
        What it is told.
    """

    def __init__(self, setup: Setup) -> None:
        for attempt in (1, 2):
            self._server = server_for(setup.role)
            self._connection, theirs = socket.socketpair()
            try:
                with theirs:
                    self.pid = self._server.fork(theirs.fileno())
                break
            except WorkerLostError as error:
                self._connection.close()
                forget(self._server)
                if attempt == 2:
                    raise SandboxError(f"the sandbox's server does not work: {error}") from None
        try:
            channel.send(self._connection, _ENCODE(setup))
            message = channel.receive(self._connection, limit=1 << 26, seconds=START_SECONDS)
            start = _START.decode(message)
        except (channel.ClosedError, TimeoutError, msgspec.DecodeError) as error:
            self.close()
            raise SandboxError(f"the sandbox's worker did not start: {error}") from None
        except BaseException:
            self.close()
            raise
        if isinstance(start, Broken):
            self.close()
            raise SandboxError(f"the sandbox's worker did not start: {start.message}")
        self.ready: Ready = start

    def close(self) -> None:
        """End the worker."""
        self._connection.close()
        self._server.end(self.pid)

    def ask(self, message: bytes, *, limit: int, seconds: float) -> bytes:
        """Have the worker itself do something.

        Raises
        ------
        WorkerLostError
            It ended.
        TimeoutError
            It took too long.
        """
        try:
            channel.send(self._connection, message)
            return channel.receive(self._connection, limit=limit, seconds=seconds)
        except channel.ClosedError as error:
            raise WorkerLostError(str(error)) from None

    def fork(self, message: bytes, *, limit: int, seconds: float) -> tuple[bytes | None, Report]:
        """Have a child of the worker do something; give what it said, and how it ended.

        Raises
        ------
        WorkerLostError
            The worker ended.
        """
        ours, theirs = socket.socketpair()
        reply = None
        with ours:
            try:
                with theirs:
                    request = [forks.REQUEST.pack(seconds)]
                    self._connection.settimeout(seconds + GRACE_SECONDS)
                    socket.send_fds(self._connection, request, [theirs.fileno()])
                with contextlib.suppress(channel.ClosedError, TimeoutError):
                    channel.send(ours, message)
                    reply = channel.receive(ours, limit=limit, seconds=seconds + GRACE_SECONDS)
            except OSError as error:
                raise WorkerLostError(str(error)) from None
        try:
            self._connection.settimeout(seconds + GRACE_SECONDS)
            report = self._connection.recv(forks.REPORT.size)
        except OSError as error:
            raise WorkerLostError(str(error)) from None
        if len(report) < forks.REPORT.size:
            raise WorkerLostError("the worker ended")
        return reply, Report(*forks.REPORT.unpack(report))
