"""Measure what a verdict costs over all databases that were made for a query.

CPU time of all processes, in milliseconds, as a median over rounds; the databases are there.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from validation import seconds

import ibert
from ibert.catalog import Catalog
from ibert.evaluation import Source, load_suite
from ibert.verification import Judge

ROUNDS, REPEATS = 5, 10
LIMITS = {"simple": 25.0, "TPC-H q03": 70.0}
SQL = "SELECT status, sum(total) AS s FROM orders WHERE id > 5 GROUP BY status"
CODE = "orders.filter(_.id > 5).group_by('status').agg(s=_.total.sum())"
TABLES = {"orders": {"id": "int64", "status": "string", "total": "float64"}}


def main() -> int:
    """Measure, print, and tell whether the limits hold."""
    with tempfile.TemporaryDirectory() as folder:
        suite = load_suite("tpch", Source(Path(folder), scale=0.01))
    sql = next(case.sql for case in suite.cases if case.name == "q03")
    code = ibert.sql_to_ibis(sql, suite.catalog).code
    assert code is not None
    measured = {
        "simple": measure(SQL, CODE, Catalog.from_any(TABLES)),
        "TPC-H q03": measure(sql, code, suite.catalog),
    }
    for name, cost in measured.items():
        print(f"{name:10} {cost:6.1f} ms, at most {LIMITS[name]:g}")
    return 0 if all(cost <= LIMITS[name] for name, cost in measured.items()) else 1


def measure(sql: str, code: str, catalog: Catalog) -> float:
    """Give the CPU milliseconds of one verdict."""
    with Judge(sql, catalog) as judge:
        judge.verify(code)

        def work() -> None:
            for _ in range(REPEATS):
                judge.verify(code)

        return 1000 / REPEATS * statistics.median(seconds(work) for _ in range(ROUNDS))


if __name__ == "__main__":
    sys.exit(main())
