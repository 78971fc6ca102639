"""`ibert verify`: whether Ibis code gives what SQL gives."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ibert.cli.confinement import weak_sandbox_option
from ibert.cli.options import catalog_or_fixtures_option, format_option, seed_option
from ibert.cli.output import (
    FINDINGS,
    equal_rows,
    note,
    print_counterexample,
    print_difference,
    print_json,
)

if TYPE_CHECKING:
    from ibert.verdict import Verdict


@click.command()
@click.option("--sql", required=True, help="The SQL: a file, the text itself, or - for stdin.")
@click.option("--ibis", required=True, help="The code: a file, the text itself, or - for stdin.")
@catalog_or_fixtures_option
@click.option(
    "--dialect", default="duckdb", show_default=True, help="The dialect of the SQL and of DDL."
)
@seed_option
@click.option(
    "--data",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="A DuckDB file to run both on as well; it is not changed. Its tables are the catalog, "
    "where none is given.",
)
@weak_sandbox_option
@format_option
def verify(
    sql: str,
    ibis: str,
    catalogs: tuple[str, ...],
    dialect: str,
    seed: int,
    data: Path | None,
    format_: str,
) -> None:
    """Run SQL and Ibis code on the same generated tables and compare what they give.

    Exits with 0 if the code is VERIFIED, with 1 on any other verdict, and with 2 if the SQL, the
    catalog or an option cannot be read.
    """
    from ibert.catalog import Catalog
    from ibert.verification import verify as run

    if sql == ibis == "-":
        raise click.UsageError("only one of --sql and --ibis can be read from stdin")
    described = list(catalogs) or ([str(data)] if data else [])
    catalog = Catalog.from_any(described, dialect=dialect) if described else None
    verdict = run(_text(sql), _text(ibis), catalog, dialect=dialect, seed=seed, data=data)
    if format_ == "json":
        print_json(verdict)
    else:
        _print(verdict)
    sys.exit(0 if verdict.verified else FINDINGS)


def _text(argument: str) -> str:
    """Read what an option names: stdin, a file, or the text itself."""
    from ibert.documents import read_text

    if argument == "-":
        return sys.stdin.read()
    if "\n" not in argument and Path(argument).suffix in (".sql", ".py", ".ibis"):
        return read_text(argument)
    return argument


def _print(verdict: Verdict) -> None:
    evidence = verdict.evidence
    click.echo(verdict.status.value)
    if verdict.verified:
        note(equal_rows(evidence))
    for diagnostic in verdict.diagnostics:
        note(str(diagnostic))
    if evidence.counterexample:
        print_counterexample(evidence.counterexample)
    elif evidence.difference:
        print_difference(evidence.difference)
