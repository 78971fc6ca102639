"""Refinement: propose, verify, tell what is wrong, propose again.

One loop for every task that has a verifier: a task gives its fields and a judge.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import msgspec

from ibert.answer import Costs
from ibert.diagnostics import Diagnostic
from ibert.model.extraction import extract
from ibert.model.feedback import feedback
from ibert.model.generation import Backend, Generated, GenerationSettings
from ibert.model.prompts import task_prompt
from ibert.verdict import Attempt, Status, Verdict

Judge = Callable[[str], Verdict]  # what is known about a candidate; says nothing by raising

# What another attempt can do something about; where nothing can be proved, it cannot.
_OBJECTIONS = {Status.CONDITIONAL, Status.REFUTED, Status.REFUSED, Status.FAILED}
_RANK = {status: rank for rank, status in enumerate(Status)}


class Refined(msgspec.Struct, frozen=True, kw_only=True):
    """The best candidate, the verdict on it with all attempts in its evidence, and the costs."""

    code: str
    verdict: Verdict
    costs: Costs


def refine(
    task: str,
    fields: Mapping[str, str],
    judge: Judge,
    backend: Backend,
    *,
    rounds: int = 0,
    settings: GenerationSettings | None = None,
    dialect: str = "duckdb",
) -> Refined:
    """Have a model answer, until the verifier has no objection or the rounds are used up.

    Each round after the first shows the model its best answer so far, with what raised or which
    rows differ.

    Parameters
    ----------
    task
        The task, which has a prompt.
    fields
        What the prompt's message is filled with.
    judge
        Gives the verdict on the code of an answer.
    backend
        Generates the answers.
    rounds
        How many times the model may try again.
    settings
        How answers are generated: `candidates` of them in each round.
    dialect
        Of answers in SQL.

    Raises
    ------
    IbertError
        The backend lacks something.
    """
    settings = settings or GenerationSettings()
    prompt = task_prompt(task)
    asked = chat = prompt.chat(fields)
    start = time.perf_counter()
    known: dict[str, Verdict] = {}
    attempts: list[Attempt] = []
    generated: list[Generated] = []
    best, best_text, best_verdict = "", "", _no_code(None)
    for number in range(rounds + 1):
        drawn = msgspec.structs.replace(settings, seed=settings.seed + number)
        [candidates] = backend.generate([chat], drawn)
        generated += candidates
        for one in candidates:
            code = extract(one.text, prompt.language, dialect)
            if code is None:
                verdict = _no_code(one)
            else:
                verdict = known.get(code) or judge(code)
                known[code] = verdict
            attempts.append(_attempt(number, code, one, verdict))
            first = len(attempts) == 1
            if first or _RANK[verdict.status] < _RANK[best_verdict.status]:
                best, best_text, best_verdict = code or "", one.text, verdict
            if verdict.status not in _OBJECTIONS:
                break
        if best_verdict.status not in _OBJECTIONS:
            break
        chat = prompt.after(asked, best_text, feedback(best_verdict))
    evidence = msgspec.structs.replace(best_verdict.evidence, attempts=tuple(attempts))
    costs = Costs(
        rounds=attempts[-1].round + 1,
        candidates=len(generated),
        prompt_tokens=sum(one.prompt_tokens for one in generated),
        tokens=sum(one.tokens for one in generated),
        seconds=round(time.perf_counter() - start, 3),
    )
    verdict = msgspec.structs.replace(best_verdict, evidence=evidence)
    return Refined(code=best, verdict=verdict, costs=costs)


def _attempt(number: int, code: str | None, one: Generated, verdict: Verdict) -> Attempt:
    return Attempt(
        round=number,
        code=one.text if code is None else code,
        status=verdict.status,
        message=feedback(verdict),
    )


def _no_code(one: Generated | None) -> Verdict:
    """Give the verdict on an answer without code."""
    cut = one is not None and not one.finished
    message = "the answer was cut off before its code was whole" if cut else "no code was given"
    hint = "allow more tokens with max_new_tokens" if cut else None
    diagnostic = Diagnostic(code="IB906", message=message, hint=hint)
    return Verdict(status=Status.FAILED, diagnostics=(diagnostic,))
