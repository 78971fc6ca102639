"""The record of a run, which is on the disk before the run goes on, and its mirror in W&B.

The record is what counts. The mirror is for looking at: what it loses when a process is killed,
the record has.
"""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec

from ibert.files import written_whole
from ibert.model.missing import missing, require
from ibert.training.config import TrainingConfig

RECORD = "metrics.jsonl"
FACTS = "facts.json"
PACKAGES = ("ibert", "torch", "transformers", "peft", "trl", "datasets", "ibis-framework", "duckdb")
_MIRRORED = "global_step"  # the axis of all figures


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a run was made with, beside its configuration.

    Parameters
    ----------
    started
        When, in seconds since 1970.
    data
        The digest of what is learned.
    git
        The revision of the working tree, with `+` where files differ from it; None: there is none.
    versions
        Of Python and of the packages.
    """

    started: float
    data: str
    git: str | None
    versions: dict[str, str]


def facts(data: str) -> Facts:
    """Find out what a run is made with.

    Examples
    --------
    >>> facts("a digest").versions["ibert"] == version("ibert")
    True
    """
    return Facts(
        started=round(time.time(), 3),
        data=data,
        git=_revision(),
        versions={
            "python": platform.python_version(),
            **{package: version(package) for package in PACKAGES},
        },
    )


def _revision() -> str | None:
    here = Path.cwd()
    found = _git(here, "rev-parse", "HEAD")
    if found is None:
        return None
    return f"{found}+" if _git(here, "status", "--porcelain", "--untracked-files=no") else found


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        process = subprocess.run(  # noqa: S603
            ["git", "-C", str(folder), *arguments],  # noqa: S607
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return None
    return process.stdout.strip() if process.returncode == 0 else None


class Line(msgspec.Struct, frozen=True):
    """A line of the record.

    Parameters
    ----------
    kind
        `train` or `evaluation`.
    step
        Of the run.
    figures
        By name.
    """

    kind: str
    step: int
    figures: dict[str, Any]


class Record(AbstractContextManager["Record"]):
    r"""The figures of a run: a line each, on the disk before the run goes on; a context manager.

    Parameters
    ----------
    path
        The file, which is added to. What a process that was killed left of a line is cut off.
    mirror
        Is shown the figures, too.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, RECORD)
    ...     _ = path.write_text('{"kind":"train","st')
    ...     with Record(path) as record:
    ...         record.add("train", 1, {"loss": 0.5})
    ...     list(read_record(path))
    [Line(kind='train', step=1, figures={'loss': 0.5})]
    """

    def __init__(self, path: Path, mirror: Mirror | None = None) -> None:
        self._mirror = mirror
        self._file = path.open("ab")
        written = path.read_bytes()
        self._file.truncate(written.rfind(b"\n") + 1)

    def __exit__(self, *exception: object) -> None:
        self._file.close()

    def add(self, kind: str, step: int, figures: Mapping[str, Any]) -> None:
        """Write a line."""
        line = {"kind": kind, "step": step, "time": round(time.time(), 3), **figures}
        self._file.write(msgspec.json.encode(line) + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
        if self._mirror is not None:
            self._mirror.show(kind, step, figures)


def read_record(path: Path) -> Iterator[Line]:
    """Read the lines of a record; of those that a run wrote again after going on, the last.

    A line that was not written to its end is left out.
    """
    lines: dict[tuple[object, ...], Line] = {}
    for line in path.read_bytes().splitlines(keepends=True):
        if line.endswith(b"\n"):
            figures = msgspec.json.decode(line)
            del figures["time"]
            kind, step = figures.pop("kind"), figures.pop("step")
            # The last step has a summary beside its figures.
            lines[kind, step, "loss" in figures] = Line(kind, step, figures)
    yield from sorted(lines.values(), key=lambda one: one.step)


class Mirror(AbstractContextManager["Mirror"]):
    """What Weights & Biases is shown of a run; a context manager.

    `WANDB_MODE=offline` keeps it in the folder of the run, for `wandb sync`.

    Parameters
    ----------
    project
        Of W&B.
    folder
        Of the run, which gives its name.
    config, found
        What the run is, and what it was made with.

    Raises
    ------
    IbertError
        IB901 if the package is missing, IB904 if the server lets nobody in.
    """

    def __init__(self, project: str, folder: Path, config: TrainingConfig, found: Facts) -> None:
        wandb = require("wandb", "train")
        try:
            self._run = wandb.init(
                project=project,
                name=folder.name,
                group=folder.name,  # a run that goes on is another one for W&B
                dir=str(folder),
                mode=os.environ.get("WANDB_MODE", "online"),
                config={"config": msgspec.to_builtins(config), **msgspec.to_builtins(found)},
                settings=wandb.Settings(console="off", silent=True),
            )
        except wandb.errors.Error as error:
            reason = str(error).strip().partition("\n")[0]
            what = f"Weights & Biases takes no run: {reason}"
            raise missing("IB904", what, "wandb login, or WANDB_MODE=offline") from error
        self._run.define_metric(_MIRRORED)
        self._run.define_metric("*", step_metric=_MIRRORED)

    def __exit__(self, kind: object, *_: object) -> None:
        self._run.finish(exit_code=0 if kind is None else 1)

    def show(self, kind: str, step: int, figures: Mapping[str, Any]) -> None:
        """Show the figures of a step."""
        named = {f"{kind}/{name}": figure for name, figure in figures.items()}
        self._run.log({_MIRRORED: step, **named})

    def show_samples(self, step: int, samples: Iterable[msgspec.Struct]) -> None:
        """Show what a model wrote, as a table."""
        wandb = require("wandb", "train")
        rows = [msgspec.to_builtins(sample) for sample in samples]
        if rows:
            table = wandb.Table(columns=list(rows[0]), data=[list(row.values()) for row in rows])
            self._run.log({_MIRRORED: step, "samples": table})

    def keep(self, kind: str, paths: Iterable[Path]) -> None:
        """Keep files, or folders of files, as an artifact of the run."""
        wandb = require("wandb", "train")
        artifact = wandb.Artifact(f"{self._run.name}-{kind}", type=kind)
        for path in paths:
            if path.is_dir():
                artifact.add_dir(str(path), name=path.name)
            else:
                artifact.add_file(str(path))
        self._run.log_artifact(artifact)


def write_facts(folder: Path, found: Facts) -> None:
    """Write what a run was made with."""
    with written_whole(folder / FACTS) as file:
        file.write(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")


def read_facts(folder: Path) -> Facts | None:
    """Read what a run was made with; None where it was not begun."""
    path = folder / FACTS
    return msgspec.json.decode(path.read_bytes(), type=Facts) if path.is_file() else None
