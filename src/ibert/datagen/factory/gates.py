"""The gates between shards and a dataset: what passes them is unique, clean and in one split."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from rensa import RMinHash, RMinHashDeduplicator

from ibert.datagen.factory.row import Content, Row, hashed

SPLITS = ("train", "validation", "test")
PARTS = 20  # of the schemas: one is for test, one for validation
LONGEST = 24_000  # characters of an example
MOST_OF_STRUCTURE = 60  # examples of a task with one structure
SIMILAR = 0.9  # Jaccard similarity of near duplicates
PERMUTATIONS, BANDS = 128, 16
HASH_SEED = 0
SHINGLE = 3  # words
CONTEXT = 160  # characters before a cursor that tell one completion from another

_WORD = re.compile(r"'(?:[^']|'')*'|\"[^\"\n]*\"|\d+(?:\.\d+)?|\w+|[^\w\s]")


def split_of(row: Row) -> str:
    """Choose the split of an example: all of one schema are in one.

    The fixture tables, over which all templates are written, are one schema, of training.
    """
    key = row.origin.schema or row.origin.structure
    if row.origin.source == "template":
        return "train"
    part = int(hashed(key), 16) % PARTS
    return {0: "test", 1: "validation"}.get(part, "train")


class Leaks:
    """Structures by the splits that they occur in: one that is trained on tests nothing.

    Parameters
    ----------
    rows
        All examples.
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        self._seen: dict[str, set[str]] = {}
        for row in rows:
            split = split_of(row)
            for structure in structures_of(row):
                self._seen.setdefault(structure, set()).add(split)

    def leaks(self, row: Row, split: str) -> bool:
        """Tell whether a structure of an example occurs in a split that comes before its own."""
        before = set(SPLITS[: SPLITS.index(split)])
        return any(self._seen[structure] & before for structure in structures_of(row))


def structures_of(row: Row) -> list[str]:
    """Give the structures of an example: of its SQL, and of its code."""
    found = (row.origin.structure, row.origin.code_structure)
    return [structure for structure in found if structure]


class NearDuplicates:
    """Tells examples whose words, literals aside, came before in nearly the same order.

    MinHash over shingles of words (Broder, 1997), with bands.

    Examples
    --------
    >>> seen = NearDuplicates()
    >>> texts = [f"SELECT city, count(*) FROM {t} WHERE age > {n} GROUP BY city"
    ...     for t, n in (("users", 1), ("users", 25), ("orders", 1))]
    >>> [seen.add("a", str(i), text) for i, text in enumerate(texts)]
    [True, False, True]
    """

    def __init__(self) -> None:
        self._found: dict[str, RMinHashDeduplicator] = {}

    def add(self, group: str, key: str, text: str) -> bool:
        """Remember a text; tell whether it is new in its group."""
        known = self._found.get(group)
        if known is None:
            known = RMinHashDeduplicator(SIMILAR, PERMUTATIONS, True, BANDS, HASH_SEED)
            self._found[group] = known
        sketch = RMinHash(PERMUTATIONS, HASH_SEED)
        sketch.update(list(_shingles(text)))
        return bool(known.add(key, sketch))


def telling(content: Content) -> tuple[str, str]:
    """Give the group that an example is compared in, and what tells it from others there."""
    match content.task:
        case "code_completion":
            text = f"{content.input[-CONTEXT:]} ⟂ {content.target} ⟂ {content.suffix[:40]}"
        case "error_resolution":
            text = f"{content.variant} {content.error} ⟂ {content.explanation}"
        case "qa":
            text = content.input
        case "documentation":
            text = content.input
        case _:
            text = f"{content.input} ⟂ {content.target}"
    sort = content.variant if content.task == "documentation" else content.dialect
    return f"{content.task} {sort}", text


def _shingles(text: str) -> Iterator[str]:
    words = [_masked(word) for word in _WORD.findall(text)]
    for start in range(max(1, len(words) - SHINGLE + 1)):
        yield " ".join(words[start : start + SHINGLE])


def _masked(word: str) -> str:
    if word[0].isdigit():
        return "0"
    return "''" if word[0] == "'" else word


class Gates:
    """Lets examples through once each; counts those that are kept out, by reason.

    Parameters
    ----------
    leaks
        Knows which structures occur in which splits.
    contaminated
        Structures and questions of evaluations, with the names of their cases.
    """

    def __init__(self, leaks: Leaks, contaminated: dict[str, str]) -> None:
        self._leaks = leaks
        self._contaminated = contaminated
        self._asked: set[str] = set()
        self._near = NearDuplicates()
        self._structures: Counter[tuple[str, str]] = Counter()
        self.kept_out: Counter[str] = Counter()
        self.hits: Counter[str] = Counter()

    def passes(self, row: Row, split: str) -> bool:
        """Tell whether an example is let through."""
        reason = self._reason(row, split)
        if reason is not None:
            self.kept_out[f"{row.content.task}: {reason}"] += 1
        return reason is None

    def _reason(self, row: Row, split: str) -> str | None:
        content = row.content
        for key in (*structures_of(row), asked(content.input)):
            if key in self._contaminated:
                self.hits[self._contaminated[key]] += 1
                return "of an evaluation"
        if len(content.input) + len(content.suffix) + len(content.target) > LONGEST:
            return "too long"
        if self._leaks.leaks(row, split):
            return "a structure of an earlier split"
        question = _question(content)
        if question in self._asked:
            return "asked before"
        kind = (content.task, row.origin.structure)
        if self._structures[kind] >= MOST_OF_STRUCTURE:
            return "a structure of many examples"
        if not self._near.add(*_keyed(row)):
            return "near duplicate"
        self._asked.add(question)
        self._structures[kind] += 1
        return None


def _keyed(row: Row) -> tuple[str, str, str]:
    group, text = telling(row.content)
    return group, row.id, text


def _question(content: Content) -> str:
    """Give a hash of all that is asked, without the answer."""
    parts = (content.task, content.dialect, content.variant, repr(content.tables), content.input)
    return hashed("\0".join((*parts, content.suffix, content.error)))


def asked(text: str) -> str:
    """Give a hash of a question's words.

    Examples
    --------
    >>> asked("How do I sort?") == asked("how do I  sort")
    True
    """
    return hashed(" ".join(re.findall(r"\w+", text.casefold())))
