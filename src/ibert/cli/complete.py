"""`ibert complete`: unfinished Ibis code and a cursor in, the completed code out."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from ibert.cli.model import ModelOptions, model_options
from ibert.cli.options import catalog_option, format_option
from ibert.cli.output import FINDINGS, note, print_answer, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ibert.answer import Completion

LIMIT = 10


@click.command()
@click.argument("place", metavar="FILE[:LINE:COLUMN]", default="-")
@click.option("--at", metavar="LINE:COLUMN", help="Where the cursor is, from 1:1; else: the end.")
@catalog_option
@click.option("--limit", type=click.IntRange(min=1), default=LIMIT, show_default=True)
@model_options
@format_option
def complete(
    place: str,
    at: str | None,
    catalogs: tuple[str, ...],
    limit: int,
    model_options: ModelOptions,
    format_: str,
) -> None:
    """Complete the Ibis code in FILE (- for stdin) at a cursor.

    Nothing is run. The code with the best completion goes to stdout; the list of completions, the
    likeliest first, and what is known about the code to stderr. Exits with 0 if there is one, with
    1 if nothing can be completed there, and with 2 if the code or the catalog cannot be read or
    the cursor is outside of the code.
    """
    from ibert.documents import read_input
    from ibert.tasks.code_completion import complete as completed

    file, position = _split(place)
    if at is not None:
        position = _position(at)
        if position is None:
            raise click.BadParameter("a line and a column are wanted: 3:14", param_hint="--at")
    text, source = read_input(file)
    answer = completed(
        text,
        position,
        list(catalogs) or None,
        limit=limit,
        source=source,
        **model_options.arguments(),
    )
    if format_ == "json":
        print_json(answer)
    else:
        print_answer(answer)
        _print_completions(answer.completions)
    sys.exit(0 if answer.completions else FINDINGS)


def _split(place: str) -> tuple[str, tuple[int, int] | None]:
    """Take the line and the column off a path."""
    file, _, last = place.rpartition(":")
    file, _, line = file.rpartition(":")
    position = _position(f"{line}:{last}")
    return (place, None) if position is None or not file else (file, position)


def _position(text: str) -> tuple[int, int] | None:
    line, _, column = text.partition(":")
    if line.isdecimal() and column.isdecimal():
        return int(line), int(column)
    return None


def _print_completions(found: Sequence[Completion]) -> None:
    """List the completions for a person, on stderr."""
    width = min(max((len(one.text) for one in found), default=0), 40)
    for one in found:
        note(f"  {one.text:<{width}}  {one.kind} {one.detail}".rstrip())
