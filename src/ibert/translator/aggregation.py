"""GROUP BY: keys, aggregates, grouping sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import combinations

from sqlglot import exp

from ibert.translator import calls
from ibert.translator.correlation import hoisted
from ibert.translator.datatypes import BIGINT, UNKNOWN
from ibert.translator.inference import inferred_for
from ibert.translator.names import invented, unique
from ibert.translator.projection import finished
from ibert.translator.reaggregation import reaggregated
from ibert.translator.refusal import Refusal
from ibert.translator.relations import Aggregate, Column, Relation, SetOperation, Step
from ibert.translator.scope import Scope
from ibert.translator.syntax import fields, has_subquery, is_windowed, replaced, signature
from ibert.translator.values import (
    FieldNode,
    RowsNode,
    Slot,
    Value,
    function,
    literal,
    method,
    null,
    typed_literal,
)
from ibert.translator.values import field as field_of


@dataclass
class Key:
    """A key of a grouped query."""

    name: str
    node: exp.Expr | None
    value: Value


@dataclass
class Grouping:
    """What can be read from the groups of a query: its keys, and aggregates as they are met.

    Parameters
    ----------
    scope
        The query, whose relation is the input of the aggregation.
    keys
        Its keys.
    sets
        The grouping sets, as positions of keys; one set of all of them for a plain GROUP BY.
    suggested
        The names that the author gave to aggregates, by the identity of their nodes.
    """

    scope: Scope
    keys: list[Key]
    sets: list[tuple[int, ...]]
    slot: Slot = field(default_factory=Slot)
    metrics: dict[str, Value] = field(default_factory=dict)
    flags: dict[str, list[int]] = field(default_factory=dict)
    suggested: dict[int, str] = field(default_factory=dict)
    _names: dict[object, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._by_signature = {signature(key.value.node): key for key in self.keys}
        self._classes = {type(_bare(key.node)) for key in self.keys if key.node is not None}
        self._classes -= {exp.Column}
        self._has_members = any(
            isinstance(key.node, exp.Column) and not key.value.is_field for key in self.keys
        )
        self.scope.keyed = all(self.sets) and bool(self.sets)
        for key in self.keys:
            key.value = hoisted(key.value, self.scope)

    def known(self, node: exp.Expr) -> Value | None:
        """Give what stands for an expression over the groups: a key, an aggregate or None."""
        if isinstance(node, exp.Grouping | exp.GroupingId):
            return self._flag(node)
        if calls.is_aggregate(node):
            return self._metric(node)
        if type(node) in self._classes and not calls.has_aggregate(node):
            key = self._by_signature.get(signature(self.ungrouped(node).node))
            return self._key(key) if key is not None else None
        return None

    def field(self, value: Value) -> Value:
        """Give the key that a column of the input is."""
        key = self._by_signature.get(signature(value.node))
        if key is None:
            raise Refusal(
                f"the column {value.name!r} is neither a key of GROUP BY nor in an aggregate",
                None,
                "add it to GROUP BY, or aggregate it",
                "IB503",
            )
        return self._key(key)

    def member(self, node: exp.Column) -> Value | None:
        """Give the key that a field of a struct is: `author.team`."""
        if not node.table or not self._has_members:
            return None
        key = self._by_signature.get(signature(self.ungrouped(node).node))
        return self._key(key) if key is not None else None

    def ungrouped(self, node: exp.Expr) -> Value:
        """Translate an expression over the input of the aggregation."""
        self.scope.grouping = None
        self.scope.reducing = True
        try:
            return self.scope.value(node)
        finally:
            self.scope.grouping = self
            self.scope.reducing = False

    def _key(self, key: Key) -> Value:
        return field_of(self.slot, key.name, key.value.type, key.value.declared, key.value.required)

    def _metric(self, node: exp.Expr) -> Value:
        self.scope.grouping = None
        self.scope.reducing = True
        try:
            value = calls.aggregated(node, self.scope)
        finally:
            self.scope.grouping = self
            self.scope.reducing = False
        mark = signature(value.node)
        if mark not in self._names:
            taken = {*self.metrics, *self.flags, *(key.name for key in self.keys)}
            name = unique(self.suggested.get(id(node)) or invented(node), taken)
            self._names[mark] = name
            self.metrics[name] = value
        return field_of(self.slot, self._names[mark], value.type, value.declared)

    def _flag(self, node: exp.Expr) -> Value:
        """Translate GROUPING: for each grouping set it is a constant."""
        parts = [*node.expressions] or [node.this]
        positions = []
        for part in parts:
            mark = signature(self.ungrouped(part).node)
            found = [i for i, key in enumerate(self.keys) if signature(key.value.node) == mark]
            if not found:
                raise Refusal("GROUPING of something that is no key", node, code="IB503")
            positions.append(found[0])
        bits = [
            reduce(lambda total, position: total * 2 + (position not in chosen), positions, 0)
            for chosen in self.sets
        ]
        if len(self.sets) == 1:
            return literal(0, BIGINT)
        name = unique(
            invented(node), {*self.metrics, *self.flags, *(key.name for key in self.keys)}
        )
        for known, values in self.flags.items():
            if values == bits:
                name = known
        self.flags[name] = bits
        return field_of(self.slot, name, BIGINT)

    def constant(self, value: Value) -> Value:
        """Make a column of a constant that all groups have."""
        mark = signature(value.node)
        if mark not in self._names:
            taken = {*self.metrics, *self.flags, *(key.name for key in self.keys)}
            self._names[mark] = unique("value", taken)
            self.metrics[self._names[mark]] = value
        return field_of(self.slot, self._names[mark], value.type, value.declared)

    def rows(self) -> Value:
        """Give the groups themselves as a value."""
        return Value(RowsNode(self.slot), UNKNOWN, uses=frozenset([self.slot]))

    def is_plain(self, value: Value) -> bool:
        """Whether a value can be a metric itself: it reads aggregates and no keys."""
        if is_windowed(value) or has_subquery(value):
            return False
        return all(
            node.slot is not self.slot or node.name in self.metrics for node in fields(value)
        )

    def key_of(self, value: Value) -> Key | None:
        """Give the key that a value over the groups is, if it is one."""
        node = value.node
        if type(node) is FieldNode and node.slot is self.slot:
            return next((key for key in self.keys if key.name == node.name), None)
        return None

    def inlined(self, value: Value) -> Value:
        """Give a value over the groups as one over the input."""

        def replace(node: FieldNode) -> Value | None:
            if node.slot is not self.slot:
                return None
            if node.name in self.metrics:
                return self.metrics[node.name]
            return next(key.value for key in self.keys if key.name == node.name)

        return replaced(value, replace)

    def build(self) -> Relation:
        """Aggregate: one row for each group, with all keys and metrics."""
        assert self.scope.relation is not None
        if len(self.sets) == 1:
            return self._placed(self._branch(self.sets[0]))
        branches = self._from_finest() or self._from_rows()
        aligned = [self._aligned(branch, index) for index, branch in enumerate(branches)]
        return self._placed(SetOperation("union", aligned, distinct=False))

    def _placed(self, relation: Relation) -> Relation:
        relation.slot = self.slot
        return relation

    def _branch(self, chosen: Sequence[int]) -> Aggregate:
        assert self.scope.relation is not None
        keys = {self.keys[i].name: self.keys[i].value for i in chosen}
        metrics = dict(self.metrics)
        if not keys and not any(value.uses for value in metrics.values()):
            # The one row of no keys has to hold something of the rows.
            name = unique("rows", metrics)
            metrics[name] = method(self.scope.rows(), "count", type=BIGINT)
        return Aggregate(finished(self.scope.relation, metrics.values()), keys, metrics)

    def _from_rows(self) -> list[Aggregate]:
        assert self.scope.relation is not None
        self.scope.relation.named = True
        return [self._branch(chosen) for chosen in self.sets]

    def _from_finest(self) -> list[Aggregate] | None:
        """Aggregate by all keys, and from those groups for the other sets, if that is the same."""
        everything = tuple(range(len(self.keys)))
        if not self.metrics or not any(set(chosen) == set(everything) for chosen in self.sets):
            return None
        finest = self._branch(everything)
        groups = Value(RowsNode(finest.slot), UNKNOWN, uses=frozenset([finest.slot]))
        metrics = reaggregated(finest, groups)
        if metrics is None:
            return None
        finest.named = True
        keys = [(key.name, finest.field(key.name)) for key in self.keys]
        return [
            Aggregate(finest, dict(keys[i] for i in chosen), metrics)
            if len(chosen) < len(keys)
            else finest
            for chosen in self.sets
        ]

    def _aligned(self, branch: Aggregate, index: int) -> Relation:
        """Give the rows of one grouping set all keys: those that it lacks are NULL."""
        chosen = self.sets[index]
        arguments: dict[str, Value] = {}
        for position, key in enumerate(self.keys):
            if position in chosen:
                arguments[key.name] = self._known_as(branch.field(key.name), key)
            else:
                arguments[key.name] = self._null(key)
        for name in self.metrics:
            arguments[name] = branch.field(name)
        for name, values in self.flags.items():
            arguments[name] = typed_literal(literal(values[index], BIGINT))
        columns = {name: Column(value.type, value.declared) for name, value in arguments.items()}
        if list(columns) == list(branch.columns) and all(map(_is_kept, arguments.values())):
            return branch
        return Step(branch, "select", keywords=arguments, columns=columns)

    def _inferred(self, key: Key) -> str | None:
        """Give the type that Ibis infers for a key, if that is certain."""
        assert self.scope.relation is not None
        found = inferred_for(key.value, [self.scope.relation])
        return None if found is None else str(found)

    def _known_as(self, value: Value, key: Key) -> Value:
        """Give a key a type that is certain and allows NULL: the members of a union agree."""
        found = self._inferred(key)
        if (found and not found.startswith("!")) or key.value.declared.dtype is None:
            return value
        dtype = key.value.declared.dtype
        return method(value, "cast", dtype, type=value.type, declared=value.declared)

    def _null(self, key: Key) -> Value:
        found = self._inferred(key)
        if found is None or found.startswith("!"):
            return null(key.value.declared)
        return function("null", found, type=key.value.type, declared=key.value.declared)


def _bare(node: exp.Expr) -> exp.Expr:
    """Leave out the parentheses around an expression; those of a query belong to it."""
    return node.unnest() if isinstance(node, exp.Paren) else node


def _is_kept(value: Value) -> bool:
    return value.is_field


def grouping_sets(group: exp.Expr) -> tuple[list[exp.Expr], list[tuple[int, ...]]]:
    """Give the keys of GROUP BY, and its grouping sets as positions among them."""
    keys: list[exp.Expr] = []

    def position(node: exp.Expr) -> int:
        if node not in keys:
            keys.append(node)
        return keys.index(node)

    def members(node: exp.Expr) -> tuple[int, ...]:
        if isinstance(node, exp.Tuple):
            return tuple(position(part) for part in node.expressions)
        if isinstance(node, exp.Paren):
            return members(node.this)
        return (position(node),)

    def joined(units: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
        return tuple(dict.fromkeys(item for unit in units for item in unit))

    def of(node: exp.Expr) -> list[tuple[int, ...]]:
        units = [members(part) for part in node.expressions]
        if isinstance(node, exp.Rollup):
            return [joined(units[:count]) for count in range(len(units), -1, -1)]
        if isinstance(node, exp.Cube):
            sizes = range(len(units), -1, -1)
            return [joined(chosen) for size in sizes for chosen in combinations(units, size)]
        sets: list[tuple[int, ...]] = []
        for part in node.expressions:
            nested = isinstance(part, exp.Rollup | exp.Cube | exp.GroupingSets)
            sets += of(part) if nested else [members(part)]
        return sets

    plain = [members(part) for part in group.expressions]
    products: list[list[tuple[int, ...]]] = [[joined(plain)]]
    for name in ("grouping_sets", "rollup", "cube"):
        products += [of(part) for part in group.args.get(name) or []]
    sets = reduce(
        lambda left, right: [joined([one, other]) for one in left for other in right], products
    )
    return keys, sets
