"""Which row comes when: tasks by weight, rows in a new order in every epoch."""

from __future__ import annotations

import hashlib
import random
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import count, islice

from ibert.diagnostics import Diagnostic, IbertError, did_you_mean
from ibert.training.config import Sampling


class Mixture:
    """Draws rows of several tasks.

    An epoch has as many rows as there are. Each task gets its share of them, and goes through its
    own rows in one random order after the other: none is drawn twice before all were drawn once.
    The order is a function of the seed and the place alone, so a run goes on where it stopped.

    Parameters
    ----------
    tasks
        The task of each row.
    sampling
        The weights.
    seed
        Of all orders.

    Raises
    ------
    IbertError
        IB911: a weight is given to a task that has no rows, or no task has any weight.

    Examples
    --------
    >>> mixture = Mixture(["qa"] * 6 + ["sql_to_ibis"] * 2, Sampling(temperature=1e9), seed=1)
    >>> mixture.quotas
    {'qa': 4, 'sql_to_ibis': 4}
    >>> sorted(mixture.epoch(0))[-4:]
    [6, 6, 7, 7]
    >>> mixture.repeats(epochs=3)
    {'qa': 2.0, 'sql_to_ibis': 6.0}
    """

    def __init__(self, tasks: Sequence[str], sampling: Sampling, seed: int) -> None:
        self._rows: dict[str, list[int]] = defaultdict(list)
        for index, task in enumerate(tasks):
            self._rows[task].append(index)
        if unknown := sorted(set(sampling.weights) - set(self._rows)):
            hint = did_you_mean(unknown[0], self._rows, "tasks")
            message = f"there are no rows of {unknown[0]!r}, which has a weight"
            raise IbertError([Diagnostic(code="IB911", message=message, hint=hint)])
        self._seed = seed
        self.quotas = _quotas(Counter(tasks), sampling)

    def __len__(self) -> int:
        return sum(self.quotas.values())

    def epoch(self, number: int) -> list[int]:
        """Give the rows of an epoch, in order."""
        drawn = [
            index
            for task, quota in self.quotas.items()
            for index in islice(self._stream(task, number * quota), quota)
        ]
        self._random("epoch", number).shuffle(drawn)
        return drawn

    def order(self) -> Iterator[int]:
        """Yield the rows of all epochs, without end."""
        for number in count():
            yield from self.epoch(number)

    def repeats(self, epochs: int) -> dict[str, float]:
        """Give how often a row of each task is drawn in so many epochs."""
        return {
            task: round(epochs * quota / len(self._rows[task]), 3)
            for task, quota in self.quotas.items()
        }

    def _stream(self, task: str, start: int) -> Iterator[int]:
        rows = self._rows[task]
        for turn in count(start // len(rows)):
            order = list(rows)
            self._random(task, turn).shuffle(order)
            yield from order[start % len(rows) :]
            start = 0

    def _random(self, *what: object) -> random.Random:
        digest = hashlib.sha256(repr((self._seed, *what)).encode()).digest()
        return random.Random(int.from_bytes(digest[:8]))


def _quotas(sizes: Counter[str], sampling: Sampling) -> dict[str, int]:
    """Share the rows of an epoch among tasks, by largest remainders."""
    shares = {
        task: sampling.weights.get(task, 1.0) * size ** (1 / sampling.temperature)
        for task, size in sorted(sizes.items())
    }
    whole = sum(shares.values())
    if not whole:
        raise IbertError([Diagnostic(code="IB911", message="no task has rows and a weight")])
    total = sum(size for task, size in sizes.items() if shares[task])
    exact = {task: total * share / whole for task, share in shares.items() if share}
    found = {task: int(share) for task, share in exact.items()}
    by_remainder = sorted(exact, key=lambda task: (found[task] - exact[task], task))
    for task in by_remainder[: total - sum(found.values())]:
        found[task] += 1
    return found
