"""Near duplicates: an index of what came before, on the disk, so that any number is told apart."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Self

import numpy as np
from rensa import RMinHash

SIMILAR = 0.9  # Jaccard similarity of near duplicates
PERMUTATIONS, BANDS = 128, 16
HASH_SEED = 0
SHINGLE = 3  # words
CACHE = 16 * 1024  # KiB of the index that stay in memory

_WIDTH = PERMUTATIONS // BANDS
_WORD = re.compile(r"'(?:[^']|'')*'|\"[^\"\n]*\"|\d+(?:\.\d+)?|\w+|[^\w\s]")
_SCHEMA = """
CREATE TABLE signatures (place INTEGER PRIMARY KEY, signature BLOB);
CREATE TABLE bands (band INTEGER, place INTEGER, PRIMARY KEY (band, place)) WITHOUT ROWID;
"""


class NearDuplicates:
    """Tells examples whose words, literals aside, came before in nearly the same order.

    MinHash over shingles of words (Broder, 1997), with bands; a context manager.

    Parameters
    ----------
    path
        Of the index, a file that is not there yet; None: in memory.

    Examples
    --------
    >>> texts = [f"SELECT city, count(*) FROM {t} WHERE age > {n} GROUP BY city"
    ...     for t, n in (("users", 1), ("users", 25), ("orders", 1))]
    >>> with NearDuplicates() as seen:
    ...     [seen.add("a", text) for text in texts]
    [True, False, True]
    """

    def __init__(self, path: Path | None = None) -> None:
        self._count = 0
        self._index = sqlite3.connect(path or ":memory:", isolation_level=None)
        self._index.execute("PRAGMA journal_mode = OFF")
        self._index.execute("PRAGMA synchronous = OFF")
        self._index.execute(f"PRAGMA cache_size = -{CACHE}")
        self._index.executescript(_SCHEMA)
        self._index.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._index.close()

    def add(self, group: str, text: str) -> bool:
        """Remember a text; tell whether it is new in its group."""
        sketch = RMinHash(PERMUTATIONS, HASH_SEED)
        sketch.update(list(_shingles(text)))
        signature = np.array(sketch.digest(), np.uint32)
        bands = [_key(group, i, band) for i, band in enumerate(signature.reshape(BANDS, _WIDTH))]
        if any(np.mean(other == signature) >= SIMILAR for other in self._like(bands)):
            return False
        self._count += 1
        self._index.execute(
            "INSERT INTO signatures VALUES (?, ?)", (self._count, signature.tobytes())
        )
        self._index.executemany(
            "INSERT INTO bands VALUES (?, ?)", [(band, self._count) for band in bands]
        )
        return True

    def _like(self, bands: list[int]) -> Iterator[np.ndarray]:
        """Yield the signatures that have a band in common."""
        marks = ", ".join("?" * len(bands))
        places = f"SELECT DISTINCT place FROM bands WHERE band IN ({marks})"  # noqa: S608  marks alone
        query = f"SELECT signature FROM signatures WHERE place IN ({places})"  # noqa: S608  likewise
        for (signature,) in self._index.execute(query, bands):
            yield np.frombuffer(signature, np.uint32)


def _key(group: str, place: int, band: np.ndarray) -> int:
    """Give the key of a band of a group."""
    told = f"{group}\0{place}\0".encode() + band.tobytes()
    return int.from_bytes(blake2b(told, digest_size=8).digest(), "big", signed=True)


def _shingles(text: str) -> Iterator[str]:
    words = [_masked(word) for word in _WORD.findall(text)]
    for start in range(max(1, len(words) - SHINGLE + 1)):
        yield " ".join(words[start : start + SHINGLE])


def _masked(word: str) -> str:
    if word[0].isdigit():
        return "0"
    return "''" if word[0] == "'" else word
