"""Limits of the kernel on what one process may use."""

from __future__ import annotations

import contextlib
import os
import resource
from pathlib import Path

from ibert.sandbox.kernel import libc

_TASKS = 256  # processes and threads on top of what the user has


def address_space() -> int | None:
    """Give the size of this process's address space; None where the system does not say."""
    if not libc.LINUX:
        return None
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def tasks_of_user() -> int:
    """Count the processes and threads of this process's user, as far as the system says."""
    found = 0
    if not libc.LINUX:
        return found
    user = os.getuid()
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and entry.stat().st_uid == user:
                found += sum(1 for _ in (entry / "task").iterdir())
    return found


def descriptors() -> int:
    """Give one more than the highest open descriptor."""
    return max(map(int, os.listdir("/dev/fd"))) + 1


def confine(*, memory: int | None, seconds: int | None, tasks: int, files: int) -> None:
    """Limit this process and its children.

    Parameters
    ----------
    memory
        Bytes of address space.
    seconds
        Of CPU time.
    tasks
        Processes and threads of its user before it came; 0 where that is not known.
    files
        Descriptors.
    """
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: files,
    }
    if memory is not None:
        limits[resource.RLIMIT_AS] = memory
    if seconds is not None:
        limits[resource.RLIMIT_CPU] = seconds
    if tasks:
        limits[resource.RLIMIT_NPROC] = tasks + _TASKS
    for kind, value in limits.items():
        _, highest = resource.getrlimit(kind)
        if highest != resource.RLIM_INFINITY:
            value = min(value, highest)
        resource.setrlimit(kind, (value, value))
