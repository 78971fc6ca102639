"""The gates between shards and a dataset: what passes them is unique, clean and in one split."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import combinations

from ibert.datagen.factory.near import NearDuplicates
from ibert.datagen.factory.row import Content, Row, hashed
from ibert.datagen.structure import sql_structure

SPLITS = ("train", "validation", "test")
PARTS = 20  # of the schemas: one is for test, one for validation
LONGEST = 24_000  # characters of an example
MOST_OF_STRUCTURE = 60  # examples of a task with one structure
PHRASE = "phrase"  # the variant of questions in a few words, with or without a frame
CONTEXT = 160  # characters before a cursor that tell one completion from another


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
        self._seen: Counter[int] = Counter()  # a bit for each split
        for row in rows:
            bit = 1 << SPLITS.index(split_of(row))
            for structure in structures_of(row):
                self._seen[_number(structure)] |= bit

    def leaks(self, row: Row, split: str) -> bool:
        """Tell whether a structure of an example occurs in a split that comes before its own."""
        before = (1 << SPLITS.index(split)) - 1
        return any(self._seen[_number(one)] & before for one in structures_of(row))


def _number(text: str) -> int:
    """Give a short hash of a text, as what takes the least memory."""
    return int(hashed(text), 16)


def structures_of(row: Row) -> list[str]:
    """Give the structures of an example: of its root's SQL and code, and of its own SQL."""
    content = row.content
    found = [row.origin.structure, row.origin.code_structure]
    if content.task == "sql_to_ibis" and content.variant != "original":
        found.append(hashed(sql_structure(content.input, content.dialect)))
    return [structure for structure in found if structure]


def _questions_in(content: Content) -> Iterator[str]:
    """Yield hashes of what is asked: of all of it, and of each phrase that a short one quotes."""
    yield asked(content.input)
    if content.variant == PHRASE:
        words = re.findall(r"\w+", content.input)
        for start, end in combinations(range(len(words) + 1), 2):
            yield asked(" ".join(words[start:end]))


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


class Gates:
    """Lets examples through once each; counts those that are kept out, by reason.

    Parameters
    ----------
    leaks
        Knows which structures occur in which splits.
    contaminated
        Structures and questions of evaluations, with the names of their cases.
    near
        Tells near duplicates.
    """

    def __init__(self, leaks: Leaks, contaminated: dict[str, str], near: NearDuplicates) -> None:
        self._leaks = leaks
        self._contaminated = contaminated
        self._asked: set[int] = set()
        self._near = near
        self._structures: Counter[int] = Counter()
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
        for key in (*structures_of(row), *_questions_in(content)):
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
        kind = _number(f"{content.task} {row.origin.structure}")
        if self._structures[kind] >= MOST_OF_STRUCTURE:
            return "a structure of many examples"
        if not self._near.add(*telling(content)):
            return "near duplicate"
        self._asked.add(question)
        self._structures[kind] += 1
        return None


def _question(content: Content) -> int:
    """Give a hash of all that is asked, without the answer."""
    parts = (content.task, content.dialect, content.variant, repr(content.tables), content.input)
    return _number("\0".join((*parts, content.suffix, content.error)))


def asked(text: str) -> str:
    """Give a hash of a question's words.

    Examples
    --------
    >>> asked("How do I sort?") == asked("how do I  sort")
    True
    """
    return hashed(" ".join(re.findall(r"\w+", text.casefold())))
