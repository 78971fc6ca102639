"""The index in a file: one SQLite database for each version of Ibis, with full-text search."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import msgspec
import platformdirs

from ibert.api_index.entry import Entry
from ibert.files import written_whole

_SCHEMA = """
CREATE TABLE entry (path TEXT PRIMARY KEY, record BLOB NOT NULL);
CREATE TABLE short (name TEXT PRIMARY KEY, path TEXT NOT NULL);
CREATE VIRTUAL TABLE words USING fts5(
    path UNINDEXED, name, alias, summary, text, tokenize = "porter unicode61"
);
"""
# The numbers weigh a word by its column.
_SEARCH = """
SELECT record, -bm25(words, 0.0, 8.0, 6.0, 4.0, 1.0) AS score
FROM words JOIN entry USING (path)
WHERE words MATCH ? ORDER BY score DESC, path LIMIT ?
"""
_COMMON = frozenset(
    """
    a an and are as at be by can do does for from get give had has have how i if in into
    is it its me my of on one or our should so some such than that the their them then
    there these this to use using want was way what when where which who will with
    without would you your ibis table column columns value values data
    """.split()  # noqa: SIM905  words read better as words
)
_NAME = re.compile(r"[A-Za-z0-9]+")
_PART = re.compile(r"[a-z0-9]+|[A-Z]+(?![a-z])|[A-Z][a-z0-9]*")
# The parts of the program that decide what is in the file: it is built again when one changes.
_SOURCES = (
    *("aliases.py", "aliases.toml", "docstrings.py", "entry.py", "introspection.py"),
    "operations.py",
)


class Hit(NamedTuple):
    """An entry that a question is about, and how well its words fit: higher is better."""

    entry: Entry
    score: float


class ApiIndex:
    """The API of the installed Ibis, by name and by words.

    Examples
    --------
    >>> index = api_index()
    >>> index.get("Table.filter").operations
    ('Filter',)
    >>> [hit.entry.spelling for hit in index.search("count distinct users", limit=2)]
    ['.nunique()', '.nunique()']
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
        self._decoder = msgspec.msgpack.Decoder(Entry)

    def __iter__(self) -> Iterator[Entry]:
        rows = self._connection.execute("SELECT record FROM entry ORDER BY path")
        return (self._decoder.decode(record) for (record,) in rows)

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def get(self, name: str) -> Entry | None:
        """Give the entry of a path, or of `Class.method`, `ibis.function`, `s.selector`."""
        row = self._connection.execute(
            "SELECT record FROM entry WHERE path = coalesce("
            "(SELECT path FROM short WHERE name = :name), :name)",
            {"name": name},
        ).fetchone()
        return self._decoder.decode(row[0]) if row else None

    def search(self, question: str, limit: int = 10) -> list[Hit]:
        """Give the entries that fit words best: Ibis' own, or those of SQL and other tools.

        Ranked by BM25 (Robertson and Zaragoza, 2009) over names, aliases, summaries and texts.
        """
        asked = dict.fromkeys(_words(question))
        words = [word for word in asked if word not in _COMMON] or list(asked)
        if not words:
            return []
        rows = self._connection.execute(
            _SEARCH, (" OR ".join(f'"{word}"' for word in words), limit)
        )
        return [Hit(self._decoder.decode(record), score) for record, score in rows]


@cache
def api_index() -> ApiIndex:
    """Open the index of the installed Ibis; the first time it is built, in about a second.

    Raises
    ------
    OSError
        The folder for caches cannot be written.
    """
    folder = platformdirs.user_cache_path("ibert")
    path = folder / f"api-{version('ibis-framework')}-{_fingerprint()}.sqlite"
    if not path.exists():
        build(path)
    return ApiIndex(path)


def build(path: Path) -> None:
    """Write the index of the installed Ibis to a file."""
    from ibert.api_index.introspection import entries

    with written_whole(path) as file:
        file.write(_database(entries()))


def _database(found: Iterable[Entry]) -> bytes:
    from ibert.api_index.aliases import aliases, short_paths

    found = list(found)
    short = short_paths(found)
    names: dict[str, list[str]] = {}
    for alias in aliases():
        for target in alias.targets:
            names.setdefault(short[target].path, []).append(alias.name)
    encode = msgspec.msgpack.Encoder().encode
    connection = sqlite3.connect(":memory:")
    connection.executescript(_SCHEMA)
    connection.executemany(
        "INSERT INTO entry VALUES (?, ?)", [(entry.path, encode(entry)) for entry in found]
    )
    connection.executemany(
        "INSERT INTO short VALUES (?, ?)", [(name, entry.path) for name, entry in short.items()]
    )
    connection.executemany(
        "INSERT INTO words VALUES (?, ?, ?, ?, ?)",
        [
            (
                entry.path,
                " ".join(_words(f"{entry.owner} {entry.name} {' '.join(entry.operations)}")),
                " ".join(_words(" ".join(names.get(entry.path, ())))),
                entry.summary,
                entry.text + " ".join(item.description for item in entry.parameters),
            )
            for entry in found
        ],
    )
    connection.commit()
    return connection.serialize()


def _words(text: str) -> list[str]:
    """Split text into words; names give themselves and the words they are made of."""
    found = []
    for name in _NAME.findall(text):
        parts = [part.lower() for part in _PART.findall(name)]
        found += parts if parts == [name.lower()] else [*parts, name.lower()]
    return found


def _fingerprint() -> str:
    folder = files("ibert.api_index")
    digest = hashlib.sha256()
    for name in (*_SOURCES, "store.py"):
        digest.update(folder.joinpath(name).read_bytes())
    return digest.hexdigest()[:12]
