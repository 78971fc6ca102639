"""Rank what may stand at a cursor, by how often its like stood in such a place in real code.

The label of a candidate (a method's name, "a string that names a column of numbers", …) is counted
in contexts from the most telling to the least, interpolated after Witten and Bell (1991). That
chance, what was used before, and what else tells candidates apart (shares a word with the keyword,
…) are weighed against each other in a log-linear model.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import msgspec

from ibert.completion.candidates import Candidate
from ibert.completion.context import Context

_HINT = 0.5  # how much a description beside the chain counts
_FEW = 0.02  # a share of the uses that tells little
_LEAST = 1e-9  # chance of what was never seen
# Names of the weights that every candidate has:
CHANCE = "chance"
USE = "use"
# In the counts of a context, beside those of labels:
ALL = "#"  # everything
KIND = "# "  # begins the name of a kind
SORTS = "#"  # before a group: how many different members of it


class Counts(msgspec.Struct, frozen=True):
    """What was counted: labels and kinds by context; and what the features weigh."""

    labels: dict[str, dict[str, int]]
    weights: dict[str, float]


def features(context: Context, one: Candidate) -> Iterator[str]:
    """Yield what tells a candidate apart in a context, beside its chance and its uses."""
    for trait in one.traits:
        yield f"{one.kind} {trait}"
        yield f"{one.kind} {trait} {context.place}"
    yield f"{one.kind} {context.place}"
    yield f"label {one.label}"
    yield f"label {one.label} {context.place}"
    yield f"label {one.label} {context.chain[1 if len(context.chain) > 1 else 0]}"
    for hint in context.hints:
        yield f"label {one.label} {hint}"


class Ranking:
    """Puts candidates into order."""

    def __init__(self, counts: Counts) -> None:
        self._labels = counts.labels
        self._weights = counts.weights

    def ranked(self, context: Context, offered: Sequence[Candidate]) -> list[Candidate]:
        """Give the candidates, the likeliest first."""
        weights = self._weights
        scores = [
            weights.get(CHANCE, 1.0) * chance + weights.get(USE, 0.0) * use
            for chance, use in self.evidence(context, offered)
        ]
        for index, one in enumerate(offered):
            scores[index] += sum(weights.get(name, 0.0) for name in features(context, one))
        order = sorted(range(len(offered)), key=lambda i: (-scores[i], offered[i].token))
        return [offered[index] for index in order]

    def evidence(
        self, context: Context, offered: Sequence[Candidate], left_out: Candidate | None = None
    ) -> list[tuple[float, float]]:
        """Give the logarithms of each candidate's chance by its label and of its share of the uses.

        Parameters
        ----------
        context
            The place.
        offered
            The candidates.
        left_out
            The chances are given as if this one had not been counted there once.
        """
        chances = self._chances(context, offered, left_out)
        uses = sum(one.use for one in offered) or 1.0
        return [
            (math.log(chance), math.log1p(one.use / uses / _FEW))
            for chance, one in zip(chances, offered, strict=True)
        ]

    def _chances(
        self, context: Context, offered: Sequence[Candidate], left_out: Candidate | None
    ) -> list[float]:
        sizes: dict[str, int] = {}
        kinds: dict[str, set[str]] = {}
        for one in offered:
            sizes[one.label] = sizes.get(one.label, 0) + 1
            kinds.setdefault(one.kind, set()).add(one.label)
        share = {
            kind: self._hinted(context, ALL, f"{KIND}{kind}", 1 / len(kinds), left_out)
            for kind in kinds
        }
        known: dict[str, float] = {}
        for one in offered:
            if one.label not in known:
                base = 1 / len(kinds[one.kind])
                within = self._hinted(context, f"{KIND}{one.kind}", one.label, base, left_out)
                known[one.label] = share[one.kind] * within
        found = [known[one.label] / sizes[one.label] for one in offered]
        whole = sum(found)
        return [max(chance / whole, _LEAST) for chance in found]

    def _hinted(
        self, context: Context, group: str, name: str, base: float, left_out: Candidate | None
    ) -> float:
        chance = self._chance(context.chain, group, name, base, left_out)
        general = self._chance(context.chain[-2:], group, name, base, left_out)
        for hint in context.hints:
            hinted = self._chance((hint,), group, name, general, left_out)
            chance *= (hinted / general) ** _HINT
        return chance

    def _chance(
        self, chain: Sequence[str], group: str, name: str, base: float, left_out: Candidate | None
    ) -> float:
        """Interpolate the share that a name has of its group in contexts, the widest first."""
        for place in reversed(chain):
            counted = self._labels.get(place)
            if counted is None:
                continue
            total, sorts = counted.get(group, 0), counted.get(SORTS + group, 0)
            seen = counted.get(name, 0)
            if left_out is not None:
                own = (left_out.label, f"{KIND}{left_out.kind}")
                total -= group == ALL or group in own
                seen -= name in own
            if total > 0:
                base = (seen + sorts * base) / (total + sorts)
        return base
