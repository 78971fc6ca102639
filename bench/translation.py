"""What translating costs, and what its result costs to run, beside yardsticks of the same run.

translation  TPC-H and TPC-DS: `translate`, against sqlglot's parsing and qualifying of the query.
growth       queries of one kind and growing size: the exponent of the time, 1 where it is linear.
run time     the SQL that Ibis makes of the translation, against the query itself, on DuckDB.

Times are CPU seconds, the best of several rounds in which both sides take turns. DuckDB has one
thread. The command ends with 1 if a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from statistics import geometric_mean, linear_regression, median
from typing import Any, NamedTuple

import duckdb
import ibis
import sqlglot
from sqlglot import MappingSchema
from sqlglot.optimizer.qualify import qualify

from ibert.catalog import Catalog
from ibert.database import connect
from ibert.diagnostics import IbertError
from ibert.evaluation.benchmarks import TPCDS, TPCH, Benchmark, fill
from ibert.sandbox.snippet import expression
from ibert.translator.translation import translate

BENCHMARKS = (TPCH, TPCDS)
TRANSLATION_GOAL = 2.5  # the median of a suite
GROWTH_GOAL = 1.3  # the exponent
RUN_TIME_GOAL = 1.10  # the geometric mean of a suite
SLOW = 1.5  # queries beyond this are listed
PARTS = ("translation", "growth", "run_time")


class Pair(NamedTuple):
    """The seconds of a query and of its yardstick."""

    name: str
    seconds: float
    yardstick: float

    @property
    def ratio(self) -> float:
        """Give how many times the yardstick it takes."""
        return self.seconds / self.yardstick


class Suite(NamedTuple):
    """The tables and queries of a benchmark."""

    name: str
    con: duckdb.DuckDBPyConnection
    catalog: Catalog
    queries: dict[str, str]


def main() -> int:
    """Measure and print; give 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", help=f"{', '.join(PARTS)}; all if none is given")
    parser.add_argument("--scale", type=float, default=0.1, help="of the tables for the run time")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--format", choices=["text", "json"], default="text")
    arguments = parser.parse_args()
    if unknown := set(arguments.parts) - set(PARTS):
        parser.error(f"no part {', '.join(sorted(unknown))}; there are {', '.join(PARTS)}")
    parts = arguments.parts or PARTS
    report: dict[str, Any] = {}
    if "growth" in parts:
        report["growth"] = growth(arguments.rounds)
    for benchmark in BENCHMARKS if {"translation", "run_time"} & set(parts) else ():
        # Translating needs the tables, not the rows.
        scale = arguments.scale if "run_time" in parts else benchmark.smallest
        suite = load(benchmark, scale)
        with suite.con:
            if "translation" in parts:
                found = translation(suite, arguments.rounds)
                report.setdefault("translation", {})[suite.name] = found
            if "run_time" in parts:
                found = run_time(suite, arguments.scale, arguments.rounds)
                report.setdefault("run_time", {})[suite.name] = found
    report["missed"] = missed(report)
    print(json.dumps(report, indent=2) if arguments.format == "json" else shown(report))
    return int(bool(report["missed"]))


def load(benchmark: Benchmark, scale: float) -> Suite:
    """Make the tables of a benchmark."""
    con = connect(":memory:")
    queries = fill(con, benchmark, scale)
    statements = con.execute("SELECT sql FROM duckdb_tables() ORDER BY table_oid").fetchall()
    catalog = Catalog.from_ddl("\n".join(sql for (sql,) in statements))
    return Suite(benchmark.extension, con, catalog, queries)


