"""`ibert eval translate`: SQL to Ibis."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ibert.cli.confinement import weak_sandbox_option
from ibert.cli.evaluate.options import (
    baseline_option,
    cases_option,
    engine_option,
    limit_option,
    print_table,
    run_engines,
    scale_option,
    suites_option,
    workers_option,
)
from ibert.cli.options import format_option
from ibert.cli.output import FINDINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ibert.evaluation import Score

BASELINE = "ibis"
FIGURES = ("cases", "equal", "with_rows", "wrong", "refused", "failed", "unproved")


@click.command()
@suites_option
@engine_option
@scale_option
@cases_option
@baseline_option
@limit_option
@workers_option
@weak_sandbox_option
@format_option
def translate(
    suites: tuple[str, ...],
    engine: str,
    scale: float,
    cases: Path | None,
    baseline: bool,
    limit: int | None,
    workers: int | None,
    format_: str,
) -> None:
    """Translate the queries of suites to Ibis, run both sides, and count.

    The suite fixtures has one query of each template of the training data, templates has all of
    them, which takes minutes. Exits with 0 if every case is equal. `--format json` prints one line
    for each suite.
    """
    from ibert.evaluation import ENGINES, Source, load_suite

    engines = {engine: ENGINES[engine]}
    if baseline:
        engines[BASELINE] = ENGINES[BASELINE]
    with tempfile.TemporaryDirectory() as folder:
        source = Source(Path(folder), scale=scale, cases=cases)
        loaded = [load_suite(name, source, limit=limit) for name in dict.fromkeys(suites)]
        found = []
        for suite in loaded:
            scores = run_engines(suite, engines, workers=workers)
            found.append(scores[engine])
            if format_ == "json":
                _print_line(scores, engine, baseline=baseline)
            else:
                _print_scores(scores, engine)
    sys.exit(0 if all(score.equal == score.cases for score in found) else FINDINGS)


def _print_line(scores: Mapping[str, Score], engine: str, *, baseline: bool) -> None:
    """Print the figures of a suite on one line, so that those of several suites can be read."""
    import msgspec

    figures = {"engine": engine, **msgspec.structs.asdict(scores[engine])}
    if baseline:
        figures["baseline"] = {"engine": BASELINE, **msgspec.structs.asdict(scores[BASELINE])}
    click.echo(msgspec.json.encode(figures).decode())


def _print_scores(scores: Mapping[str, Score], engine: str) -> None:
    title = next(iter(scores.values())).name
    rows = [
        (name, *(getattr(score, figure) for figure in FIGURES)) for name, score in scores.items()
    ]
    print_table((title, *(figure.replace("_", " ") for figure in FIGURES)), rows)
    for found in scores[engine].reasons:
        click.echo(f"{found.outcome:<8} {found.case}: {found.reason}")
    click.echo()
