"""Judge an attempt from outside: by its traces, never by what it says."""

from __future__ import annotations

import base64
import contextlib
import ctypes
import json
import os
import re
import resource
import secrets
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import duckdb

from ibert import fixtures
from ibert.evaluation.attacks import streams
from ibert.evaluation.attacks.corpus import (
    BAD,
    GOALS,
    GOOD,
    REFERENCE,
    WITH_FUNCTION,
    Attack,
)

ALLOWED_OVERRUN = 1.0  # seconds
JOBS = 3  # that a verdict takes, each with a limit: the SQL, the code, and the SQL made of it
TRIES = 3  # of what a busy machine may spoil
PATIENCE = 20.0  # seconds that an honest job may take on a busy machine
SHOWN_BYTES = 1 << 20
RESIDENT_BYTES = 640 << 20
THREADS = 64
DESCRIPTORS = 300
PROCESSES = 8
# What makes a terminal do other than show text: C0 but tab and newline, C1, turns of direction.
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
REFUSED_BY_POLICY = "IB308"
TOO_SLOW = "it ran for more than"
CLAIMED_VERDICTS = {"forge", "comparator", "disguise"}
VICTIM = "import time\nwhile True: time.sleep(0.02)"


class Canaries(contextlib.ExitStack):
    """What an attempt must not reach: a secret, a folder, three listeners and a process."""

    def __init__(self) -> None:
        super().__init__()
        self.token = secrets.token_hex(16)
        self.reference_token = secrets.token_hex(16)
        self.folder = Path(self.enter_context(tempfile.TemporaryDirectory()))
        self.scratch = self.folder / "scratch"
        self.working = self.folder / "working"
        for folder in (self.scratch, self.working):
            folder.mkdir()
            folder.chmod(0o777)
        self.folder.chmod(0o755)
        secret = self.folder / "secret.csv"
        secret.write_text(f"token\n{self.token}\n")
        self.contacts = 0
        self._victim: subprocess.Popen[bytes] | None = None
        self.callback(self.spare_victim)
        tcp = self._listener(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0))
        udp = self._listener(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0))
        path = str(self.folder / "socket")
        self._listener(socket.AF_UNIX, socket.SOCK_STREAM, path)
        os.chmod(path, 0o777)
        rows = duckdb.from_arrow(fixtures.tables()["users"]).query("users", REFERENCE)
        self.values = {
            "SECRET": str(secret),
            "SCRATCH": str(self.scratch),
            "PORT": str(tcp.getsockname()[1]),
            "UDP": str(udp.getsockname()[1]),
            "SOCKET": path,
            "REFERENCE": REFERENCE,
            "ROWS": repr(rows.to_arrow_table().to_pylist()),
        }

    def _listener(self, family: int, kind: int, address: Any) -> socket.socket:
        listener = self.enter_context(socket.socket(family, kind))
        listener.bind(address)
        if kind == socket.SOCK_STREAM:
            listener.listen(64)
        threading.Thread(target=self._count, args=[listener, kind], daemon=True).start()
        return listener

    def _count(self, listener: socket.socket, kind: int) -> None:
        with contextlib.suppress(OSError):
            while True:
                if kind == socket.SOCK_STREAM:
                    listener.accept()[0].close()
                else:
                    listener.recv(100)
                self.contacts += 1

    def victim(self) -> int:
        """Give the id of a process that is no business of any attempt."""
        if self._victim is None:
            self._victim = subprocess.Popen([sys.executable, "-IS", "-c", VICTIM])
        return self._victim.pid

    def victim_suffers(self) -> bool:
        if self._victim is None:
            return False
        time.sleep(0.05)
        limits = resource.prlimit(self._victim.pid, resource.RLIMIT_CPU)
        return state(self._victim.pid) in "TZ" or limits != resource.getrlimit(resource.RLIMIT_CPU)

    def spare_victim(self) -> None:
        if self._victim is not None:
            self._victim.kill()
            self._victim.wait()
            self._victim = None

    def files(self) -> bool:
        """Tell whether anything appeared where nothing may, and take it away."""
        found = [path for folder in (self.scratch, self.working) for path in folder.rglob("*")]
        for path in sorted(found, reverse=True):
            path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()
        return bool(found)