def translation(suite: Suite, rounds: int) -> dict[str, Any]:
    """Compare translating with parsing and qualifying."""
    rows = suite.con.execute(
        "SELECT table_name, column_name, data_type FROM duckdb_columns() ORDER BY table_oid"
    ).fetchall()
    tables: dict[str, dict[str, str]] = {}
    for table, column, kind in rows:
        tables.setdefault(table, {})[column] = kind
    schema = MappingSchema(tables, dialect="duckdb")

    def qualified(sql: str) -> None:
        qualify(sqlglot.parse_one(sql, read="duckdb"), schema=schema, dialect="duckdb")

    pairs = []
    for name, sql in suite.queries.items():
        times = best(rounds, partial(translate, sql, suite.catalog), partial(qualified, sql))
        pairs.append(Pair(name, *times))
    worst = max(pairs, key=lambda pair: pair.ratio)
    return {
        "queries": len(pairs),
        "median_ms": 1000 * median(pair.seconds for pair in pairs),
        "median_ratio": median(pair.ratio for pair in pairs),
        "worst_ratio": worst.ratio,
        "worst": worst.name,
    }


def run_time(suite: Suite, scale: float, rounds: int) -> dict[str, Any]:
    """Compare running what Ibis compiles of a translation with running the query."""
    con = suite.con
    backend = ibis.duckdb.from_connection(con)
    pairs = []
    for name, sql in suite.queries.items():
        code = translate(sql, suite.catalog).code
        compiled = backend.compile(expression(code, {"con": backend}))
        times = best(rounds, partial(fetch, con, compiled), partial(fetch, con, sql))
        pairs.append(Pair(name, *times))
    slow = sorted((p for p in pairs if p.ratio > SLOW), key=lambda p: -p.ratio)
    return {
        "scale": scale,
        "queries": len(pairs),
        "geometric_mean": geometric_mean([pair.ratio for pair in pairs]),
        "slow": [
            {"query": p.name, "ms": 1000 * p.seconds, "original_ms": 1000 * p.yardstick}
            for p in slow
        ],
    }


def fetch(con: duckdb.DuckDBPyConnection, sql: str) -> None:
    """Run a query to its end."""
    con.execute(sql).to_arrow_table()


def ctes(size: int) -> str:
    """Chain common table expressions."""
    first = "c0 AS (SELECT a, b FROM t)"
    more = (f"c{i} AS (SELECT a, b + {i} AS b FROM c{i - 1} WHERE a > {i})" for i in range(1, size))
    return f"WITH {', '.join([first, *more])} SELECT a, b FROM c{size - 1}"


def joins(size: int) -> str:
    """Join a table with itself."""
    links = " ".join(f"JOIN t AS t{i} ON t{i - 1}.a = t{i}.b" for i in range(1, size + 1))
    return f"SELECT t0.a, t{size}.c FROM t AS t0 {links}"


def columns(size: int) -> str:
    """Compute columns."""
    return f"SELECT {', '.join(f'x{i} + {i} AS y{i}' for i in range(size))} FROM wide WHERE x0 > 1"


def derived(size: int) -> str:
    """Nest queries in FROM."""
    sql = "SELECT a, b FROM t"
    for i in range(size):
        sql = f"SELECT a, max(b) AS b FROM ({sql}) AS s{i} WHERE a > {i} GROUP BY a"
    return sql


def subqueries(size: int) -> str:
    """Nest queries in WHERE."""
    sql = "SELECT a FROM t"
    for i in range(size):
        sql = f"SELECT a FROM t WHERE b > {i} AND a IN ({sql})"
    return sql


def unions(size: int) -> str:
    """Union queries."""
    return " UNION ALL ".join(f"SELECT a, b FROM t WHERE c = {i}" for i in range(size))


def conditions(size: int) -> str:
    """Combine conditions."""
    return f"SELECT a FROM t WHERE {' OR '.join(f'(a = {i} AND b > {i})' for i in range(size))}"


def branches(size: int) -> str:
    """Distinguish cases."""
    cases = " ".join(f"WHEN a = {i} THEN b + {i}" for i in range(size))
    return f"SELECT CASE {cases} ELSE c END AS d FROM t"


# Each kind of query and its sizes. The smallest show what is constant, and are not regressed over.
FAMILIES: dict[Callable[[int], str], Sequence[int]] = {
    ctes: (1, 10, 50, 100, 200, 400),
    joins: (1, 5, 10, 15, 30, 60),
    columns: (1, 10, 125, 250, 500, 1000),
    derived: (1, 5, 10, 20, 35, 50),
    subqueries: (1, 5, 10, 20, 35, 50),
    unions: (1, 10, 25, 50, 100, 200),
    conditions: (1, 10, 25, 50, 100, 200),
    branches: (1, 10, 25, 50, 100, 200),
}
FITTED = 4  # how many of the largest sizes the exponent is fitted to


