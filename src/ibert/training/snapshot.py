"""What a run learns from, as a file: the tokens, the labels and where they come from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from ibert.files import written_whole
from ibert.training.encoding import Encoding

ROWS = "rows.parquet"
FACTS = "snapshot.json"


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What a snapshot holds.

    Parameters
    ----------
    digest
        Of all tokens and labels, in order.
    rows, tokens, learned
        By task: rows, their tokens, and those of answers.
    dropped
        By task: rows that were too long.
    held_out
        How many rows were kept for evaluation.
    """

    digest: str
    rows: dict[str, int]
    tokens: dict[str, int]
    learned: dict[str, int]
    dropped: dict[str, int]
    held_out: int


def snapshot_of(encoding: Encoding, held_out: int) -> Snapshot:
    """Count what rows hold."""
    rows: dict[str, int] = {}
    tokens: dict[str, int] = {}
    learned: dict[str, int] = {}
    for row in encoding.rows:
        rows[row.task] = rows.get(row.task, 0) + 1
        tokens[row.task] = tokens.get(row.task, 0) + len(row.tokens)
        learned[row.task] = learned.get(row.task, 0) + len(row.tokens) - row.answer
    return Snapshot(
        digest=encoding.digest,
        rows=rows,
        tokens=tokens,
        learned=learned,
        dropped=encoding.dropped,
        held_out=held_out,
    )


def write_snapshot(folder: Path, encoding: Encoding, snapshot: Snapshot) -> None:
    """Write the rows (`id`, `task`, `input_ids`, `labels`) and what they are, each file whole."""
    import pyarrow as pa
    from pyarrow import parquet

    table = pa.table(
        {
            "id": [row.id for row in encoding.rows],
            "task": [row.task for row in encoding.rows],
            "input_ids": pa.array([row.tokens for row in encoding.rows], pa.list_(pa.int32())),
            "labels": pa.array([row.labels for row in encoding.rows], pa.list_(pa.int32())),
        }
    )
    with written_whole(folder / ROWS) as file:
        parquet.write_table(table, file)
    with written_whole(folder / FACTS) as file:
        file.write(msgspec.json.format(msgspec.json.encode(snapshot), indent=2) + b"\n")


def read_snapshot(folder: Path) -> Snapshot:
    """Read what a snapshot holds."""
    return msgspec.json.decode((folder / FACTS).read_bytes(), type=Snapshot)


def read_rows(folder: Path) -> Iterator[list[int]]:
    """Yield the tokens of the rows of a snapshot."""
    from pyarrow import parquet

    for batch in parquet.ParquetFile(folder / ROWS).iter_batches(64, columns=["input_ids"]):
        yield from batch.column(0).to_pylist()
