"""`ibert eval engines`, `score` and `compare`: what engines make of the six tasks."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ibert.cli.confinement import weak_sandbox_option
from ibert.cli.evaluate.options import print_table
from ibert.cli.model import ModelOptions, model_options
from ibert.cli.options import format_option
from ibert.cli.output import FINDINGS, note, print_json, progress_bar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ibert.evaluation.runs.comparison import Comparison, Flip
    from ibert.evaluation.runs.figures import Figures
    from ibert.evaluation.runs.statistics import Share

# The names that `ibert.evaluation.runs.cases` has, which importing it for `--help` would cost.
TASK_NAMES = (
    *("sql_to_ibis", "ibis_to_sql", "code_completion"),
    *("error_resolution", "qa", "documentation"),
)
_folder = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.option(
    "--tasks", default=",".join(TASK_NAMES), show_default=True, help="Names with commas between."
)
@click.option("--out", "folder", type=_folder, required=True, help="The folder of the run.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="Of each task."
)
@click.option(
    "--cases",
    "given",
    type=click.Path(path_type=Path, exists=True),
    help="Cases of a run, rows of a dataset, or the folder of one, whose split `test` is taken; "
    "without it: held-out templates.",
)
@click.option("--case-seed", default=0, show_default=True, help="Chooses the cases.")
@click.option("--seed", default=0, show_default=True, help="Of what a model draws.")
@click.option("--batch-size", default=8, show_default=True, help="Prompts at a time.")
@click.option("--judge/--no-judge", default=True, help="Judge at once, or later by `score`.")
@model_options
@weak_sandbox_option
@format_option
def engines(
    tasks: str,
    folder: Path,
    limit: int,
    given: Path | None,
    case_seed: int,
    seed: int,
    batch_size: int,
    judge: bool,
    model_options: ModelOptions,
    format_: str,
) -> None:
    """Have an engine answer cases of the six tasks, and judge the answers by running them.

    The folder gets what was asked and answered (run.json, cases.jsonl, generations.jsonl), the
    verdicts (scored.jsonl), figures.json and report.html. A run that was stopped goes on. Exits
    with 1 if a reference answer is not right, or an empty one is: the run says which.
    """
    import msgspec

    from ibert.evaluation.runs.given import read_cases
    from ibert.evaluation.runs.running import run_engine

    cases, untold = read_cases(given) if given else (None, 0)
    if untold:
        note(f"{untold:,} rows are left out: nothing tells whether an answer to them is right")
    is_model = model_options.engine == "model"
    drawn = {"seed": seed, "batch_size": batch_size}
    found = run_engine(
        folder,
        tuple(filter(None, (name.strip().replace("-", "_") for name in tasks.split(",")))),
        engine=model_options.engine,
        model=model_options.settings() if is_model else None,
        generation=msgspec.structs.replace(model_options.generation(), **drawn),
        refine=model_options.refine,
        limit=limit,
        seed=case_seed,
        given=cases,
        judge=judge,
        progress=progress_bar,
    )
    if found is None:
        note(f"judge the answers with: ibert eval score {folder}")
    else:
        _show(found, folder, format_)


@click.command()
@click.argument("folder", type=_folder)
@weak_sandbox_option
@format_option
def score(folder: Path, format_: str) -> None:
    """Judge what a run generated, again, and write its figures and its report."""
    from ibert.evaluation.runs.running import judged

    _show(judged(folder, progress=progress_bar), folder, format_)


@click.command()
@click.argument("first", type=_folder)
@click.argument("second", type=_folder)
@format_option
def compare(first: Path, second: Path, format_: str) -> None:
    """Compare two runs on the same cases: which cases flipped, and whether that may be chance."""
    from ibert.evaluation.runs.comparison import compare as compared

    found = compared(first, second)
    if format_ == "json":
        print_json(found)
    else:
        _print_comparison(found)


def _show(found: Figures, folder: Path, format_: str) -> None:
    if format_ == "json":
        print_json(found)
    else:
        parts = {**found.tasks, "all": found.total}
        heads = ("task", "cases", "right", "from", "to", "gain", "oracle", "empty")
        rows: list[tuple[str | int, ...]] = [
            (
                name,
                part.cases,
                *(f"{100 * share:.1f}" for share in _ends(part.right)),
                f"{100 * part.gain:+.1f}",
                f"{part.oracle.share:.0%}",
                f"{part.empty.share:.0%}",
            )
            for name, part in parts.items()
        ]
        print_table(heads, rows)
    for one in found.unsound:
        note(f"{one.name} is not sound: {one.reason}")
    note(f"the report: {folder / 'report.html'}")
    sys.exit(FINDINGS if found.unsound else 0)


def _ends(share: Share) -> tuple[float, float, float]:
    return share.share, share.low, share.high


def _print_comparison(found: Comparison) -> None:
    rows = [
        (name, share.count, found.cases, f"{share.share:.1%}")
        for name, share in zip(found.engines, (found.first, found.second), strict=True)
    ]
    print_table(("run", "right", "cases", "share"), rows)
    for title, flips in (("lost", found.lost), ("won", found.won)):
        _print_flips(title, flips)
    click.echo(f"McNemar's exact test: p = {found.p_value:.4g}")
    if found.only_one_run:
        note(f"{found.only_one_run} cases are in one of the runs only, and were left out")


def _print_flips(title: str, flips: Sequence[Flip]) -> None:
    for one in flips:
        click.echo(f"{title}: {one.task} {one.name} ({one.first} -> {one.second})")
