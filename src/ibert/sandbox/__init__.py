"""Run SQL and Ibis code that nobody vouches for, in other processes, under limits.

`Sandbox` is the only way in: every piece of code that iBERT did not write itself runs through it.

A piece of code is first held to a policy (`policy.toml`), then compiled in a fresh child that has
neither data nor files, system calls nor privileges; the SQL that comes of it runs in another
process on locked, read-only databases. Code that defines Python functions runs in a fresh child
beside the data. Rows come back as Arrow streams that are looked at before they are used, and
compared out here. docs/security.md says what is covered and what is not.
"""

from ibert.sandbox.kernel.protection import ALL_LAYERS, Layer, Protection, protection
from ibert.sandbox.protocol import (
    Code,
    Execution,
    Failure,
    FailureKind,
    Limits,
    Profile,
    Result,
)
from ibert.sandbox.sandbox import ALLOW_WEAK, Sandbox
from ibert.sandbox.workers import SandboxError, warm_up

__all__ = [
    "ALLOW_WEAK",
    "ALL_LAYERS",
    "Code",
    "Execution",
    "Failure",
    "FailureKind",
    "Layer",
    "Limits",
    "Profile",
    "Protection",
    "Result",
    "Sandbox",
    "SandboxError",
    "protection",
    "warm_up",
]
