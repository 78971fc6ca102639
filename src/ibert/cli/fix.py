"""`ibert fix`: broken Ibis code in, the same code repaired out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ibert.cli.confinement import weak_sandbox_option
from ibert.cli.model import ModelOptions, model_options
from ibert.cli.options import catalog_or_fixtures_option, format_option, seed_option
from ibert.cli.output import FINDINGS, note, print_answer, print_json

if TYPE_CHECKING:
    from ibert.answer import Answer


@click.command()
@click.argument("file", default="-")
@catalog_or_fixtures_option
@click.option("--error", help="What the code is said to raise, as the last line of a traceback.")
@click.option("--apply", "apply_", is_flag=True, help="Write the repaired code into FILE.")
@seed_option
@model_options
@weak_sandbox_option
@format_option
def fix(
    file: str,
    catalogs: tuple[str, ...],
    error: str | None,
    apply_: bool,
    seed: int,
    model_options: ModelOptions,
    format_: str,
) -> None:
    """Run the Ibis code in FILE (- for stdin), and repair what it raises.

    Only code that was run is offered: it goes to stdout, or with --apply into FILE; what was wrong,
    the difference and the alternatives go to stderr. Exits with 0 if the code runs, as it was or
    repaired, with 1 if no repair was found, and with 2 if the code, the catalog or an option cannot
    be read.
    """
    from ibert.documents import read_input
    from ibert.files import rewrite
    from ibert.tasks.error_resolution import fix as run

    if apply_ and file == "-":
        raise click.UsageError("--apply writes a file, and stdin is none")
    text, source = read_input(file)
    answer = run(
        text,
        list(catalogs) or None,
        error=error,
        seed=seed,
        source=source,
        **model_options.arguments(),
    )
    done = answer.verdict.status in ("VERIFIED", "CHECKED")
    if apply_ and done and answer.code != text:
        rewrite(Path(file), answer.code)
    if format_ == "json":
        print_json(answer)
    else:
        _print(answer, silent=apply_)
    sys.exit(0 if done else FINDINGS)


def _print(answer: Answer, *, silent: bool) -> None:
    import msgspec

    print_answer(msgspec.structs.replace(answer, code="") if silent else answer)
    for alternative in answer.alternatives:
        note(f"or: {alternative.title}")
