"""`ibert to-sql`: Ibis code in, SQL out, with the verdict on it."""

from __future__ import annotations

import sys

import click

from ibert.cli.model import ModelOptions, model_options
from ibert.cli.options import catalog_option, format_option, seed_option
from ibert.cli.output import FINDINGS, print_answer, print_json


@click.command(name="to-sql")
@click.argument("file", default="-")
@catalog_option
@click.option("--dialect", default="duckdb", show_default=True, help="The dialect of the SQL.")
@click.option("--pretty/--no-pretty", default=True, help="Lay the SQL out over several lines.")
@click.option("--verify/--no-verify", default=True, help="Run both sides and compare.")
@click.option("--explain", is_flag=True, help="Show the query's steps, with the lines they are on.")
@seed_option
@model_options
@format_option
def to_sql(
    file: str,
    catalogs: tuple[str, ...],
    dialect: str,
    pretty: bool,
    verify: bool,
    explain: bool,
    seed: int,
    model_options: ModelOptions,
    format_: str,
) -> None:
    """Compile the Ibis code in FILE (- for stdin) to SQL, and prove it by running both.

    The code is a script that defines `expr` or ends with an expression, or a function over tables.
    The SQL goes to stdout, what is known about it to stderr. Exits with 0 if the SQL is VERIFIED
    (or was not to be verified), with 1 if it is not, and with 2 if the code, the catalog or an
    option cannot be read, or the dialect has no spelling for something.
    """
    from ibert.documents import read_input
    from ibert.tasks.ibis_to_sql import ibis_to_sql

    text, source = read_input(file)
    answer = ibis_to_sql(
        text,
        list(catalogs) or None,
        dialect=dialect,
        pretty=pretty,
        verify=verify,
        explain=explain,
        seed=seed,
        source=source,
        **model_options.arguments(),
    )
    if format_ == "json":
        print_json(answer)
    else:
        print_answer(answer)
    sys.exit(0 if answer.verdict.verified or not verify else FINDINGS)
