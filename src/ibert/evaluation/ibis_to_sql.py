"""How much of the Ibis code of suites comes out equal as SQL of several dialects."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence

import msgspec

from ibert.catalog import Catalog
from ibert.diagnostics import IbertError
from ibert.evaluation.engines import compiler
from ibert.evaluation.score import Outcome, Reason, Score, evaluate
from ibert.evaluation.suites import Case, Suite
from ibert.tasks.ibis_to_sql import TASK, UNREADABLE, ibis_to_sql

DIALECTS = ("duckdb", "postgres", "bigquery", "snowflake", "spark")

Progress = Callable[[int, int], None]


class Compilations(msgspec.Struct, frozen=True, kw_only=True):
    """What code becomes in several dialects; `cases` counts each dialect.

    Parameters
    ----------
    name
        The task.
    cases, equal, wrong, refused, failed, unproved
        The sums over the scores below.
    scores
        One for each suite and dialect, named `suite:dialect`. What does not compile is `refused`.
    """

    name: str
    cases: int
    equal: int
    wrong: int
    refused: int
    failed: int
    unproved: int
    scores: tuple[Score, ...]


def compile_suite(
    suite: Suite,
    dialects: Iterable[str] = DIALECTS,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[Score]:
    """Compile the code of a suite for dialects, run both, and count.

    The code is the suite's own or, where it has none, what the compiler makes of the query. SQL of
    another dialect runs as sqlglot reads it.

    Parameters
    ----------
    suite
        The cases and their tables.
    dialects
        What to compile for.
    workers
        How many sandboxes; by default one for each CPU.
    progress
        Called after each case that ran, with the counts of its dialect.
    """
    codes = {case.name: case.code or compiler(case, suite.catalog) for case in suite.cases}
    scores = []
    for dialect in dialects:
        cases, refusals = _compiled(codes, suite.catalog, dialect)
        part = dataclasses.replace(suite, name=f"{suite.name}:{dialect}", cases=tuple(cases))
        score = evaluate(part, lambda case, _: codes[case.name], workers=workers, progress=progress)
        scores.append(_with_refusals(score, refusals))
    return scores


def _with_refusals(score: Score, refusals: Sequence[Reason]) -> Score:
    """Add what does not compile; SQL that cannot be run on DuckDB is no failure, but no proof."""
    reasons = [
        msgspec.structs.replace(found, outcome=Outcome.UNPROVED)
        if found.outcome is Outcome.FAILED and found.reason.startswith(UNREADABLE)
        else found
        for found in score.reasons
    ]
    failed = sum(found.outcome is Outcome.FAILED for found in reasons)
    return msgspec.structs.replace(
        score,
        cases=score.cases + len(refusals),
        refused=len(refusals),
        failed=failed,
        unproved=score.unproved + score.failed - failed,
        reasons=(*refusals, *reasons),
    )


def total(scores: Sequence[Score]) -> Compilations:
    """Add up scores."""
    figures = ("cases", *(outcome.value for outcome in Outcome))
    sums = {name: sum(getattr(score, name) for score in scores) for name in figures}
    return Compilations(name=TASK, scores=tuple(scores), **sums)


def _compiled(
    codes: dict[str, str], catalog: Catalog, dialect: str
) -> tuple[list[Case], list[Reason]]:
    cases, refusals = [], []
    for name, code in codes.items():
        try:
            answer = ibis_to_sql(code, catalog, dialect=dialect, verify=False)
        except IbertError as error:
            refusals.append(Reason(name, Outcome.REFUSED, str(error.diagnostics[0])))
        else:
            cases.append(Case(name, answer.code, dialect))
    return cases, refusals
