"""Examples as a model is asked them: the conversation and the answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from ibert.datagen.example import Example, read_examples
from ibert.datagen.factory.reading import holds_rows, rows_in
from ibert.datagen.factory.reading import read_rows as read_dataset
from ibert.datagen.factory.row import Row
from ibert.datagen.factory.views import answer, fields
from ibert.datagen.structure import is_held_out, structure
from ibert.evaluation.runs.cases import Case
from ibert.evaluation.runs.given import case_from
from ibert.model.generation import Chat, Message
from ibert.model.prompts import described, task_prompt

TRAIN = "train"  # the split of a dataset that is learned


class TrainingRow(NamedTuple):
    """A question to a model, and the answer to it.

    Parameters
    ----------
    id
        Of the example.
    task
        One of the six.
    fields
        What the task's prompt is filled with; the last one is the query, the code or the question.
    answer
        What the model should write.
    group
        What is alike: rows of one group are all learned, or all held out.
    source
        What it was made of.
    """

    id: str
    task: str
    fields: dict[str, str]
    answer: str
    group: str
    source: Row | Example

    @property
    def case(self) -> Case | None:
        """What judges answers to it; None where nothing can."""
        return case_from(self.source)

    def prompt(self, style: str) -> Chat:
        """Give the conversation that asks for the answer; see `Data.prompt`."""
        asked = task_prompt(self.task).chat(self.fields)
        if style == "task":
            return asked
        *_, given = self.fields.values()
        return Chat((Message("user", given.strip()),))


def read_rows(files: Iterable[str | Path]) -> Iterator[TrainingRow]:
    """Read rows: of datasets of all tasks, of which the split `train` is read, or of JSONL files.

    Raises
    ------
    IbertError
        A file cannot be read, or a line is no example.
    """
    for path in map(Path, files):
        if path.is_dir():
            yield from (_of_dataset(row) for split, row in read_dataset(path) if split == TRAIN)
        elif holds_rows(path):
            yield from map(_of_dataset, rows_in(path))
        else:
            yield from (row_of(example) for _, example in read_examples(path))


def _of_dataset(row: Row) -> TrainingRow:
    return TrainingRow(
        id=row.id,
        task=row.content.task,
        fields=fields(row.content),
        answer=answer(row.content),
        group=row.origin.structure,
        source=row,
    )


def row_of(example: Example) -> TrainingRow:
    """Make a row of an example."""
    sql = example.input.sql
    tables = {name: one.schema for name, one in example.context.tables.items()}
    return TrainingRow(
        id=example.id,
        task=example.task,
        fields={"tables": described(tables), "dialect": example.dialect, "sql": sql},
        answer=example.target.ibis.strip(),
        group=structure(sql, example.target.ibis, example.dialect).sql,
        source=example,
    )


def split(
    rows: Iterable[TrainingRow], held_out: float
) -> tuple[list[TrainingRow], list[TrainingRow]]:
    """Part rows into those that are learned and those that are held out, whole groups at a time.

    The same rows are held out whatever else is there.
    """
    learned: list[TrainingRow] = []
    kept: list[TrainingRow] = []
    for row in rows:
        (kept if is_held_out(row.group, held_out) else learned).append(row)
    return learned, kept
