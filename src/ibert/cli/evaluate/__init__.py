"""`ibert eval`: how much of a suite comes out right."""

import click

from ibert.cli.evaluate.code_completion import code_completion
from ibert.cli.evaluate.documentation import documentation
from ibert.cli.evaluate.engines import compare, engines, score
from ibert.cli.evaluate.error_resolution import error_resolution
from ibert.cli.evaluate.ibis_to_sql import ibis_to_sql
from ibert.cli.evaluate.native import ibis_sql
from ibert.cli.evaluate.qa import qa
from ibert.cli.evaluate.sandbox import sandbox
from ibert.cli.evaluate.translate import translate
from ibert.cli.evaluate.verifier import verifier


class _Suites(click.Group):
    """Commands named after tasks, whose words people join with `-` as well."""

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Find a command by its name in either spelling."""
        return super().get_command(context, name.replace("-", "_"))

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Take options without a command as those of `engines`."""
        if args and args[0].startswith("--") and args[0] not in context.help_option_names:
            args = ["engines", *args]
        return super().parse_args(context, args)


@click.group(name="eval", cls=_Suites)
def evaluate() -> None:
    """Count how much of a suite comes out right."""


for command in (
    code_completion,
    compare,
    documentation,
    engines,
    error_resolution,
    ibis_sql,
    ibis_to_sql,
    qa,
    sandbox,
    score,
    translate,
    verifier,
):
    evaluate.add_command(command)
