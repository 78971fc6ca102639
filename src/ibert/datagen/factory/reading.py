"""Read the rows of a dataset from its files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import msgspec

from ibert.datagen.factory.manifest import read_dataset_manifest
from ibert.datagen.factory.record import row_of
from ibert.datagen.factory.row import Row
from ibert.diagnostics import Diagnostic, IbertError, did_you_mean


def read_rows(folder: Path) -> Iterator[tuple[str, Row]]:
    """Yield the rows of a dataset, each with its split.

    Raises
    ------
    IbertError
        IB403 if there is no dataset, IB401 for a line that is no row.
    """
    for file in read_dataset_manifest(folder).files:
        path = folder / file.path
        if path.suffix == ".jsonl":
            for row in rows_in(path):
                yield file.split, row


def rows_in(path: Path) -> Iterator[Row]:
    """Yield the rows of one file of a dataset.

    Raises
    ------
    IbertError
        IB401 for a line that is no row.
    """
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            try:
                yield row_of(msgspec.json.decode(line, type=dict[str, Any]))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                source = f"{path}:{number}"
                diagnostic = Diagnostic(code="IB401", message=str(error), source=source)
                raise IbertError([diagnostic]) from error


def holds_rows(path: Path) -> bool:
    """Whether the first line of a file is a row of a dataset."""
    try:
        with path.open("rb") as file:
            first = msgspec.json.decode(file.readline() or b"{}", type=dict[str, Any])
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return False
    return {"task", "input", "target", "root"} <= {*first}


def find_row(folder: Path, id_: str) -> tuple[str, Row]:
    """Give the row of an id, or of the beginning of one, with its split.

    Raises
    ------
    IbertError
        IB953 if there is none, or there are several.
    """
    found, ids = [], []
    for split, row in read_rows(folder):
        ids.append(row.id)
        if row.id.startswith(id_):
            found.append((split, row))
    if len(found) == 1:
        return found[0]
    message = f"{len(found)} examples begin with {id_!r}"
    hint = did_you_mean(id_, ids, "ids") if not found else "give more of it"
    raise IbertError([Diagnostic(code="IB953", message=message, source=str(folder), hint=hint)])


def sample_rows(folder: Path, count: int, seed: int) -> list[Row]:
    """Draw rows by chance, all equally likely (Vitter's algorithm R, 1985)."""
    rng, kept = Random(seed), list[Row]()
    for number, (_, row) in enumerate(read_rows(folder)):
        if len(kept) < count:
            kept.append(row)
        elif (place := rng.randrange(number + 1)) < count:
            kept[place] = row
    return kept
