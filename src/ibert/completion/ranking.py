"""Rank what may stand at a cursor, by how often its like stood in such a place in real code.

The label of a candidate (a method's name, "a string that names a column of numbers", …) is counted
in contexts from the most telling to the least, interpolated after Witten and Bell (1991). What
tells candidates apart besides (used before, shares a word with the keyword, …) is fitted as odds.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ibert.completion.candidates import Candidate
from ibert.completion.context import Context

_PRIOR = 4.0  # how many observations the odds of the wider place are worth
_HINT = 0.5  # how much a description beside the chain counts
_UNSEEN = 0.2  # observations that odds of one are worth
_FITTED = 2_500  # places that odds are fitted on
# In the counts of a context, beside those of labels:
_ALL = "#"  # everything
_KIND = "# "  # begins the name of a kind
_SORTS = "#"  # before a group: how many different members of it


class Counts(msgspec.Struct, frozen=True):
    """What was counted: labels and kinds by context, and the odds of traits by place."""

    labels: dict[str, dict[str, int]]
    odds: dict[str, float]


class Ranking:
    """Puts candidates into order."""

    def __init__(self, counts: Counts) -> None:
        self._labels = counts.labels
        self._odds = counts.odds

    def ranked(self, context: Context, offered: Sequence[Candidate]) -> list[Candidate]:
        """Give the candidates, the likeliest first."""
        chances = self.chances(context, offered)
        for index, one in enumerate(offered):
            for trait in one.traits:
                chances[index] *= self._trait(context, one, trait)
        order = sorted(range(len(offered)), key=lambda i: (-chances[i], offered[i].token))
        return [offered[index] for index in order]

    def chances(
        self, context: Context, offered: Sequence[Candidate], left_out: Candidate | None = None
    ) -> list[float]:
        """Give the chance of each candidate by its label alone, as if one had not been counted."""
        sizes: dict[str, int] = {}
        kinds: dict[str, set[str]] = {}
        for one in offered:
            sizes[one.label] = sizes.get(one.label, 0) + 1
            kinds.setdefault(one.kind, set()).add(one.label)
        share = {
            kind: self._hinted(context, _ALL, f"{_KIND}{kind}", 1 / len(kinds), left_out)
            for kind in kinds
        }
        known: dict[str, float] = {}
        for one in offered:
            if one.label not in known:
                base = 1 / len(kinds[one.kind])
                within = self._hinted(context, f"{_KIND}{one.kind}", one.label, base, left_out)
                known[one.label] = share[one.kind] * within
        found = [known[one.label] / sizes[one.label] for one in offered]
        whole = sum(found)
        return [chance / whole for chance in found]

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
            total, sorts = counted.get(group, 0), counted.get(_SORTS + group, 0)
            seen = counted.get(name, 0)
            if left_out is not None:
                own = (left_out.label, f"{_KIND}{left_out.kind}")
                total -= group == _ALL or group in own
                seen -= name in own
            if total > 0:
                base = (seen + sorts * base) / (total + sorts)
        return base

    def _trait(self, context: Context, one: Candidate, trait: str) -> float:
        key = f"{one.kind} {trait}"
        return self._odds.get(f"{key} {context.place}") or self._odds.get(key, 1.0)


class Counter:
    """Counts what stood where."""

    def __init__(self) -> None:
        self._seen: list[tuple[Context, int, Sequence[Candidate]]] = []

    def add(self, context: Context, chosen: Candidate, offered: Sequence[Candidate]) -> None:
        """Count one place: what stood there, among all that could have."""
        self._seen.append((context, offered.index(chosen), offered))

    def counts(self, at_least: int = 1) -> Counts:
        """Give what was counted; contexts that were seen less often are left out."""
        labels: dict[str, dict[str, int]] = {}
        for context, index, offered in self._seen:
            chosen = offered[index]
            for name in dict.fromkeys((*context.chain, *context.hints)):
                counted = labels.setdefault(name, {})
                kind = f"{_KIND}{chosen.kind}"
                for group, member in ((_ALL, kind), (kind, chosen.label)):
                    sorts = _SORTS + group
                    counted[sorts] = counted.get(sorts, 0) + (member not in counted)
                for key in (_ALL, kind, chosen.label):
                    counted[key] = counted.get(key, 0) + 1
        kept = {name: one for name, one in sorted(labels.items()) if one[_ALL] >= at_least}
        return Counts(kept, self._odds(Ranking(Counts(kept, {}))))

    def _odds(self, ranking: Ranking) -> dict[str, float]:
        """Fit the odds of traits one group after the other, so that none is counted twice."""
        seen = self._seen[:: len(self._seen) // _FITTED + 1]
        chances = [
            ranking.chances(context, offered, offered[index]) for context, index, offered in seen
        ]
        found: dict[str, float] = {}
        groups = dict.fromkeys(
            trait.partition(" ")[0]
            for _, _, offered in seen
            for one in offered
            for trait in one.traits
        )
        for group in groups:
            chosen: dict[str, float] = {}
            expected: dict[str, float] = {}
            touched = []
            for place, (context, index, offered) in enumerate(seen):
                for at, one in enumerate(offered):
                    trait = next((t for t in one.traits if t.startswith(f"{group} ")), None)
                    if trait is None:
                        continue
                    touched.append((place, at, f"{one.kind} {trait}", context.place))
                    for key in (touched[-1][2], f"{touched[-1][2]} {context.place}"):
                        expected[key] = expected.get(key, 0.0) + chances[place][at]
                        chosen[key] = chosen.get(key, 0.0) + (at == index)
            for key in sorted(expected, key=len):
                found[key] = round((chosen[key] + _UNSEEN) / (expected[key] + _UNSEEN), 4)
            for _, _, key, where in touched:
                narrow = f"{key} {where}"
                odds = (chosen[narrow] + _PRIOR * found[key]) / (expected[narrow] + _PRIOR)
                found[narrow] = round(odds, 4)
            for place, at, key, where in touched:
                chances[place][at] *= found[f"{key} {where}"]
            for place in {place for place, *_ in touched}:
                whole = sum(chances[place])
                chances[place] = [chance / whole for chance in chances[place]]
        return dict(sorted(found.items()))
