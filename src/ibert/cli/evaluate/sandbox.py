"""`ibert eval sandbox`: attempts to get past the walls."""

from __future__ import annotations

import sys

import click

from ibert.cli.evaluate.options import limit_option
from ibert.cli.options import format_option
from ibert.cli.output import FINDINGS, USAGE, note, print_json, progress_bar


@click.command()
@limit_option
@format_option
def sandbox(limit: int | None, format_: str) -> None:
    """Make each attempt of the attack corpus behind all walls, and count those that succeed.

    Exits with 0 if none does.
    """
    if sys.platform != "linux":
        note("attempts are watched through /proc, which only Linux has")
        sys.exit(USAGE)
    from ibert.evaluation.attacks import attacks, attempt_all

    with progress_bar("attempts") as progress:
        found = attempt_all(attacks()[:limit], progress=progress)
    if format_ == "json":
        print_json(found)
    else:
        click.echo(f"{found.attacks} attempts, {found.succeeded} succeeded")
        for success in found.successes:
            click.echo(f"{success.name} ({success.goal}): {', '.join(success.reached)}")
    sys.exit(FINDINGS if found.succeeded else 0)
