"""Measure how long completing takes when warm, beside Jedi at the same cuts.

Cuts are spread over the examples of Ibis' documentation and the templates; each is completed once
to warm up and then timed. Milliseconds, median and 95th percentile.
"""

from __future__ import annotations

import statistics
import sys
import time
import warnings
from collections.abc import Callable

import ibert
from ibert.evaluation.completion.corpus import Cut, cuts, sources
from ibert.evaluation.completion.jedi_baseline import offered_by_jedi

CUTS = 60
LIMIT = 30.0  # milliseconds, median


def main() -> int:
    """Measure, print, and tell whether the limit holds."""
    warnings.simplefilter("ignore")
    found = sources()
    read = list(cuts(found[:: len(found) // CUTS]))
    chosen = read[:: max(1, len(read) // CUTS)]
    print(f"{len(chosen)} cuts")
    medians = {name: _timed(name, work, chosen) for name, work in WORKS.items()}
    print(f"median {medians['ibert']:.1f} ms, at most {LIMIT:g}")
    return 0 if medians["ibert"] <= LIMIT else 1


def _complete(cut: Cut) -> object:
    return ibert.complete(cut.source.code[: cut.offset], None, cut.source.catalog)


WORKS: dict[str, Callable[[Cut], object]] = {
    "ibert": _complete,
    "jedi": lambda cut: offered_by_jedi(cut, 10),
}


def _timed(name: str, work: Callable[[Cut], object], chosen: list[Cut]) -> float:
    times = []
    for cut in chosen:
        work(cut)
        start = time.perf_counter()
        work(cut)
        times.append(1000 * (time.perf_counter() - start))
    median = statistics.median(times)
    print(f"{name:8} {median:7.1f} ms  95%: {statistics.quantiles(times, n=20)[-1]:7.1f} ms")
    return median


if __name__ == "__main__":
    sys.exit(main())