def growth(rounds: int) -> dict[str, Any]:
    """Measure how the time of translating grows with the size of the query."""
    narrow = {"a": "int64", "b": "int64", "c": "int64"}
    wide = {f"x{i}": "int64" for i in range(1000)}
    catalog = Catalog.from_any({"t": narrow, "wide": wide})
    report = {}
    for family, sizes in FAMILIES.items():
        times: dict[int, float] = {}
        refused = {}
        for size in sizes:
            sql = family(size)
            try:
                (times[size],) = best(rounds, partial(translate, sql, catalog))
            except IbertError as error:
                refused[size] = error.diagnostics[0].message
        report[family.__name__] = {
            "exponent": exponent(dict(list(times.items())[-FITTED:])),
            "ms": {size: 1000 * spent for size, spent in times.items()},
            "refused": refused,
        }
    return report


def exponent(times: dict[int, float]) -> float:
    """Give the slope of times over sizes, both on logarithmic scales."""
    return linear_regression(
        *([math.log(x) for x in side] for side in zip(*times.items(), strict=True))
    ).slope


def best(rounds: int, *sides: Callable[[], object]) -> list[float]:
    """Give the least CPU seconds of each side; they take turns."""
    for side in sides:
        side()
    found = [math.inf] * len(sides)
    for _ in range(rounds):
        for index, side in enumerate(sides):
            start = time.process_time()
            side()
            found[index] = min(found[index], time.process_time() - start)
    return found


def missed(report: dict[str, Any]) -> list[str]:
    """Name the goals that are missed."""
    return list(_missed(report))


def _missed(report: dict[str, Any]) -> Iterator[str]:
    for name, found in report.get("translation", {}).items():
        if found["median_ratio"] > TRANSLATION_GOAL:
            yield f"translation of {name}: median ≤ {TRANSLATION_GOAL}"
    for name, found in report.get("growth", {}).items():
        for size, message in found["refused"].items():
            yield f"growth of {name}: {size} is refused: {message}"
        if found["exponent"] > GROWTH_GOAL:
            yield f"growth of {name}: exponent ≤ {GROWTH_GOAL}"
    for name, found in report.get("run_time", {}).items():
        if found["geometric_mean"] > RUN_TIME_GOAL:
            yield f"run time of {name}: geometric mean ≤ {RUN_TIME_GOAL}"


def shown(report: dict[str, Any]) -> str:
    """Write the report for a person."""
    return "\n".join(_shown(report))


def _shown(report: dict[str, Any]) -> Iterator[str]:
    for name, found in report.get("translation", {}).items():
        yield (
            f"{found['median_ratio']:6.2f} times parsing and qualifying  translation of {name},"
            f" median {found['median_ms']:.1f} ms; worst {found['worst_ratio']:.2f}"
            f" ({found['worst']})"
        )
    for name, found in report.get("growth", {}).items():
        times = ", ".join(f"{size}: {spent:.1f}" for size, spent in found["ms"].items())
        yield f"{found['exponent']:6.2f} exponent  growth of {name}, ms by size {times}"
    for name, found in report.get("run_time", {}).items():
        yield (
            f"{found['geometric_mean']:6.2f} times the query  run time of {name} at scale"
            f" {found['scale']:g}, geometric mean"
        )
        for slow in found["slow"]:
            yield (
                f"{slow['ms'] / slow['original_ms']:14.2f} times {slow['query']}:"
                f" {slow['ms']:.1f} ms, the query {slow['original_ms']:.1f} ms"
            )
    for goal in report["missed"]:
        yield f"missed: {goal}"


if __name__ == "__main__":
    try:
        sys.exit(main())
    except IbertError as error:  # an extension is missing, or a query of a benchmark is refused
        print(error, file=sys.stderr)
        sys.exit(2)
