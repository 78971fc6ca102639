"""Leave out projections that nobody needs: those whose readers choose their columns themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ibert.translator.relations import Aggregate, Join, Relation, Step
from ibert.translator.syntax import has_subquery, nodes
from ibert.translator.values import ColumnNode, RelationNode, Value

_PASSING = frozenset({"filter", "order_by", "limit", "mutate", "view", "drop", "sample", ""})


def prune(roots: Sequence[Relation]) -> None:
    """Turn projections into `mutate`, or into nothing, where more columns do no harm.

    A projection stays if it renames columns, if it makes a result, or if a column that it leaves
    out would be in the way of what comes after.
    """
    graph = _Graph(roots)
    for relation in graph.relations:
        if isinstance(relation, Step) and relation.method == "select":
            _prune(relation, graph)


class _Graph:
    """Which relation is read by which others."""

    def __init__(self, roots: Sequence[Relation]) -> None:
        self.relations: list[Relation] = []
        self.readers: dict[Relation, list[Relation]] = {}
        self.whole: set[Relation] = set(roots)  # those of which all columns matter
        seen: set[Relation] = set()
        pending = list(roots)
        while pending:
            relation = pending.pop()
            if relation in seen:
                continue
            seen.add(relation)
            self.relations.append(relation)
            for part in relation.inputs:
                self.readers.setdefault(part, []).append(relation)
                pending.append(part)
            for node in _embedded(relation.values):
                if isinstance(node, RelationNode):
                    self.whole.add(node.relation)
                pending.append(node.relation)

    def widened(self, relation: Relation, extra: frozenset[str]) -> list[Relation] | None:
        """Give what has some more columns if a relation has them; None if it may not."""
        reached: list[Relation] = []
        pending = [relation]
        while pending:
            item = pending.pop()
            if item in reached:
                continue
            reached.append(item)
            if item in self.whole:
                return None
            for reader in self.readers.get(item, ()):
                passed = self._passes(reader, item, extra)
                if passed is None or (
                    passed and isinstance(reader, Join) and _is_twice(reader, reached)
                ):
                    return None
                if passed:
                    pending.append(reader)
        return reached

    def _passes(self, reader: Relation, relation: Relation, extra: frozenset[str]) -> bool | None:
        """Whether a reader has them in turn; None if they are in its way."""
        if isinstance(reader, Aggregate):
            return False
        if isinstance(reader, Join):
            if relation is reader.right and reader.how in ("semi", "anti"):
                return False
            sides = (reader, reader.left, reader.right)
            return None if any(_collide(extra, side) for side in sides) else True
        if isinstance(reader, Step):
            if reader.method == "select":
                return False
            if reader.method in _PASSING and not _collide(extra, reader):
                return True
        return None


def _collide(extra: Iterable[str], relation: Relation) -> bool:
    """Whether some columns have a name in a relation, in whatever case: to DuckDB they are one."""
    own = {name.casefold() for name in relation.columns}
    return any(name.casefold() in own for name in extra)


def _is_twice(join: Join, reached: Sequence[Relation]) -> bool:
    """Whether both sides of a join, of which one has just been reached, have the same columns."""
    return join.left in reached and join.right in reached


def _embedded(values: Iterable[Value]) -> Iterator[RelationNode | ColumnNode]:
    for value in values:
        for node in nodes(value.node):
            if isinstance(node, RelationNode | ColumnNode):
                yield node


def _prune(step: Step, graph: _Graph) -> None:
    computed = {}
    for name, value in step.keywords.items():
        if value.name == name and value.is_field and value.uses == {step.parent.slot}:
            continue
        if value.is_field:
            return
        computed[name] = value
    if any(value.uses != {step.parent.slot} for value in step.arguments):
        return
    if not computed and isinstance(step.parent, Join) and _is_bound(step, graph):
        return
    extra = frozenset(step.parent.columns) - frozenset(step.columns)
    taken = {name.casefold() for name in step.parent.columns}  # names are alike to DuckDB
    if any(name.casefold() in taken for name in computed):
        return
    widened = graph.widened(step, extra)
    if widened is None:
        return
    step.method = "mutate" if computed else ""
    left_out = [key for key in step.notes if key not in computed]
    step.comments = [line for key in left_out for line in step.notes[key]] + step.comments
    step.arguments = []
    step.keywords = computed
    added = {name: step.parent.columns[name] for name in extra}
    for relation in widened:
        relation.columns = added | relation.columns


def _is_bound(step: Step, graph: _Graph) -> bool:
    """Whether a reader needs the join to be finished: subqueries refer to its columns."""
    return any(
        isinstance(reader, Join) or any(has_subquery(value) for value in reader.values)
        for reader in graph.readers.get(step, ())
    )
