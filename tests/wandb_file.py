"""Reads what Weights & Biases keeps of a run offline: protobuf in a log of blocks."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BLOCK = 1 << 15
HEADER = struct.Struct("<IHB")
FULL, FIRST, _MIDDLE, LAST = 1, 2, 3, 4


def records(path: Path) -> Iterator[Any]:
    """Give the records of a run."""
    from wandb.proto.wandb_internal_pb2 import Record

    data = path.read_bytes()
    assert data[:4] == b":W&B"
    place, parts = 7, b""
    while place + HEADER.size <= len(data):
        left = BLOCK - place % BLOCK
        if left < HEADER.size:  # too little for another header
            place += left
            continue
        _, length, kind = HEADER.unpack_from(data, place)
        if not kind:
            break
        place += HEADER.size
        parts = (b"" if kind in (FULL, FIRST) else parts) + data[place : place + length]
        place += length
        if kind in (FULL, LAST):
            yield Record.FromString(parts)
