"""`ibert eval documentation`: how many docstrings are valid, with examples that run."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ibert.cli.evaluate.options import (
    cases_option,
    limit_option,
    print_table,
    scale_option,
    suites_option,
)
from ibert.cli.options import format_option
from ibert.cli.output import FINDINGS, print_json, progress_bar

if TYPE_CHECKING:
    from ibert.evaluation.documentation import Documented


@click.command(name="documentation")
@suites_option
@click.option(
    "--functions",
    "files",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    multiple=True,
    help="A file with functions over tables, instead of suites. May be given more than once.",
)
@scale_option
@cases_option
@limit_option
@format_option
def documentation(
    suites: tuple[str, ...],
    files: tuple[Path, ...],
    scale: float,
    cases: Path | None,
    limit: int | None,
    format_: str,
) -> None:
    """Document functions over tables in each style, hold them to it, and run their examples.

    The functions are those of files, or what the compiler makes of the queries of suites. Exits
    with 0 if every docstring is valid and every example ran.
    """
    from ibert.evaluation import Source, load_suite
    from ibert.evaluation.documentation import (
        document_all,
        functions_of_file,
        functions_of_suite,
    )

    functions = [function for path in files for function in functions_of_file(path)]
    if not files:
        with tempfile.TemporaryDirectory() as folder:
            source = Source(Path(folder), scale=scale, cases=cases)
            for name in dict.fromkeys(suites):
                functions += functions_of_suite(load_suite(name, source, limit=limit))
    with progress_bar("document") as progress:
        whole = document_all(functions[:limit], progress=progress)
    if format_ == "json":
        print_json(whole)
    else:
        _print(whole)
    sys.exit(0 if whole.valid == whole.cases else FINDINGS)


def _print(whole: Documented) -> None:
    figures = ("cases", "valid", "doctests", "rows", "refused")
    rows = [(figure, getattr(whole, figure)) for figure in figures]
    print_table(("", ""), [*rows, *whole.styles.items()])
    for fault in whole.faults:
        click.echo(f"{fault.case} {fault.style}: {fault.reason}")
