"""Queries that depend on the rows around them, evaluated for all of those rows at once.

Ibis lets a query inside another one read the columns of the rows around it in its filters alone.
Any other query of that kind is evaluated once over its domain, the distinct values of the columns
that it reads: every relation in it is given those columns, and groups, windows, limits and joins
are taken for each combination of values apart. What belongs to one row around it is then chosen
by a filter.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence

from ibert.translator.correlation import OuterField
from ibert.translator.datatypes import BIGINT, BOOLEAN, INTEGER, UNKNOWN
from ibert.translator.functions.windows import over
from ibert.translator.joins import join
from ibert.translator.names import unique
from ibert.translator.reductions import is_count, is_plain, split
from ibert.translator.refusal import Refusal
from ibert.translator.relations import (
    Aggregate,
    Column,
    Columns,
    Join,
    Relation,
    SetOperation,
    Step,
    ValueRelation,
    View,
)
from ibert.translator.syntax import (
    calls,
    free_slots,
    nodes,
    rebuilt,
    slots_of,
    subqueries_of,
)
from ibert.translator.values import (
    LOAD,
    ColumnNode,
    FieldNode,
    KeyNode,
    RelationNode,
    Slot,
    Value,
    field,
    function,
    literal,
    method,
    operator,
)

# Methods that mean the same for each combination of values apart.
_ROWWISE = {"filter", "select", "mutate", "drop", "distinct", "order_by", "unnest", "view"}


class Domain:
    """The distinct values of the columns around a query that it reads.

    Parameters
    ----------
    rows
        The rows around it.
    fields
        The columns that it reads.
    taken
        The names that the query has for columns of its own.
    """

    def __init__(
        self, rows: Sequence[Relation], fields: Sequence[FieldNode], taken: set[str]
    ) -> None:
        self.names: dict[OuterField, str] = {}
        self.columns: Columns = {}
        parts: dict[Slot, dict[str, Value]] = {}
        by_slot = {relation.slot: relation for relation in rows}
        for node in fields:
            value = by_slot[node.slot].field(node.name)
            name = unique(node.name, taken | set(self.columns))
            if name != node.name:
                name = unique(f"outer_{node.name}", taken | set(self.columns))
            self.names[node.slot, node.name] = name
            self.columns[name] = Column.of(value)
            parts.setdefault(node.slot, {})[name] = value
        self.slots = frozenset(parts)
        made = [_distinct(by_slot[slot], values) for slot, values in parts.items()]
        self.relation = made[0]
        for other in made[1:]:
            self.relation, _ = join(self.relation, other, "cross")
        self._pushed: dict[Relation, Relation] = {}
        self._direct: Step | None = None

    def attach(self, relation: Relation, summarized: bool) -> Domain:
        """Read the values from the relation itself, where it wants columns to be equal to all.

        That holds for a query that is a chain of steps over a filter by equality. Rows around it
        that are NULL there have no rows in it, so that an aggregate of all rows may only be the
        last step of one that is `summarized`: made up for where there are no rows.
        """
        item = relation
        while not isinstance(item, Step) or self._depends(item.parent):
            plain = isinstance(item, Step) and item.method in {*_ROWWISE, "limit"}
            groups = isinstance(item, Aggregate) and (
                item.keys or (summarized and item is relation)
            )
            if not plain and not groups:
                return self
            assert isinstance(item, Step | Aggregate)
            item = item.parent
        if item.method == "filter":
            equal = self._equal(item)
            if set(equal) == set(self.columns):
                self._direct = item
                self.columns = {name: Column.of(equal[name]) for name in self.columns}
        return self

    def _equal(self, step: Step) -> dict[str, Value]:
        """Give the columns that a filter wants to be equal to some of the domain."""
        found: dict[str, Value] = {}
        for value in step.arguments:
            pair = self._key(value, step.parent)
            if pair is not None and pair[1].is_field and pair[0].name:
                found[pair[0].name] = step.parent.field(pair[1].name or "")
        return found

    def outer(self) -> list[tuple[str, Value]]:
        """Give each column of the domain with the one around the query that it is."""
        return [
            (name, field(slot, own, *self.columns[name]))
            for (slot, own), name in self.names.items()
        ]

    def matched(self, relation: Relation) -> Step:
        """Keep what belongs to the row around the query."""
        found = [self._same(relation.field(name), value) for name, value in self.outer()]
        return Step(relation, "filter", found, keeps_rows=True)

    def matches(self, relation: Relation) -> list[Value]:
        """Give the conditions that join the rows around the query to those of a relation."""
        return [self._same(value, relation.field(name)) for name, value in self.outer()]

    def _same(self, one: Value, other: Value) -> Value:
        if self._direct is not None or (one.required and other.required):
            return operator("==", one, other, BOOLEAN)
        return method(one, "identical_to", other, type=BOOLEAN)

    def pushed(self, relation: Relation) -> Relation:
        """Give the rows that a relation has for each combination of values, with those values."""
        if relation not in self._pushed:
            made = self._push(relation) if self._depends(relation) else self._crossed(relation)
            if made is not relation:
                made.slot = relation.slot
                made.label, made.named = relation.label, relation.named
            self._pushed[relation] = made
        return self._pushed[relation]

    def grouped(self, relation: Aggregate) -> Relation:
        """Aggregate for each combination of values that has rows."""
        made = self._aggregated(relation)
        if is_plain(made):
            made.columns = self.columns | relation.columns
            made.slot = relation.slot
            return made
        plain, results, having = split(made)
        kept = Step(plain, "filter", having, keeps_rows=True) if having else plain
        keys = [kept.field(name) for name in plain.keys]
        columns = self.columns | relation.columns
        selected = Step(kept, "select", keys, results, columns)
        selected.slot = relation.slot
        return selected

    def _aggregated(self, relation: Aggregate) -> Aggregate:
        """Add the columns of the domain to the keys."""
        parent = self.pushed(relation.parent)
        local = {relation.parent.slot}
        keys = {name: self._value(value, local, parent) for name, value in relation.keys.items()}
        metrics = {
            name: self._value(value, local, parent) for name, value in relation.metrics.items()
        }
        having = [self._value(value, local, parent) for value in relation.having]
        return Aggregate(parent, self._fields(parent) | keys, metrics, having)

    def _depends(self, relation: Relation) -> bool:
        return bool(free_slots(relation) & self.slots)

    def _fields(self, relation: Relation) -> dict[str, Value]:
        return {name: field(relation.slot, name, *column) for name, column in self.columns.items()}

    def _crossed(self, relation: Relation) -> Relation:
        if isinstance(relation, ValueRelation) and relation.is_dummy:
            return View(self.relation)
        return join(self.relation, relation, "cross")[0]

    def _push(self, relation: Relation) -> Relation:
        match relation:
            case Step(method="limit"):
                return self._limit(relation)
            case Step(method="filter") if not self._depends(relation.parent):
                return self._joined_filter(relation)
            case Step() if relation.method in _ROWWISE:
                return self._step(relation)
            case Aggregate() if not relation.keys:
                return self._complete(relation)
            case Aggregate():
                return self.grouped(relation)
            case Join():
                return self._join(relation)
            case SetOperation():
                members = [self.pushed(member) for member in relation.members]
                made = SetOperation(relation.method, members, relation.distinct)
                made.columns = self.columns | relation.columns
                return made
            case ValueRelation():
                return self._row(relation)
        construct = relation.method if isinstance(relation, Step) else "a relation"
        raise Refusal(f"{construct} over columns of the query around it", None)

    def _step(self, step: Step) -> Relation:
        parent = self.pushed(step.parent)
        if isinstance(step, View):
            view = View(parent)
            view.needed = step.needed
            return view
        local = {step.parent.slot}
        arguments = [self._value(value, local, parent) for value in step.arguments]
        keywords = {
            name: self._value(value, local, parent) for name, value in step.keywords.items()
        }
        if step.method == "select":
            arguments = [*self._fields(parent).values(), *arguments]
        return Step(parent, step.method, arguments, keywords, self.columns | step.columns)

    def _joined_filter(self, step: Step) -> Relation:
        """Join the domain where a filter wants its columns to be equal to others."""
        local = {step.parent.slot}
        keys, rest = [], []
        equal = self._equal(step) if step is self._direct else {}
        for value in step.arguments:
            pair = self._key(value, step.parent)
            if pair is None:
                rest.append(value)
            else:
                keys.append(pair)
        if not keys:
            return self._step(step)
        joined: Relation
        if equal:
            columns = step.parent.columns | self.columns
            joined = Step(step.parent, "mutate", keywords=equal, columns=columns)
            rest = [value for value in step.arguments if not self._is_implied(value, step, equal)]
        else:
            joined, _ = join(self.relation, step.parent, "inner", keys)
        joined.slot = step.slot
        if not rest:
            return joined
        values = [self._value(value, local, joined) for value in rest]
        return Step(joined, "filter", values, keeps_rows=True)

    def _is_implied(self, value: Value, step: Step, equal: dict[str, Value]) -> bool:
        pair = self._key(value, step.parent)
        return (
            pair is not None and pair[1].is_field and equal[pair[0].name or ""].name == pair[1].name
        )

    def _key(self, value: Value, parent: Relation) -> tuple[Value, Value] | None:
        node = value.node
        if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], ast.Eq):
            return None
        for one, other in ((node.left, node.comparators[0]), (node.comparators[0], node.left)):
            read = {part.slot for part in nodes(other) if isinstance(part, FieldNode)}
            if type(one) is FieldNode and one.slot in self.slots and read == {parent.slot}:
                if any(isinstance(part, RelationNode | ColumnNode) for part in nodes(other)):
                    continue
                name = self.names[one.slot, one.name]
                return self.relation.field(name), Value(
                    other, UNKNOWN, None, frozenset(read), value.eager & read
                )
        return None

    def _limit(self, step: Step) -> Relation:
        """Keep the first rows for each combination of values."""
        if not all(value.is_literal for value in step.values):
            raise Refusal("a LIMIT that is no constant", None)
        above: list[Step] = []
        base = step.parent
        while isinstance(base, Step) and base.method in ("drop", "select"):
            if any(calls(value, "over", "unnest") for value in base.values):
                break
            above.append(base)
            base = base.parent
        if not (isinstance(base, Step) and base.method == "order_by"):
            above, base = [], step.parent
        parent = self.pushed(base)
        order: list[Value] = []
        if isinstance(base, Step) and base.method == "order_by":
            sorted_ = parent if isinstance(parent, Step) and self._depends(base) else base
            order = sorted_.arguments
        number = over(
            function("row_number", type=BIGINT), list(self._fields(parent).values()), order
        )
        assert number is not None
        count = step.arguments[0].literal if step.arguments else None
        skipped = step.keywords["offset"].literal if "offset" in step.keywords else 0
        kept = []
        if skipped:
            kept.append(operator(">=", number, literal(skipped, INTEGER), BOOLEAN))
        if count is not None:
            kept.append(operator("<", number, literal(count + skipped, INTEGER), BOOLEAN))
        made: Relation = Step(parent, "filter", kept, keeps_rows=True)
        for item in reversed(above):
            self._pushed[item.parent] = made
            made = self._step(item)
            made.slot = item.slot
            del self._pushed[item.parent]
        return made

    def _complete(self, relation: Aggregate) -> Relation:
        """Aggregate all rows: there is one result for each combination of values, also of none."""
        plain, results, _ = split(self._aggregated(relation))
        view = View(plain)
        view.needed = True
        matches = [self._same(self.relation.field(name), view.field(name)) for name in self.columns]
        joined, _ = join(self.relation, view, "left", [], matches)

        def filled(node: FieldNode) -> Value:
            if node.name in self.columns:
                return joined.field(node.name)
            value = field(joined.slot, node.name, *plain.columns[node.name][:2])
            if is_count(plain.metrics[node.name]):
                return method(value, "fill_null", 0, type=value.type)
            return value

        values = {name: _substituted(value, plain.slot, filled) for name, value in results.items()}
        columns = self.columns | relation.columns
        return Step(joined, "select", list(self._fields(joined).values()), values, columns)

    def _row(self, relation: ValueRelation) -> Relation:
        """Give one row of values of the domain, or the elements of a list of it."""
        base = View(self.relation)
        match relation.value.node:
            case ast.Call(
                func=ast.Attribute(
                    value=ast.Call(
                        func=ast.Attribute(value=inner, attr="name"),
                        args=[ast.Constant(value=str(name))],
                    ),
                    attr="as_table",
                )
            ):
                value = relation.value
                column = relation.columns[name]
                inside = Value(inner, column.type, column.declared, value.uses, value.eager)
                written = self._value(inside, set(), base)
                return Step(
                    base,
                    "mutate",
                    keywords={name: written},
                    columns=self.columns | relation.columns,
                )
        raise Refusal("VALUES over columns of the query around it", None)

    def _join(self, relation: Join) -> Relation:
        left, right = relation.left, relation.right
        on_left, on_right = self._depends(left), self._depends(right)
        if relation.how in ("asof", "positional") and (on_right or not on_left):
            raise Refusal(f"a {relation.how} join over columns of the query around it", None)
        both = (on_left and on_right) or relation.how == "outer"
        if relation.how in ("left", "semi", "anti") and (on_right or not on_left):
            both, on_left = on_right, True
        elif relation.how == "right" and (on_left or not on_right):
            both, on_right = on_left, True
        elif not on_left and not on_right:
            on_left = True
        new_left = self.pushed(left) if on_left or both else left
        new_right = self.pushed(right) if on_right or both else right
        current = new_left if on_left or both else new_right
        local = {left.slot, right.slot}
        keys = [
            (self._value(one, local, current), self._value(other, local, current))
            for one, other in relation.keys
        ]
        predicates = [self._value(value, local, current) for value in relation.predicates]
        if both:
            return self._joined(relation, new_left, new_right, keys, predicates)
        made, _ = join(new_left, new_right, relation.how, keys, predicates, _alias(relation))
        made.on = self._value(relation.on, local, current) if relation.on else None
        return made

    def _joined(
        self,
        relation: Join,
        left: Relation,
        right: Relation,
        keys: list[tuple[Value, Value]],
        predicates: list[Value],
    ) -> Relation:
        """Join two relations that both have the columns of the domain."""
        twins = {
            name: unique(f"{name}_too", {*left.columns, *right.columns, *relation.columns})
            for name in self.columns
        }
        renamed = {twins.get(name, name): right.field(name) for name in right.columns}
        columns = {name: Column.of(value) for name, value in renamed.items()}
        other = Step(right, "select", keywords=renamed, columns=columns)
        other.slot = right.slot
        same = [self._same(left.field(name), other.field(twin)) for name, twin in twins.items()]
        how = relation.how
        if how in ("inner", "cross"):
            how = "inner" if keys else "cross"
            made, _ = join(left, other, how, keys, predicates, _alias(relation))
            made.slot = relation.slot
            found = [self._same(made.field(name), made.field(twin)) for name, twin in twins.items()]
            return Step(made, "filter", found, keeps_rows=True)
        view = View(other)
        view.needed = True
        view.slot = other.slot
        made, _ = join(left, view, how, keys, [*predicates, *same], _alias(relation))
        if how in ("left", "semi", "anti"):
            return made
        made.slot = relation.slot
        keywords = {}
        for name, twin in twins.items():
            value = made.field(twin)
            if how == "outer":
                value = method(
                    made.field(name), "fill_null", value, type=value.type, declared=value.declared
                )
            keywords[name] = value
        return Step(made, "mutate", keywords=keywords, columns=made.columns, keeps_rows=True)

    def _value(self, value: Value, local: set[Slot], current: Relation) -> Value:
        """Give a value that reads the domain's columns in place of those around the query."""
        outer = self.slots - local
        read = slots_of(value.node)
        windowed = calls(value, "over")
        if not (read & outer) and not windowed and not subqueries_of(value):
            return value
        node = self._node(value.node, outer, current)
        assert isinstance(node, ast.expr)
        eager = value.eager - outer
        if value.eager & outer:
            eager |= {current.slot}
        return Value(
            node,
            value.type,
            value.declared,
            slots_of(node),
            frozenset(eager),
            value.literal,
            value.required,
        )

    def _node(self, node: ast.AST, outer: frozenset[Slot], current: Relation) -> ast.AST:
        if isinstance(node, FieldNode):
            if node.slot not in outer:
                return node
            return type(node)(current.slot, self.names[node.slot, node.name])
        if isinstance(node, RelationNode | ColumnNode):
            if not free_slots(node.relation) & outer:
                return node
            return self._inner(node, current)
        if not node._fields:
            return node
        made = rebuilt(node, lambda part: self._node(part, outer, current))
        if _is_window(made):
            assert isinstance(made, ast.Call)
            return self._partitioned(made, current)
        return made

    def _inner(self, node: RelationNode | ColumnNode, current: Relation) -> ast.AST:
        """Evaluate a query further inside for all values, too, and keep those of the row."""
        relation = self.pushed(node.relation)
        found = [self._same(relation.field(name), current.field(name)) for name in self.columns]
        kept = Step(relation, "filter", found, keeps_rows=True)
        if isinstance(node, ColumnNode):
            return ColumnNode(kept, node.name)
        own = node.relation.columns
        if len(own) > 1:
            return RelationNode(kept)
        return RelationNode(Step(kept, "select", [kept.field(name) for name in own], columns=own))

    def _partitioned(self, call: ast.Call, current: Relation) -> ast.Call:
        keys: list[ast.expr] = [KeyNode(current.slot, name) for name in self.columns]
        keywords = []
        for part in call.keywords:
            if part.arg == "group_by":
                own = part.value.elts if isinstance(part.value, ast.List) else [part.value]
                keys += own
            else:
                keywords.append(part)
        group = ast.keyword(arg="group_by", value=ast.List(elts=keys, ctx=LOAD))
        if len(keys) == 1:
            group = ast.keyword(arg="group_by", value=keys[0])
        return ast.Call(func=call.func, args=call.args, keywords=[group, *keywords])


