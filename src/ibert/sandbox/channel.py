"""Messages on a socket: their length, then they. Nothing waits longer than it said."""

from __future__ import annotations

import os
import socket
import struct
import time

# What a server is asked: what to do, the process to end. It answers with the process in question.
REQUEST = struct.Struct("<ci")
REPLY = struct.Struct("<i")
FORK, END = b"F", b"E"

_LENGTH = struct.Struct("<I")
_PART = 1 << 20  # bytes taken at once


class ClosedError(Exception):
    """The other side hung up, or what it sends is no message."""


def send(connection: socket.socket, message: bytes) -> None:
    """Send a message.

    Raises
    ------
    ClosedError
        The other side hung up.
    """
    if connection.gettimeout() is not None:
        connection.settimeout(None)
    left = memoryview(_LENGTH.pack(len(message)) + message)
    try:
        while left:
            left = left[os.write(connection.fileno(), left) :]  # what confined processes may call
    except OSError as error:
        raise ClosedError(str(error)) from None


def receive(connection: socket.socket, *, limit: int, seconds: float | None = None) -> bytes:
    """Receive a message.

    Raises
    ------
    ClosedError
        There is none, or it is longer than the limit.
    TimeoutError
        It took too long.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    (length,) = _LENGTH.unpack(_exactly(connection, _LENGTH.size, deadline))
    if length > limit:
        raise ClosedError(f"a message of {length:,} bytes")
    return _exactly(connection, length, deadline)


def _exactly(connection: socket.socket, size: int, deadline: float | None) -> bytes:
    received = bytearray()
    while len(received) < size:
        most = min(size - len(received), _PART)
        try:
            if deadline is None:
                part = os.read(connection.fileno(), most)
            else:
                connection.settimeout(max(deadline - time.monotonic(), 0.001))
                part = connection.recv(most)
        except TimeoutError:
            raise
        except OSError as error:
            raise ClosedError(str(error)) from None
        if not part:
            raise ClosedError("the other side hung up")
        received += part
    return bytes(received)
