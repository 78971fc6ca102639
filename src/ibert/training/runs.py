"""Runs, from their records: what each was, how far it came, how two differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ibert.diagnostics import Diagnostic, IbertError, did_you_mean
from ibert.training.config import TrainingConfig
from ibert.training.execution import by_task
from ibert.training.tracking import RECORD, Facts, read_facts, read_record

CONFIG = "config.json"
RESULT = "result.json"
FINAL = "final"  # the folder of what was trained


class Evaluated(msgspec.Struct, frozen=True):
    """An evaluation: the share of held-out answers that hold, in all and of each task."""

    step: int
    accuracy: float
    tasks: dict[str, float] = {}


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A run, from its record.

    Parameters
    ----------
    name
        Of its folder.
    config
        What it is.
    finished
        Whether it came to its end.
    step
        The last that was recorded.
    figures
        Of that step: the loss, that of each task, or the reward.
    evaluations
        In order.
    facts
        What it was made with.
    """

    name: str
    config: TrainingConfig
    finished: bool
    step: int
    figures: dict[str, float]
    evaluations: tuple[Evaluated, ...]
    facts: Facts | None = None

    @property
    def best(self) -> Evaluated | None:
        """The best evaluation; of several, the first."""
        return max(self.evaluations, key=lambda one: (one.accuracy, -one.step), default=None)


def read_runs(folder: Path, names: Sequence[str] = ()) -> list[Run]:
    """Read the runs in a folder, by the time when they were started.

    Parameters
    ----------
    folder
        Holds the folders of runs.
    names
        Those that are wanted, in this order; none for all.

    Raises
    ------
    IbertError
        IB913: there is no such run, or no folder of runs.
    """
    if not folder.is_dir():
        raise _no_run(f"there is no folder {str(folder)!r} with runs", "ibert train CONFIG")
    there = sorted(path.parent.name for path in folder.glob(f"*/{RECORD}"))
    for name in names:
        if name not in there:
            raise _no_run(f"there is no run {name!r}", did_you_mean(name, there, "runs"))
    runs = [read_run(folder / name) for name in names or there]
    return (
        runs
        if names
        else sorted(runs, key=lambda run: (run.facts.started if run.facts else 0.0, run.name))
    )


def _no_run(message: str, hint: str) -> IbertError:
    return IbertError([Diagnostic(code="IB913", message=message, hint=hint)])


def read_run(folder: Path) -> Run:
    """Read the run in a folder.

    Raises
    ------
    IbertError
        IB913: there is none.
    """
    if not (folder / RECORD).is_file():
        raise _no_run(f"there is no run in {str(folder)!r}", "ibert train CONFIG")
    lines = list(read_record(folder / RECORD))
    steps = [line for line in lines if line.kind == "train" and "loss" in line.figures]
    try:
        config = msgspec.json.decode((folder / CONFIG).read_bytes(), type=TrainingConfig)
    except (OSError, msgspec.DecodeError) as error:
        message = f"the {CONFIG} of {str(folder)!r} cannot be read: {error}"
        raise _no_run(message, "ibert train CONFIG") from error
    return Run(
        name=folder.name,
        config=config,
        finished=(folder / RESULT).is_file(),
        step=max((line.step for line in lines), default=0),
        figures=dict(_shown(steps[-1].figures)) if steps else {},
        evaluations=tuple(
            Evaluated(line.step, line.figures["accuracy"], dict(by_task(line.figures)))
            for line in lines
            if line.kind == "evaluation" and line.figures["cases"]
        ),
        facts=read_facts(folder),
    )


def _shown(figures: Mapping[str, float]) -> Iterator[tuple[str, float]]:
    """Give the figures that runs are compared by."""
    for name, figure in figures.items():
        if name in ("loss", "reward") or name.startswith(("loss/", "grades/")):
            yield name, figure


def differences(one: Run, other: Run) -> dict[str, tuple[Any, Any]]:
    """Say what two runs were asked differently: settings, data and revision.

    Examples
    --------
    >>> from ibert.training.config import Data, Optimisation
    >>> runs = [
    ...     Run(
    ...         name=name,
    ...         config=TrainingConfig(
    ...             data=Data(files=("a.jsonl",)), optimisation=Optimisation(learning_rate=rate)
    ...         ),
    ...         finished=True, step=1, figures={}, evaluations=(),
    ...     )
    ...     for name, rate in [("a", 1e-4), ("b", 3e-4)]
    ... ]
    >>> differences(*runs)
    {'optimisation.learning_rate': (0.0001, 0.0003)}
    """
    settings = [dict(_settings(run)) for run in (one, other)]
    names = list(dict.fromkeys([*settings[0], *settings[1]]))
    pairs = {name: (settings[0].get(name), settings[1].get(name)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _settings(run: Run) -> Iterator[tuple[str, Any]]:
    yield from _flat(msgspec.to_builtins(run.config), "")
    if run.facts is not None:
        yield from (("data digest", run.facts.data), ("git", run.facts.git))
        yield from _flat(run.facts.versions, "versions")


def _flat(value: object, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _flat(part, f"{name}.{key}" if name else key)
    else:
        yield name, value
