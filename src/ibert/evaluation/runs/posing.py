"""Cases as problems: what an engine is asked, what refinement may know, and what counts.

Refinement is told what the task's own judge says, which sees no reference. What counts is decided
by `score`, which may: a repair has to give what the code gave before the fault.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from ibert.answers import find
from ibert.answers.claims import names_in
from ibert.api_index import api_index
from ibert.compilation import Program, target_of
from ibert.documentation import Documenter, Source
from ibert.documentation.inference import infer
from ibert.evaluation.runs.cases import Case
from ibert.model import Refinement
from ibert.model.generation import FillIn
from ibert.sandbox import Execution, Failure, Profile, Sandbox
from ibert.tasks import code_completion, documentation, error_resolution, ibis_to_sql, qa
from ibert.tasks import sql_to_ibis as translation
from ibert.tasks.by_model import fields_of
from ibert.tasks.problem import Problem, failed
from ibert.verdict import Verdict
from ibert.verification import Judge
from ibert.verifier.witness import write_witnesses

Score = Callable[[str], Verdict]


@dataclass(frozen=True)
class Posed:
    """A case that is ready to be asked and judged.

    Attributes
    ----------
    problem
        What is asked, with the judge that refinement listens to.
    score
        Gives the verdict that counts: VERIFIED for what is right.
    """

    problem: Problem
    score: Score

    def refinement(self, *, fills_in: bool) -> Refinement:
        """Give the state of asking about it."""
        problem = self.problem
        return Refinement(
            problem.task,
            fields_of(problem),
            problem.judge,
            dialect=problem.dialect,
            gap=FillIn(*problem.gap) if problem.gap is not None and fills_in else None,
            remarks=problem.remarks,
        )


def pose(case: Case) -> AbstractContextManager[Posed]:
    """Open what judges the answers to a case."""
    return _POSED[case.task](case)


@contextmanager
def _translation(case: Case) -> Iterator[Posed]:
    given = case.input
    with translation.problem(given["sql"], case.catalog, dialect=given["dialect"]) as problem:
        yield Posed(problem, problem.judge)


@contextmanager
def _compilation(case: Case) -> Iterator[Posed]:
    program = Program(case.input["code"], case.catalog)
    problem = ibis_to_sql.problem(program, target_of(case.input["dialect"]))
    yield Posed(problem, problem.judge)


@contextmanager
def _completion(case: Case) -> Iterator[Posed]:
    before, after = case.input["before"], case.input["after"]
    problem = code_completion.problem(before + after, len(before), case.catalog)
    with Judge(case.sql, case.catalog) as judge:
        yield Posed(problem, lambda text: judge.verify(code_completion.filled(before, text, after)))


@contextmanager
def _repair(case: Case) -> Iterator[Posed]:
    tables = case.catalog
    with tempfile.TemporaryDirectory() as folder, Judge(case.sql, tables) as judge:
        [path, *_] = write_witnesses(Path(folder), tables, case.sql)[0].paths
        with Sandbox([path]) as sandbox:

            def run(text: str) -> Execution | Failure:
                return sandbox.run(text, profile=Profile.OWN, constants=None)

            given = case.input
            problem = error_resolution.problem(given["code"], given["error"], tables, run)
            yield Posed(problem, judge.verify)


@contextmanager
def _question(case: Case) -> Iterator[Posed]:
    question = case.input["question"]
    with qa.problem(question, find(question, limit=5)) as problem:

        def score(text: str) -> Verdict:
            if not _names_any(text, case.wanted):
                return failed("IB803", f"the answer names none of {', '.join(case.wanted)}")
            return problem.judge(text)

        yield Posed(problem, score)


def _names_any(text: str, wanted: Iterable[str]) -> bool:
    """Whether a text names one of the entries of the index: with its owner, or as a method."""
    index, names = api_index(), names_in(text)
    paths = {entry.path for name in names if (entry := index.get(name))}
    entries = [entry for name in wanted if (entry := index.get(name))]
    return any(entry.path in paths or f".{entry.name}()" in names for entry in entries)


@contextmanager
def _function(case: Case) -> Iterator[Posed]:
    given = case.input
    source = Source(given["code"], case.catalog)
    inference = infer(source, source.function(given["function"]))
    with Documenter() as documenter:
        problem = documentation.problem(documenter, inference, given["style"])
        yield Posed(replace(problem, tables=case.catalog), problem.judge)


_POSED: dict[str, Callable[[Case], AbstractContextManager[Posed]]] = {
    "sql_to_ibis": _translation,
    "ibis_to_sql": _compilation,
    "code_completion": _completion,
    "error_resolution": _repair,
    "qa": _question,
    "documentation": _function,
}
