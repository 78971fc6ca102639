"""`ibert env`: what a bug report needs."""

from __future__ import annotations

import click

from ibert.cli.options import format_option
from ibert.cli.output import print_json

PACKAGES = ("ibert", "ibis-framework", "duckdb", "sqlglot", "pyarrow", "msgspec", "click", "ruff")


@click.command()
@format_option
def env(format_: str) -> None:
    """Show the versions of everything that takes part."""
    import platform
    import sys
    from importlib.metadata import version

    found = {
        "python": platform.python_version(),
        "executable": sys.executable,
        "platform": platform.platform(),
        **{package: version(package) for package in PACKAGES},
    }
    if format_ == "json":
        print_json(found)
        return
    for name, value in found.items():
        click.echo(f"{name:<15} {value}")
