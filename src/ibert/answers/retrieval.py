"""Find the names of Ibis that a question asks for."""

from __future__ import annotations

import math
import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from ibert.answers.words import stems
from ibert.api_index import Entry, api_index
from ibert.api_index.aliases import Alias, aliases

_CANDIDATES = 60  # entries of the full-text search that are looked at
_OF_TEXT = 0.45  # what the best of these is worth beside a phrase that fits entirely
_OF_NAME = 1.0  # and a name that the question spells out
_OF_UNKNOWN = 4.0  # how much a word tells that stands in no phrase: it may be a name of the data
_LEAST = 0.4  # of a phrase, for an answer
_OF_NEXT = 0.95  # a name beside one that stands before it
_VOCABULARIES = {
    "sql": "SQL",
    "pandas": "pandas",
    "polars": "polars",
    "pyspark": "PySpark",
    "dplyr": "dplyr",
    "numpy": "NumPy",
}
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")


class Found(NamedTuple):
    """A name that may answer a question, and how well it does: 1 or more is a good fit."""

    name: str
    entry: Entry
    score: float
    known_as: str = ""  # a sentence: what SQL or a library calls it, if that was asked for


class _Phrase(NamedTuple):
    words: tuple[str, ...]
    names: tuple[str, ...]
    known_as: str = ""


class _Fit(NamedTuple):
    score: float
    known_as: str = ""


@cache
def _phrases() -> tuple[_Phrase, ...]:
    """Give what people want in their words, and the names of other tools."""
    text = files("ibert.answers").joinpath("phrases.toml").read_text(encoding="utf-8")
    found = [
        _Phrase(tuple(dict.fromkeys(stems(phrase))), (name,))
        for topic in tomllib.loads(text).values()
        for name, phrases in topic.items()
        for phrase in phrases
    ]
    found += [
        _Phrase(tuple(dict.fromkeys(stems(alias.name))), alias.targets, _known_as(alias))
        for alias in aliases()
    ]
    return tuple(phrase for phrase in found if phrase.words)


def _known_as(alias: Alias) -> str:
    return f"{_VOCABULARIES[alias.vocabulary]} calls it `{alias.name}`."


@cache
def _rarity() -> dict[str, float]:
    """Give how much a word tells: the rarer it is among the phrases, the more."""
    counts = Counter(word for phrase in _phrases() for word in phrase.words)
    size = len(_phrases())
    return {word: math.log(1 + size / count) for word, count in counts.items()}


@cache
def _by_word() -> dict[str, list[_Phrase]]:
    found = defaultdict(list)
    for phrase in _phrases():
        for word in phrase.words:
            found[word].append(phrase)
    return dict(found)


def find(question: str, limit: int = 10) -> list[Found]:
    """Give the names that answer a question, best first; none where nothing fits."""
    index = api_index()
    certain: dict[str, _Fit] = {}
    for name, fit in (*_by_phrase(question), *_by_spelling(question)):
        certain[name] = max(certain.get(name, fit), fit)
    if max((fit.score for fit in certain.values()), default=0) < _LEAST:
        return []
    found: dict[str, Found] = {}
    for name, fit in certain.items():
        entry = index.get(name)
        assert entry is not None, name
        if entry.path not in found or found[entry.path].score < fit.score:
            found[entry.path] = Found(short_name(entry), entry, *fit)
    hits = index.search(question, _CANDIDATES)
    for hit in hits:
        path, share = hit.entry.path, _OF_TEXT * hit.score / hits[0].score
        before = found.get(path) or Found(short_name(hit.entry), hit.entry, 0)
        found[path] = before._replace(score=before.score + share)
    return sorted(found.values(), key=lambda item: (-item.score, item.name))[:limit]


def short_name(entry: Entry) -> str:
    """Give the name of an entry that people use: `Table.filter`, `ibis.desc`."""
    if not entry.receivers:
        return entry.spelling
    return ".".join(entry.path.split(".")[-2:])


def _by_phrase(question: str) -> Iterator[tuple[str, _Fit]]:
    """Yield names with how well a phrase for them fits: 1 if the question is that phrase."""
    rarity = _rarity()
    asked = dict.fromkeys(stems(question, rarity))
    whole = sum(rarity.get(word, _OF_UNKNOWN) for word in asked)
    for phrase in {id(p): p for word in asked for p in _by_word().get(word, ())}.values():
        shared = sum(rarity[word] for word in phrase.words if word in asked)
        covered = shared / sum(rarity[word] for word in phrase.words)
        score = covered * math.sqrt(shared / whole)
        for place, name in enumerate(phrase.names):
            known_as = phrase.known_as if covered == 1 else ""
            yield name, _Fit(score * _OF_NEXT**place, known_as)


def _by_spelling(question: str) -> Iterator[tuple[str, _Fit]]:
    """Yield what is meant by names in a question that are no English words."""
    for part in _IDENTIFIER.findall(question):
        if "_" in part or "." in part.strip(".") or part.isupper() or part[1:].lower() != part[1:]:
            fits, names = _spelled().get(part.strip("._").casefold(), (_Fit(0), ()))
            yield from ((name, fits) for name in names)


@cache
def _spelled() -> dict[str, tuple[_Fit, tuple[str, ...]]]:
    """Give the names in Ibis for spellings: those of other tools, and its own."""
    found = {
        alias.name.casefold(): (_Fit(_OF_NAME, _known_as(alias)), alias.targets)
        for alias in aliases()
    }
    for entry in api_index():
        if not entry.name.startswith("_"):
            found.setdefault(entry.name.casefold(), (_Fit(_OF_NAME), (entry.path,)))
    return found
