"""Shares with their intervals, pass@k, and the test for two runs on the same cases."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from statistics import NormalDist

import msgspec

LEVEL = 0.95
RESAMPLES = 2_000  # of the bootstrap


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """How many of how many, with a confidence interval for the share."""

    count: int
    cases: int
    share: float
    low: float
    high: float


def wilson(count: int, cases: int, level: float = LEVEL) -> Share:
    """Give a share with the interval of Wilson (1927), which holds for few cases, too.

    Examples
    --------
    >>> found = wilson(8, 10)
    >>> found.share, round(found.low, 3), round(found.high, 3)
    (0.8, 0.49, 0.943)
    >>> wilson(0, 0).high
    1.0
    """
    if cases == 0:
        return Share(count=0, cases=0, share=0.0, low=0.0, high=1.0)
    z = NormalDist().inv_cdf((1 + level) / 2)
    share = count / cases
    middle = (share + z * z / (2 * cases)) / (1 + z * z / cases)
    spread = math.sqrt(share * (1 - share) / cases + z * z / (4 * cases * cases))
    half = z * spread / (1 + z * z / cases)
    low, high = max(0.0, middle - half), min(1.0, middle + half)
    return Share(count=count, cases=cases, share=share, low=low, high=high)


def pass_at(k: int, right: int, of: int) -> float:
    """Estimate without bias how likely one of `k` answers is right (Chen et al., 2021).

    Parameters
    ----------
    k
        How many answers are looked at; at most `of`.
    right, of
        How many answers were right, of how many that were drawn.

    Raises
    ------
    ValueError
        Fewer answers were drawn than are looked at.

    Examples
    --------
    >>> pass_at(1, 1, 4), pass_at(2, 1, 4), pass_at(4, 1, 4)
    (0.25, 0.5, 1.0)
    """
    if not 0 < k <= of:
        raise ValueError(f"pass@{k} cannot be estimated from {of} answers")
    return 1 - math.comb(of - right, k) / math.comb(of, k)


def bootstrap(values: Sequence[float], level: float = LEVEL) -> tuple[float, float]:
    """Give an interval for the mean of values, by drawing cases again and again.

    Examples
    --------
    >>> bootstrap([0.5] * 10)
    (0.5, 0.5)
    """
    if not values:
        return 0.0, 1.0
    dice = random.Random(0)
    means = sorted(sum(dice.choices(values, k=len(values))) / len(values) for _ in range(RESAMPLES))
    cut = round((1 - level) / 2 * RESAMPLES)
    return means[cut], means[-1 - cut]


def mcnemar(only_first: int, only_second: int) -> float:
    """Give the exact p-value of McNemar (1947): how often chance alone parts two runs as far.

    Parameters
    ----------
    only_first, only_second
        How many cases one run has right and the other has not.

    Examples
    --------
    >>> mcnemar(0, 6)
    0.03125
    >>> mcnemar(3, 3), mcnemar(0, 0)
    (1.0, 1.0)
    """
    flips = only_first + only_second
    fewer = sum(math.comb(flips, i) for i in range(min(only_first, only_second) + 1))
    return min(1.0, fewer / float(2**flips) * 2)
