"""`ibert eval verifier`: what the verifier tells from a query."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ibert.cli.evaluate.options import (
    cases_option,
    limit_option,
    print_table,
    scale_option,
    suites_option,
)
from ibert.cli.options import format_option
from ibert.cli.output import FINDINGS, print_json, progress_bar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ibert.evaluation import Strength


@click.command()
@suites_option
@scale_option
@cases_option
@click.option("--every", type=click.IntRange(min=1), default=1, help="Take every so-manieth case.")
@click.option("--mutants/--no-mutants", default=True, help="Without, only look for false alarms.")
@click.option("--seed", default=0, show_default=True, help="Makes the databases.")
@limit_option
@format_option
def verifier(
    suites: tuple[str, ...],
    scale: float,
    cases: Path | None,
    every: int,
    mutants: bool,
    seed: int,
    limit: int | None,
    format_: str,
) -> None:
    """Count the mutants of queries that the verifier's databases tell from them.

    The databases are chosen with other mutants. Exits with 0 if nothing that means the same as a
    query was reported as different.
    """
    from ibert.evaluation import Source, load_suite, measure
    from ibert.evaluation.strength import total

    parts = []
    with tempfile.TemporaryDirectory() as folder:
        source = Source(Path(folder), scale=scale, cases=cases)
        for name in dict.fromkeys(suites):
            suite = load_suite(name, source)
            chosen = suite.cases[::every][:limit]
            with progress_bar(name) as progress:
                parts.append(
                    measure(
                        name,
                        chosen,
                        suite.catalog,
                        seed=seed,
                        mutated=mutants,
                        progress=progress,
                    )
                )
    whole = total("verifier", parts)
    if format_ == "json":
        print_json(whole)
    else:
        _print_strength([*parts, whole])
    sys.exit(0 if whole.false_alarms == 0 else FINDINGS)


def _print_strength(parts: Sequence[Strength]) -> None:
    from ibert.evaluation.strength import FIGURES as STRENGTH_FIGURES

    rows: list[tuple[str | int, ...]] = []
    for part in parts:
        for label, figures in ((part.name, part), (f"{part.name}, fixed tables", part.fixed)):
            counts = [getattr(figures, name) for name in STRENGTH_FIGURES]
            rows.append((label, *counts, f"{figures.score:.1%}"))
    heads = (name.replace("_", " ") for name in STRENGTH_FIGURES)
    print_table(("", *heads, "score"), rows)
    for alarm in parts[-1].alarms:
        click.echo(f"{alarm.case}: {alarm.rule}: {alarm.message}\n  {alarm.sql}")
