"""Confine this process, layer by layer; what cannot be set up is an error, never skipped."""

from __future__ import annotations

import math
import os
import signal

from ibert.sandbox.kernel import landlock, libc, privileges, rlimits, seccomp
from ibert.sandbox.kernel.protection import Layer, protection
from ibert.sandbox.protocol import Limits

_SPARE = 8  # descriptors that a job needs besides those of its worker


class Walls:
    """What confines a worker and its children.

    Parameters
    ----------
    layers
        Those that are wanted. The machine may lack some: who starts a worker has asked it.
    limits
        What one job may use.
    """

    def __init__(self, layers: frozenset[Layer], limits: Limits) -> None:
        self._layers = protection(layers).layers
        self._limits = limits
        self._size: int | None = None
        self._tasks = 0
        self._files = 0

    def around_worker(self, parent: int) -> None:
        """Confine a worker: it needs no more files and no privileges, but may still fork."""
        if Layer.PRIVILEGES in self._layers:
            privileges.give_up()
        libc.end_with_parent(parent, signal.SIGKILL)
        if Layer.RLIMITS in self._layers:
            self._size = rlimits.address_space()
            self._tasks = rlimits.tasks_of_user()
            self._files = rlimits.descriptors() + _SPARE
        if Layer.LANDLOCK in self._layers:
            libc.forbid_new_privileges()
            landlock.confine()

    def around_job(self, parent: int, calls: seccomp.Calls, *, seconds: float | None) -> None:
        """Confine what runs jobs: it only computes."""
        libc.end_with_parent(parent, signal.SIGKILL)
        if Layer.LANDLOCK in self._layers:
            landlock.confine()  # once more: its worker is outside of it, too
        if Layer.RLIMITS in self._layers:
            rlimits.confine(
                memory=None if self._size is None else self._size + self._limits.memory_bytes,
                seconds=None if seconds is None else math.ceil(seconds) + 1,
                tasks=self._tasks,
                files=self._files,
            )
        if Layer.SECCOMP in self._layers:
            libc.forbid_new_privileges()
            seccomp.confine(calls)


def close_all_but(*kept: int) -> None:
    """Close every descriptor but the standard ones, which read and write nothing, and these."""
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    first = 3
    for descriptor in sorted(kept):
        os.closerange(first, descriptor)
        first = descriptor + 1
    os.closerange(first, 4096)
