"""Two runs on the same cases: which cases flipped, and whether that may be chance."""

from __future__ import annotations

from pathlib import Path

import msgspec

from ibert.diagnostics import Diagnostic, IbertError
from ibert.evaluation.runs import record
from ibert.evaluation.runs.cases import Case
from ibert.evaluation.runs.figures import engine_of
from ibert.evaluation.runs.record import Run
from ibert.evaluation.runs.scoring import Scored
from ibert.evaluation.runs.statistics import Share, mcnemar, wilson


class Flip(msgspec.Struct, frozen=True, kw_only=True):
    """A case that one of the runs has right, and the other has not."""

    case: str
    task: str
    name: str
    first: str
    second: str
    message: str


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """What sets two runs apart.

    Parameters
    ----------
    name
        `comparison`.
    engines
        What the runs asked.
    cases
        How many cases both have.
    only_one_run
        How many cases one of them lacks.
    first, second
        How many each has right.
    lost, won
        Cases that only the first has right, and that only the second has.
    p_value
        How likely chance alone parts them as far: McNemar's exact test.
    """

    name: str = "comparison"
    engines: tuple[str, str]
    cases: int
    only_one_run: int
    first: Share
    second: Share
    lost: tuple[Flip, ...]
    won: tuple[Flip, ...]
    p_value: float


def compare(first: Path, second: Path) -> Comparison:
    """Compare two runs that were judged.

    Raises
    ------
    IbertError
        IB930 if a folder holds no judged run, IB931 if the runs have no case in common.
    """
    one, other = _scored(first), _scored(second)
    shared = [case for case in record.read_lines(first / record.CASES, Case) if case.id in other]
    shared = [case for case in shared if case.id in one]
    if not shared:
        message = "the runs have no case in common"
        hint = "give both the same --tasks, --limit and --case-seed"
        raise IbertError([Diagnostic(code="IB931", message=message, hint=hint)])
    pairs = [(case, one[case.id], other[case.id]) for case in shared]
    lost = tuple(_flip(*pair) for pair in pairs if pair[1].is_right and not pair[2].is_right)
    won = tuple(_flip(*pair) for pair in pairs if pair[2].is_right and not pair[1].is_right)
    return Comparison(
        engines=(_engine(first), _engine(second)),
        cases=len(shared),
        only_one_run=len(one.keys() ^ other.keys()),
        first=wilson(sum(pair[1].is_right for pair in pairs), len(pairs)),
        second=wilson(sum(pair[2].is_right for pair in pairs), len(pairs)),
        lost=lost,
        won=won,
        p_value=mcnemar(len(lost), len(won)),
    )


def _scored(folder: Path) -> dict[str, Scored]:
    return {one.case: one for one in record.read_lines(folder / record.SCORED, Scored)}


def _engine(folder: Path) -> str:
    return engine_of(record.read(folder / record.RUN, Run))


def _flip(case: Case, one: Scored, other: Scored) -> Flip:
    return Flip(
        case=case.id,
        task=case.task,
        name=case.name,
        first=one.status.value,
        second=other.status.value,
        message=one.message or other.message,
    )
