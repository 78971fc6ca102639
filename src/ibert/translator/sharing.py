"""Let Ibis compute once what several joins read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ibert.translator.joins import Chain
from ibert.translator.relations import Join, Relation, TableRelation, View
from ibert.translator.syntax import subqueries_of

Place = Relation | int


def share(relations: Iterable[Relation]) -> None:
    """Make views where Ibis would write a query out for each of the joins that read it.

    Ibis makes a common table expression of what several of its operations read. A member of a
    chain of joins is one operation with its number, whichever the chain.
    """
    reads: dict[Relation, list[tuple[Place, Relation]]] = {}
    for reader in _all(relations):
        for place, read in _reads(reader):
            reads.setdefault(_base(read), []).append((place, read))
    for base, found in reads.items():
        if isinstance(base, TableRelation) or len(found) < 2:
            continue
        places = {place for place, _ in found}
        second = found[1][1]
        if len(places) == 1 and isinstance(places.pop(), int) and isinstance(second, View):
            second.needed = True


def _reads(reader: Relation) -> Iterator[tuple[Place, Relation]]:
    """Yield what a relation reads, with the number of a member of a chain of joins."""
    if isinstance(reader, View) and not reader.needed:
        return
    if isinstance(reader, Join):
        if not isinstance(_base(reader.left), Join):
            yield 0, reader.left
        yield Chain.of(reader.left).members, reader.right
    else:
        yield from ((reader, part) for part in reader.inputs)
    for value in reader.values:
        yield from ((reader, part) for part in subqueries_of(value))


def _base(relation: Relation) -> Relation:
    while isinstance(relation, View) and not relation.needed:
        relation = relation.parent
    return relation


def _all(relations: Iterable[Relation]) -> Iterator[Relation]:
    """Yield relations with all that they read, in the order in which they are written."""
    pending, seen = list(relations)[::-1], set()
    while pending:
        item = pending.pop()
        if item in seen:
            continue
        seen.add(item)
        yield item
        inner = [part for value in item.values for part in subqueries_of(value)]
        pending += [*item.inputs, *inner][::-1]
