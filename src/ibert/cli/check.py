"""`ibert check`: what Ibis code raises, and what it does in silence that nobody means."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ibert.cli.findings import github, print_findings, sarif
from ibert.cli.options import catalog_option
from ibert.cli.output import FINDINGS, note, print_json

if TYPE_CHECKING:
    from ibert.answer import Answer

_ROUNDS = 10  # of fixes that make room for others


@click.command()
@click.argument("files", nargs=-1)
@catalog_option
@click.option("--select", multiple=True, help="Only rules whose code begins so: IB7, IB720.")
@click.option("--fix", is_flag=True, help="Apply the safe fixes; code from stdin goes to stdout.")
@click.option("--unsafe-fixes", is_flag=True, help="With --fix: apply the others, too.")
@click.option("--rules", is_flag=True, help="Print the page that documents the rules, and leave.")
@click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json", "sarif", "github"]),
    default="text",
    help="How to print the findings.",
)
def check(
    files: tuple[str, ...],
    catalogs: tuple[str, ...],
    select: tuple[str, ...],
    fix: bool,
    unsafe_fixes: bool,
    rules: bool,
    format_: str,
) -> None:
    """Find silent faults in the Ibis code of FILES (- for stdin).

    The code is read, not run. Without a catalog nothing is said about tables that it does not
    describe. Exits with 0 if there are no findings, with 1 if there are, and with 2 if a file, the
    catalog or an option cannot be read.
    """
    from ibert.catalog import Catalog
    from ibert.checker.rules import documentation
    from ibert.documents import read_input

    if rules:
        click.echo(documentation(), nl=False)
        return
    _refuse_unknown(select)
    catalog = Catalog.from_any(list(catalogs)) if catalogs else None
    inputs = [read_input(name) for name in dict.fromkeys(files or ("-",))]
    answers = []
    for text, source in inputs:
        code, answer = _checked(text, source, catalog, select, fix, unsafe_fixes)
        answers.append(answer)
        if format_ == "text" and not (fix and source is None):
            print_findings(answer.diagnostics, code)
        if fix:
            _write(code, text, source)
            if source is None:
                for diagnostic in answer.diagnostics:
                    note(str(diagnostic))
    found = [item for answer in answers for item in answer.diagnostics]
    if format_ == "json":
        print_json(answers[0] if len(answers) == 1 else answers)
    elif format_ == "sarif":
        print_json(sarif(found))
    elif format_ == "github":
        click.echo(github(found), nl=False)
    else:
        note(f"{len(found)} finding{'s' * (len(found) != 1)}" if found else "no findings")
    sys.exit(FINDINGS if found else 0)


def _refuse_unknown(select: tuple[str, ...]) -> None:
    from ibert.diagnostics import CODES

    for start in select:
        if not any(code.startswith(start) for code in CODES):
            raise click.BadParameter(f"no rule begins with {start!r}", param_hint="--select")


def _checked(
    text: str, source: str | None, catalog: object, select: tuple[str, ...], fix: bool, unsafe: bool
) -> tuple[str, Answer]:
    """Check code, fixed first if that is asked; fixes of overlapping findings take turns."""
    from ibert.checker import check as run
    from ibert.checker import fixed

    answer = run(text, catalog, select=select, source=source)
    for _ in range(_ROUNDS if fix else 0):
        better = fixed(text, answer.diagnostics, unsafe=unsafe)
        if better == text:
            break
        text, answer = better, run(better, catalog, select=select, source=source)
    return text, answer


def _write(code: str, before: str, source: str | None) -> None:
    """Write fixed code where the code came from."""
    from ibert.files import rewrite

    if source is None:
        click.echo(code, nl=False)
    elif code != before:
        rewrite(Path(source), code)
