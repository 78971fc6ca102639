"""`ibert eval code_completion`: how often the token at a cut is among the first offered."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from ibert.cli.evaluate.options import print_table
from ibert.cli.options import format_option
from ibert.cli.output import FINDINGS, print_json, progress_bar

if TYPE_CHECKING:
    from ibert.evaluation.completion import Hits

TARGET = 0.85  # of the top five


@click.command(name="code_completion")
@click.option(
    "--every",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="Ask at one in so many cuts; counted are all of those of other sources.",
)
@click.option("--baseline/--no-baseline", default=True, help="Ask Jedi at the same cuts.")
@click.option("--limit", type=click.IntRange(min=1), help="Take only as many sources.")
@format_option
def code_completion(every: int, baseline: bool, limit: int | None, format_: str) -> None:
    """Cut real Ibis code at names and strings, and ask what stands there.

    The code is that of the examples in the installed Ibis' documentation and of the templates of
    the dataset, each statement once. A cut is where a name begins, or the text of a string; only
    what stands before it is seen. Ranking is counted on other sources than the one that is asked.
    Exits with 0 if 85% are among the first five, and twice as many as Jedi's are the first.
    """
    from ibert.evaluation.completion import measure

    with progress_bar("cuts") as progress:
        score = measure(every=every, baseline=baseline, limit=limit, progress=progress)
    if format_ == "json":
        print_json(score)
    else:
        rows = [("what exists", score), *score.parts.items()]
        if score.new is not None:
            rows.append(("what is new", score.new))
        heads = ("cuts at", "cases", "top 1", "top 5", "Jedi's top 1", "Jedi's top 5")
        print_table(heads, [(name, *_cells(hits)) for name, hits in rows])
    beaten = score.baseline_top1 is None or score.top1 >= 2 * score.baseline_top1
    sys.exit(0 if score.top5 >= TARGET and beaten else FINDINGS)


def _cells(hits: Hits) -> tuple[int | str, ...]:
    shares = (hits.top1, hits.top5, hits.baseline_top1, hits.baseline_top5)
    return (hits.cases, *("" if share is None else f"{share:.1%}" for share in shares))
