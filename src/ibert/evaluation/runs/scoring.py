"""Judge what an engine wrote, beside the reference answers and beside saying nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from ibert.evaluation.runs import record
from ibert.evaluation.runs.cases import Case
from ibert.evaluation.runs.figures import Figures, figures
from ibert.evaluation.runs.generation import said
from ibert.evaluation.runs.posing import Posed, pose
from ibert.evaluation.runs.record import Generation, Run
from ibert.model import Refinement
from ibert.model.feedback import feedback
from ibert.verdict import Attempt, Status, Verdict

Progress = Callable[[int, int], None]


class Scored(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What came of a case.

    Parameters
    ----------
    case
        Its id.
    answer
        What a user would have got: the best answer by the task's own judge.
    status, message
        The verdict on it that counts, and what is wrong with it.
    first
        Whether the best answer of the first round was right.
    right, candidates
        How many answers of the first round were right, of how many.
    rounds, prompt_tokens, tokens, seconds
        What it cost.
    attempts
        Every candidate, with what the task's own judge said about it.
    oracle, empty
        The verdicts on the reference, and on an answer that says nothing.
    oracle_message
        What is wrong with the reference.
    """

    case: str
    answer: str
    status: Status
    message: str = ""
    first: bool = False
    right: int = 0
    candidates: int = 0
    rounds: int = 0
    prompt_tokens: int = 0
    tokens: int = 0
    seconds: float = 0.0
    attempts: tuple[Attempt, ...] = ()
    oracle: Status
    oracle_message: str = ""
    empty: Status

    @property
    def is_right(self) -> bool:
        """Whether what a user would have got is right."""
        return self.status is Status.VERIFIED


def score(folder: Path, *, progress: Progress | None = None) -> Figures:
    """Judge the generations of a run, and write its figures.

    Raises
    ------
    IbertError
        IB930 if the folder holds no run.
    """
    run = record.read(folder / record.RUN, Run)
    generations = record.read_lines(folder / record.GENERATIONS, Generation)
    made = record.by_case(generations)
    cases = [case for case in record.read_lines(folder / record.CASES, Case) if case.id in made]
    scored = []
    for case in cases:
        with pose(case) as posed:
            scored.append(_scored(case, made[case.id], posed, run))
        if progress is not None:
            progress(len(scored), len(cases))
    record.write_lines(folder / record.SCORED, scored)
    found = figures(run, list(zip(cases, scored, strict=True)))
    record.write(folder / record.FIGURES, found)
    return found


class _Scores:
    """The verdicts that count, each answer judged once."""

    def __init__(self, posed: Posed) -> None:
        self._posed = posed
        self._known: dict[str, Verdict] = {}

    def __call__(self, code: str) -> Verdict:
        if code not in self._known:
            self._known[code] = self._posed.score(code)
        return self._known[code]


def _scored(case: Case, made: Generation, posed: Posed, run: Run) -> Scored:
    scores = _Scores(posed)
    oracle = _alone(case.reference, posed, scores)
    state = posed.refinement(fills_in=run.fills_in)
    first = ""
    for number, candidates in enumerate(made.rounds):
        state.take(candidates, every=True)
        if number == 0:
            first = state.code
    drawn = [one.code for one in state.attempts if one.round == 0]
    status, message = _judged(state, scores)
    generated = [one for candidates in made.rounds for one in candidates]
    return Scored(
        case=case.id,
        answer=state.code,
        status=Status.REFUSED if made.refused else status,
        message=made.refused or message,
        first=bool(first) and scores(first).verified,
        right=sum(scores(code).verified for code in drawn),
        candidates=len(drawn),
        rounds=len(made.rounds),
        prompt_tokens=sum(one.prompt_tokens for one in generated),
        tokens=sum(one.tokens for one in generated),
        seconds=made.seconds,
        attempts=tuple(state.attempts),
        oracle=oracle.status,
        oracle_message="" if oracle.verified else feedback(oracle),
        empty=posed.score("").status,
    )


def _alone(text: str, posed: Posed, scores: _Scores) -> Verdict:
    """Judge one answer by itself, read as those of engines are."""
    state = posed.refinement(fills_in=True)
    state.take([said(text)])
    return scores(state.code)


def _judged(state: Refinement, scores: _Scores) -> tuple[Status, str]:
    if not state.code:  # there is nothing that could be judged, and the verdict says why
        return state.verdict.status, feedback(state.verdict)
    verdict = scores(state.code)
    return verdict.status, "" if verdict.verified else feedback(verdict)
