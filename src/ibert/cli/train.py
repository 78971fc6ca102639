"""`ibert train`: fine-tune a model on verified examples, or make a small one from them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ibert.cli.options import format_option
from ibert.cli.output import note, print_json

if TYPE_CHECKING:
    from rich.console import Console

    from ibert.training.config import TrainingConfig
    from ibert.training.plan import Plan

SHOWN = 2  # rows of each task that a dry run shows
_HEADS = (
    *("task", "rows", "tokens", "learned", "median/ longest", "too long"),
    *("drawn each", "tokens/ loss"),
)


@click.command()
@click.argument("config", required=False, type=click.Path(dir_okay=False))
@click.option(
    "--from-scratch",
    "scratch",
    type=click.Path(dir_okay=False),
    metavar="CONFIG",
    help="Make the small model that this file describes in [scratch].",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the run goes.  [default: runs/ and the name of the file]",
)
@click.option(
    "--resume",
    metavar="auto|CHECKPOINT",
    help="Go on from the newest whole checkpoint of the run, or from this one.",
)
@click.option(
    "--method",
    type=click.Choice(["sft", "grpo"]),
    help="Learn the answers of examples, or from rewards for its own.  [default: the file's]",
)
@click.option("--dry-run", is_flag=True, help="Show what would be learned, without torch.")
@format_option
def train(
    config: str | None,
    scratch: str | None,
    out: Path | None,
    resume: str | None,
    method: str | None,
    dry_run: bool,
    format_: str,
) -> None:
    """Train a model as the file CONFIG (TOML) says.

    The run's folder takes what was learned from, the record (metrics.jsonl, on the disk line by
    line), the checkpoints, which are whole or not used, and the model. Exits with 2 if something
    is missing or means nothing; nothing takes its place.
    """
    from ibert.training.config import read_config

    path = config or scratch
    if path is None or (config and scratch):
        raise click.UsageError("name one CONFIG, as it is or after --from-scratch")
    read = read_config(path, method=method)
    if scratch and read.scratch is None:
        raise click.UsageError(f"{path} has no [scratch] that describes a model")
    folder = out or Path("runs", Path(path).stem)
    if dry_run:
        _preview(read, folder, format_)
        return
    from ibert.training import ranks
    from ibert.training.run import train as run

    result = run(read, folder, resume=Path(resume) if resume else None, told=note)
    if not ranks.is_first():
        return
    if format_ == "json":
        print_json(result)
    else:
        click.echo(
            f"{folder}: {result.steps} steps in {result.seconds:.0f} s; executed answers to "
            f"{result.cases} held-out rows: {result.untrained:.1%} before, "
            f"{result.accuracy:.1%} after"
        )
        if len(result.tasks) > 1:
            for task, share in result.tasks.items():
                click.echo(f"{task}: {share:.1%}")
        for grade, count in sorted(result.grades.items()):
            click.echo(f"{grade}: {count:,} answers")


def _preview(config: TrainingConfig, folder: Path, format_: str) -> None:
    import tempfile

    from ibert.training.plan import plan

    with tempfile.TemporaryDirectory() as scratch:
        planned = plan(config, Path(scratch))
    if format_ == "json":
        print_json({"steps": planned.steps, **_shares(planned)})
        return
    _print(planned, folder)


def _shares(planned: Plan) -> dict[str, object]:
    return {
        "digest": planned.snapshot.digest,
        "rows": planned.snapshot.rows,
        "tokens": planned.snapshot.tokens,
        "learned": planned.snapshot.learned,
        "dropped": planned.snapshot.dropped,
        "held_out": planned.snapshot.held_out,
        "unjudged": planned.unjudged,
        "repeats": _repeats(planned),
        "shares": _drawn(planned, planned.snapshot.tokens),
        "loss_shares": _drawn(planned, planned.snapshot.learned),
    }


def _repeats(planned: Plan) -> dict[str, float]:
    return planned.mixture.repeats(planned.config.optimisation.epochs)


def _drawn(planned: Plan, tokens: dict[str, int]) -> dict[str, float]:
    """Give the share of each task of the tokens that are drawn."""
    drawn = {task: tokens[task] * repeats for task, repeats in _repeats(planned).items()}
    return {task: number / sum(drawn.values()) for task, number in drawn.items()}


def _print(planned: Plan, folder: Path) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    _print_rows(planned, console)
    _print_tasks(planned, console)
    console.print(
        f"{planned.steps} steps into {folder}; {planned.snapshot.held_out} rows held out; "
        f"data {planned.snapshot.digest[:12]}"
    )
    for task, rows in planned.unjudged.items():
        console.print(f"{rows:,} rows of {task} are left out: nothing judges answers to them")


def _print_rows(planned: Plan, console: Console) -> None:
    from rich.text import Text

    shown: dict[str, int] = {}
    for row in planned.encoding.rows:
        if shown.setdefault(row.task, 0) == SHOWN:
            continue
        shown[row.task] += 1
        text = Text().append(f"{row.task} {row.id}: {len(row.tokens)} tokens\n", style="bold")
        for index, token in enumerate(row.tokens):
            piece = planned.tokenization.tokenizer.decode([token])
            text.append(piece, style="green" if index >= row.answer else "dim")
        console.print(text, soft_wrap=True)


def _print_tasks(planned: Plan, console: Console) -> None:
    from rich.table import Table

    snapshot, repeats = planned.snapshot, _repeats(planned)
    shares, of_loss = (_drawn(planned, one) for one in (snapshot.tokens, snapshot.learned))
    table = Table(box=None, padding=(0, 1, 0, 0), title="green is learned; the rest is read")
    for head in _HEADS:
        table.add_column(
            head, justify="right" if head != "task" else "left", no_wrap=head == "task"
        )
    for task in (*snapshot.rows, *(one for one in snapshot.dropped if one not in snapshot.rows)):
        lengths = sorted(len(row.tokens) for row in planned.encoding.rows if row.task == task)
        table.add_row(
            task,
            f"{len(lengths):,}",
            f"{snapshot.tokens.get(task, 0):,}",
            f"{snapshot.learned.get(task, 0):,}",
            f"{lengths[len(lengths) // 2]}/{lengths[-1]}" if lengths else "-",
            f"{snapshot.dropped.get(task, 0):,}",
            f"{repeats.get(task, 0):.3g}",
            f"{shares.get(task, 0):.0%}/{of_loss.get(task, 0):.0%}",
        )
    console.print(table)
