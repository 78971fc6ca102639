"""The group of all commands."""

from __future__ import annotations

import signal
import sys

import click

from ibert.cli.ask import ask
from ibert.cli.check import check
from ibert.cli.compile import to_sql
from ibert.cli.complete import complete
from ibert.cli.data import data
from ibert.cli.demo import demo
from ibert.cli.document import document
from ibert.cli.env import env
from ibert.cli.evaluate import evaluate
from ibert.cli.fix import fix
from ibert.cli.model import model
from ibert.cli.output import USAGE, fail, note
from ibert.cli.runs import runs
from ibert.cli.train import train
from ibert.cli.translate import to_ibis
from ibert.cli.verify import verify
from ibert.diagnostics import IbertError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ibert")
def cli() -> None:
    """Generate code for Ibis, and prove it by running it."""


for command in (
    ask,
    check,
    complete,
    data,
    demo,
    document,
    env,
    evaluate,
    fix,
    model,
    runs,
    to_ibis,
    to_sql,
    train,
    verify,
):
    cli.add_command(command)


def main() -> None:
    """Run the command line; what is wrong with the input becomes diagnostics and exit code 2."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # and clean up
    try:
        sys.exit(cli())
    except IbertError as error:
        fail(error)
    except (OSError, UnicodeError, RuntimeError) as error:  # a full disk, no room for a worker
        note(f"{type(error).__name__}: {error}")
        sys.exit(USAGE)
