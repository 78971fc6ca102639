"""What a run comes to: shares with intervals, in all and by task, difficulty and feature."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from ibert.evaluation.runs.cases import Case
from ibert.evaluation.runs.record import Run
from ibert.evaluation.runs.statistics import Share, bootstrap, pass_at, wilson
from ibert.verdict import Status

if TYPE_CHECKING:
    from ibert.evaluation.runs.scoring import Scored

NAME = "engines"
_LOOKED_AT = (1, 2, 5, 10, 20, 50, 100)  # the k of pass@k


class Estimate(msgspec.Struct, frozen=True, kw_only=True):
    """A mean over cases, with the interval that drawing cases again gives."""

    value: float
    low: float
    high: float


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of some of the cases.

    Parameters
    ----------
    cases
        How many.
    right
        How many of the answers that a user would have got are right.
    first
        How many were after the first round.
    gain
        What the other rounds added to the share.
    pass_at
        How likely one of `k` answers of the first round is right, by `k`.
    oracle, empty
        How many references are right, and how many answers that say nothing.
    """

    cases: int
    right: Share
    first: Share
    gain: float
    pass_at: dict[int, Estimate]
    oracle: Share
    empty: Share


class Unsound(msgspec.Struct, frozen=True):
    """A case that cannot be solved as it is judged, or that is solved by saying nothing."""

    case: str
    name: str
    reason: str


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a run.

    Parameters
    ----------
    name
        `engines`.
    engine
        `compiler`, or which model.
    cases
        How many were asked.
    total
        All of them.
    tasks, difficulties, features
        Parts of them, by name.
    statuses
        How many answers have which verdict.
    prompt_tokens, tokens, seconds
        What generating cost.
    unsound
        Cases whose reference is not right, or that need no answer.
    """

    name: str
    engine: str
    cases: int
    total: Part
    tasks: dict[str, Part]
    difficulties: dict[str, Part]
    features: dict[str, Part]
    statuses: dict[str, int]
    prompt_tokens: int
    tokens: int
    seconds: float
    unsound: tuple[Unsound, ...]


Rows = Sequence[tuple[Case, "Scored"]]


def engine_of(run: Run) -> str:
    """Give the name of what a run asked."""
    if run.model is None:
        return run.engine
    adapter = f" + {run.model.adapter}" if run.model.adapter else ""
    return f"{run.model.model}{adapter}"


def figures(run: Run, rows: Rows) -> Figures:
    """Count what came of a run's cases."""
    scored = [one for _, one in rows]
    return Figures(
        name=NAME,
        engine=engine_of(run),
        cases=len(rows),
        total=_part(rows),
        tasks=_parts(rows, lambda case: (case.task,)),
        difficulties=_parts(rows, lambda case: (case.difficulty,) if case.difficulty else ()),
        features=_parts(rows, lambda case: case.features),
        statuses=dict(Counter(one.status.value for one in scored)),
        prompt_tokens=sum(one.prompt_tokens for one in scored),
        tokens=sum(one.tokens for one in scored),
        seconds=round(sum(one.seconds for one in scored), 3),
        unsound=tuple(_unsound(rows)),
    )


def _parts(rows: Rows, names: Callable[[Case], Iterable[str]]) -> dict[str, Part]:
    groups: dict[str, list[tuple[Case, Scored]]] = {}
    for case, one in rows:
        for name in dict.fromkeys(names(case)):
            groups.setdefault(name, []).append((case, one))
    ordered = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
    return {name: _part(group) for name, group in ordered}


def _part(rows: Rows) -> Part:
    scored = [one for _, one in rows]
    count = len(scored)
    right = wilson(sum(one.is_right for one in scored), count)
    first = wilson(sum(one.first for one in scored), count)
    return Part(
        cases=count,
        right=right,
        first=first,
        gain=right.share - first.share,
        pass_at=_pass_at(scored),
        oracle=wilson(sum(one.oracle is Status.VERIFIED for one in scored), count),
        empty=wilson(sum(one.empty is Status.VERIFIED for one in scored), count),
    )


def _pass_at(scored: Sequence[Scored]) -> dict[int, Estimate]:
    """Estimate for each number of answers that every case has."""
    most = min((one.candidates for one in scored), default=0)
    found = {}
    for k in sorted({*(k for k in _LOOKED_AT if k <= most), most} - {0}):
        values = [pass_at(k, one.right, one.candidates) for one in scored]
        low, high = bootstrap(values)
        found[k] = Estimate(value=sum(values) / len(values), low=low, high=high)
    return found


def _unsound(rows: Rows) -> Iterable[Unsound]:
    for case, one in rows:
        if one.oracle is not Status.VERIFIED:
            yield Unsound(case.id, case.name, f"the reference: {one.oracle_message}")
        if one.empty is Status.VERIFIED:
            yield Unsound(case.id, case.name, "an answer that says nothing is right")
