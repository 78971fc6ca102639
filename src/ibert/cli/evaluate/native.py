"""`ibert eval ibis-sql`: what Ibis by itself makes of SQL."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ibert.cli.confinement import weak_sandbox_option
from ibert.cli.evaluate.options import limit_option, print_table, run_engines, workers_option
from ibert.cli.options import format_option
from ibert.cli.output import print_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ibert.evaluation import Score

NATIVE_FIGURES = {"ok": ("equal",), "wrong": ("wrong", "unproved"), "error": ("refused", "failed")}
FREQUENT = 5  # reasons shown of each figure


@click.command(name="ibis_sql")
@limit_option
@workers_option
@weak_sandbox_option
@format_option
def ibis_sql(limit: int | None, workers: int | None, format_: str) -> None:
    """Show what Ibis by itself makes of the fixture queries.

    That is `con.sql`, `ibis.parse_sql`, and `ibis.decompile` of what `ibis.parse_sql` gives.
    """
    from ibert.evaluation import NATIVE, Source, load_suite

    with tempfile.TemporaryDirectory() as folder:
        suite = load_suite("fixtures", Source(Path(folder)), limit=limit)
        scores = run_engines(suite, NATIVE, passthrough=True, workers=workers)
    if format_ == "json":
        print_json(scores)
    else:
        _print_native(scores)


def _print_native(scores: Mapping[str, Score]) -> None:
    from ibert.evaluation import Outcome

    rows = [
        (label, *(sum(getattr(score, name) for name in names) for score in scores.values()))
        for label, names in NATIVE_FIGURES.items()
    ]
    print_table(("", *scores), rows)
    for engine, score in scores.items():
        for label, names in NATIVE_FIGURES.items():
            frequent = score.frequent([Outcome(name) for name in names], FREQUENT)
            for reason, count in frequent:
                click.echo(f"{engine}, {label}, {count} times: {reason}")
