"""Validated examples per second and core, beside two yardsticks measured in the same run.

bare     DuckDB runs both SQL texts, Ibis builds and compiles the expression once; nothing else.
ibert    the verifier as data are generated, with the code of a template's pairs in shared children:
         sandbox, order, types, both results compared, the reference run twice.
fresh    a process for each example that imports Ibis and DuckDB and does the bare work.

Times are CPU seconds of all processes (this one and its children), so that a busy machine distorts
the ratios little. The rounds of bare and ibert alternate.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from random import Random
from statistics import median

import duckdb
import ibis

from ibert import fixtures
from ibert.catalog import Catalog
from ibert.datagen.sql2ibis import TEMPLATES, generate, load_templates, render
from ibert.sandbox.database import LOCKED_CONFIG
from ibert.sandbox.snippet import expression
from ibert.verifier import Job, Verifier, groups, verify_many

FRESH = """
import sys, json, duckdb, ibis, ibis.backends.duckdb
from ibert.sandbox.snippet import expression
path, sql, code = json.load(sys.stdin)
con = ibis.duckdb.connect(path, read_only=True, threads=1)
names = {name: con.table(name) for name in con.list_tables()}
compiled = con.compile(expression(code, {**names, "con": con, "ibis": ibis, "_": ibis._}))
con.con.execute(sql).to_arrow_table(), con.con.execute(compiled).to_arrow_table()
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=400, help="a seeded sample of the jobs")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--fresh", type=int, default=8, help="examples for the fresh processes")
    parser.add_argument("--format", choices=["text", "json"], default="text")
    arguments = parser.parse_args()
    jobs = sample(arguments.examples)
    with tempfile.TemporaryDirectory() as folder:
        databases = fixtures.write_databases(Path(folder))
        bare = Bare(databases[0])
        with Verifier([databases]) as verifier:
            bare.run(jobs), verify(verifier, jobs)  # warm both
            rounds = [
                (seconds(lambda: bare.run(jobs)), seconds(lambda: verify(verifier, jobs)))
                for _ in range(arguments.rounds)
            ]
        fresh = seconds(lambda: [run_fresh(databases[0], job) for job in jobs[: arguments.fresh]])
        parallel = elapsed_many(jobs, databases)
        growth = memory_growth(jobs, databases)
    count = len(jobs)
    report = {
        "examples": count,
        "bare_per_second": count / median(b for b, _ in rounds),
        "ibert_per_second": count / median(i for _, i in rounds),
        "fresh_per_second": arguments.fresh / fresh,
        "share_of_bare": median(b / i for b, i in rounds),
        "times_fresh": (count / median(i for _, i in rounds)) / (arguments.fresh / fresh),
        "parallel_per_second": count / parallel,
        "worker_growth_bytes_per_example": growth,
    }
    if arguments.format == "json":
        print(json.dumps(report, indent=2))
    else:
        show(report)


def show(report: dict[str, float]) -> None:
    """Print the report for a person."""
    for name, what in (
        ("bare_per_second", "bare: DuckDB runs both texts, Ibis compiles once"),
        ("ibert_per_second", "ibert: validated"),
        ("fresh_per_second", "fresh: a process for each example"),
    ):
        print(f"{report[name]:8.1f} examples per CPU second  {what}")
    print(f"{report['share_of_bare']:8.0%} of the bare rate per core (at least 50% is wanted)")
    print(f"{report['times_fresh']:8.1f} times the rate of fresh processes")
    workers = len(os.sched_getaffinity(0))
    print(f"{report['parallel_per_second']:8.1f} examples per second with {workers} workers")
    print(f"{report['worker_growth_bytes_per_example']:8.0f} bytes a worker grows per example")


def sample(size: int) -> list[Job]:
    """Choose jobs from all templates whose SQL DuckDB runs as it is, in the groups they come in."""
    catalog = Catalog.from_ddl(fixtures.SCHEMA_SQL)
    templates = load_templates(TEMPLATES, catalog=catalog)
    pairs = render(template for template in templates if template.dialect == "duckdb")
    every = list(groups(map(generate.job, pairs)))
    Random(0).shuffle(every)
    return list(islice(chain.from_iterable(every), size))


class Bare:
    """The work that no validation can do without."""

    def __init__(self, path: Path) -> None:
        base = duckdb.connect(str(path), config=LOCKED_CONFIG)
        self._con = ibis.duckdb.from_connection(base)
        self._tables = {name: self._con.table(name) for name in self._con.list_tables()}
        self._con.table = self._tables.__getitem__

    def run(self, jobs: list[Job]) -> None:
        """Run both sides of each job."""
        for job in jobs:
            names = {**self._tables, "con": self._con, "ibis": ibis, "_": ibis._}
            expr = expression(job.code, names)
            self._con._run_pre_execute_hooks(expr)
            compiled = self._con.compile(expr.as_table())
            self._con.con.execute(job.sql).to_arrow_table()
            self._con.con.execute(compiled).to_arrow_table()


def verify(verifier: Verifier, jobs: list[Job]) -> None:
    """Validate each job; all of them hold."""
    for group in groups(jobs):
        for job, verdict in zip(group, verifier.verify_together(group), strict=True):
            assert verdict.verified, (job.origin, verdict.diagnostics)


def run_fresh(path: Path, job: Job) -> None:
    """Run both sides of a job in a process of its own."""
    text = json.dumps([str(path), job.sql, job.code])
    subprocess.run([sys.executable, "-c", FRESH], input=text, text=True, check=True)


def seconds(work: object) -> float:
    """Give the CPU seconds of this process and of all that descends from it, ended or not."""
    before = cpu_seconds()
    work()
    return cpu_seconds() - before


def cpu_seconds() -> float:
    """Add up the CPU time of this process and of those below it, each with its ended children."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    ticks = os.sysconf("SC_CLK_TCK")
    running = sum(sum(map(int, stat(pid)[11:15])) for pid in descendants(os.getpid())) / ticks
    return own.ru_utime + own.ru_stime + ended.ru_utime + ended.ru_stime + running


def descendants(pid: int) -> Iterator[int]:
    """Give the running processes below one: servers, their workers, and the children of those."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        for child in map(int, (thread / "children").read_text().split()):
            yield child
            yield from descendants(child)


def stat(pid: int) -> list[str]:
    """Give the fields of /proc/PID/stat after the name."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def elapsed_many(jobs: list[Job], databases: list[Path]) -> float:
    """Give the wall-clock seconds of validating all jobs with a worker for each CPU."""
    verdicts = verify_many([*jobs[:4], *jobs], [databases])
    for _ in range(4):  # the workers start with the first of them
        next(verdicts)
    start = time.perf_counter()
    assert all(verdict.verified for verdict in verdicts)
    return time.perf_counter() - start


def memory_growth(jobs: list[Job], databases: list[Path]) -> float:
    """Give the bytes that a worker's resident memory grows with each example, once it is warm."""
    with Verifier([databases]) as verifier:
        verify(verifier, jobs)
        before = resident_bytes()
        for _ in range(3):
            verify(verifier, jobs)
        return (resident_bytes() - before) / (3 * len(jobs))


def resident_bytes() -> int:
    """Add up the resident memory of the processes below this one."""
    return sum(int(stat(pid)[21]) for pid in descendants(os.getpid())) * resource.getpagesize()


if __name__ == "__main__":
    main()
