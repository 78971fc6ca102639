"""TPC-H and TPC-DS: DuckDB's extensions make the tables and hold the queries."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import NamedTuple

import duckdb

from ibert.diagnostics import Diagnostic, IbertError


class Benchmark(NamedTuple):
    """What the extension of a benchmark calls its parts."""

    extension: str
    generator: str
    queries: str
    smallest: float = 0.0


TPCH = Benchmark("tpch", "dbgen", "tpch_queries")
# At 0.005, dsdgen of DuckDB 1.5.5 runs forever and cannot be interrupted.
TPCDS = Benchmark("tpcds", "dsdgen", "tpcds_queries", smallest=0.01)


def extension_path(name: str) -> Path:
    """Find the file of a DuckDB extension in the package that brings it.

    Parameters
    ----------
    name
        Of the extension; the package is called `duckdb-extension-NAME`.

    Raises
    ------
    IbertError
        IB001 if the package is not there, or made for another version of DuckDB.

    Examples
    --------
    >>> extension_path("tpcx")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ibert.diagnostics.IbertError: IB001 DuckDB's extension tpcx is missing: pip install ...
    """
    spec = importlib.util.find_spec(f"duckdb_extension_{name}")
    for folder in (spec and spec.submodule_search_locations) or ():
        path = Path(folder, "extensions", f"v{duckdb.__version__}", f"{name}.duckdb_extension")
        if path.is_file():
            return path
    package = f"duckdb-extension-{name}=={duckdb.__version__}"
    message = f"DuckDB's extension {name} is missing: pip install {package}"
    raise IbertError([Diagnostic(code="IB001", message=message)])


def fill(con: duckdb.DuckDBPyConnection, benchmark: Benchmark, scale: float) -> dict[str, str]:
    """Make the tables of a benchmark; give its queries by name.

    Parameters
    ----------
    con
        The database that the tables go into.
    benchmark
        `TPCH` or `TPCDS`.
    scale
        The benchmark's scale factor: 1 is about a gigabyte.

    Raises
    ------
    IbertError
        IB001 if the benchmark's extension is missing, IB203 for a scale that it cannot make.
    """
    if scale < benchmark.smallest:
        message = f"{benchmark.extension} has no tables of scale {scale:g}"
        hint = f"the smallest scale is {benchmark.smallest:g}"
        raise IbertError([Diagnostic(code="IB203", message=message, hint=hint)])
    path = str(extension_path(benchmark.extension)).replace("'", "''")
    con.execute(f"LOAD '{path}'")
    con.execute(f"CALL {benchmark.generator}(sf = {scale})")
    rows = con.execute(f"SELECT query_nr, query FROM {benchmark.queries}() ORDER BY ALL").fetchall()  # noqa: S608
    return {f"q{number:02}": sql for number, sql in rows}
