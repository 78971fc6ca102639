"""`ibert eval qa`: questions about Ibis."""

from __future__ import annotations

import sys

import click

from ibert.cli.evaluate.options import limit_option, print_table
from ibert.cli.options import format_option
from ibert.cli.output import FINDINGS, print_json, progress_bar


@click.command()
@limit_option
@format_option
def qa(limit: int | None, format_: str) -> None:
    """Ask questions about Ibis, and count the answers that name what they should.

    Exits with 0 if no answer has a name that the installed Ibis lacks.
    """
    from ibert.evaluation.qa import answer_all

    with progress_bar("questions") as progress:
        found = answer_all(limit, progress=progress)
    if format_ == "json":
        print_json(found)
    else:
        figures = ("cases", "hit1", "hit5", "verified", "invented", "unanswerable", "refused")
        print_table(("", *figures), [(found.name, *(getattr(found, name) for name in figures))])
        for miss in found.misses:
            given = ", ".join(miss.given) or "nothing"
            click.echo(f"{miss.question}: wanted {', '.join(miss.wanted)}, got {given}")
    sys.exit(FINDINGS if found.invented else 0)
