"""Arrow streams from beyond the wall: what is not a plain result is refused, never a crash."""

import random
from collections.abc import Callable

import pyarrow as pa
import pytest

from ibert.sandbox.arrow import InvalidStreamError, StreamTooLargeError, read, write

SIZE = 1 << 20


def stream(table: pa.Table, **options: object) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def nested(depth: int) -> pa.DataType:
    kind = pa.int8()
    for _ in range(depth):
        kind = pa.list_(kind)
    return kind


TABLE = pa.table(
    {
        "a": pa.array([1, None, 3]),
        "b": pa.array(["x", None, "zz"]),
        "c": pa.array([[1], [], None]),
        "d": pa.array([{"e": 1.5}, None, {"e": None}]),
        "f": pa.array(["u", "v", "u"]).dictionary_encode(),
        "g": pa.array([[("k", 1)], [], None], pa.map_(pa.string(), pa.int8())),
        "h": pa.nulls(3),
    }
)

HOSTILE: dict[str, Callable[[], bytes]] = {
    "rows without data": lambda: write(pa.table({"a": pa.nulls(1 << 28)})),
    "values without data": lambda: write(
        pa.table({"a": pa.ListArray.from_arrays([0, 1 << 28], pa.nulls(1 << 28))})
    ),
    "fixed lists without data": lambda: write(
        pa.table({"a": pa.FixedSizeListArray.from_arrays(pa.nulls(1 << 28), 1 << 28)})
    ),
    "compressed": lambda: stream(pa.table({"a": pa.array([0] * 9999)}), compression="lz4"),
    "a long text, often": lambda: write(
        pa.table(
            {
                "a": pa.DictionaryArray.from_arrays(
                    pa.array([0] * 5000, pa.int32()), pa.array(["x" * 50_000])
                )
            }
        )
    ),
    "runs": lambda: write(
        pa.table({"a": pa.RunEndEncodedArray.from_arrays([1 << 28], pa.array([1]))})
    ),
    "views": lambda: write(pa.table({"a": pa.array(["x"], pa.string_view())})),
    "unions": lambda: write(
        pa.table({"a": pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])])})
    ),
    "deep types": lambda: write(pa.table({"a": pa.array([], nested(60))})),
    "a dictionary of numbers": lambda: write(pa.table({"a": pa.array([1, 2]).dictionary_encode()})),
    "nothing": lambda: b"",
    "no stream": lambda: b"\xff" * 64,
    "half a stream": lambda: write(TABLE)[: len(write(TABLE)) // 2],
    "an index past the end": lambda: write(
        pa.table({"a": pa.DictionaryArray.from_arrays(pa.array([7]), pa.array(["x"]), safe=False)})
    ),
}


def test_a_plain_result_is_read() -> None:
    assert read(write(TABLE), rows=3, size=SIZE).equals(TABLE)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_streams_are_refused(name: str) -> None:
    with pytest.raises(InvalidStreamError):
        read(HOSTILE[name](), rows=10_000, size=SIZE)


def test_size_is_bounded() -> None:
    with pytest.raises(StreamTooLargeError, match="more than 2 rows"):
        read(write(TABLE), rows=2, size=SIZE)
    with pytest.raises(StreamTooLargeError, match="more than 100 bytes"):
        read(write(TABLE), rows=3, size=100)


def test_mutations_are_read_or_refused() -> None:
    rng = random.Random(0)
    original = write(TABLE)
    refused = 0
    for _ in range(3000):
        mutated = bytearray(original)
        for _ in range(rng.randint(1, 6)):
            mutated[rng.randrange(len(mutated))] = rng.choice((0, 1, 127, 255, rng.randrange(256)))
        try:
            read(bytes(mutated), rows=1000, size=SIZE).to_pylist()
        except InvalidStreamError:
            refused += 1
        except (UnicodeDecodeError, ValueError, OverflowError):  # a value that Python cannot hold
            continue
    assert refused > 500
