"""How many answers of a model hold when they are executed."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import msgspec

from ibert import fixtures
from ibert.model.extraction import extract
from ibert.model.generation import Backend, GenerationSettings
from ibert.model.prompts import task_prompt
from ibert.training.rows import TrainingRow
from ibert.verifier import Verifier


class Outcome(msgspec.Struct, frozen=True):
    """One answer.

    Parameters
    ----------
    id
        Of the row.
    answer
        What the model wrote.
    status
        The verdict.
    """

    id: str
    answer: str
    status: str


class Execution(AbstractContextManager["Execution"]):
    """Runs translations on the fixture tables; a context manager."""

    def __init__(self) -> None:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            paths = fixtures.write_databases(folder, 0)
            self._verifier = stack.enter_context(Verifier([paths]))
            self._resources = stack.pop_all()

    def __exit__(self, *exception: object) -> None:
        self._resources.close()

    def outcomes(
        self,
        backend: Backend,
        rows: Sequence[TrainingRow],
        settings: GenerationSettings,
        *,
        style: str,
    ) -> list[Outcome]:
        """Generate an answer to each row, and run it beside the query."""
        generated = backend.generate([row.prompt(style) for row in rows], settings)
        return [
            self._outcome(row, candidates[0].text)
            for row, candidates in zip(rows, generated, strict=True)
        ]

    def _outcome(self, row: TrainingRow, text: str) -> Outcome:
        code = extract(text, task_prompt(row.task).language)
        if code is None:
            return Outcome(row.id, text, "FAILED")
        sql, dialect = row.fields["sql"], row.fields["dialect"]
        verdict = self._verifier.verify(sql, code, dialect=dialect)
        return Outcome(row.id, text, verdict.status.value)


def accuracy(outcomes: Sequence[Outcome]) -> float:
    """Give the share of answers that hold."""
    held = sum(one.status == "VERIFIED" for one in outcomes)
    return held / max(1, len(outcomes))
