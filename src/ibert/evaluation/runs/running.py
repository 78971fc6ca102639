"""A run from its settings to its report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from importlib.metadata import PackageNotFoundError, version
from itertools import islice
from pathlib import Path

from ibert.diagnostics import Diagnostic, IbertError, did_you_mean
from ibert.evaluation.runs import record
from ibert.evaluation.runs.cases import TASKS, Case, make_cases
from ibert.evaluation.runs.figures import Figures
from ibert.evaluation.runs.generation import generate
from ibert.evaluation.runs.page import page
from ibert.evaluation.runs.record import Run
from ibert.evaluation.runs.scoring import Scored, score
from ibert.model.generation import Backend, GenerationSettings
from ibert.model.local import LocalModel
from ibert.model.prompts import task_prompt
from ibert.model.settings import ModelSettings, open_backend
from ibert.report import write_page

# Gives a progress bar for a step, or None where there is nobody to see it.
Progress = Callable[[str], AbstractContextManager[Callable[[int, int], None] | None]]

_DECIDING = ("ibert", "ibis-framework", "duckdb", "sqlglot", "torch", "transformers", "peft")


def run_engine(
    folder: Path,
    tasks: Sequence[str] = TASKS,
    *,
    engine: str = "compiler",
    model: ModelSettings | Backend | None = None,
    generation: GenerationSettings | None = None,
    refine: int = 0,
    limit: int = 20,
    seed: int = 0,
    given: Sequence[Case] | None = None,
    judge: bool = True,
    progress: Progress,
) -> Figures | None:
    """Have an engine answer cases of tasks, judge the answers, and write figures and a report.

    Parameters
    ----------
    folder
        Where everything goes; a run that was stopped goes on.
    tasks
        Which tasks.
    engine
        `compiler` or `model`.
    model
        Which model, or one that is open.
    generation
        How a model's answers are generated.
    refine
        How many times a model may try again.
    limit
        How many cases of each task, at most.
    seed
        Chooses the cases.
    given
        Cases, instead of those from the templates: `read_cases` reads them.
    judge
        Whether to judge at once; `score` does it later otherwise.
    progress
        Shows how far each step is.

    Raises
    ------
    IbertError
        IB932 if a task is not known or none has cases, IB931 if the folder holds another run,
        IB901 to IB904 if something that the model needs is missing.
    """
    for task in tasks:
        if task not in TASKS:
            hint = did_you_mean(task, TASKS, "tasks")
            raise IbertError([Diagnostic(code="IB932", message=f"no task {task!r}", hint=hint)])
    settings, backend = _opened(model)
    run = Run(
        engine=engine,
        model=settings,
        place=backend.place if isinstance(backend, LocalModel) else "",
        generation=generation or GenerationSettings(),
        rounds=refine,
        fills_in=backend is None or backend.fills_in,  # the compiler completes code as it stands
        tasks=tuple(tasks),
        seed=seed,
        limit=limit,
        versions=dict(_versions()),
        prompts={} if backend is None else {task: task_prompt(task).version for task in tasks},
    )
    if given is None:
        cases = make_cases(tasks, limit=limit, seed=seed)
    else:
        cases = [one for task in tasks for one in _first(given, task, limit)]
    if not cases:
        message = f"there are no cases of {', '.join(tasks)}"
        raise IbertError([Diagnostic(code="IB932", message=message)])
    with progress("answers") as bar:
        generate(folder, run, cases, backend, progress=bar)
    return judged(folder, progress=progress) if judge else None


def judged(folder: Path, *, progress: Progress) -> Figures:
    """Judge what a run generated, and write its figures and its report.

    Raises
    ------
    IbertError
        IB930 if the folder holds no run.
    """
    with progress("verdicts") as bar:
        found = score(folder, progress=bar)
    run = record.read(folder / record.RUN, Run)
    cases = {case.id: case for case in record.read_lines(folder / record.CASES, Case)}
    rows = [(cases[one.case], one) for one in record.read_lines(folder / record.SCORED, Scored)]
    write_page(folder / record.REPORT, page(run, found, rows))
    return found


def _first(cases: Iterable[Case], task: str, limit: int) -> Iterable[Case]:
    return islice((case for case in cases if case.task == task), limit)


def _opened(model: ModelSettings | Backend | None) -> tuple[ModelSettings | None, Backend | None]:
    """Give which model is meant, and the model."""
    if isinstance(model, ModelSettings):
        return model, open_backend(model)
    return None, model


def _versions() -> list[tuple[str, str]]:
    found = []
    for package in _DECIDING:
        try:
            found.append((package, version(package)))
        except PackageNotFoundError:
            continue
    return found
