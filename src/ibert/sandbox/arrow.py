"""Arrow streams from the other side of the wall: an input like any other, and as hostile.

Nothing of a stream is used before all of it was looked at: how it is stored, of which types it is,
how much it becomes once it is read, and whether its buffers hold what they claim.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import types

_DEPTH = 32  # of types within types
_BYTES_PER_VALUE = 8  # a stream with more values than this in its size is a bomb
_FLAT = (
    *(types.is_null, types.is_boolean, types.is_integer, types.is_floating, types.is_decimal),
    *(types.is_string, types.is_large_string, types.is_binary, types.is_large_binary),
    *(types.is_fixed_size_binary, types.is_date, types.is_time, types.is_timestamp),
    *(types.is_duration, types.is_interval),
)
_TEXT = (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary)
_LISTS = (types.is_list, types.is_large_list, types.is_fixed_size_list)
_EXTENSIONS = ("arrow.json", "arrow.uuid", "arrow.opaque", "arrow.bool8")

# Where a message of the format says what it holds: flatbuffers of the tables Message, RecordBatch.
_HEADER_TYPE, _HEADER = 1, 2
_DICTIONARY_BATCH, _RECORD_BATCH = 2, 3
_DICTIONARY_DATA = 1
_COMPRESSION = 3


class InvalidStreamError(ValueError):
    """A stream is not what a result may be."""


class StreamTooLargeError(InvalidStreamError):
    """A stream holds more than a result may."""


def write(table: pa.Table) -> bytes:
    """Give a table as an Arrow IPC stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]


def read(stream: bytes, *, rows: int, size: int) -> pa.Table:
    """Read a stream that nobody vouches for.

    Parameters
    ----------
    stream
        An Arrow IPC stream.
    rows
        How many rows it may have.
    size
        How many bytes it may have, stored and read.

    Raises
    ------
    InvalidStreamError
        It is not valid, or too large.

    Examples
    --------
    >>> read(write(pa.table({"a": [1, 2]})), rows=2, size=1000).to_pydict()
    {'a': [1, 2]}
    >>> read(write(pa.table({"a": [1, 2]})), rows=1, size=1000)
    Traceback (most recent call last):
    ...
    ibert.sandbox.arrow.StreamTooLargeError: the result has more than 1 rows
    """
    if len(stream) > size:
        raise StreamTooLargeError(f"the result has more than {size:,} bytes")
    try:
        for message in _messages(stream):
            if _is_compressed(message):
                raise InvalidStreamError("the result is compressed")
        with pa.ipc.open_stream(stream) as reader:
            for field in reader.schema:
                _check_type(field.type)
            batches, count = [], 0
            for batch in reader:
                if (count := count + batch.num_rows) > rows:
                    raise StreamTooLargeError(f"the result has more than {rows:,} rows")
                batch.validate(full=True)
                batches.append(batch)
            table = pa.Table.from_batches(batches, reader.schema)
    except (pa.ArrowException, OSError, struct.error, IndexError, UnicodeDecodeError) as error:
        raise InvalidStreamError(f"the result is not valid Arrow data: {error}") from None
    counted = [_count(array) for batch in batches for array in batch.columns]
    values, text = (sum(part) for part in zip(*counted, strict=True)) if counted else (0, 0)
    if values > size // _BYTES_PER_VALUE or text > size:
        raise StreamTooLargeError(f"the result becomes more than {size:,} bytes")
    return table


def _messages(stream: bytes) -> Iterator[Any]:
    reader = pa.ipc.MessageReader.open_stream(stream)
    while True:
        try:
            yield reader.read_next_message()
        except StopIteration:
            return


def _is_compressed(message: Any) -> bool:
    """Tell whether a message's buffers are; they unfold as they are read, whatever they become."""
    metadata = message.metadata.to_pybytes()
    table = struct.unpack_from("<I", metadata)[0]
    kind = _field(metadata, table, _HEADER_TYPE)
    batch = _field(metadata, table, _HEADER)
    if kind is None or batch is None or metadata[kind] not in (_DICTIONARY_BATCH, _RECORD_BATCH):
        return False
    batch = _target(metadata, batch)
    if metadata[kind] == _DICTIONARY_BATCH:
        data = _field(metadata, batch, _DICTIONARY_DATA)
        if data is None:
            return False
        batch = _target(metadata, data)
    return _field(metadata, batch, _COMPRESSION) is not None


def _field(metadata: bytes, table: int, number: int) -> int | None:
    """Find a field of a flatbuffer's table."""
    vtable = table - struct.unpack_from("<i", metadata, table)[0]
    if 4 + 2 * number >= struct.unpack_from("<H", metadata, vtable)[0]:
        return None
    offset: int = struct.unpack_from("<H", metadata, vtable + 4 + 2 * number)[0]
    return table + offset if offset else None


def _target(metadata: bytes, position: int) -> int:
    target: int = position + struct.unpack_from("<I", metadata, position)[0]
    return target


def _check_type(kind: pa.DataType, depth: int = 0) -> None:
    if depth > _DEPTH:
        raise InvalidStreamError(f"the result's types are nested more than {_DEPTH} deep")
    if isinstance(kind, pa.BaseExtensionType) and kind.extension_name in _EXTENSIONS:
        return _check_type(kind.storage_type, depth + 1)
    if any(test(kind) for test in _FLAT):
        return None
    if types.is_dictionary(kind) and any(test(kind.value_type) for test in _TEXT):
        return None
    if any(test(kind) for test in _LISTS) or types.is_map(kind) or types.is_struct(kind):
        for number in range(kind.num_fields):
            _check_type(kind.field(number).type, depth + 1)
        return None
    raise InvalidStreamError(f"a result may not hold the type {kind}")


def _count(array: pa.Array) -> tuple[int, int]:
    """Give how many values an array has, those within values too, and how long its text becomes."""
    kind = array.type
    if isinstance(kind, pa.BaseExtensionType):
        return _count(array.storage)
    if types.is_dictionary(kind):
        lengths = pc.binary_length(array.dictionary)
        return len(array), pc.sum(pc.take(lengths, array.indices)).as_py() or 0
    if types.is_struct(kind):
        children = [array.field(number) for number in range(kind.num_fields)]
    elif any(test(kind) for test in _LISTS):
        children = [array.values]
    elif types.is_map(kind):
        children = [array.keys, array.items]
    else:
        return len(array), 0
    counted = [_count(child) for child in children]
    return len(array) + sum(part[0] for part in counted), sum(part[1] for part in counted)
