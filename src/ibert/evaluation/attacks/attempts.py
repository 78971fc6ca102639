"""Make every attempt of the corpus behind all walls, and count those that succeed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from ibert.evaluation.attacks.corpus import Attack, attacks
from ibert.evaluation.attacks.watch import Canaries, Host

SECONDS = 1.0  # that a job may take


class Success(msgspec.Struct, frozen=True):
    """An attempt that reached something."""

    name: str
    goal: str
    reached: tuple[str, ...]


class Attempts(msgspec.Struct, frozen=True, kw_only=True):
    """What came of the corpus.

    Parameters
    ----------
    name
        `sandbox`.
    attacks
        How many attempts were made: those that this machine is one for.
    succeeded
        How many of them reached anything.
    successes
        Which, and what.
    """

    name: str
    attacks: int
    succeeded: int
    successes: tuple[Success, ...]


def attempt_all(
    chosen: Sequence[Attack] | None = None,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Attempts:
    """Make attempts and judge them by their traces.

    Each is given to the verifier as an answer, or as the SQL that an answer is held against.

    Parameters
    ----------
    chosen
        The attempts; the whole corpus by default.
    progress
        Called after each of them.
    """
    chosen = [attack for attack in chosen or attacks() if attack.possible]
    successes = []
    with Canaries() as canaries, Host(canaries, SECONDS) as host:
        for done, attack in enumerate(chosen, 1):
            if reached := host.attempt(attack):
                successes.append(Success(attack.name, attack.goal, tuple(sorted(reached))))
            if progress:
                progress(done, len(chosen))
    return Attempts(
        name="sandbox",
        attacks=len(chosen),
        succeeded=len(successes),
        successes=tuple(successes),
    )
