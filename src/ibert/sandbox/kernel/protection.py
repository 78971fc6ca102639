"""How well this machine can confine a process."""

from __future__ import annotations

import enum
from functools import cache

import msgspec

from ibert.sandbox.kernel import landlock, seccomp

ENOUGH = 2  # the level below which code that nobody vouches for is not run


class Layer(enum.StrEnum):
    """A wall between a job and the rest of the machine, besides its process and the clock."""

    POLICY = "policy"
    RLIMITS = "rlimits"
    PRIVILEGES = "privileges"
    LANDLOCK = "landlock"
    SECCOMP = "seccomp"
    DUCKDB = "duckdb"


ALL_LAYERS = frozenset(Layer)


class Protection(msgspec.Struct, frozen=True):
    """The layers that stand, and why others do not.

    Parameters
    ----------
    layers
        Those that stand.
    missing
        For each of the others, why.
    """

    layers: frozenset[Layer]
    missing: dict[Layer, str]

    @property
    def level(self) -> int:
        """3: system calls and files are confined; 2: system calls are; 1: neither.

        Examples
        --------
        >>> Protection(ALL_LAYERS, {}).level
        3
        >>> Protection(ALL_LAYERS - {Layer.SECCOMP}, {}).level
        1
        """
        if Layer.SECCOMP not in self.layers:
            return 1
        return 3 if Layer.LANDLOCK in self.layers else 2


@cache
def missing_here() -> dict[Layer, str]:
    """Give the layers that this machine does not have, with the reason."""
    found = {}
    if not landlock.version():
        found[Layer.LANDLOCK] = "this kernel has no Landlock (Linux 5.13 and later)"
    if not seccomp.available():
        found[Layer.SECCOMP] = "this system does not filter system calls (Linux, x86_64 or aarch64)"
    return found


def protection(wanted: frozenset[Layer] = ALL_LAYERS) -> Protection:
    """Tell which of the wanted layers stand on this machine."""
    missing = missing_here()
    off = dict.fromkeys(ALL_LAYERS - wanted, "it is switched off")
    return Protection(wanted - missing.keys(), {**missing, **off})
