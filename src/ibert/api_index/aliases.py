"""What other tools call what Ibis has."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from ibert.api_index.entry import Entry


class Alias(NamedTuple):
    """A name of another vocabulary, and the spellings of what Ibis has for it."""

    vocabulary: str
    name: str
    targets: tuple[str, ...]


@cache
def aliases() -> tuple[Alias, ...]:
    """Give the whole table."""
    text = files("ibert.api_index").joinpath("aliases.toml").read_text(encoding="utf-8")
    return tuple(
        Alias(vocabulary, name, tuple(targets))
        for vocabulary, rows in tomllib.loads(text).items()
        for name, targets in rows.items()
    )


def short_paths(entries: Iterable[Entry]) -> dict[str, Entry]:
    """Give the entries by the names that the table uses: `Class.method`, `ibis.f`, `s.f`."""
    found: dict[str, Entry] = {}
    for entry in entries:
        if entry.kind in ("function", "selector", "decorator", "constant", "type"):
            found[entry.spelling] = entry
        for receiver in entry.receivers:
            found[f"{receiver}.{entry.name}"] = entry
    return found
