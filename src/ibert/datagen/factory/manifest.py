"""What a dataset holds, what was kept out of it and why."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate
from pathlib import Path
from typing import Any, Self

import msgspec

from ibert.diagnostics import Diagnostic, IbertError


class DatasetFile(msgspec.Struct, frozen=True):
    """A file of a dataset, with its rows, its size in bytes and its digest."""

    path: str
    task: str
    split: str
    rows: int
    bytes: int
    sha256: str


class Lengths(msgspec.Struct, frozen=True):
    """How many characters examples have: input, suffix and target."""

    median: int
    p90: int
    max: int

    @classmethod
    def of(cls, counts: Mapping[int, int]) -> Self:
        """Give the spread of lengths that were counted.

        Examples
        --------
        >>> Lengths.of({10: 8, 20: 1, 30: 1})
        Lengths(median=10, p90=20, max=30)
        """
        lengths = sorted(counts)
        sums = list(accumulate(counts[length] for length in lengths))

        def quantile(share: float) -> int:
            return next(
                length
                for length, below in zip(lengths, sums, strict=True)
                if below >= share * sums[-1]
            )

        return cls(quantile(0.5), quantile(0.9), lengths[-1])


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """How many examples show each construct of SQL, and each operation of Ibis; 0 is told, too."""

    sql: dict[str, int]
    operations: dict[str, int]


class DatasetManifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a dataset holds.

    Parameters
    ----------
    config, versions
        What made it.
    files
        Its files.
    counts
        Its rows by task and split.
    made
        The verified examples of all shards, by task: what came to the gates.
    roots
        The proved pairs that these were derived from.
    rejected
        What was not verified, by task and reason.
    kept_out
        What the gates kept out, by task and reason.
    evaluations
        How many cases of evaluations it was held against.
    hits
        Which of them something was kept out for, and how much.
    sources, licences
        Its rows by each.
    lengths
        Of its rows, by task.
    """

    config: dict[str, Any]
    versions: dict[str, str]
    files: list[DatasetFile]
    counts: dict[str, dict[str, int]]
    made: dict[str, int]
    roots: int
    rejected: dict[str, int]
    kept_out: dict[str, int]
    evaluations: int
    hits: dict[str, int]
    sources: dict[str, int]
    licences: dict[str, int]
    lengths: dict[str, Lengths]

    @property
    def rows(self) -> int:
        """How many rows the dataset has."""
        return sum(sum(splits.values()) for splits in self.counts.values())


def read_dataset_manifest(folder: Path) -> DatasetManifest:
    """Read the manifest of a dataset.

    Raises
    ------
    IbertError
        IB403 if there is none, or it is broken.
    """
    path = folder / "manifest.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=DatasetManifest)
    except (OSError, msgspec.DecodeError) as error:
        message = f"the manifest of {folder} cannot be read: {error}"
        hint = "`ibert data generate-all` makes a dataset"
        diagnostic = Diagnostic(code="IB403", message=message, source=str(path), hint=hint)
        raise IbertError([diagnostic]) from error
