"""`ibert to-ibis`: SQL in, Ibis code out, with the verdict on it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ibert.cli.confinement import weak_sandbox_option
from ibert.cli.model import ModelOptions, model_options
from ibert.cli.options import catalog_option, format_option, seed_option
from ibert.cli.output import FINDINGS, print_answer, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ibert.answer import Portability

# The names that `ibert.translator.translation` has, which importing it for `--help` would cost.
FORMS = ("script", "function", "expression")


@click.command(name="to-ibis")
@click.argument("file", default="-")
@catalog_option
@click.option(
    "--data",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A DuckDB file to run both sides on, which is not changed; without it, they run on "
    "generated tables. Describes the tables, too, where there is no --catalog.",
)
@click.option(
    "--dialect", default="duckdb", show_default=True, help="The dialect of the SQL and of DDL."
)
@click.option("--form", type=click.Choice(FORMS), default=FORMS[0], show_default=True)
@click.option("--verify/--no-verify", default=True, help="Run both sides and compare.")
@seed_option
@click.option(
    "--check-backends", is_flag=True, help="Tell on which of Ibis' SQL backends the code compiles."
)
@model_options
@weak_sandbox_option
@format_option
def to_ibis(
    file: str,
    catalogs: tuple[str, ...],
    data: Path | None,
    dialect: str,
    form: str,
    verify: bool,
    seed: int,
    check_backends: bool,
    model_options: ModelOptions,
    format_: str,
) -> None:
    """Translate the SQL in FILE (- for stdin) to Ibis code, and prove it by running both.

    The code goes to stdout, what is known about it to stderr. Exits with 0 if the code is VERIFIED
    (or was not to be verified), with 1 if it is not or there is none, and with 2 if the SQL, the
    catalog or an option cannot be read.
    """
    from ibert.answer import Answer
    from ibert.documents import read_input
    from ibert.tasks.sql_to_ibis import TASK, sql_to_ibis
    from ibert.translator.refusal import RefusedError
    from ibert.verdict import Status, Verdict

    text, source = read_input(file)
    try:
        answer = sql_to_ibis(
            text,
            list(catalogs) or None,
            dialect=dialect,
            verify=verify,
            form=form,
            seed=seed,
            data=data,
            check_backends=check_backends,
            source=source,
            **model_options.arguments(),
        )
    except RefusedError as error:
        verdict = Verdict(status=Status.REFUSED, diagnostics=error.diagnostics)
        answer = Answer(task=TASK, code="", verdict=verdict)
    if format_ == "json":
        print_json(answer)
    else:
        print_answer(answer)
        if answer.portability:
            _print_portability(answer.portability)
    proved = answer.verdict.verified or (answer.code and not verify)
    sys.exit(0 if proved else FINDINGS)


def _print_portability(found: Sequence[Portability]) -> None:
    """Show on which backends the code compiles, on stderr."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("backend", "", "stopped by", box=None)
    for item in found:
        message = item.message or ""
        reason = item.operation or message
        if item.operation and item.operation not in message:
            reason = f"{item.operation}: {message}"
        table.add_row(item.backend, item.support.value, escape(reason))
    Console(stderr=True).print(table)
