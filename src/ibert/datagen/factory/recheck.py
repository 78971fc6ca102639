"""Prove rows again, from what their files say alone."""

from __future__ import annotations

import re
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

import msgspec
from markdown_it import MarkdownIt

from ibert.answers import rows_table, shown
from ibert.api_index import api_index
from ibert.compilation import Program, target_of
from ibert.datagen.factory.databases import WITNESSED, OwnProver, Prover, StrangersProver
from ibert.datagen.factory.described import column_said
from ibert.datagen.factory.mistakes import difference_text, raised
from ibert.datagen.factory.questions import SHOW_ROWS, run
from ibert.datagen.factory.row import Row, catalog_of
from ibert.diagnostics import Diagnostic, IbertError
from ibert.documentation import Documenter, Source
from ibert.documentation.doctests import run_doctest
from ibert.documentation.validation import faults
from ibert.sandbox import Execution, Failure, Sandbox

_PATH = re.compile(r"`(ibis\.[\w.]+)`")

Progress = Callable[[int, int], None]


class Recheck(msgspec.Struct, frozen=True, kw_only=True):
    """What came of proving rows again.

    Parameters
    ----------
    name
        `recheck`.
    cases
        How many rows were proved again.
    hold
        How many of them hold.
    tasks
        The cases by task.
    problems
        Why the others do not.
    """

    name: str = "recheck"
    cases: int
    hold: int
    tasks: dict[str, int]
    problems: tuple[Diagnostic, ...]


def recheck(rows: Sequence[Row], *, progress: Progress | None = None) -> Recheck:
    """Prove rows again: all of one database follow each other, so that each is made once."""
    ordered = sorted(rows, key=lambda row: (_place(row), row.id))
    problems: list[Diagnostic] = []
    done = hold = 0
    with tempfile.TemporaryDirectory() as place, Documenter() as documenter:
        for number, (_, group) in enumerate(groupby(ordered, _place)):
            first, *others = group
            folder = Path(place, str(number))
            folder.mkdir()
            with _prover(first, folder) as prover:
                for row in (first, *others):
                    found = list(problems_of(row, prover, documenter.sandbox))
                    problems += [_problem(row, one) for one in found]
                    hold += not found
                    done += 1
                    if progress:
                        progress(done, len(ordered))
    tasks = Counter(row.content.task for row in rows)
    return Recheck(cases=done, hold=hold, tasks=dict(sorted(tasks.items())), problems=(*problems,))


def _place(row: Row) -> tuple[str, str]:
    """Tell the rows that a row is proved on: those of its database, or those made for its root."""
    name = row.origin.database
    return name, row.origin.root if name.startswith(WITNESSED) else ""


def _prover(row: Row, folder: Path) -> Prover:
    name, sql = row.origin.database, row.origin.sql
    if not name.startswith(WITNESSED):
        return OwnProver(name, folder)
    seed = int(name.rpartition(":")[2])
    return StrangersProver(catalog_of(row.content.tables), sql, seed, folder)


def problems_of(row: Row, prover: Prover, sandbox: Sandbox) -> Iterator[str]:
    """Yield what is wrong with a row."""
    if row.content.id != row.id:
        yield f"its content has the id {row.content.id}"
    known = prover.catalog.to_dict()
    for table in row.content.tables:
        if known.get(table.name) != {column.name: column.type for column in table.columns}:
            yield f"its database has no such table {table.name!r}"
    try:
        yield from _CHECKS[row.content.task](row, prover, sandbox)
    except IbertError as error:
        yield str(error.diagnostics[0])


def _translation(row: Row, prover: Prover, sandbox: Sandbox) -> Iterator[str]:
    content = row.content
    if content.task == "sql_to_ibis":
        verdict = prover.verify(content.input, content.target, dialect=content.dialect)
    else:
        dialect = target_of(content.dialect).read_as
        verdict = prover.verify(content.target, content.input, dialect=dialect)
    if not verdict.verified:
        yield "; ".join(map(str, verdict.diagnostics))


def _completion(row: Row, prover: Prover, sandbox: Sandbox) -> Iterator[str]:
    content = row.content
    whole = content.input + content.target + content.suffix
    Program(whole, catalog_of(content.tables))
    if isinstance(outcome := prover.execute(whole), Failure):
        yield f"the whole code fails: {outcome.message}"


def _error(row: Row, prover: Prover, sandbox: Sandbox) -> Iterator[str]:
    content = row.content
    wrong, right = prover.execute(content.input), prover.execute(content.target)
    if isinstance(right, Failure):
        yield f"the target fails: {right.message}"
    elif content.variant.startswith("silent_"):
        yield from _silent(row, prover, wrong)
    elif not isinstance(wrong, Failure):
        yield "the input does not raise"
    elif (said := raised(wrong)) != content.error:
        yield f"the input raises {said!r}"


def _silent(row: Row, prover: Prover, wrong: Execution | Failure) -> Iterator[str]:
    if isinstance(wrong, Failure):
        yield f"the input fails: {wrong.message}"
        return
    sql = row.content.error.partition("\nThe SQL:\n")[2]
    difference = prover.verify(sql, row.content.input).evidence.difference
    if difference is None or difference_text(sql, difference) != row.content.error:
        yield "the rows differ in another way"
    if not prover.verify(sql, row.content.target).verified:
        yield "the target does not give what the SQL gives"


def _answer(row: Row, prover: Prover, sandbox: Sandbox) -> Iterator[str]:
    content = row.content
    for name in _PATH.findall(content.target):
        if name not in api_index():
            yield f"Ibis has no {name}"
    for text in (content.input, content.target):
        for token in MarkdownIt().parse(text):
            if token.type == "fence" and token.info == "python":
                outcome = run(token.content, prover, sandbox, apart=content.variant == "gives")
                if isinstance(outcome, Failure):
                    yield f"the code fails: {outcome.message}"
                elif content.variant in SHOW_ROWS:
                    if rows_table(shown(outcome)) not in content.target:
                        yield "the code gives other rows"
                elif content.variant == "columns":
                    yield from _columns(row, token.content)


def _columns(row: Row, code: str) -> Iterator[str]:
    schema = Program(code, catalog_of(row.content.tables)).expr.as_table().schema()
    for name, dtype in schema.items():
        if column_said(name, dtype) not in row.content.target.splitlines():
            yield f"the code gives {name} {dtype}"


def _docstring(row: Row, prover: Prover, sandbox: Sandbox) -> Iterator[str]:
    content = row.content
    function = Source(content.input, catalog_of(content.tables)).functions()[-1]
    wrong = run_doctest(content.target, function, sandbox)
    if wrong:
        yield f"the example: {wrong}"
    yield from faults(content.target, function, content.variant)


_CHECKS: dict[str, Callable[[Row, Prover, Sandbox], Iterator[str]]] = {
    "sql_to_ibis": _translation,
    "ibis_to_sql": _translation,
    "code_completion": _completion,
    "error_resolution": _error,
    "qa": _answer,
    "documentation": _docstring,
}


def _problem(row: Row, reason: str) -> Diagnostic:
    name = f"{row.id} ({row.content.task}, {row.origin.name})"
    return Diagnostic(code="IB402", message=f"{name}: {reason}")
