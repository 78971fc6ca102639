"""What every command prints the same way."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from ibert.answer import Answer
    from ibert.diagnostics import IbertError
    from ibert.verdict import Counterexample, Difference, Evidence

FINDINGS = 1
USAGE = 2


def fail(error: IbertError) -> NoReturn:
    """Print the diagnostics of an error and leave."""
    for diagnostic in error.diagnostics:
        note(str(diagnostic))
    sys.exit(USAGE)


def note(text: str) -> None:
    """Print for a person, on stderr."""
    click.echo(text, err=True)


def print_json(value: Any) -> None:
    """Print a value as indented JSON."""
    import msgspec

    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2))


def equal_rows(evidence: Evidence) -> str:
    """Say what a VERIFIED verdict rests on."""
    rows = f"{evidence.rows} equal row{'s' * (evidence.rows != 1)}"
    order = ", in the same order" if evidence.order else ""
    on = f" on {evidence.databases} databases" if evidence.databases > 1 else ""
    return f"{rows}{order}{on}"


def print_answer(answer: Answer) -> None:
    """Print what was generated on stdout, and what is known about it on stderr."""
    click.echo(answer.code, nl=False)
    verdict = answer.verdict
    equal = f": {equal_rows(verdict.evidence)}" if verdict.verified else ""
    note(f"{verdict.status.value}{equal}")
    for diagnostic in (*verdict.diagnostics, *answer.diagnostics):
        note(str(diagnostic))
    if verdict.evidence.counterexample:
        print_counterexample(verdict.evidence.counterexample)
    elif verdict.evidence.difference:
        print_difference(verdict.evidence.difference)
    if answer.explanation:
        note(answer.explanation)
    print_costs(answer)


def print_costs(answer: Answer) -> None:
    """Print what a model's answer cost, on stderr."""
    costs = answer.costs
    if costs is not None:
        rounds = f"{costs.rounds} round{'s' * (costs.rounds != 1)}"
        note(f"{rounds}, {costs.prompt_tokens} + {costs.tokens} tokens, {costs.seconds:.1f} s")


def print_difference(difference: Difference) -> None:
    """Show the rows that differ, on stderr."""
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    if not (difference.missing or difference.unexpected):
        return
    shown = _differing_columns(difference)
    table = Table("only in", *(escape(difference.columns[i]) for i in shown), box=SIMPLE)
    for side, rows in (("the SQL", difference.missing), ("Ibis", difference.unexpected)):
        for row in rows:
            table.add_row(side, *(escape(row[i]) for i in shown))
    Console(stderr=True).print(table)


def print_counterexample(found: Counterexample) -> None:
    """Show the tables on which two queries differ and what both give, on stderr."""
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console(stderr=True)
    shown = [(item.name, item.columns, item.rows) for item in found.tables]
    shown += [("the SQL gives", found.columns, found.reference)]
    shown += [("Ibis gives", found.columns, found.result)]
    if not found.tables:
        console.print("on empty tables")
    for title, columns, rows in shown:
        if not rows:
            console.print(f"{title}: no rows", highlight=False)
            continue
        table = Table(*map(escape, columns), box=SIMPLE)
        for row in rows:
            table.add_row(*map(escape, row))
        console.print(f"{escape(title)}:", table, highlight=False)


def _differing_columns(difference: Difference) -> list[int]:
    """Choose the first column and those that differ; all of them where the rows do not pair up."""
    columns = range(len(difference.columns))
    if len(difference.missing) != len(difference.unexpected):
        return list(columns)
    pairs = list(zip(difference.missing, difference.unexpected, strict=True))
    return [i for i in columns if i == 0 or any(one[i] != other[i] for one, other in pairs)]


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], None] | None]:
    """Show a progress bar on stderr where that is a terminal; None where it is not."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
