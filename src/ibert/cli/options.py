"""Options that several commands have."""

from __future__ import annotations

import click

_DESCRIBED = (
    "Where the tables are described: DDL (.sql), a DuckDB file, .parquet, .csv, .json or .yaml. "
    "May be given more than once."
)

catalog_option = click.option("--catalog", "catalogs", multiple=True, help=_DESCRIBED)
catalog_or_fixtures_option = click.option(
    "--catalog",
    "catalogs",
    multiple=True,
    help=f"{_DESCRIBED} Without it: the fixture tables.",
)
seed_option = click.option(
    "--seed", default=0, show_default=True, help="Makes the generated tables' rows."
)
format_option = click.option(
    "--format",
    "format_",
    type=click.Choice(["text", "json"]),
    default="text",
    help="How to print the result.",
)