def _distinct(relation: Relation, values: dict[str, Value]) -> Relation:
    """Give the distinct values of some columns, as rows of their own."""
    view = View(relation)
    view.needed = True
    arguments: list[Value] = []
    keywords: dict[str, Value] = {}
    for name, value in values.items():
        own = view.field(value.name or "")
        if name == value.name and not keywords:
            arguments.append(own)
        else:
            keywords[name] = own
    columns = {name: Column.of(value) for name, value in values.items()}
    chosen = Step(view, "select", arguments, keywords, columns)
    made = Step(chosen, "distinct", keeps_rows=True)
    made.label = "keys"
    return made


def _alias(relation: Join) -> str:
    """Give what makes `joins` choose the same suffix again."""
    return relation.suffix.removeprefix("{name}_")


def _is_window(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "over"
    )


def _substituted(value: Value, slot: Slot, replace: Callable[[FieldNode], Value]) -> Value:
    uses: set[Slot] = set()

    def change(node: ast.AST) -> ast.AST:
        if isinstance(node, FieldNode):
            if node.slot is not slot:
                return node
            other = replace(node)
            uses.update(other.uses)
            return other.node
        return rebuilt(node, change)

    node = change(value.node)
    assert isinstance(node, ast.expr)
    eager = frozenset(uses) if value.eager else frozenset()
    return Value(node, value.type, value.declared, frozenset(uses), eager)
