"""Refinement: propose, verify, tell what is wrong, propose again.

One loop for every task that has a verifier: a task gives its fields and a judge.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from ibert.answer import Costs
from ibert.diagnostics import Diagnostic
from ibert.model.extraction import extract
from ibert.model.feedback import feedback
from ibert.model.generation import Backend, FillIn, Generated, GenerationSettings, Prompt
from ibert.model.prompts import task_prompt
from ibert.verdict import Attempt, Status, Verdict

Judge = Callable[[str], Verdict]  # what is known about a candidate; says nothing by raising
Remarks = Callable[[str], Iterable[Diagnostic]]  # what else may be said about one

# What another attempt can do something about; where nothing can be proved, it cannot.
_OBJECTIONS = {Status.CONDITIONAL, Status.REFUTED, Status.REFUSED, Status.FAILED}
_RANK = {status: rank for rank, status in enumerate(Status)}


class Refined(msgspec.Struct, frozen=True, kw_only=True):
    """The best candidate, the verdict on it with all attempts in its evidence, and the costs."""

    code: str
    verdict: Verdict
    costs: Costs


class Refinement:
    """One problem from round to round: what to ask next, and what has come of it.

    Parameters
    ----------
    task
        The task, which has a prompt.
    fields
        What the prompt's message is filled with.
    judge
        Gives the verdict on the code of an answer.
    dialect
        Of answers in SQL.
    gap
        What the first round asks to fill in, without a conversation; later ones are told more.
    remarks
        Gives what the next round is told about a candidate beside the verdict.

    Attributes
    ----------
    said
        What to ask next.
    code, verdict
        The best candidate so far, and what is known about it.
    attempts
        Every candidate that was judged, in order.
    """

    def __init__(
        self,
        task: str,
        fields: Mapping[str, str],
        judge: Judge,
        *,
        dialect: str = "duckdb",
        gap: FillIn | None = None,
        remarks: Remarks | None = None,
    ) -> None:
        self._prompt = task_prompt(task)
        self._asked = self._prompt.chat(fields)
        self._judge = judge
        self._dialect = dialect
        self._gap = gap
        self._remarks = remarks
        self._known: dict[str, Verdict] = {}
        self._round = 0
        self.said: Prompt = gap or self._asked
        self.attempts: list[Attempt] = []
        self.code, self.verdict = "", _no_code(None)

    @property
    def is_done(self) -> bool:
        """Whether there is nothing to say against the best candidate."""
        return self.verdict.status not in _OBJECTIONS

    def take(self, candidates: Sequence[Generated], *, every: bool = False) -> bool:
        """Judge the candidates of a round; tell whether there is something new to ask.

        Parameters
        ----------
        candidates
            The answers to what was said.
        every
            Whether to judge those after the first that there is nothing to say against, too.
        """
        latest: tuple[str, Verdict, str] | None = None
        for one in candidates:
            code = one.text if self.said is self._gap else self._extracted(one)
            verdict = _no_code(one) if code is None else self._judged(code)
            told = self._told(code, verdict)
            self.attempts.append(
                Attempt(
                    round=self._round,
                    code=one.text if code is None else code,
                    status=verdict.status,
                    message=told,
                )
            )
            first = len(self.attempts) == 1
            if first or _RANK[verdict.status] < _RANK[self.verdict.status]:
                self.code, self.verdict = code or "", verdict
            if latest is None or _RANK[verdict.status] < _RANK[latest[1].status]:
                latest = one.text, verdict, told
            if self.is_done and not every:
                break
        self._round += 1
        if self.is_done or latest is None:
            return False
        before, self.said = self.said, self._prompt.after(self._asked, latest[0], latest[2])
        return before != self.said

    def _extracted(self, one: Generated) -> str | None:
        return extract(one.text, self._prompt.language, self._dialect)

    def _judged(self, code: str) -> Verdict:
        if code not in self._known:
            self._known[code] = self._judge(code)
        return self._known[code]

    def _told(self, code: str | None, verdict: Verdict) -> str:
        """Say what is wrong with a candidate."""
        lines = [feedback(verdict)]
        if code is not None and self._remarks and verdict.status in _OBJECTIONS:
            lines += map(str, self._remarks(code))
        return "\n".join(lines)


def refine(
    task: str,
    fields: Mapping[str, str],
    judge: Judge,
    backend: Backend,
    *,
    rounds: int = 0,
    settings: GenerationSettings | None = None,
    dialect: str = "duckdb",
    gap: FillIn | None = None,
    remarks: Remarks | None = None,
) -> Refined:
    """Have a model answer, until the verifier has no objection or the rounds are used up.

    Each round after the first shows the model the best answer of the last, with what raised or
    which rows differ.

    Parameters
    ----------
    task, fields, judge, dialect, gap, remarks
        The problem: see `Refinement`.
    backend
        Generates the answers.
    rounds
        How many times the model may try again.
    settings
        How answers are generated: `candidates` of them in each round.

    Raises
    ------
    IbertError
        The backend lacks something.
    """
    settings = settings or GenerationSettings()
    state = Refinement(task, fields, judge, dialect=dialect, gap=gap, remarks=remarks)
    start = time.perf_counter()
    generated: list[Generated] = []
    for number in range(rounds + 1):
        drawn = msgspec.structs.replace(settings, seed=settings.seed + number)
        [candidates] = backend.generate([state.said], drawn)
        generated += candidates
        is_new = state.take(candidates)
        if state.is_done or not (is_new or settings.temperature):
            break
    evidence = msgspec.structs.replace(state.verdict.evidence, attempts=tuple(state.attempts))
    costs = Costs(
        rounds=number + 1,
        candidates=len(generated),
        prompt_tokens=sum(one.prompt_tokens for one in generated),
        tokens=sum(one.tokens for one in generated),
        seconds=round(time.perf_counter() - start, 3),
    )
    verdict = msgspec.structs.replace(state.verdict, evidence=evidence)
    return Refined(code=state.code, verdict=verdict, costs=costs)


def _no_code(one: Generated | None) -> Verdict:
    """Give the verdict on an answer without code."""
    cut = one is not None and not one.finished
    message = "the answer was cut off before its code was whole" if cut else "no code was given"
    hint = "allow more tokens with max_new_tokens" if cut else None
    diagnostic = Diagnostic(code="IB906", message=message, hint=hint)
    return Verdict(status=Status.FAILED, diagnostics=(diagnostic,))
