"""Questions as words that can be compared: stems, with one word for all that mean the same."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator
from difflib import get_close_matches
from functools import cache
from importlib.resources import files

import snowballstemmer

_WORD = re.compile(r"[a-z0-9]+")
_PART = re.compile(r"[a-z0-9]+|[A-Z]+(?![a-z])|[A-Z][a-z0-9]*")
_COMMON = frozenset(
    """
    a about all also an and any are as at be been by can could do does for from get give given had
    has have having how i in into is it its like make may me my need of on one or our out please
    should so some such tell than that the their them then there these they this those to up us use
    using want was way we were what when where whether which who whose will with would you your
    ibis dataframe python code data value values np pd pl df
    """.split()  # noqa: SIM905  words read better as words
)
_SIMILAR = 0.84


def stems(text: str, known: Collection[str] = ()) -> list[str]:
    """Give the stems of the words of a text that say something, in order.

    Parameters
    ----------
    text
        Anything.
    known
        Stems that words which are no stem of these are corrected to, if they are spelled alike.

    Examples
    --------
    >>> stems("How many records are missing?")
    ['mani', 'row', 'null']
    """
    words = [_stem(part) for part in _parts(text)]
    if known:
        words = [_corrected(word, known) for word in words]
    return [word for word in _unified(words) if word not in _common()]


def _parts(text: str) -> Iterator[str]:
    for part in _PART.findall(text):
        yield from _WORD.findall(part.lower())


def _corrected(word: str, known: Collection[str]) -> str:
    if len(word) < 5 or word in known or word in _common() or (word,) in _synonyms()[0]:
        return word
    alike = get_close_matches(word, [one for one in known if one[0] == word[0]], 1, _SIMILAR)
    return alike[0] if alike else word


def _unified(words: list[str]) -> Iterator[str]:
    """Put one word in the place of those that mean the same, the longest first."""
    table, longest = _synonyms()
    place = 0
    while place < len(words):
        for size in range(min(longest, len(words) - place), 0, -1):
            found = table.get(tuple(words[place : place + size]))
            if found is not None or size == 1:
                yield found or words[place]
                place += size
                break


@cache
def _synonyms() -> tuple[dict[tuple[str, ...], str], int]:
    text = files("ibert.answers").joinpath("words.toml").read_text(encoding="utf-8")
    table = {
        tuple(_stem(part) for part in _parts(other)): _stem(word)
        for word, others in tomllib.loads(text).items()
        for other in others
    }
    return table, max(map(len, table))


@cache
def _common() -> frozenset[str]:
    return frozenset(map(_stem, _COMMON))


@cache
def _stem(word: str) -> str:
    stemmed: str = snowballstemmer.stemmer("english").stemWord(word)
    return stemmed
