"""Hostile Arrow streams: what an untrusted process may send in the place of its rows."""

from __future__ import annotations

import random
import struct
from functools import partial

import pyarrow as pa

REAL = pa.table(
    {
        "text": ["one", "two", None, "three"] * 8,
        "list": [[1, 2], None, [], [3]] * 8,
        "code": pa.array(["a", "b", "a", None] * 8).dictionary_encode(),
        "number": [1, 2, 3, 4] * 8,
    }
)


def packed(table: pa.Table, **options: object) -> bytes:
    """Write a table as a stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def patched(column: pa.Array, old: bytes, new: bytes) -> bytes:
    """Pack a column and write over some of its bytes."""
    stream = packed(pa.table([column], ["x"]))
    assert stream.count(old) == 1
    return stream.replace(old, new)


def offsets_past_the_end() -> bytes:
    """Let a text end a gigabyte past the end of its data."""
    old, new = struct.pack("<3i", 0, 3, 6), struct.pack("<3i", 0, 3, 1 << 30)
    return patched(pa.array(["one", "two"]), old, new)


def offsets_below_zero() -> bytes:
    """Let a text begin a gigabyte before its data."""
    old, new = struct.pack("<3i", 0, 3, 6), struct.pack("<3i", -(1 << 30), 3, 6)
    return patched(pa.array(["one", "two"]), old, new)


def list_past_the_end() -> bytes:
    """Let a list take items that are not there."""
    old, new = struct.pack("<3i", 0, 3, 7), struct.pack("<3i", 0, 3, 1 << 28)
    return patched(pa.array([[1, 2, 3], [4, 5, 6, 7]]), old, new)


def dictionary_past_the_end() -> bytes:
    """Let a code point at an entry that the dictionary does not have."""
    codes = pa.array([1 << 30, 0], pa.int32())
    hostile = pa.DictionaryArray.from_arrays(codes, pa.array(["a"]), safe=False)
    return packed(pa.table([hostile], ["x"]))


def view_past_the_end() -> bytes:
    """Let a view of a text point at a buffer that is not there."""
    text = pa.array(["a text that is too long for the view itself"], pa.string_view())
    return patched(text, b"a te" + bytes(8), b"a te" + struct.pack("<2i", 1 << 20, 1 << 30))


def not_text() -> bytes:
    """Let a text hold bytes that are no text."""
    return patched(pa.array(["one", "two"]), b"onetwo", b"\xff\xfe\xfd\xc0\xaf\x80")


def rows_without_data() -> bytes:
    """Claim hundreds of millions of rows of a type that takes no room."""
    return packed(pa.table([pa.nulls(300_000_000)], ["x"]))


def runs_without_data() -> bytes:
    """Claim hundreds of millions of rows as one run."""
    runs = pa.array([300_000_000], pa.int32())
    return packed(pa.table([pa.RunEndEncodedArray.from_arrays(runs, pa.array([1]))], ["x"]))


def compressed() -> bytes:
    """Pack a gigabyte and a half of zeros into kilobytes."""
    zeros = pa.Array.from_buffers(
        pa.int64(), 200_000_000, [None, pa.py_buffer(bytes(1_600_000_000))]
    )
    return packed(pa.table([zeros], ["x"]), compression="zstd")


def dictionary_of_long_texts() -> bytes:
    """Repeat one text of a megabyte thousands of times by its code."""
    codes = pa.array([0] * 4000, pa.int32())
    text = pa.DictionaryArray.from_arrays(codes, pa.array(["x" * (1 << 20)]))
    plain = pa.DictionaryArray.from_arrays(codes, pa.array([["y" * 100] * 100_000]))
    return packed(pa.table([text, plain], ["x", "y"]))


def nested_types() -> bytes:
    """Nest a type deeper than a stack is."""
    kind: pa.DataType = pa.int64()
    for _ in range(60):
        kind = pa.list_(kind)
    row: object = 1
    for _ in range(60):
        row = [row]
    return packed(pa.table([pa.array([row], kind)], ["x"])).replace(b"\0", b"\xff", 3)


def claimed_metadata() -> bytes:
    """Claim metadata of two gigabytes."""
    return b"\xff\xff\xff\xff" + struct.pack("<i", 0x7FFFFFF0) + packed(REAL)[8:]


def truncated() -> bytes:
    """End in the middle of a batch."""
    whole = packed(REAL)
    return whole[: len(whole) // 2]


def mutation(seed: int) -> bytes:
    """Change a few bytes; with the seeds below, in ways that crash a reader without checks."""
    chance, stream = random.Random(seed), bytearray(packed(REAL))
    for _ in range(chance.randint(1, 8)):
        stream[chance.randrange(len(stream))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF))
    return bytes(stream)


mutated = partial(mutation, 57)
mutated_again = partial(mutation, 164)
mutated_once_more = partial(mutation, 406)
