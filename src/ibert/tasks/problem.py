"""What an engine is asked in a task, and how its answers are judged: the same for all tasks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ibert.catalog import Catalog
from ibert.diagnostics import Diagnostic, IbertError, did_you_mean
from ibert.verdict import Status, Verdict

if TYPE_CHECKING:
    from ibert.model import GenerationSettings
    from ibert.tasks.by_model import Asker, Model

ENGINES = ("compiler", "model")


def _none(answer: str) -> Iterable[Diagnostic]:
    return ()


@dataclass(frozen=True)
class Problem:
    """One input of a task: each task's `problem` makes them.

    Attributes
    ----------
    task
        The task.
    fields
        What the prompt's message is filled with, but for the tables.
    judge
        Gives the verdict on an answer: the one that the compiler's answer gets.
    tables
        Those that the answer may read.
    dialect
        Of an answer in SQL.
    gap
        The code before and after what is asked for, where the answer fills in code.
    remarks
        Gives what else may be said about an answer that is not right.
    """

    task: str
    fields: Mapping[str, str]
    judge: Callable[[str], Verdict]
    tables: Catalog = Catalog({})  # noqa: RUF009  it is never changed
    dialect: str = "duckdb"
    gap: tuple[str, str] | None = None
    remarks: Callable[[str], Iterable[Diagnostic]] = _none


def asker(
    engine: str, model: Model, refine: int, generation: GenerationSettings | None
) -> Asker | None:
    """Give what asks the model that is meant; None for the compiler.

    Raises
    ------
    IbertError
        IB905 if there is no such engine, or the compiler is told about models; IB901 to IB904 if
        something that the model needs is missing.
    """
    if engine not in ENGINES:
        hint = did_you_mean(engine, ENGINES, "engines")
        raise IbertError([Diagnostic(code="IB905", message=f"no engine {engine!r}", hint=hint)])
    if engine == "compiler":
        if model is not None or refine or generation is not None:
            message = "the compiler asks no model"
            hint = "choose the engine 'model', or leave model, refine and generation out"
            raise IbertError([Diagnostic(code="IB905", message=message, hint=hint)])
        return None
    if refine < 0:
        message = f"refine is {refine}, and has to be at least 0"
        raise IbertError([Diagnostic(code="IB905", message=message)])
    from ibert.tasks.by_model import Asker, opened

    return Asker(opened(model), refine, generation)


def only_for_compiler(engine: str, **given: bool) -> None:
    """Refuse options that a model has no use for.

    Parameters
    ----------
    engine
        The engine.
    given
        Options by their names, with whether they have another value than the usual one.

    Raises
    ------
    IbertError
        IB905 if the engine is the model and one of them was given.
    """
    named = [name for name, is_given in given.items() if is_given]
    if engine == "model" and named:
        message = f"the model engine has no use for {', '.join(named)}"
        hint = "leave it out, or choose the engine 'compiler'"
        raise IbertError([Diagnostic(code="IB905", message=message, hint=hint)])


def checked(tables: Catalog) -> Callable[[str], Iterable[Diagnostic]]:
    """Give what the checker says about Ibis code over tables."""

    def remarks(code: str) -> Iterable[Diagnostic]:
        from ibert.checker import check

        return check(code, tables).diagnostics

    return remarks


def failed(code: str, message: str, hint: str | None = None) -> Verdict:
    """Give the verdict on an answer that is not right, for one reason."""
    diagnostic = Diagnostic(code=code, message=message, hint=hint)
    return Verdict(status=Status.FAILED, diagnostics=(diagnostic,))
