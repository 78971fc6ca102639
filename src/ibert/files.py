"""Write files whole or not at all."""

from __future__ import annotations

import codecs
import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


@contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """Open a file beside `path` that takes its place when the block ends without an error.

    A process that is killed inside leaves the old file as it was. A link stays one, and leads to
    the new file.

    Raises
    ------
    OSError
        The file cannot be written, or something else than a file is in its place.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "a.txt")
    ...     with written_whole(path) as file:
    ...         _ = file.write(b"all of it")
    ...     path.read_text()
    'all of it'
    """
    path = path.resolve()
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    beside = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.chmod(0o666 & ~_umask())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def rewrite(path: Path, text: str) -> None:
    r"""Put other text into a file that exists, whole; its byte order mark and its mode stay.

    Raises
    ------
    OSError
        The file cannot be read or written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "a.py")
    ...     _ = path.write_bytes(b"\xef\xbb\xbfx = 1\r\n")
    ...     rewrite(path, "x = 2\r\n")
    ...     path.read_bytes()
    b'\xef\xbb\xbfx = 2\r\n'
    """
    with path.open("rb") as old:
        mark = old.read(len(codecs.BOM_UTF8))
        mode = stat.S_IMODE(os.fstat(old.fileno()).st_mode)
    with written_whole(path) as file:
        file.write(mark if mark == codecs.BOM_UTF8 else b"")
        file.write(text.encode())
    path.chmod(mode)


def _umask() -> int:
    """Read the mask of this process, which can be read only by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
