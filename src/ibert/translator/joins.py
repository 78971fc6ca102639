"""Joins, with the names that Ibis gives to the columns of their results."""

from __future__ import annotations

from collections.abc import Sequence

from ibert.translator.relations import Column, Columns, Join, Relation, Step, View
from ibert.translator.values import Value

_WITHOUT_RIGHT = ("semi", "anti")
Origin = tuple[int, str]


class Chain:
    """What Ibis knows of a chain of joins: where columns come from, and which are equal.

    Attributes
    ----------
    origins
        For each column of the result the member of the chain and the name it has there.
    equal
        Sets of columns that inner joins made equal.
    members
        How many relations there are in the chain.
    """

    def __init__(self, origins: dict[str, Origin], equal: list[set[Origin]], members: int) -> None:
        self.origins = origins
        self.equal = equal
        self.members = members

    @classmethod
    def of(cls, relation: Relation) -> Chain:
        """Give the chain that a relation goes on with as the left side of a join."""
        while isinstance(relation, View) and not relation.needed:
            relation = relation.parent
        if isinstance(relation, Join):
            chain = relation.chain
            assert isinstance(chain, Chain)
            return chain
        return cls({name: (0, name) for name in relation.columns}, [], 1)

    def united(self, pairs: list[tuple[Origin, Origin]]) -> list[set[Origin]]:
        """Give the sets of equal columns with some more pairs."""
        sets = [set(group) for group in self.equal]
        for left, right in pairs:
            touched = [group for group in sets if left in group or right in group]
            merged = {left, right}.union(*touched)
            sets = [group for group in sets if group not in touched] + [merged]
        return sets


def join(
    left: Relation,
    right: Relation,
    how: str,
    keys: Sequence[tuple[Value, Value]] = (),
    predicates: Sequence[Value] = (),
    alias: str = "right",
) -> tuple[Join, dict[str, str]]:
    """Join two relations; give the result with the names that the columns of the right have in it.

    A column of the right side whose name is taken gets a suffix. Ibis leaves it out altogether
    when an inner join makes it equal to the one of the left side.
    """
    if _flattens(left):
        left = Step(left, "view", keeps_rows=True)
    chain = Chain.of(left)
    member = chain.members
    equal = chain.equal
    if how == "inner" and not predicates:
        pairs = [
            (chain.origins[one.name], (member, other.name))
            for one, other in keys
            if one.is_field and other.is_field and one.name and other.name
        ]
        equal = chain.united(pairs)
    if how in _WITHOUT_RIGHT:
        result = Join(left, right, how, keys, predicates, left.columns)
        result.chain = Chain(chain.origins, equal, member + 1)
        return result, {}

    def is_same(name: str) -> bool:
        ours, theirs = chain.origins[name], (member, name)
        return any(ours in group and theirs in group for group in equal)

    dropped = {name for name in right.columns if name in left.columns and is_same(name)}
    colliding = [name for name in right.columns if name in left.columns and name not in dropped]
    suffix = _suffix(left.columns, right.columns, colliding, alias)
    names = {name: name for name in right.columns}
    names |= {name: suffix.format(name=name) for name in colliding}
    columns: Columns = dict(left.columns)
    origins = dict(chain.origins)
    for name, column in right.columns.items():
        if name not in dropped:
            columns[names[name]] = column
            origins[names[name]] = (member, name)
    if how not in ("inner", "cross"):
        columns = {name: Column(*column[:2]) for name, column in columns.items()}
    result = Join(left, right, how, keys, predicates, columns, suffix)
    result.chain = Chain(origins, equal, member + 1)
    return result, names


def _flattens(left: Relation) -> bool:
    """Whether Ibis would compute the columns of a projection only after the next join."""
    while isinstance(left, View) and not left.needed:
        left = left.parent
    if not (isinstance(left, Step) and left.method == "select" and isinstance(left.parent, Join)):
        return False
    return bool(left.keywords) and not all(value.is_field for value in left.keywords.values())


def _suffix(left: Columns, right: Columns, colliding: list[str], alias: str) -> str:
    """Choose a suffix under which no name is taken twice, not even in another case."""
    candidates = ["{name}_right", f"{{name}}_{alias}"]
    candidates += [f"{{name}}_{alias}_{number}" for number in range(2, 9)]
    others = [*left, *(name for name in right if name not in colliding)]
    taken = {name.casefold() for name in others}
    for candidate in candidates:
        names = [candidate.format(name=name).casefold() for name in colliding]
        if not taken.intersection(names):
            return candidate
    return candidates[-1]


def ancestors(relation: Relation) -> set[Relation]:
    """Give a relation with all that it is made from, those within its values left out."""
    found: set[Relation] = set()
    pending = [relation]
    while pending:
        item = pending.pop()
        if item not in found:
            found.add(item)
            pending += item.inputs
    return found
