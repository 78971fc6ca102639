"""`ibert ask`: a question about Ibis, answered with an example that was run."""

from __future__ import annotations

import sys

import click

from ibert.cli.model import ModelOptions, model_options
from ibert.cli.options import format_option
from ibert.cli.output import FINDINGS, note, print_costs, print_json
from ibert.verdict import Status


@click.command()
@click.argument("question", nargs=-1, required=True)
@model_options
@format_option
def ask(question: tuple[str, ...], model_options: ModelOptions, format_: str) -> None:
    """Answer a QUESTION about Ibis (- reads it from stdin).

    The answer is Markdown: what to use, an example on the fixture tables with what it gave, and
    sources. Exits with 1 if nothing in the API of Ibis answers the question, or what a model says
    is not so, and with 2 if something that the model needs is missing.
    """
    from ibert.documents import read_input
    from ibert.tasks.qa import ask as run

    text = read_input("-")[0] if question == ("-",) else " ".join(question)
    answer = run(text, **model_options.arguments())
    if format_ == "json":
        print_json(answer)
    else:
        _print(answer.code)
        for diagnostic in answer.verdict.diagnostics:
            note(str(diagnostic))
        print_costs(answer)
    refused = answer.verdict.status in (Status.REFUSED, Status.FAILED)
    sys.exit(FINDINGS if refused else 0)


def _print(text: str) -> None:
    """Print Markdown: laid out on a terminal, as it is elsewhere."""
    if not sys.stdout.isatty():
        click.echo(text, nl=False)
        return
    from rich.console import Console
    from rich.markdown import Markdown

    Console().print(Markdown(text))
