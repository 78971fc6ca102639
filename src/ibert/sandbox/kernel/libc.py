"""System calls that Python has no name for."""

from __future__ import annotations

import ctypes
import os
import platform
import sys

LINUX = sys.platform == "linux"
MACHINE = platform.machine()

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS = 38

_LIBC = ctypes.CDLL(None, use_errno=True)


def syscall(number: int, *arguments: object) -> int:
    """Make a system call.

    Raises
    ------
    OSError
        The kernel refused.
    """
    return _checked(_LIBC.syscall(ctypes.c_long(number), *map(_as_argument, arguments)))


def prctl(option: int, *arguments: int) -> int:
    """Change something about this process.

    Raises
    ------
    OSError
        The kernel refused.
    """
    padded = [*arguments, 0, 0, 0, 0][:4]
    return _checked(_LIBC.prctl(ctypes.c_int(option), *map(ctypes.c_ulong, padded)))


def forbid_new_privileges() -> None:
    """Have programs with the set-user-ID bit run without it, from here on."""
    if LINUX:
        prctl(_PR_SET_NO_NEW_PRIVS, 1)


def end_with_parent(parent: int, signal: int) -> None:
    """Have the kernel send this process a signal when its parent ends; at once if it has."""
    if LINUX:
        prctl(_PR_SET_PDEATHSIG, signal)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends."""
    if LINUX:
        prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _as_argument(value: object) -> object:
    return ctypes.c_long(value) if isinstance(value, int) else value


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
