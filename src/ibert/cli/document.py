"""`ibert document`: docstrings of functions over tables."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ibert.cli.model import ModelOptions, model_options
from ibert.cli.options import catalog_option, format_option
from ibert.cli.output import FINDINGS, note, print_costs, print_json


@click.command()
@click.argument("target", metavar="FILE[:FUNCTION]")
@catalog_option
@click.option("--style", default="numpy", show_default=True, help="numpy, google or sphinx.")
@click.option("--apply", is_flag=True, help="Write the docstrings into the file.")
@click.option("--replace", is_flag=True, help="With --apply: in the place of those there are.")
@model_options
@format_option
def document(
    target: str,
    catalogs: tuple[str, ...],
    style: str,
    apply: bool,
    replace: bool,
    model_options: ModelOptions,
    format_: str,
) -> None:
    """Write the docstring of a FUNCTION over tables, or of all that are in a FILE (- for stdin).

    It says which columns and types the function needs, what it does and gives, and what raises,
    with an example that was run. It goes to stdout; with --apply it is written into the file, and
    the change is shown. Exits with 0 if the examples ran and the style's validator is content,
    with 1 if not, or if a function could not be documented, and with 2 if nothing could be.
    """
    from ibert.documents import read_input
    from ibert.edits import unified_diff
    from ibert.files import rewrite
    from ibert.tasks.documentation import document as document_code

    file, function = _split(target)
    code, source = read_input(file)
    answer = document_code(
        code,
        function,
        list(catalogs) or None,
        style=style,
        apply=apply,
        replace=replace,
        source=source,
        **model_options.arguments(),
    )
    shown = answer.code
    if apply and source is not None:
        rewrite(Path(source), answer.code)
        shown = unified_diff(code, answer.code, source)
    if format_ == "json":
        print_json(answer)
    else:
        click.echo(shown, nl=False)
        note(answer.verdict.status.value)
        for diagnostic in (*answer.verdict.diagnostics, *answer.diagnostics):
            note(str(diagnostic))
        print_costs(answer)
    sys.exit(0 if answer.verdict.verified and not answer.diagnostics else FINDINGS)


def _split(target: str) -> tuple[str, str | None]:
    """Tell the file from the function."""
    file, colon, name = target.rpartition(":")
    dotted = all(part.isidentifier() for part in name.split("."))
    if colon and dotted and not Path(target).exists():
        return file, name
    return target, None
