"""`ibert eval error_resolution`: how many faults in code are repaired."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from ibert.cli.confinement import weak_sandbox_option
from ibert.cli.evaluate.options import print_table
from ibert.cli.options import format_option
from ibert.cli.output import FINDINGS, print_json, progress_bar

if TYPE_CHECKING:
    from ibert.evaluation.error_resolution import Resolution


@click.command(name="error_resolution")
@click.option("--budget", type=click.IntRange(min=1), default=1000, show_default=True)
@click.option(
    "--split",
    type=click.Choice(["held-out", "development"]),
    default="held-out",
    show_default=True,
    help="Which programs to mutate: others than the repairs were written with, or those.",
)
@click.option("--kind", "kinds", multiple=True, help="Only this kind of fault; may be repeated.")
@click.option("--seed", default=0, show_default=True, help="Chooses the programs and mutants.")
@weak_sandbox_option
@format_option
def error_resolution(
    budget: int, split: str, kinds: tuple[str, ...], seed: int, format_: str
) -> None:
    """Put faults into code that is right, repair it, and compare what it gives.

    BUDGET mutants that raise are made of translated queries and of the templates' code. A mutant is
    repaired if the first repair that is offered gives on generated tables what the original gives.
    Exits with 0 if no repair was offered that does not run.
    """
    from ibert.evaluation.error_resolution import resolution

    with progress_bar("error_resolution") as progress:
        found = resolution(budget, split=split, seed=seed, kinds=kinds or None, progress=progress)
    if format_ == "json":
        print_json(found)
    else:
        _print(found)
    sys.exit(0 if found.offered_broken == 0 else FINDINGS)


def _print(found: Resolution) -> None:
    rows: list[tuple[str | int, ...]] = [
        (
            kind.kind.replace("_", " "),
            kind.cases,
            kind.repaired,
            f"{kind.repaired / kind.cases:.0%}",
        )
        for kind in found.kinds
    ]
    share = f"{found.repaired / found.cases:.1%}" if found.cases else ""
    rows.append(("all", found.cases, found.repaired, share))
    print_table(("fault", "cases", "repaired", ""), rows)
    click.echo(
        f"{found.different} give something else, {found.unrepaired} were given up, "
        f"{found.offered_broken} repairs do not run; {found.programs} programs"
    )
