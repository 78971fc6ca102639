"""Examples as a model is asked them: the conversation and the answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from ibert.datagen.example import Example, read_examples
from ibert.datagen.factory.row import decode
from ibert.datagen.factory.views import answer, fields
from ibert.datagen.structure import is_held_out, structure
from ibert.diagnostics import Diagnostic, IbertError
from ibert.model.generation import Chat, Message
from ibert.model.prompts import described, task_prompt


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
    on_fixtures
        Whether its tables are the fixture tables, on which answers can be executed.
    """

    id: str
    task: str
    fields: dict[str, str]
    answer: str
    group: str
    on_fixtures: bool = True

    def prompt(self, style: str) -> Chat:
        """Give the conversation that asks for the answer; see `Data.prompt`."""
        asked = task_prompt(self.task).chat(self.fields)
        if style == "task":
            return asked
        *_, given = self.fields.values()
        return Chat((Message("user", given.strip()),))


def read_rows(files: Iterable[str | Path]) -> Iterator[TrainingRow]:
    """Read the rows of JSONL files of examples.

    Raises
    ------
    IbertError
        A file cannot be read, or a line is no example.
    """
    for path in map(Path, files):
        if _is_of_factory(path):
            yield from _rows_of_factory(path)
        else:
            yield from (row_of(example) for _, example in read_examples(path))


def _is_of_factory(path: Path) -> bool:
    """Whether the first line of a file is a row of `ibert data generate-all`."""
    try:
        with path.open("rb") as file:
            return "content" in msgspec.json.decode(file.readline() or b"{}", type=dict[str, Any])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return False  # who reads it as examples says what is wrong


def _rows_of_factory(path: Path) -> Iterator[TrainingRow]:
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                row = decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                problem = Diagnostic(code="IB401", message=str(error), source=f"{path}:{number}")
                raise IbertError([problem]) from error
            yield TrainingRow(
                id=row.id,
                task=row.content.task,
                fields=fields(row.content),
                answer=answer(row.content),
                group=row.origin.structure,
                on_fixtures=row.origin.database.startswith("fixture"),
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
