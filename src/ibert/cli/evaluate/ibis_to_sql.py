"""`ibert eval ibis_to_sql`: Ibis code as SQL of several dialects."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ibert.cli.confinement import weak_sandbox_option
from ibert.cli.evaluate.options import (
    cases_option,
    limit_option,
    print_table,
    scale_option,
    suites_option,
    workers_option,
)
from ibert.cli.options import format_option
from ibert.cli.output import FINDINGS, print_json, progress_bar

if TYPE_CHECKING:
    from ibert.evaluation.ibis_to_sql import Compilations

FIGURES = ("cases", "equal", "wrong", "refused", "failed", "unproved")


@click.command(name="ibis_to_sql")
@suites_option
@click.option(
    "--dialect", "dialects", multiple=True, help="May be given more than once; by default five."
)
@scale_option
@cases_option
@limit_option
@workers_option
@weak_sandbox_option
@format_option
def ibis_to_sql(
    suites: tuple[str, ...],
    dialects: tuple[str, ...],
    scale: float,
    cases: Path | None,
    limit: int | None,
    workers: int | None,
    format_: str,
) -> None:
    """Compile the Ibis code of suites for dialects, run both sides, and count.

    The templates' code is written by hand; that of the other suites is the compiler's. Exits with 0
    if everything that compiles is equal.
    """
    from ibert.evaluation import Source, load_suite
    from ibert.evaluation.ibis_to_sql import DIALECTS, compile_suite, total

    scores = []
    with tempfile.TemporaryDirectory() as folder:
        source = Source(Path(folder), scale=scale, cases=cases)
        for name in dict.fromkeys(suites):
            suite = load_suite(name, source, limit=limit)
            with progress_bar(name) as progress:
                chosen = dialects or DIALECTS
                scores += compile_suite(suite, chosen, workers=workers, progress=progress)
    whole = total(scores)
    if format_ == "json":
        print_json(whole)
    else:
        _print(whole)
    sys.exit(0 if whole.equal + whole.refused == whole.cases else FINDINGS)


def _print(whole: Compilations) -> None:
    named = [*((score.name, score) for score in whole.scores), ("all", whole)]
    rows = [(name, *(getattr(part, figure) for figure in FIGURES)) for name, part in named]
    print_table(("", *FIGURES), rows)
    for score in whole.scores:
        for found in score.reasons:
            click.echo(f"{score.name} {found.outcome:<8} {found.case}: {found.reason}")
