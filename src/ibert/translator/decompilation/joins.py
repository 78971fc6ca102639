"""Read a chain of joins as joins of two relations each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

import ibis.expr.operations as ops
from ibis.common.egraph import DisjointSet
from ibis.expr.types.joins import disambiguate_fields

from ibert.translator.datatypes import UNKNOWN
from ibert.translator.decompilation.expressions import Expressions
from ibert.translator.relations import Join, Relation, Step
from ibert.translator.values import ColumnNode, Value, constant, field

if TYPE_CHECKING:
    from ibert.translator.decompilation.tables import Reader

_DEFAULT = "{name}_right"
Columns = dict[str, ops.Value]


class _Names(NamedTuple):
    """The columns of a chain as far as it is built, as Ibis names them.

    `taken` are names that two columns would have; `equal` are columns that Ibis takes for one.
    """

    columns: Columns
    taken: frozenset[str]
    equal: DisjointSet

    def joined(self, link: ops.JoinLink, suffix: str) -> _Names:
        """Give the columns after one more join."""
        columns, taken, equal = disambiguate_fields(
            how=link.how,
            predicates=link.predicates,
            equalities=self.equal,
            left_fields=self.columns,
            right_fields=link.table.fields,
            left_template="",
            right_template=suffix,
        )
        return _Names(dict(columns), frozenset(taken), equal)

    def lost(self, link: ops.JoinLink, needed: set[ops.Field]) -> int:
        """Count the columns of a table that are needed, but have no name of their own."""
        found = set(self.columns.values())
        return sum(one.rel == link.table and one not in found for one in needed)


def join_chain(op: ops.JoinChain, reader: Reader) -> Relation:
    """Read a chain of joins, and the projection at its end."""
    relation = reader.relation(op.first.parent)
    names = _Names(dict(op.first.fields), frozenset(), DisjointSet())
    for position, link in enumerate(op.rest):
        suffix = _suffix(op, position, names)
        relation = _joined(relation, names, link, suffix, reader)
        names = names.joined(link, suffix)
    if op not in reader.closed and not names.taken and is_same(names.columns, op.values):
        return relation
    return _selected(op, relation, names, reader)


def is_same(columns: Mapping[str, ops.Value], others: Mapping[str, ops.Value]) -> bool:
    """Whether columns are the same, in the same order."""
    return list(columns.items()) == list(others.items())


def _selected(op: ops.JoinChain, relation: Relation, names: _Names, reader: Reader) -> Relation:
    from ibert.translator.decompilation.tables import named

    fields = _columns(relation, names)
    scope = Expressions(reader, fields=_Fallback(fields, reader))
    parts = {label: scope.value(part) for label, part in op.values.items()}
    return Step(relation, "select", *named(parts), columns={})


class _Fallback(dict[ops.Field, Value]):
    """Columns by their names in a chain; others by the table that they are from."""

    def __init__(self, columns: dict[ops.Field, Value], reader: Reader) -> None:
        super().__init__(columns)
        self._reader = reader

    def __contains__(self, op: object) -> bool:
        return super().__contains__(op) or (
            isinstance(op, ops.Field) and isinstance(op.rel, ops.JoinReference)
        )

    def __missing__(self, op: ops.Field) -> Value:
        return Value(ColumnNode(self._reader.relation(op.rel.parent), op.name), UNKNOWN)


def _columns(relation: Relation, names: _Names) -> dict[ops.Field, Value]:
    """Give the columns of a chain by what they are columns of."""
    return {
        part: field(relation.slot, label, UNKNOWN)
        for label, part in names.columns.items()
        if isinstance(part, ops.Field)
    }


def _suffix(op: ops.JoinChain, position: int, names: _Names) -> str:
    """Choose the names of the columns of a table whose own names are taken.

    The names in the result are the best ones; where they follow no pattern, columns that are
    needed must have some name at least.
    """
    link = op.rest[position]
    needed = set(_needed(op, position))

    def cost(suffix: str) -> tuple[int, int]:
        after = names.joined(link, suffix)
        wrong = sum(
            after.columns.get(label) != part
            for label, part in op.values.items()
            if isinstance(part, ops.Field) and part.rel == link.table
        )
        return after.lost(link, needed), wrong

    return min(
        dict.fromkeys([_DEFAULT, *_patterns(op, link), f"{{name}}_{position + 2}"]), key=cost
    )


def _patterns(op: ops.JoinChain, link: ops.JoinLink) -> Iterator[str]:
    """Give the patterns that the names of columns follow."""
    for label, part in op.values.items():
        if not isinstance(part, ops.Field) or part.rel != link.table or part.name == label:
            continue
        if part.name in label and not {"{", "}"} & set(label):
            yield label.replace(part.name, "{name}", 1)


def _needed(op: ops.JoinChain, position: int) -> Iterator[ops.Field]:
    """Give the columns that later joins and the result read."""
    for part in op.values.values():
        yield from part.find(ops.Field, filter=ops.Value)
    for link in op.rest[position + 1 :]:
        for predicate in link.predicates:
            yield from predicate.find(ops.Field, filter=ops.Value)


def _joined(
    left: Relation, names: _Names, link: ops.JoinLink, suffix: str, reader: Reader
) -> Relation:
    table = link.table
    right = reader.relation(table.parent if isinstance(table, ops.JoinReference) else table)
    own = {one: field(right.slot, label, UNKNOWN) for label, one in table.fields.items()}
    before = _columns(left, names)
    scope = Expressions(reader, fields=_Fallback(before | own, reader))
    predicates = [part for part in link.predicates if not _is_true(part)]
    join = Join(left, right, link.how, [], [], {}, suffix)
    if link.how == "asof":
        join.on = _on(predicates.pop(0), table, scope)
    for part in predicates:
        # Keys are written first: only those that are first can be.
        if not join.predicates and isinstance(part, ops.Equals) and _sides(part, table):
            join.keys.append((scope.value(part.left), scope.value(part.right)))
        else:
            join.predicates.append(scope.value(part))
    return join


def _on(part: ops.Value, table: ops.Relation, scope: Expressions) -> Value:
    """Write the inequality of an as-of join, as the name of its column if it can be."""
    if isinstance(part, ops.GreaterEqual) and _sides(part, table):
        left, right = scope.value(part.left), scope.value(part.right)
        if left.is_field and left.name and left.name == right.name:
            return Value(constant(left.name), UNKNOWN)
    value = scope.value(part)
    return Value(value.node, UNKNOWN, None, value.uses, value.uses)


def _sides(part: ops.Comparison, table: ops.Relation) -> bool:
    """Whether the left side reads earlier tables alone, and the right side this one."""
    left, right = part.left.relations, part.right.relations
    return bool(left) and table not in left and right == {table}


def _is_true(part: ops.Value) -> bool:
    return isinstance(part, ops.Literal) and part.value is True
