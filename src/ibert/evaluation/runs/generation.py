"""Have an engine answer cases; what it writes is kept, so that it can be judged again."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import msgspec

from ibert import ask, complete, document, fix, ibis_to_sql, sql_to_ibis
from ibert.answer import Answer
from ibert.diagnostics import IbertError
from ibert.evaluation.runs import record
from ibert.evaluation.runs.cases import Case
from ibert.evaluation.runs.posing import pose
from ibert.evaluation.runs.record import Generation, Run
from ibert.model.generation import Backend, Generated

Progress = Callable[[int, int], None]


def generate(
    folder: Path,
    run: Run,
    cases: Sequence[Case],
    backend: Backend | None,
    *,
    progress: Progress | None = None,
) -> list[Generation]:
    """Have an engine answer what a run lacks.

    Cases are asked in batches. Between rounds the answers are judged; after the last they are not:
    that is `score`'s.

    Parameters
    ----------
    folder
        Of the run.
    run
        Which engine, and how.
    cases
        What is asked.
    backend
        The model; None for the compiler.
    progress
        Told how many cases are done.

    Raises
    ------
    IbertError
        IB931 if the folder holds another run.
    """
    done = record.by_case(record.begin(folder, run, cases))
    for batch in record.batches(cases, run.generation.batch_size):
        missing = [case for case in batch if case.id not in done]
        if backend is None:
            made = [_compiled(case) for case in missing]
        else:
            # What is drawn depends on the batch: one that was torn is asked again as a whole.
            made = _asked(batch, run, backend) if missing else []
        for generation in made:
            if generation.case not in done:
                record.append(folder, generation)
                done[generation.case] = generation
        if progress is not None:
            progress(len(done), len(cases))
    return [done[case.id] for case in cases]


def _asked(batch: Sequence[Case], run: Run, backend: Backend) -> list[Generation]:
    """Ask a model about a batch, round by round; those with nothing to say against are done."""
    rounds: dict[str, list[tuple[Generated, ...]]] = {case.id: [] for case in batch}
    seconds = dict.fromkeys(rounds, 0.0)
    with ExitStack() as stack:
        states = {
            case.id: stack.enter_context(pose(case)).refinement(fills_in=run.fills_in)
            for case in batch
        }
        for number in range(run.rounds + 1):
            seed = run.generation.seed + number
            settings = msgspec.structs.replace(run.generation, seed=seed)
            start = time.perf_counter()
            answers = backend.generate([state.said for state in states.values()], settings)
            spent = (time.perf_counter() - start) / len(states)
            for (case, state), candidates in zip(list(states.items()), answers, strict=True):
                rounds[case].append(tuple(candidates))
                seconds[case] += spent
                if number < run.rounds:
                    is_new = state.take(candidates)
                    if state.is_done or not (is_new or settings.temperature):
                        del states[case]
            if not states:
                break
    return [
        Generation(case=case, rounds=tuple(found), seconds=round(seconds[case], 3))
        for case, found in rounds.items()
    ]


def _compiled(case: Case) -> Generation:
    """Ask the compiler about a case."""
    start = time.perf_counter()
    text, refused = "", ""
    try:
        text = _COMPILED[case.task](case)
    except IbertError as error:
        refused = str(error.diagnostics[0])
    seconds = round(time.perf_counter() - start, 3)
    return Generation(case=case.id, rounds=((said(text),),), refused=refused, seconds=seconds)


def said(text: str) -> Generated:
    """Give a text as an answer that no model wrote."""
    return Generated(text=text, prompt_tokens=0, tokens=0)


def _translation(case: Case) -> str:
    given = case.input
    answer: Answer = sql_to_ibis(given["sql"], case.tables, dialect=given["dialect"], verify=False)
    return answer.code


def _compilation(case: Case) -> str:
    given = case.input
    answer: Answer = ibis_to_sql(given["code"], case.tables, dialect=given["dialect"], verify=False)
    return answer.code


def _completion(case: Case) -> str:
    before, after = case.input["before"], case.input["after"]
    lines = before.split("\n")
    place = len(lines), len(lines[-1]) + 1
    answer: Answer = complete(before + after, place, case.tables)
    return answer.completions[0].text if answer.completions else ""


def _repair(case: Case) -> str:
    answer: Answer = fix(case.input["code"], case.tables, error=case.input["error"])
    return answer.code


def _question(case: Case) -> str:
    answer: Answer = ask(case.input["question"])
    return answer.code


def _docstring(case: Case) -> str:
    given = case.input
    answer: Answer = document(given["code"], given["function"], case.tables, style=given["style"])
    return answer.code


_COMPILED: dict[str, Callable[[Case], str]] = {
    "sql_to_ibis": _translation,
    "ibis_to_sql": _compilation,
    "code_completion": _completion,
    "error_resolution": _repair,
    "qa": _question,
    "documentation": _docstring,
}
