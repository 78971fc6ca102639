"""Count what stands where in real Ibis code."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from ibert.completion import Model, Site, site_at
from ibert.completion.candidates import Candidate
from ibert.evaluation.completion.corpus import Cut, cuts, sources
from ibert.evaluation.completion.fitting import Counter
from ibert.interpreter import Interpreter

_FREQUENT = 3  # sources that give a name, before it is offered as a new one
_NAMES = 40


class Place(NamedTuple):
    """A cut, and what may stand there; None where nothing can be completed."""

    cut: Cut
    site: Site | None


def places(found: Iterable[Cut], new_names: tuple[str, ...]) -> Iterator[Place]:
    """Read the code at cuts."""
    interpreters: dict[int, Interpreter] = {}
    for cut in found:
        catalog = cut.source.catalog
        interpreter = interpreters.setdefault(id(catalog), Interpreter(catalog))
        yield Place(cut, site_at(cut.source.code, cut.offset, interpreter, new_names))


def counted(found: Iterable[Place], new_names: tuple[str, ...], *, at_least: int = 1) -> Model:
    """Count what stands at places."""
    counter = Counter()
    for cut, site in found:
        offered = offered_with(site, new_names) if site is not None else []
        chosen = standing(cut, offered)
        if site is not None and chosen is not None:
            counter.add(site.context, chosen, offered)
    return Model(counter.counts(at_least), new_names)


def offered_with(site: Site, new_names: Iterable[str]) -> list[Candidate]:
    """Give what may stand at a place if of new names only these were known."""
    known = {f"new {name}" for name in new_names}
    return [one for one in site.offered if one.label[:4] != "new " or one.label in known]


def standing(cut: Cut, offered: Iterable[Candidate]) -> Candidate | None:
    """Give the candidate that is the token of a cut."""
    return next((one for one in offered if one.token == cut.token), None)


def frequent_new_names(found: Iterable[Cut]) -> tuple[str, ...]:
    """Give the keywords that several sources invent."""
    given = {
        (cut.source.name, cut.token)
        for cut in found
        if cut.token.isidentifier() and _is_keyword(cut)
    }
    tally = Tally(token for _, token in given)
    names = [name for name, count in tally.most_common() if count >= _FREQUENT]
    return tuple(sorted(names[:_NAMES]))


def _is_keyword(cut: Cut) -> bool:
    after = cut.source.code[cut.offset + len(cut.token) :].lstrip(" ")
    return after.startswith("=") and not after.startswith("==")


def counts_of_everything(every: int = 1) -> bytes:
    """Count all code there is, for the file that completion reads; contexts seen once are left out.

    Parameters
    ----------
    every
        Count one in so many sources.
    """
    found = list(cuts(sources()[::every]))
    names = frequent_new_names(found)
    model = counted(places(found, names), names, at_least=2)
    return msgspec.json.encode(model) + b"\n"
