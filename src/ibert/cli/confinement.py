"""The option of the commands that run code which nobody vouches for."""

from __future__ import annotations

import os

import click


def _allow(_context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        from ibert.sandbox import ALLOW_WEAK

        os.environ[ALLOW_WEAK] = "1"


weak_sandbox_option = click.option(
    "--allow-weak-sandbox",
    is_flag=True,
    expose_value=False,
    callback=_allow,
    help="Run code even where this machine cannot confine it (see docs/security.md).",
)
