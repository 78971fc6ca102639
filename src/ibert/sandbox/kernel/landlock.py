"""No files, no TCP, no signals to other processes: what Landlock takes away, by its version."""

from __future__ import annotations

import ctypes
import os
import struct

from ibert.sandbox.kernel import libc

_CREATE_RULESET, _RESTRICT_SELF = 444, 446  # the same on all processors
_VERSION = 1

# By the first version that knows them: rights to files, to TCP, and to what lies outside.
_FILES = {1: 0x1FFF, 2: 1 << 13, 3: 1 << 14, 5: 1 << 15}
_NETWORK = {4: 0b11}
_OUTSIDE = {6: 0b11}  # abstract sockets, signals


def version() -> int:
    """Give the version of Landlock that this kernel has; 0 for none."""
    if not libc.LINUX:
        return 0
    try:
        return libc.syscall(_CREATE_RULESET, None, 0, _VERSION)
    except OSError:
        return 0


def confine() -> None:
    """Take every right that this kernel's Landlock knows from this process and its children.

    Raises
    ------
    OSError
        The kernel refused: privileges were not given up before, or it has no Landlock.
    """
    known = version()
    rights = [
        sum(bits for since, bits in table.items() if since <= known)
        for table in (_FILES, _NETWORK, _OUTSIDE)
    ]
    sizes = {1: 8, 4: 16, 6: 24}
    size = next(size for since, size in reversed(sizes.items()) if since <= max(known, 1))
    described = struct.pack("QQQ", *rights)[:size]
    attributes = ctypes.create_string_buffer(described, size)
    ruleset = libc.syscall(_CREATE_RULESET, ctypes.byref(attributes), size, 0)
    try:
        libc.syscall(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)
