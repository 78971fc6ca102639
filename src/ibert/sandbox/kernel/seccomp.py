"""The system calls that a process may make; all others fail with EPERM.

A process that computes needs few: memory, the descriptors it already has, the clock, and its end.
There is no opening, connecting, forking, executing, signalling or tracing.
"""

from __future__ import annotations

import ctypes
import enum
import errno
import struct
from collections.abc import Iterable

from ibert.sandbox.kernel import libc

_SET_MODE_FILTER = 1
_GET_ACTION_AVAIL = 2
_KILL_PROCESS = 0x80000000
_ERRNO = 0x00050000
_ALLOW = 0x7FFF0000
_PROT_EXEC = 4
_CLONE_THREAD = 0x00010000

# Instructions of classic BPF, and where it finds what it judges: struct seccomp_data.
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER, _ARCHITECTURE = 0, 4
_ARGUMENTS = 16  # 64 bits each, the lower half first on both architectures
_X32 = 0x40000000  # the bit that marks the calls of a second table on x86_64


class Calls(enum.Enum):
    """What a process needs."""

    COMPUTE = "compute"
    COMPUTE_WITH_THREADS = "compute with threads"


class Architecture(struct.Struct):
    """The numbers of system calls on a processor."""

    def __init__(self, audit: int, seccomp: int, numbers: dict[str, int]) -> None:
        super().__init__("<HBBI")
        self.audit = audit
        self.seccomp = seccomp
        self.numbers = numbers


_NAMES = [
    "read",
    "write",
    "close",
    "fstat",
    "lseek",
    "pread64",
    "readv",
    "writev",
    "brk",
    "mmap",
    "mprotect",
    "munmap",
    "mremap",
    "madvise",
    "futex",
    "getrandom",
    "clock_gettime",
    "clock_getres",
    "clock_nanosleep",
    "nanosleep",
    "exit",
    "exit_group",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sigaltstack",
    "sched_yield",
    "sched_getaffinity",
    "gettid",
    "getpid",
    "getcpu",
    "getrusage",
    "sysinfo",
    "restart_syscall",
    "rseq",
    "set_robust_list",
    "membarrier",
    "clone",
    "clone3",
]
_X86_64 = (
    "0 1 3 5 8 17 19 20 12 9 10 11 25 28 "
    "202 318 228 229 230 35 60 231 "
    "14 15 131 24 204 186 39 309 "
    "98 99 219 334 273 324 56 435"
)
_AARCH64 = (
    "63 64 57 80 62 67 65 66 214 222 226 215 216 233 "
    "98 278 113 114 115 101 93 94 "
    "135 139 132 124 123 178 172 168 "
    "165 179 128 293 99 283 220 435"
)


def _numbered(numbers: str) -> dict[str, int]:
    return dict(zip(_NAMES, map(int, numbers.split()), strict=True))


ARCHITECTURES = {
    "x86_64": Architecture(0xC000003E, 317, _numbered(_X86_64)),
    "aarch64": Architecture(0xC00000B7, 277, _numbered(_AARCH64)),
}
_THREADS = ("clone", "clone3")


def available() -> bool:
    """Tell whether this kernel filters system calls, and this module knows their numbers."""
    architecture = ARCHITECTURES.get(libc.MACHINE)
    if not libc.LINUX or architecture is None:
        return False
    action = ctypes.c_uint32(_ERRNO)
    try:
        libc.syscall(architecture.seccomp, _GET_ACTION_AVAIL, 0, ctypes.byref(action))
    except OSError:
        return False
    return True


def confine(calls: Calls) -> None:
    """Leave this process, and what comes of it, only the system calls that it needs.

    Raises
    ------
    OSError
        The kernel refused: privileges were not given up before, or it has no filters.
    """
    architecture = ARCHITECTURES[libc.MACHINE]
    program = build(architecture, calls)
    buffer = ctypes.create_string_buffer(program, len(program))
    count = len(program) // architecture.size
    described = struct.pack("HxxxxxxP", count, ctypes.addressof(buffer))
    header = ctypes.create_string_buffer(described, len(described))
    libc.syscall(architecture.seccomp, _SET_MODE_FILTER, 0, ctypes.byref(header))


def build(architecture: Architecture, calls: Calls) -> bytes:
    """Give the BPF program that allows what a process needs.

    Examples
    --------
    >>> len(build(ARCHITECTURES["x86_64"], Calls.COMPUTE)) // 8 < 100
    True
    """
    denied = _ERRNO | errno.EPERM
    numbers = architecture.numbers
    program = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, architecture.audit),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _X32),
        (_RETURN, 0, 0, denied),
    ]
    # glibc falls back on clone, whose flags can be seen here, where there is no clone3.
    program += _rule(numbers["clone3"], [(_RETURN, 0, 0, _ERRNO | errno.ENOSYS)])
    thread = _ALLOW if calls is Calls.COMPUTE_WITH_THREADS else denied
    program += _rule(numbers["clone"], _by_bits(0, _CLONE_THREAD, thread, denied))
    for name in ("mmap", "mprotect"):
        program += _rule(numbers[name], _by_bits(2, _PROT_EXEC, denied, _ALLOW))
    special = {*_THREADS, "mmap", "mprotect"}
    program += _allowed(number for name, number in numbers.items() if name not in special)
    program.append((_RETURN, 0, 0, denied))
    return b"".join(architecture.pack(*instruction) for instruction in program)


Instruction = tuple[int, int, int, int]


def _rule(number: int, body: list[Instruction]) -> list[Instruction]:
    """Do something for one call; the number stands in the accumulator."""
    return [(_EQUAL, 0, len(body), number), *body]


def _by_bits(argument: int, bits: int, with_them: int, without: int) -> list[Instruction]:
    """Answer by whether an argument has any of some bits."""
    return [
        (_LOAD, 0, 0, _ARGUMENTS + 8 * argument),
        (_ANY_BIT, 0, 1, bits),
        (_RETURN, 0, 0, with_them),
        (_RETURN, 0, 0, without),
    ]


def _allowed(numbers: Iterable[int]) -> list[Instruction]:
    return [part for number in numbers for part in _rule(number, [(_RETURN, 0, 0, _ALLOW)])]
