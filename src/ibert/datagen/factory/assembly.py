"""Put shards together: through the gates, into splits, as JSON lines and Parquet."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from ibert.api_index import api_index
from ibert.datagen.factory.card import card
from ibert.datagen.factory.gates import Gates, Leaks, split_of
from ibert.datagen.factory.making import versions
from ibert.datagen.factory.manifest import Coverage, DatasetFile, DatasetManifest, Lengths
from ibert.datagen.factory.near import NearDuplicates
from ibert.datagen.factory.record import SCHEMA, record
from ibert.datagen.factory.row import Row, decode
from ibert.datagen.factory.shard import Counts, counts_path, shard_path
from ibert.files import written_whole

PER_FILE = 5_000  # rows
MANIFEST, CARD, COVERAGE = "manifest.json", "README.md", "coverage.json"

Progress = Callable[[int, int], None]


def assemble(
    config: msgspec.Struct,
    folder: Path,
    shards: int,
    *,
    contaminated: dict[str, str] | None = None,
    progress: Progress | None = None,
) -> DatasetManifest:
    """Make the dataset of all shards of a folder, in `dataset` there.

    The manifest comes last: a dataset that has none is not whole.

    Parameters
    ----------
    config
        What the shards were made with.
    folder
        Where `shards` is.
    shards
        How many there are.
    contaminated
        Structures and questions of evaluations (see `Gates`), with the names of their cases.
    progress
        Told how many shards are read, of how many.
    """
    target = folder / "dataset"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    leaks, books = Leaks(_rows(shards, folder)), _Books(target)
    with (
        tempfile.TemporaryDirectory(dir=folder) as place,
        NearDuplicates(Path(place, "near.db")) as near,
    ):
        gates = Gates(leaks, contaminated or {}, near)
        for row in _rows(shards, folder, progress):
            split = split_of(row)
            if gates.passes(row, split):
                books.add(row, split)
    books.close()
    counts = [
        msgspec.json.decode(counts_path(folder, number).read_bytes(), type=Counts)
        for number in range(shards)
    ]
    manifest = DatasetManifest(
        config=msgspec.to_builtins(config),
        versions=versions(),
        files=books.files,
        counts=books.counts(),
        made=dict(_total(one.rows for one in counts)),
        roots=sum(one.roots for one in counts),
        rejected=dict(_total(one.rejected for one in counts)),
        kept_out=dict(sorted(gates.kept_out.items())),
        evaluations=len(set((contaminated or {}).values())),
        hits=dict(sorted(gates.hits.items())),
        sources=dict(sorted(books.sources.items())),
        licences=dict(sorted(books.licences.items())),
        lengths=books.lengths(),
    )
    coverage = books.coverage()
    for name, text in (
        (COVERAGE, msgspec.json.format(msgspec.json.encode(coverage)) + b"\n"),
        (CARD, card(manifest, coverage).encode()),
        (MANIFEST, msgspec.json.format(msgspec.json.encode(manifest)) + b"\n"),
    ):
        with written_whole(target / name) as file:
            file.write(text)
    return manifest


def _rows(shards: int, folder: Path, progress: Progress | None = None) -> Iterator[Row]:
    for number in range(shards):
        with shard_path(folder, number).open("rb") as file:
            yield from map(decode, file)
        if progress:
            progress(number + 1, shards)


def _total(counts: Iterator[dict[str, int]]) -> Iterator[tuple[str, int]]:
    total: Counter[str] = Counter()
    for one in counts:
        total.update(one)
    yield from sorted(total.items())


class _Books:
    """Writes the files of a dataset, and counts what is in them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: defaultdict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        self._numbers: Counter[tuple[str, str]] = Counter()
        self._counts: Counter[tuple[str, str]] = Counter()
        self._lengths: defaultdict[str, Counter[int]] = defaultdict(Counter)
        self._features: Counter[str] = Counter()
        self._operations: Counter[str] = Counter()
        self.sources: Counter[str] = Counter()
        self.licences: Counter[str] = Counter()
        self.files: list[DatasetFile] = []

    def add(self, row: Row, split: str) -> None:
        place = (row.content.task, split)
        self._waiting[place].append(record(row))
        self._counts[place] += 1
        self._features.update(row.origin.features)
        self._operations.update(row.origin.operations)
        self.sources[row.origin.source] += 1
        self.licences[row.origin.licence] += 1
        length = len(row.content.input) + len(row.content.suffix) + len(row.content.target)
        self._lengths[row.content.task][length] += 1
        if len(self._waiting[place]) == PER_FILE:
            self._write(place)

    def close(self) -> None:
        for place in sorted(self._waiting):
            self._write(place)
        self.files.sort(key=lambda file: file.path)

    def _write(self, place: tuple[str, str]) -> None:
        rows = self._waiting.pop(place, [])
        if not rows:
            return
        task, split = place
        stem = self._folder / task / f"{split}-{self._numbers[place]:05}"
        self._numbers[place] += 1
        with written_whole(stem.with_suffix(".jsonl")) as file:
            for one in rows:
                file.write(msgspec.json.encode(one) + b"\n")
        with written_whole(stem.with_suffix(".parquet")) as file:
            pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), file, compression="zstd")
        for path in (stem.with_suffix(".jsonl"), stem.with_suffix(".parquet")):
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            name = path.relative_to(self._folder).as_posix()
            size = path.stat().st_size
            self.files.append(DatasetFile(name, task, split, len(rows), size, digest))

    def counts(self) -> dict[str, dict[str, int]]:
        """Count the rows of each task by split."""
        found: dict[str, dict[str, int]] = {}
        for (task, split), count in sorted(self._counts.items()):
            found.setdefault(task, {})[split] = count
        return found

    def lengths(self) -> dict[str, Lengths]:
        """Give the spread of the lengths of each task."""
        return {task: Lengths.of(found) for task, found in sorted(self._lengths.items())}

    def coverage(self) -> Coverage:
        """Count the examples of each construct, those with none too."""
        known = {name for entry in api_index() for name in entry.operations}
        operations = {name: self._operations[name] for name in known | self._operations.keys()}
        return Coverage(sql=_frequent(self._features), operations=_frequent(operations))


def _frequent(counts: dict[str, int] | Counter[str]) -> dict[str, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
