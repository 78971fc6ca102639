"""The answer of a task: what was generated, the verdict on it, and how it came about."""

from __future__ import annotations

import enum

import msgspec

from ibert.diagnostics import Diagnostic, Span
from ibert.verdict import Verdict


class Support(enum.StrEnum):
    """What a backend makes of an expression."""

    COMPILES = "compiles"
    FOREIGN = "foreign function"  # it compiles to a call of a function that only DuckDB has
    UNSUPPORTED = "unsupported"


class Portability(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one backend makes of an expression.

    Parameters
    ----------
    backend
        The backend, as Ibis spells it.
    support
        Whether it compiles there.
    operation
        The operation or the function that stops it.
    message
        What the backend's compiler says about it.
    """

    backend: str
    support: Support
    operation: str | None = None
    message: str | None = None


class Alternative(msgspec.Struct, frozen=True, kw_only=True):
    """Other code that would do, after the one that is given.

    Parameters
    ----------
    code
        All of it.
    title
        What sets it apart, in one line.
    """

    code: str
    title: str


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """What a model's answer cost.

    Parameters
    ----------
    rounds, candidates
        How often the model was asked, and how many answers it gave in all.
    prompt_tokens, tokens
        How much it read and wrote.
    seconds
        Of generating and verifying.
    """

    rounds: int
    candidates: int
    prompt_tokens: int
    tokens: int
    seconds: float

    def __add__(self, other: Costs) -> Costs:
        return Costs(
            rounds=self.rounds + other.rounds,
            candidates=self.candidates + other.candidates,
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            tokens=self.tokens + other.tokens,
            seconds=round(self.seconds + other.seconds, 3),
        )


class Completion(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One of the texts that may stand at a cursor.

    Parameters
    ----------
    text
        What takes the place of the span.
    kind
        What it is: `column`, `method`, `variable`, `parameter`, `value`, `step`, …
    detail
        The type of a column or a variable, the parameters of a method.
    span
        What was typed of it already.
    """

    text: str
    kind: str
    detail: str = ""
    span: Span


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a task gives.

    Parameters
    ----------
    task
        The task: `sql_to_ibis`, …
    code
        The generated code or text.
    verdict
        What is known about it.
    diagnostics
        What a person should know about it.
    engine
        What generated it: `compiler` or `model`.
    explanation
        How it comes about, if that was asked.
    portability
        On which backends the code compiles, if that was asked.
    sources
        The names of Ibis that the answer rests on, the best first: `ibis.expr.types.…`.
    alternatives
        What else would do, best first.
    costs
        What the answer cost, if a model gave it.
    completions
        What may stand at the cursor, the likeliest first, for `code_completion`.
    """

    task: str
    code: str
    verdict: Verdict
    diagnostics: tuple[Diagnostic, ...] = ()
    engine: str = "compiler"
    explanation: str = ""
    portability: tuple[Portability, ...] = ()
    sources: tuple[str, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    costs: Costs | None = None
    completions: tuple[Completion, ...] = ()
