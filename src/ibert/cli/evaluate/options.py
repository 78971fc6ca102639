"""What the evaluation commands share: options, scores and tables."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ibert.cli.output import progress_bar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ibert.evaluation import Engine, Score, Suite

# The names that `ibert.evaluation` has, which importing it for `--help` would cost too much.
SUITE_NAMES = ("fixtures", "templates", "tpch", "tpcds", "ibis-map")
ENGINE_NAMES = ("compiler", "ibis")

suites_option = click.option(
    "--suite",
    "suites",
    type=click.Choice(SUITE_NAMES),
    multiple=True,
    default=SUITE_NAMES[:1],
    show_default=True,
    help="May be given more than once.",
)
engine_option = click.option(
    "--engine", type=click.Choice(ENGINE_NAMES), default=ENGINE_NAMES[0], show_default=True
)
scale_option = click.option(
    "--scale",
    type=click.FloatRange(min=0, min_open=True),
    default=0.01,
    show_default=True,
    help="The scale factor of tpch and tpcds.",
)
cases_option = click.option(
    "--cases",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="For ibis-map: the JSON file of its cases, with ibis_setup.sql beside it.",
)
baseline_option = click.option(
    "--baseline/--no-baseline",
    default=True,
    show_default=True,
    help="Count what Ibis' own parse_sql and decompile make of it, too.",
)
limit_option = click.option(
    "--limit", type=click.IntRange(min=1), help="Take only as many cases of a suite."
)
workers_option = click.option(
    "--workers", type=click.IntRange(min=1), help="How many at a time; by default one for each CPU."
)


def run_engines(
    suite: Suite,
    engines: Mapping[str, Engine],
    *,
    passthrough: bool = False,
    workers: int | None,
) -> dict[str, Score]:
    """Let engines translate a suite, and count what comes out."""
    from ibert.evaluation import evaluate as run

    scores = {}
    for name, engine in engines.items():
        with progress_bar(f"{suite.name}: {name}") as progress:
            scores[name] = run(
                suite, engine, passthrough=passthrough, workers=workers, progress=progress
            )
    return scores


def print_table(heads: Sequence[str], rows: Sequence[Sequence[str | int]]) -> None:
    """Print rows under their heads, numbers to the right."""
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None)
    for i, head in enumerate(heads):
        table.add_column(head, justify="right" if i else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(f"{cell:,}" if isinstance(cell, int) else cell for cell in row))
    Console().print(table)
