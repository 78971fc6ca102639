"""Count what stands where, and fit what the features of candidates weigh."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ibert.completion import Context, Counts, Ranking, features
from ibert.completion.candidates import Candidate
from ibert.completion.ranking import ALL, CHANCE, KIND, SORTS, USE

_TIMES = 3  # places that had a feature, before it gets a weight
_PENALTY = 0.5  # of squared weights
_STEPS = 60
_RATES = (0.1, 0.03)  # of the steps; the second for the last third


class Counter:
    """Counts what stood where."""

    def __init__(self) -> None:
        self._seen: list[_Seen] = []

    def add(self, context: Context, chosen: Candidate, offered: Sequence[Candidate]) -> None:
        """Count one place: what stood there, among all that could have."""
        self._seen.append(_Seen(context, offered.index(chosen), offered))

    def counts(self, at_least: int = 1) -> Counts:
        """Give what was counted; contexts that were seen less often are left out."""
        labels: dict[str, dict[str, int]] = {}
        for context, index, offered in self._seen:
            chosen = offered[index]
            for name in dict.fromkeys((*context.chain, *context.hints)):
                counted = labels.setdefault(name, {})
                kind = f"{KIND}{chosen.kind}"
                for group, member in ((ALL, kind), (kind, chosen.label)):
                    sorts = SORTS + group
                    counted[sorts] = counted.get(sorts, 0) + (member not in counted)
                for key in (ALL, kind, chosen.label):
                    counted[key] = counted.get(key, 0) + 1
        kept = {name: one for name, one in sorted(labels.items()) if one[ALL] >= at_least}
        return Counts(kept, _fitted(self._seen, Ranking(Counts(labels, {}))))


class _Seen(NamedTuple):
    context: Context
    chosen: int
    offered: Sequence[Candidate]


def _fitted(seen: Sequence[_Seen], ranking: Ranking) -> dict[str, float]:
    """Fit the weights that make what stood there likeliest, with Adam (Kingma and Ba, 2015)."""
    had = Tally(
        name for context, index, offered in seen for name in set(features(context, offered[index]))
    )
    names = [CHANCE, USE, *sorted(name for name, times in had.items() if times >= _TIMES)]
    index_of = {name: index for index, name in enumerate(names)}
    evidence: list[tuple[float, float]] = []
    features_of: list[int] = []  # of all candidates, one after the other
    ends: list[int] = []  # where those of each candidate end
    starts, chosen = [0], []
    for context, index, offered in seen:
        chosen.append(starts[-1] + index)
        starts.append(starts[-1] + len(offered))
        evidence += ranking.evidence(context, offered, offered[index])
        for one in offered:
            known = (index_of.get(name) for name in features(context, one))
            features_of += [number for number in known if number is not None]
            ends.append(len(features_of))
    weights = _ascended(
        np.array(evidence),
        np.array(features_of),
        np.diff(np.array([0, *ends])),
        np.array(starts),
        np.array(chosen),
        len(names),
    )
    return {name: round(float(weights[index]), 3) for name, index in sorted(index_of.items())}


def _ascended(
    evidence: np.ndarray,
    features_of: np.ndarray,
    lengths: np.ndarray,
    starts: np.ndarray,
    chosen: np.ndarray,
    number: int,
) -> np.ndarray:
    """Climb the likelihood of the chosen candidates.

    Parameters
    ----------
    evidence
        Two numbers for each candidate.
    features_of, lengths
        The indices of the features of all candidates, and how many each has.
    starts
        Where the candidates of each place begin, and the end.
    chosen
        The candidate that stood at each place.
    number
        How many weights there are; the first two are those of the evidence.
    """
    count = len(evidence)
    candidate = np.repeat(np.arange(count), lengths)
    place = np.repeat(np.arange(len(chosen)), np.diff(starts))
    weights = np.zeros(number)
    weights[0] = 1.0
    mean, variance = np.zeros(number), np.zeros(number)
    for step in range(1, _STEPS + 1):
        scores = evidence @ weights[:2]
        scores += np.bincount(candidate, weights=weights[features_of], minlength=count)
        exponents = np.exp(scores - np.maximum.reduceat(scores, starts[:-1])[place])
        missing = -exponents / np.add.reduceat(exponents, starts[:-1])[place]
        missing[chosen] += 1
        pull = np.bincount(features_of, weights=missing[candidate], minlength=number)
        slope = pull - _PENALTY * weights
        slope[:2] = evidence.T @ missing
        mean = 0.9 * mean + 0.1 * slope
        variance = 0.99 * variance + 0.01 * slope**2
        rate = _RATES[step > _STEPS * 2 / 3]
        scale = np.sqrt(variance / (1 - 0.99**step)) + 1e-8
        weights += rate * mean / (1 - 0.9**step) / scale
    return weights
