"""Try templates out: what each renders, and which of it is proved."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import msgspec

from ibert.datagen.sql2ibis.generate import judge
from ibert.datagen.sql2ibis.render import Pair, render
from ibert.datagen.sql2ibis.template import Template
from ibert.datagen.structure import structure
from ibert.verdict import Verdict


class Tried(msgspec.Struct, frozen=True):
    """A variation, rendered, and the verdict on it; None if it was not run."""

    variation: str
    sql: str
    ibis: str
    verdict: Verdict | None


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What came of the variations of a template.

    Parameters
    ----------
    template
        Its name.
    verified
        How many variations were verified.
    structures, sql_structures
        How many structures the variations have: of both sides, of the SQL alone.
    variations
        All of them.
    """

    template: str
    verified: int
    structures: int
    sql_structures: int
    variations: list[Tried]

    @property
    def failures(self) -> list[Tried]:
        """The variations that ran and were not verified."""
        return [v for v in self.variations if v.verdict and not v.verdict.verified]


def trials(
    templates: Sequence[Template], *, run: bool, seed: int = 0, workers: int | None = None
) -> list[Trial]:
    """Render templates and, if `run`, judge every variation.

    Raises
    ------
    IbertError
        A template is wrong.
    """
    pairs = render(templates)
    judged = judge(pairs, seed=seed, workers=workers) if run else ((pair, None) for pair in pairs)
    by_template: dict[str, list[tuple[Pair, Verdict | None]]] = defaultdict(list)
    for pair, verdict in judged:
        by_template[pair.template.name].append((pair, verdict))
    return [_trial(name, tried) for name, tried in by_template.items()]


def _trial(name: str, tried: list[tuple[Pair, Verdict | None]]) -> Trial:
    structures = {structure(p.sql, p.ibis, p.template.dialect) for p, _ in tried}
    return Trial(
        template=name,
        verified=sum(verdict is not None and verdict.verified for _, verdict in tried),
        structures=len(structures),
        sql_structures=len({found.sql for found in structures}),
        variations=[Tried(p.variation, p.sql, p.ibis, verdict) for p, verdict in tried],
    )
