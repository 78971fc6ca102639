"""Measure what a confined execution costs beside the same code in this process.

alone    one snippet in a child of its own: what a verdict costs.
shared   ten snippets in one child: what is run first where few are accepted.
function a snippet with a Python function, which runs in a child beside the data.

CPU time of every process that takes part, in milliseconds per snippet, as a median over rounds.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

from ibert import fixtures
from ibert.sandbox import Code, Execution, Limits, Sandbox
from ibert.sandbox.database import Database, IbisDatabase
from ibert.sandbox.snippet import Output
from ibert.sandbox.worker import run

ROUNDS, REPEATS, SHARED = 7, 10, 10
PLAIN = """
expr = (
    orders.filter(_.total > 50).join(users, "user_id")
    .group_by("country").agg(n=_.count(), s=_.total.sum())
)
"""
FUNCTION = """
@ibis.udf.scalar.python
def doubled(x: int) -> int:
    return 2 * x

expr = orders.filter(_.total > 50).group_by("status").agg(s=doubled(_.order_id).sum())
"""
LIMITS = {"alone": 18.0, "shared": 3.0}  # more than in this process


def main() -> int:
    """Measure, print, and tell whether the limits hold."""
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "fixtures.duckdb")
        fixtures.write_database(path)
        database = IbisDatabase(Database.open(str(path), Limits()))
        with Sandbox([path]) as sandbox:
            print(f"protection {sandbox.protection.level}")
            works: dict[str, tuple[int, Callable[[], Sequence[object]]]] = {
                "in process": (1, lambda: [_run_here(PLAIN, database)]),
                "alone": (1, lambda: [sandbox.run(PLAIN)]),
                "shared": (SHARED, lambda: sandbox.run_shared([Code(PLAIN)] * SHARED)),
                "function in process": (1, lambda: [_run_here(FUNCTION, database)]),
                "function": (1, lambda: [sandbox.run(FUNCTION)]),
            }
            rounds = [
                {name: _measure(sandbox, work) / count for name, (count, work) in works.items()}
                for _ in range(ROUNDS)
            ]
    measured = {name: statistics.median(one[name] for one in rounds) for name in works}
    for name, cpu in measured.items():
        print(f"{name:20} {cpu:6.1f} ms")
    more = {name: measured[name] - measured["in process"] for name in LIMITS}
    for name, limit in LIMITS.items():
        print(f"{name}: {more[name]:.1f} ms more, at most {limit:g}")
    return 0 if all(more[name] <= limit for name, limit in LIMITS.items()) else 1


def _run_here(text: str, database: IbisDatabase) -> object:
    return run(Code(text), database, Output(0), checked=False)


def _measure(sandbox: Sandbox, work: Callable[[], Sequence[object]]) -> float:
    """Give the CPU milliseconds of one piece of work in all processes."""
    for outcome in work():
        assert isinstance(outcome, Execution), outcome
    start = _cpu(sandbox)
    for _ in range(REPEATS):
        work()
    return 1000 * (_cpu(sandbox) - start) / REPEATS


def _cpu(sandbox: Sandbox) -> float:
    """Give the CPU seconds of this process, of the workers, and of their children that ended."""
    here = time.process_time()
    tick = os.sysconf("SC_CLK_TCK")
    for worker in sandbox._workers.values():
        fields = Path(f"/proc/{worker.pid}/stat").read_text().rsplit(")", 1)[1].split()
        here += sum(map(int, fields[11:15])) / tick
    return here


if __name__ == "__main__":
    sys.exit(main())
