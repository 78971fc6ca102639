"""How often the token that stands at a cut is among the first that are offered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice

import msgspec

from ibert.completion import Model, Ranking, building
from ibert.evaluation.completion.corpus import Cut, cuts, fold_of, sources
from ibert.evaluation.completion.counting import (
    Place,
    counted,
    frequent_new_names,
    offered_with,
    places,
)
from ibert.evaluation.completion.jedi_baseline import offered_by_jedi

FOLDS = 5
_FIRST = 5
Progress = Callable[[int, int], None]


class Hits(msgspec.Struct, frozen=True, kw_only=True):
    """Of how many cuts the token was offered first, and among the first five.

    Attributes
    ----------
    cases
        The cuts.
    top1, top5
        Shares of them.
    baseline_top1, baseline_top5
        Jedi's on the same cuts; None where it was not asked.
    """

    cases: int
    top1: float
    top5: float
    baseline_top1: float | None = None
    baseline_top5: float | None = None


class CompletionScore(Hits, frozen=True, kw_only=True):
    """The hits at tokens that name what exists, and apart from them at those that are new.

    Attributes
    ----------
    name
        The task.
    every
        One in so many cuts was asked.
    parts
        The same cases by where they are from and by what they are.
    new
        The cuts at names and texts that the code invents there: nothing says them before.
    """

    name: str = "code_completion"
    every: int = 1
    parts: dict[str, Hits] = {}
    new: Hits | None = None


class _Asked(msgspec.Struct, frozen=True):
    cut: Cut
    rank: int | None
    baseline: int | None


def measure(
    *,
    every: int = 1,
    baseline: bool = True,
    limit: int | None = None,
    progress: Progress | None = None,
) -> CompletionScore:
    """Ask for the token at each cut, ranked by what was counted in other sources.

    Parameters
    ----------
    every
        Ask at one in so many cuts; counted are all of them.
    baseline
        Whether to ask Jedi, too.
    limit
        Take only as many sources, spread over all.
    progress
        Is told how many cuts are done, of how many.
    """
    found = sources()
    if limit is not None:
        found = found[:: max(1, len(found) // limit)]
    read = list(cuts(found))
    asked: list[_Asked] = []
    folds = [[cut for cut in read if fold_of(cut.source, FOLDS) == fold] for fold in range(FOLDS)]
    names = [
        frequent_new_names([cut for other in folds if other is not fold for cut in other])
        for fold in folds
    ]
    # All are there while places are read; a fold is offered only those that the others give.
    everywhere = frequent_new_names(read)
    read_places = [list(places(fold, everywhere)) for fold in folds]
    total = sum(len(fold) for fold in folds) // every
    for index, fold in enumerate(read_places):
        others = [place for other in read_places if other is not fold for place in other]
        model = counted(others, names[index])
        ranking = Ranking(model.counts)
        for place in fold[::every]:
            asked.append(_ask(place, model, ranking, baseline=baseline))
            if progress is not None:
                progress(len(asked), total)
    known = [one for one in asked if one.cut.known]
    new = [one for one in asked if not one.cut.known]
    return CompletionScore(
        **msgspec.structs.asdict(_hits(known, baseline)),
        every=every,
        parts={name: _hits(part, baseline) for name, part in _parts(known).items() if part},
        new=_hits(new, baseline) if new else None,
    )


def _ask(place: Place, model: Model, ranking: Ranking, *, baseline: bool) -> _Asked:
    cut, site = place
    tokens: list[str] = []
    if site is not None:
        kept = offered_with(site, model.new_names)
        best = building(site._replace(offered=kept), ranking)
        tokens = [one.token for one in islice(best, _FIRST)]
    jedi = offered_by_jedi(cut, _FIRST) if baseline else []
    return _Asked(cut, _rank(cut.token, tokens), _rank(cut.token, jedi))


def _rank(token: str, offered: Sequence[str]) -> int | None:
    return offered.index(token) if token in offered else None


def _parts(asked: Sequence[_Asked]) -> dict[str, list[_Asked]]:
    parts: dict[str, list[_Asked]] = {}
    for one in asked:
        code, offset = one.cut.source.code, one.cut.offset
        from_doctest = one.cut.source.name.startswith("ibis.")
        string = one.cut.token.startswith('"')
        attribute = code[:offset].rstrip().endswith(".")
        sort = "strings" if string else "attributes" if attribute else "names"
        for part in ("doctests" if from_doctest else "templates", sort):
            parts.setdefault(part, []).append(one)
    return parts


def _hits(asked: Sequence[_Asked], baseline: bool) -> Hits:
    def share(ranks: list[int | None], first: int) -> float:
        hits = sum(rank is not None and rank < first for rank in ranks)
        return round(hits / max(1, len(ranks)), 4)

    ours, jedi = [one.rank for one in asked], [one.baseline for one in asked]
    return Hits(
        cases=len(asked),
        top1=share(ours, 1),
        top5=share(ours, _FIRST),
        baseline_top1=share(jedi, 1) if baseline else None,
        baseline_top5=share(jedi, _FIRST) if baseline else None,
    )
