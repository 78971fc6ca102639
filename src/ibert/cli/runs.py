"""`ibert runs`: list training runs, and compare two."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ibert.cli.options import format_option
from ibert.cli.output import print_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ibert.training.runs import Evaluated, Run


@click.command()
@click.argument("names", nargs=-1, metavar="[RUN]...")
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Where the runs are.",
)
@format_option
def runs(names: tuple[str, ...], folder: Path, format_: str) -> None:
    """List the runs of `ibert train` from their records; with two names, say how they differ."""
    from ibert.training.runs import differences, read_runs

    found = read_runs(folder, names)
    differ = differences(*found) if len(names) == 2 else {}
    if format_ == "json":
        print_json({"runs": found, **({"differences": differ} if len(names) == 2 else {})})
    else:
        _print(found, differ)


def _print(found: list[Run], differ: dict[str, tuple[Any, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console(highlight=False)
    table = Table("run", "method", "model", "steps", "figures", "best", "last", "data", "git")
    for run in found:
        last = run.evaluations[-1] if run.evaluations else None
        table.add_row(
            run.name,
            run.config.method,
            run.config.model or "from scratch",
            f"{run.step:,}" + ("" if run.finished else " (not finished)"),
            "\n".join(f"{name} {figure:.3f}" for name, figure in run.figures.items() if figure),
            f"{run.best.accuracy:.1%} at {run.best.step:,}" if run.best else "",
            "\n".join(_shares(last)) if last else "",
            run.facts.data[:8] if run.facts else "",
            (run.facts.git or "")[:8] if run.facts else "",
        )
    console.print(table)
    if differ:
        compared = Table("setting", *(run.name for run in found))
        for name, pair in differ.items():
            compared.add_row(name, *map(str, pair))
        console.print(compared)


def _shares(evaluated: Evaluated) -> Iterator[str]:
    """Give the share in all, and those of several tasks."""
    yield f"{evaluated.accuracy:.1%}"
    if len(evaluated.tasks) > 1:
        yield from (f"{task} {share:.1%}" for task, share in evaluated.tasks.items())
