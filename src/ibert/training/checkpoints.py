"""Checkpoints that are whole: the last file that is written names all others with their digests."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from ibert.datagen.example import digest
from ibert.diagnostics import Diagnostic, IbertError
from ibert.files import written_whole

MARKER = "complete.json"
_NEEDED = ("trainer_state.json", "optimizer.pt", "scheduler.pt", "rng_state.pth")
_PREFIX = "checkpoint-"
_TORN = "torn-"


class Marker(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a checkpoint holds.

    Parameters
    ----------
    step
        Of the run.
    data
        The digest of what is learned.
    files
        The digest of each file.
    """

    step: int
    data: str
    files: dict[str, str]


def mark(folder: Path, *, step: int, data: str) -> None:
    """Declare a checkpoint whole."""
    files = {
        str(path.relative_to(folder)): digest(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MARKER
    }
    with written_whole(folder / MARKER) as file:
        file.write(msgspec.json.format(msgspec.json.encode(Marker(step, data, files)), indent=2))


def problem_with(folder: Path) -> str | None:
    """Say why a checkpoint is not whole; None where it is."""
    try:
        marker = msgspec.json.decode((folder / MARKER).read_bytes(), type=Marker)
    except OSError:
        return f"it has no {MARKER}: writing it was interrupted"
    except msgspec.DecodeError as error:
        return f"its {MARKER} cannot be read: {error}"
    for name in (*_NEEDED, *marker.files):
        path = folder / name
        if not path.is_file():
            return f"{name} is missing"
        if name in marker.files and digest(path) != marker.files[name]:
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
    found = [path for path in run.glob(f"{_PREFIX}*") if path.name[len(_PREFIX) :].isdigit()]
    for path in sorted(found, key=lambda one: -int(one.name[len(_PREFIX) :])):
        if problem_with(path) is None:
            return path
        _put_aside(path)
    return None


def whole(folder: Path, data: str) -> Path:
    """Give a checkpoint back if it is whole, and of a run on the same data.

    Raises
    ------
    IbertError
        IB912 if not.
    """
    problem = problem_with(folder)
    if problem is None:
        marker = msgspec.json.decode((folder / MARKER).read_bytes(), type=Marker)
        if marker.data == data:
            return folder
        problem = "it was made from other data: the configuration or the examples changed"
    message = f"{str(folder)!r} cannot be gone on from: {problem}"
    raise IbertError([Diagnostic(code="IB912", message=message)])


def _put_aside(path: Path) -> None:
    number = 0
    while (aside := path.with_name(f"{_TORN}{path.name}.{number}")).exists():
        number += 1
    path.rename(aside)
