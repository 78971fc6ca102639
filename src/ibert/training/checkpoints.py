"""Checkpoints that are whole: the last file that is written names all others with their digests."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import msgspec

from ibert.datagen.example import digest
from ibert.diagnostics import Diagnostic, IbertError
from ibert.files import written_whole

MARKER = "complete.json"
# How they are named depends on how many processes there are, and on who shards the weights.
_NEEDED = ("trainer_state.json", "optimizer*", "scheduler.pt", "rng_state*")
_PREFIX = "checkpoint-"
_TORN = "torn-"


class Marker(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a checkpoint holds.

    Parameters
    ----------
    step
        Of the run.
    run
        Of what it is one: see `Plan.digest`.
    files
        The digest of each file.
    """

    step: int
    run: str
    files: dict[str, str]


def mark(folder: Path, *, step: int, run: str) -> None:
    """Declare a checkpoint whole."""
    files = {
        str(path.relative_to(folder)): digest(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MARKER
    }
    with written_whole(folder / MARKER) as file:
        file.write(msgspec.json.format(msgspec.json.encode(Marker(step, run, files)), indent=2))


def problem_with(folder: Path) -> str | None:
    """Say why a checkpoint is not whole; None where it is."""
    if not folder.is_dir():
        return "there is no such folder"
    try:
        marker = msgspec.json.decode((folder / MARKER).read_bytes(), type=Marker)
    except OSError:
        return f"it has no {MARKER}: writing it was interrupted"
    except msgspec.DecodeError as error:
        return f"its {MARKER} cannot be read: {error}"
    for pattern in _NEEDED:
        if not any(folder.glob(pattern)):
            return f"{pattern.rstrip('*')} is missing"
    for name, wanted in marker.files.items():
        path = folder / name
        if not path.is_file():
            return f"{name} is missing"
        if digest(path) != wanted:
            return f"{name} is not what was written"
    state = json.loads((folder / "trainer_state.json").read_bytes())
    return None if state["global_step"] == marker.step else "it is of another step"


def newest_whole(run: Path) -> Path | None:
    """Give the last checkpoint of a run that is whole; what is torn is put aside.

    Parameters
    ----------
    run
        The folder with the checkpoints.
    """
    for path in _newest_first(run):
        if problem_with(path) is None:
            return path
        _put_aside(path)
    return None


def keep_newest(run: Path, number: int) -> None:
    """Remove checkpoints but the last ones: once a new one is whole, and not before."""
    for path in _newest_first(run)[number:]:
        shutil.rmtree(path)


def _newest_first(run: Path) -> list[Path]:
    found = [path for path in run.glob(f"{_PREFIX}*") if path.name[len(_PREFIX) :].isdigit()]
    return sorted(found, key=lambda one: -int(one.name[len(_PREFIX) :]))


def whole(folder: Path, run: str) -> Path:
    """Give a checkpoint back if it is whole, and of the same run.

    Raises
    ------
    IbertError
        IB912 if not.
    """
    problem = problem_with(folder)
    if problem is None:
        marker = msgspec.json.decode((folder / MARKER).read_bytes(), type=Marker)
        if marker.run == run:
            return folder
        problem = "the examples, or the settings that decide what is learned, changed since"
    message = f"{str(folder)!r} cannot be gone on from: {problem}"
    hint = "bring them back, or choose another --out"
    raise IbertError([Diagnostic(code="IB912", message=message, hint=hint)])


def _put_aside(path: Path) -> None:
    number = 0
    while (aside := path.with_name(f"{_TORN}{path.name}.{number}")).exists():
        number += 1
    path.rename(aside)
