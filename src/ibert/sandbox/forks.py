"""One child per job: fork it, watch it, end it and all it left behind, and tell how it ended.

The process that forks never sees a job: each comes with a socket of its own, of which only the
child reads.
"""

from __future__ import annotations

import contextlib
import gc
import os
import select
import signal
import socket
import struct
from collections.abc import Callable
from pathlib import Path

from ibert.sandbox.kernel import libc

REQUEST = struct.Struct("<d")  # seconds
REPORT = struct.Struct("<?id")  # whether time was up, the exit status, CPU seconds
_FAILED = 70  # the exit code of a child that could not even begin


def serve(
    parent: socket.socket, child: Callable[[socket.socket], None], descendants: Descendants
) -> None:
    """Fork a child for each request until the parent hangs up.

    Parameters
    ----------
    parent
        Where requests come from, each with the socket of a job.
    child
        What the child does; it confines itself first.
    descendants
        What children leave behind.
    """
    gc.collect()
    gc.freeze()  # what is never looked at again is never copied
    while True:
        request, descriptors, _, _ = socket.recv_fds(parent, REQUEST.size, 1)
        if not request or not descriptors:
            return
        (seconds,) = REQUEST.unpack(request)
        alive, theirs = os.pipe()  # its other end is closed when the child is gone
        pid = os.fork()
        if pid == 0:
            _become(child, descriptors[0], [parent.fileno(), alive, descendants.descriptor])
        os.close(descriptors[0])
        os.close(theirs)
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)
        in_time = _wait(alive, parent, seconds)
        os.close(alive)
        with contextlib.suppress(OSError):
            os.killpg(pid, signal.SIGKILL)
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
        _, status, usage = os.wait4(pid, 0)
        descendants.end()
        parent.sendall(REPORT.pack(not in_time, status, usage.ru_utime + usage.ru_stime))


def rehearse(confine: Callable[[], None]) -> None:
    """See in a child that it can confine itself.

    Raises
    ------
    RuntimeError
        It cannot.
    """
    pid = os.fork()
    if pid == 0:
        try:
            confine()
            os._exit(0)
        finally:
            os._exit(_FAILED)
    if status := os.waitpid(pid, 0)[1]:
        raise RuntimeError(f"a job cannot be confined on this machine (status {status})")


def _become(child: Callable[[socket.socket], None], job: int, others: list[int]) -> None:
    """Be the child, from here to the end of the process."""
    try:
        os.setpgid(0, 0)
        for descriptor in others:
            if descriptor >= 0:
                os.close(descriptor)
        gc.disable()
        with socket.socket(fileno=job) as connection:
            child(connection)
        os._exit(0)
    finally:
        os._exit(_FAILED)


def _wait(alive: int, parent: socket.socket, seconds: float) -> bool:
    """Wait for the child's end; tell whether it came in time. No parent, no time."""
    poll = select.poll()
    poll.register(alive, select.POLLIN)
    poll.register(parent, select.POLLIN)
    return [descriptor for descriptor, _ in poll.poll(seconds * 1000)] == [alive]


class Descendants:
    """What the children of this process left behind: it adopts them.

    To be made before nothing can be opened any more.
    """

    def __init__(self) -> None:
        libc.adopt_orphans()
        self.descriptor = -1
        path = Path(f"/proc/self/task/{os.getpid()}/children")
        if libc.LINUX and path.exists():
            self.descriptor = os.open(path, os.O_RDONLY)

    def end(self) -> None:
        """Kill them all."""
        while self.descriptor >= 0 and (pids := os.pread(self.descriptor, 4096, 0).split()):
            for pid in map(int, pids):
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
                with contextlib.suppress(OSError):
                    os.waitpid(pid, 0)
