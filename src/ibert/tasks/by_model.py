"""Tasks by a language model: it proposes, the task's judge decides, and says what is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ibert.answer import Answer
from ibert.model.generation import Backend, FillIn, GenerationSettings
from ibert.model.prompts import described
from ibert.model.refinement import Refined, refine
from ibert.model.settings import ModelSettings, open_backend
from ibert.tasks.problem import Problem

Model = ModelSettings | Backend | str | None


def opened(model: Model) -> Backend:
    """Give the backend that is meant; one that is open already stays so.

    Raises
    ------
    IbertError
        A package, a model, a device or a server is missing.
    """
    if model is None or isinstance(model, str):
        model = ModelSettings() if model is None else ModelSettings(model=model)
    return open_backend(model) if isinstance(model, ModelSettings) else model


@dataclass(frozen=True)
class Asker:
    """Asks a model, and has it try again.

    Attributes
    ----------
    backend
        The model.
    rounds
        How many times it may try again, told what is wrong.
    settings
        How its answers are generated.
    """

    backend: Backend
    rounds: int = 0
    settings: GenerationSettings | None = None

    def refined(self, problem: Problem) -> Refined:
        """Have the model solve a problem."""
        fills_in = problem.gap is not None and self.backend.fills_in
        return refine(
            problem.task,
            fields_of(problem),
            problem.judge,
            self.backend,
            rounds=self.rounds,
            settings=self.settings,
            dialect=problem.dialect,
            gap=FillIn(*problem.gap) if problem.gap is not None and fills_in else None,
            remarks=problem.remarks,
        )

    def answer(self, problem: Problem, **others: Any) -> Answer:
        """Have the model solve a problem; give the answer, with other parts of it."""
        found = self.refined(problem)
        given = {
            "task": problem.task,
            "code": found.code,
            "verdict": found.verdict,
            "diagnostics": tuple(problem.remarks(found.code)) if found.code else (),
            "engine": "model",
            "costs": found.costs,
        }
        return Answer(**{**given, **others})


def fields_of(problem: Problem) -> dict[str, str]:
    """Give what the prompt of a problem is filled with."""
    return {"tables": described(problem.tables.to_dict()), **problem.fields}
