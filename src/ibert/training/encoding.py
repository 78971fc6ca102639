"""Rows as tokens, of which only the answer's are learned; needs no torch."""

from __future__ import annotations

import hashlib
from array import array
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from ibert.model.tokenization import Tokenization
from ibert.training.rows import TrainingRow

IGNORED = -100  # the label of a token that is not learned


class Encoded(msgspec.Struct, frozen=True):
    """A row as tokens.

    Parameters
    ----------
    id, task
        Of the row.
    tokens
        The prompt and the answer, with the token that ends the turn.
    answer
        Where the answer begins.
    """

    id: str
    task: str
    tokens: tuple[int, ...]
    answer: int

    @property
    def labels(self) -> list[int]:
        """What is learned at each token."""
        return [IGNORED] * self.answer + list(self.tokens[self.answer :])


class Encoding(msgspec.Struct, frozen=True):
    """All rows as tokens, and what was left out.

    Parameters
    ----------
    rows
        Those that fit.
    dropped
        By task, those that do not; a part of an answer is never learned.
    prompts
        By task, the version of the prompt.
    """

    rows: tuple[Encoded, ...]
    dropped: dict[str, int]

    @property
    def digest(self) -> str:
        """A hash of all tokens, in order."""
        found = hashlib.sha256()
        for row in self.rows:
            found.update(f"{row.id} {row.task} {row.answer}\0".encode())
            found.update(array("I", row.tokens).tobytes())
        return found.hexdigest()


def encode(
    rows: Iterable[TrainingRow], tokenization: Tokenization, *, style: str, max_length: int
) -> Encoding:
    """Tokenise rows; those that are longer than `max_length` tokens are dropped."""
    found: list[Encoded] = []
    dropped: Counter[str] = Counter()
    for row in rows:
        prompt = tokenization.prompt(row.prompt(style))
        tokens = (*prompt, *tokenization.answer(row.answer))
        if len(tokens) > max_length:
            dropped[row.task] += 1
        else:
            found.append(Encoded(row.id, row.task, tokens, len(prompt)))
    return Encoding(tuple(found), dict(sorted(dropped.items())))


def packed(lengths: Sequence[int], order: Sequence[int], max_length: int) -> list[list[int]]:
    """Put rows into sequences of at most so many tokens: each into the first that has room.

    Parameters
    ----------
    lengths
        Of all rows.
    order
        The rows that are drawn, in order.
    max_length
        Of a sequence.

    Examples
    --------
    >>> packed([3, 5, 4, 2], [0, 1, 2, 3], 8)
    [[0, 1], [2, 3]]
    """
    bins: list[list[int]] = []
    room: list[int] = []
    first = 0  # bins before it are full enough
    for index in order:
        length = lengths[index]
        place = next((i for i in range(first, len(bins)) if room[i] >= length), len(bins))
        if place == len(bins):
            bins.append([])
            room.append(max_length)
        bins[place].append(index)
        room[place] -= length
        first = max(first, len(bins) - _OPEN)
    return bins


_OPEN = 64  # sequences that are looked at for room
