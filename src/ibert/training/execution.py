"""How many answers of a model hold when they are executed, in each task."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from ibert.training.grading import Grade
from ibert.training.rows import TrainingRow

_OF_TASK = "accuracy/"  # before the name of a task


class Outcome(msgspec.Struct, frozen=True):
    """One answer.

    Parameters
    ----------
    id, task
        Of the row.
    answer
        What the model wrote.
    grade
        How far it comes.
    """

    id: str
    task: str
    answer: str
    grade: Grade


def accuracies(outcomes: Iterable[Outcome]) -> dict[str, float]:
    """Give the share of answers that hold: in all, and of each task.

    Examples
    --------
    >>> grades = [Grade.EQUAL, Grade.RUNS, Grade.EQUAL]
    >>> tasks = ["qa", "qa", "documentation"]
    >>> pairs = zip(tasks, grades, strict=True)
    >>> accuracies(Outcome("1", task, "", grade) for task, grade in pairs)["accuracy/qa"]
    0.5
    """
    held: dict[str, list[bool]] = defaultdict(list)
    for one in outcomes:
        held[one.task].append(one.grade is Grade.EQUAL)
    every = [equal for task in held.values() for equal in task]
    return {
        "accuracy": sum(every) / max(1, len(every)),
        "cases": len(every),
        **{f"{_OF_TASK}{task}": sum(equal) / len(equal) for task, equal in sorted(held.items())},
    }


def by_task(figures: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    """Yield the shares of tasks that figures hold."""
    for name, figure in figures.items():
        if name.startswith(_OF_TASK):
            yield name.removeprefix(_OF_TASK), figure


def spread(rows: Sequence[TrainingRow], number: int) -> list[TrainingRow]:
    """Choose rows whose answers can be judged: as many of each task as there are, evenly apart."""
    by_task: dict[str, list[TrainingRow]] = defaultdict(list)
    for row in rows:
        if row.case is not None:
            by_task[row.task].append(row)
    found: list[TrainingRow] = []
    for place, task in enumerate(sorted(by_task, key=lambda task: (len(by_task[task]), task))):
        some = by_task[task]
        wanted = (number - len(found)) // (len(by_task) - place)
        found += some[:: max(1, len(some) // max(1, wanted))][:wanted]
    return found
