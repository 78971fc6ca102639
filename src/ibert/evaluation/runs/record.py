"""A run in its folder: what was asked of which engine, what it wrote, and what came of it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from ibert.diagnostics import Diagnostic, IbertError
from ibert.evaluation.runs.cases import Case
from ibert.files import written_whole
from ibert.model.generation import Generated, GenerationSettings
from ibert.model.settings import ModelSettings

T = TypeVar("T", bound=msgspec.Struct)

RUN, CASES, GENERATIONS = "run.json", "cases.jsonl", "generations.jsonl"
SCORED, FIGURES, REPORT = "scored.jsonl", "figures.json", "report.html"


class Run(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What decides what an engine writes.

    Parameters
    ----------
    engine
        `compiler` or `model`.
    model
        Which model; None for the compiler, and for one that was given open.
    place
        What a model in this process computed on, and in which numbers.
    generation
        How answers were generated.
    rounds
        How many times the model might try again.
    fills_in
        Whether it was given code with a gap as such.
    tasks, seed, limit
        What chose the cases.
    versions
        Of the packages that decide what comes out.
    prompts
        Versions of the prompts by their tasks.
    """

    engine: str
    model: ModelSettings | None = None
    place: str = ""
    generation: GenerationSettings = GenerationSettings()
    rounds: int = 0
    fills_in: bool = False
    tasks: tuple[str, ...] = ()
    seed: int = 0
    limit: int = 0
    versions: dict[str, str] = {}
    prompts: dict[str, str] = {}


class Generation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an engine wrote about a case.

    Parameters
    ----------
    case
        Its id.
    rounds
        The candidates of each round.
    refused
        Why the engine declined.
    seconds
        Of generating.
    """

    case: str
    rounds: tuple[tuple[Generated, ...], ...]
    refused: str = ""
    seconds: float = 0.0


def write(path: Path, value: msgspec.Struct) -> None:
    """Write a record whole."""
    with written_whole(path) as file:
        file.write(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")


def write_lines(path: Path, rows: Iterable[msgspec.Struct]) -> None:
    """Write records whole, a line for each."""
    with written_whole(path) as file:
        file.write(msgspec.json.Encoder().encode_lines(list(rows)))


def read(path: Path, kind: type[T]) -> T:
    """Read a record.

    Raises
    ------
    IbertError
        IB930 if it is not there or not one.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, msgspec.DecodeError) as error:
        raise _unreadable(path, error) from error


def read_lines(path: Path, kind: type[T]) -> list[T]:
    """Read records, a line for each.

    Raises
    ------
    IbertError
        IB930 if the file is not there, or a line is none.
    """
    try:
        return msgspec.json.Decoder(kind).decode_lines(path.read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: Exception) -> IbertError:
    hint = "`ibert eval engines --out DIR` makes the folder of a run"
    message = f"not the record of a run: {error}"
    return IbertError([Diagnostic(code="IB930", message=message, source=str(path), hint=hint)])


def begin(folder: Path, run: Run, cases: Sequence[Case]) -> list[Generation]:
    """Begin a run, or go on with one that was stopped: give what it has.

    Raises
    ------
    IbertError
        IB931 if the folder holds another run.
    """
    place = folder / RUN
    if place.exists():
        if read(place, Run) != run or read_lines(folder / CASES, Case) != list(cases):
            message = "the folder holds a run with other settings or cases"
            hint = "give another --out, or the settings in its run.json"
            diagnostic = Diagnostic(code="IB931", message=message, source=str(folder), hint=hint)
            raise IbertError([diagnostic])
        return _mended(folder / GENERATIONS)
    write_lines(folder / CASES, cases)
    (folder / GENERATIONS).write_bytes(b"")
    write(place, run)
    return []


def _mended(path: Path) -> list[Generation]:
    """Read what was generated; the line that a kill tore is cut off."""
    text = path.read_bytes() if path.exists() else b""
    whole = text[: text.rfind(b"\n") + 1]
    if whole != text or not path.exists():
        with written_whole(path) as file:
            file.write(whole)
    return read_lines(path, Generation)


def append(folder: Path, generation: Generation) -> None:
    """Add what was generated about a case; it stays when the process is killed."""
    with (folder / GENERATIONS).open("ab") as file:
        file.write(msgspec.json.encode(generation) + b"\n")
        file.flush()
        os.fsync(file.fileno())


def by_case(generations: Iterable[Generation]) -> dict[str, Generation]:
    """Give generations by the ids of their cases."""
    return {one.case: one for one in generations}


def batches(cases: Sequence[Case], size: int) -> Iterator[Sequence[Case]]:
    """Yield cases so many at a time."""
    for start in range(0, len(cases), size):
        yield cases[start : start + size]
