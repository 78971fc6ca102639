"""`ibert demo`: the six tasks, one after the other, on the fixture tables."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

import click

from ibert.cli.output import FINDINGS, note

if TYPE_CHECKING:
    from ibert.answer import Answer

TABLES = ("orders", "users")
SQL = """
SELECT u.country, COUNT(*) AS n, SUM(o.total) AS total
FROM orders o JOIN users u ON u.user_id = o.user_id
WHERE o.status = 'paid'
GROUP BY u.country
HAVING COUNT(*) > 1
ORDER BY total DESC, u.country
"""
CODE = """
# what was paid
paid = orders.filter(_.status == "paid")
expr = paid.group_by("user_id").agg(n=_.count(), total=_.total.sum())
"""
UNFINISHED = "paid = orders.filter(_.status == 'paid')\npaid.join(users, 'us"
BROKEN = "orders.filter(_.totl > 100 and _.status == 'paid')  # large orders\n"
QUESTION = "How do I count distinct users per day?"
FUNCTION = """
def paid_per_country(orders, users):
    paid = orders.filter(orders.status == "paid")
    joined = paid.join(users, "user_id")
    return joined.group_by("country").agg(n=joined.count(), total=joined.total.sum())
"""


class _Step(NamedTuple):
    title: str
    given: str
    shown: Callable[[], tuple[Answer, str]]


@click.command()
def demo() -> None:
    """Show the six tasks on the fixture tables, each with its verdict.

    Exits with 1 if one of them is not proved as it should be.
    """
    from ibert import fixtures
    from ibert.catalog import Catalog
    from ibert.sandbox import warm_up

    warm_up()
    everything = Catalog.from_ddl(fixtures.SCHEMA_SQL)
    catalog = Catalog({name: everything[name] for name in TABLES})
    unproved = 0
    for number, step in enumerate(_steps(catalog), 1):
        started = time.perf_counter()
        answer, shown = step.shown()
        seconds = time.perf_counter() - started
        click.secho(f"{number}. {step.title}", bold=True)
        click.echo(f"\n{step.given.strip()}\n\n  ↓\n\n{shown.strip()}\n")
        click.echo(f"{answer.verdict.status.value} ({seconds:.1f} s)\n")
        unproved += answer.verdict.status.value not in ("VERIFIED", "CHECKED")
    if unproved:
        note(f"{unproved} of the answers are not proved")
    sys.exit(FINDINGS if unproved else 0)


def _steps(catalog: object) -> Iterator[_Step]:
    import ibert

    def to_ibis() -> tuple[Answer, str]:
        answer = ibert.sql_to_ibis(SQL, catalog)
        return answer, answer.code

    yield _Step("SQL to Ibis", SQL, to_ibis)

    def to_sql() -> tuple[Answer, str]:
        answer = ibert.ibis_to_sql(CODE, catalog, dialect="snowflake")
        return answer, answer.code

    yield _Step("Ibis to SQL, for Snowflake", CODE, to_sql)

    def complete() -> tuple[Answer, str]:
        answer = ibert.complete(UNFINISHED, catalog=catalog)
        return answer, "\n".join(f"{one.text}  ({one.detail})" for one in answer.completions[:5])

    yield _Step("Completion", f"{UNFINISHED}▮", complete)

    def fix() -> tuple[Answer, str]:
        answer = ibert.fix(BROKEN, catalog)
        return answer, answer.explanation

    yield _Step("Error resolution", BROKEN, fix)

    def ask() -> tuple[Answer, str]:
        answer = ibert.ask(QUESTION)
        return answer, answer.code

    yield _Step("Questions", QUESTION, ask)

    def document() -> tuple[Answer, str]:
        answer = ibert.document(FUNCTION, catalog=catalog)
        return answer, answer.code

    yield _Step("Documentation", FUNCTION, document)