class Host:
    """A process that judges answers, with all that descends from it.

    Parameters
    ----------
    canaries
        What is watched while it works.
    seconds
        The time limit of one job.
    command
        The module to run and its arguments; the path of its socket is added.
    bare
        Whether nothing limits it.
    """

    def __init__(
        self,
        canaries: Canaries,
        seconds: float,
        command: Sequence[str] = (),
        *,
        bare: bool = False,
    ) -> None:
        self._command = command or ("ibert.evaluation.attacks.host", str(seconds))
        self._bare = bare
        self._canaries = canaries
        self._seconds = seconds if bare else JOBS * seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._others: set[int] = set()  # children that are none of an attempt's
        self._resident = self._alive = 0  # of the host, before any attempt
        # Orphans of the attempts become children of this process, where they can be found.
        ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    @property
    def _output(self) -> IO[bytes]:
        assert self._running.stdout is not None
        return self._running.stdout

    def __enter__(self) -> Host:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        if self._process is None:
            return
        for pid in (*descendants(self._process.pid), self._process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()
        self._output.close()
        self._process = None
        self._log.close()
        self._reap()

    def attempt(self, attack: Attack) -> set[str]:
        """Make an attempt and tell by its traces what it reached."""
        self._ready()
        canaries = self._canaries
        breaches: set[str] = set()
        values = {**canaries.values}
        if attack.kind == "signal":
            values["PID"] = str(canaries.victim())
        self._others = set(children(os.getpid()))
        attack = attack.filled(values)
        before = canaries.contacts
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self._path)
            reply = self._ask(connection, self._job(attack), self._seconds, breaches)
            self._judge(attack, reply, breaches)
            if not self._nothing_ran(attack, reply):
                self._next(connection, breaches)
        time.sleep(0.1 if attack.kind == "network" and self._bare else 0.02)
        if self._running.poll() is not None or state(self._running.pid) in "TZ":
            breaches.add("host")
        if canaries.contacts > before:
            breaches.add("contact")
        if canaries.victim_suffers():
            breaches.add("victim")
        canaries.spare_victim()
        if "host" in breaches or ("time" in breaches and not self._bare):
            self.close()  # what it still does is no business of the next attempt
        elif self._left_over(patience=0.0 if "time" in breaches else 3.0):
            breaches.add("left over")
        if canaries.files():
            breaches.add("file")
        return breaches

    def outlasting(self, attacks: Iterable[Attack]) -> set[str]:
        """Make attempts at once; give the names of those that are over their time."""
        self._ready()
        self._others = set(children(os.getpid()))
        with contextlib.ExitStack() as stack:
            connections = {}
            for attack in attacks:
                connection = stack.enter_context(socket.socket(socket.AF_UNIX))
                connection.connect(self._path)
                connection.sendall(json.dumps(self._job(attack)).encode() + b"\n")
                connections[connection] = attack.name
            time.sleep(self._seconds + ALLOWED_OVERRUN)
            answered = select.select(list(connections), [], [], 0)[0]
            late = {name for one, name in connections.items() if one not in answered}
        self._left_over(patience=0)
        return late

    def _ready(self) -> None:
        if self._process is None or self._process.poll() is not None:
            self._start()

    def _start(self) -> None:
        self.close()
        self._path = str(self._canaries.folder / f"host{secrets.token_hex(4)}")
        self._log = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", *self._command, self._path],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            cwd=self._canaries.working,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)),
                "PYTHONDONTWRITEBYTECODE": "1",
                "TERM": "dumb",
                "IBERT_ATTACK_TOKEN": self._canaries.token,
            },
            start_new_session=True,
        )
        self._others = set(children(os.getpid()))
        assert self._output.readline() == b"ready\n", "the host did not start"
        assert any(self._judges_honest_jobs() for _ in range(TRIES)), (
            "the host judges honest jobs wrongly"
        )
        time.sleep(0.1)  # until what served that job is gone
        self._resident = footprint(self._process.pid)["memory"]
        self._alive = len(self._family())

    def _judges_honest_jobs(self) -> bool:
        breaches: set[str] = set()
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self._path)
            reply = self._answered(connection, WITH_FUNCTION)  # all that will ever live, lives now
            self._next(connection, breaches)
        return reply is not None and not breaches

    def _job(self, attack: Attack) -> dict[str, str | None]:
        if attack.stream is not None:
            stream = getattr(streams, attack.stream)()
            return {"stream": base64.b64encode(stream).decode()}
        if attack.sql is not None:
            return {"sql": attack.sql, "code": GOOD}
        reference = f"{REFERENCE} /* reference {self._canaries.reference_token} reference */"
        return {"sql": reference, "code": attack.code}

    def _ask(
        self,
        connection: socket.socket,
        job: Mapping[str, str | None],
        seconds: float,
        breaches: set[str],
    ) -> dict[str, str] | None:
        """Send a job and watch until it is answered, or is over its time."""
        buffer, end = bytearray(), time.monotonic() + seconds + ALLOWED_OVERRUN
        try:
            connection.sendall(json.dumps(job).encode() + b"\n")
            connection.settimeout(0.03)
            while True:
                with contextlib.suppress(TimeoutError):
                    if not (part := connection.recv(1 << 20)):
                        return None
                    buffer += part
                    if b"\n" in part:
                        return {"status": "", "shown": "", **json.loads(buffer.split(b"\n")[0])}
                self._measure(breaches)
                if time.monotonic() > end:
                    breaches.add("time")
                if "time" in breaches or (breaches and self._bare):
                    return None
        except (OSError, TypeError, ValueError):
            return None

    def _measure(self, breaches: set[str]) -> None:
        family = self._family()
        if len(family) > self._alive + PROCESSES:
            breaches.add("processes")
        for pid in family:
            used = footprint(pid)
            if used["memory"] > self._resident + RESIDENT_BYTES:
                breaches.add("memory")
            if used["threads"] > THREADS:
                breaches.add("threads")
            if used["descriptors"] > DESCRIPTORS:
                breaches.add("descriptors")

    def _judge(self, attack: Attack, reply: dict[str, str] | None, breaches: set[str]) -> None:
        if self._running.poll() is not None:
            breaches.add("host")
            return
        text = json.dumps(reply)
        if reply is not None:
            if attack.kind in CLAIMED_VERDICTS and reply["status"] == "VERIFIED":
                breaches.add("verdict")
            if reply["status"] in ("READ", "CRASHED"):
                breaches.add("next")
            if CONTROL.search(reply["shown"][:SHOWN_BYTES]):
                breaches.add("control")
            if len(text) > SHOWN_BYTES:
                breaches.add("output")
        if self._log.tell() < (size := os.fstat(self._log.fileno()).st_size):
            text += os.pread(self._log.fileno(), SHOWN_BYTES, self._log.tell()).decode("latin-1")
            if size - self._log.tell() > SHOWN_BYTES:
                breaches.add("output")
            self._log.seek(size)
        if self._canaries.token in text or self._canaries.reference_token in text:
            breaches.add("secret")

    def _nothing_ran(self, attack: Attack, reply: dict[str, str] | None) -> bool:
        """Tell whether the jobs that follow need no look."""
        if self._bare:
            return "next" not in GOALS[attack.kind]
        return reply is not None and REFUSED_BY_POLICY in reply["shown"]

    def _next(self, connection: socket.socket, breaches: set[str]) -> None:
        """See whether the jobs after it are judged as they were before."""
        if breaches & {"time", "host"}:
            return
        for code, status in ((GOOD, "VERIFIED"), (BAD, "REFUTED")):
            reply = self._answered(connection, code)
            if reply is None or reply.get("status") != status:
                breaches.add("host" if self._running.poll() is not None else "next")
                return

    def _answered(self, connection: socket.socket, code: str) -> dict[str, str] | None:
        """Have honest code judged, again while the machine is too busy for it."""
        job, end = {"sql": REFERENCE, "code": code}, time.monotonic() + PATIENCE
        reply = self._ask(connection, job, PATIENCE, set())
        while reply and TOO_SLOW in reply["shown"] and time.monotonic() < end:
            reply = self._ask(connection, job, PATIENCE, set())
        return reply

    def _family(self) -> list[int]:
        orphans = [pid for pid in children(os.getpid()) if self._is_orphan(pid)]
        if self._process is None:
            return []
        return [
            *descendants(self._process.pid),
            *orphans,
            *(pid for orphan in orphans for pid in descendants(orphan)),
        ]

    def _is_orphan(self, pid: int) -> bool:
        return pid not in self._others

    def _left_over(self, patience: float) -> bool:
        """Tell whether more processes live than at the start, and end them."""
        family = self._settled(patience)
        if not family:
            return False
        if not self._bare:
            self.close()
        end = time.monotonic() + 5
        while family and time.monotonic() < end:
            for pid in family:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            family = self._settled(0.1)
        return True

    def _settled(self, patience: float) -> list[int]:
        """Wait until no more processes live than at the start; give those that do."""
        end = time.monotonic() + patience
        while True:
            self._reap()
            family = self._family()
            if len(family) <= self._alive:
                return []
            if time.monotonic() >= end:
                return family
            time.sleep(0.01)

    def _reap(self) -> None:
        for pid in children(os.getpid()):
            if self._is_orphan(pid):
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)


def children(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with contextlib.suppress(OSError):
                text = Path(f"/proc/{pid}/task/{task}/children").read_text()
                found += map(int, text.split())
    return found


def state(pid: int) -> str:
    """Give the letter for what a process does."""
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


def descendants(pid: int) -> Iterator[int]:
    for child in children(pid):
        yield child
        yield from descendants(child)


def footprint(pid: int) -> dict[str, int]:
    """Measure what a process holds; zeros where it is gone or not to be looked at."""
    used = {"memory": 0, "threads": 0, "descriptors": 0}
    with contextlib.suppress(OSError, IndexError, ValueError):
        used["memory"] = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096
        used["threads"] = len(os.listdir(f"/proc/{pid}/task"))
        used["descriptors"] = len(os.listdir(f"/proc/{pid}/fd"))
    return used
