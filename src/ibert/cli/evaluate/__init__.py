"""`ibert eval`: how much of a suite comes out right."""

import click

from ibert.cli.evaluate.ibis_to_sql import ibis_to_sql
from ibert.cli.evaluate.native import ibis_sql
from ibert.cli.evaluate.qa import qa
from ibert.cli.evaluate.sandbox import sandbox
from ibert.cli.evaluate.translate import translate
from ibert.cli.evaluate.verifier import verifier


@click.group(name="eval")
def evaluate() -> None:
    """Count how much of a suite comes out right."""


for command in (ibis_sql, ibis_to_sql, qa, sandbox, translate, verifier):
    evaluate.add_command(command)
