"""What has been joined so far, and one more join of two such sides."""

from __future__ import annotations

from ibert.translator.joins import ancestors, join
from ibert.translator.names import unique
from ibert.translator.relations import (
    Relation,
    Step,
    TableRelation,
    ValueRelation,
    View,
)
from ibert.translator.scope import Table
from ibert.translator.syntax import replaced, signature
from ibert.translator.values import FieldNode, Value


class Side:
    """What has been joined so far: a relation, and the tables in it."""

    def __init__(self, relation: Relation, tables: list[Table]) -> None:
        self.relation = relation
        self.tables = tables

    def moved(self, relation: Relation) -> None:
        """Note that the rows are those of another relation with the same columns."""
        self.relation = relation
        for table in self.tables:
            table.relation = relation


def combined(
    left: Side,
    right: Side,
    how: str,
    keys: list[tuple[Value, Value]],
    predicates: list[Value],
    on: Value | None = None,
) -> Side:
    """Join two sides; `on` is the inequality of an as-of join."""
    explicit = (bool(predicates) and not all(value.is_literal for value in predicates)) or on
    if explicit and overlap(left.relation, right.relation):
        right_view = View(right.relation)
        right_view.needed = True
        keys, predicates, on = _onto(right, right_view, keys, predicates, on)
    if how not in ("semi", "anti"):
        keys, predicates, on = _spelled_apart(left, right, keys, predicates, on)
    alias = right.tables[0].alias if len(right.tables) == 1 else "right"
    relation, names = join(left.relation, right.relation, how, keys, predicates, alias or "right")
    relation.on = on
    for table in left.tables:
        table.moved(relation, {})
    if how in ("semi", "anti"):
        return Side(relation, left.tables)
    for table in right.tables:
        table.moved(relation, names)
    return Side(relation, [*left.tables, *right.tables])


def _spelled_apart(
    left: Side,
    right: Side,
    keys: list[tuple[Value, Value]],
    predicates: list[Value],
    on: Value | None,
) -> tuple[list[tuple[Value, Value]], list[Value], Value | None]:
    """Rename the columns of the right side that would be taken for one of the left.

    Those that differ in their case alone are two for Ibis, which renames none of them, and one for
    DuckDB. Those of one name that a key makes equal are one for Ibis, whatever their types are.
    """
    spelling = {name.casefold(): name for name in left.relation.columns}
    taken = [*spelling, *(name.casefold() for name in right.relation.columns)]
    renamed: dict[str, str] = {}
    unlike = {
        one.name
        for one, other in keys
        if one.is_field and other.is_field and one.name == other.name and one.type != other.type
    }
    for name in right.relation.columns:
        if spelling.get(name.casefold(), name) != name or name in unlike:
            renamed[name] = unique(f"{name}_right", [*taken, *renamed.values()])
    if not renamed:
        return keys, predicates, on
    before = right.relation
    columns = {renamed.get(name, name): column for name, column in before.columns.items()}
    keywords = {new: before.field(name) for name, new in renamed.items()}
    after = Step(before, "rename", keywords=keywords, columns=columns)

    def replace(node: FieldNode) -> Value | None:
        if node.slot is not before.slot:
            return None
        return after.field(renamed.get(node.name, node.name))

    for table in right.tables:
        table.moved(after, renamed)
    right.relation = after
    return (
        [(one, replaced(other, replace)) for one, other in keys],
        [replaced(value, replace) for value in predicates],
        replaced(on, replace) if on is not None else None,
    )


def _onto(
    side: Side,
    view: View,
    keys: list[tuple[Value, Value]],
    predicates: list[Value],
    on: Value | None,
) -> tuple[list[tuple[Value, Value]], list[Value], Value | None]:
    """Read the columns of a side from another view of the same rows."""
    slot = side.relation.slot

    def replace(node: FieldNode) -> Value | None:
        return view.field(node.name) if node.slot is slot else None

    side.moved(view)
    return (
        [(one, replaced(other, replace)) for one, other in keys],
        [replaced(value, replace) for value in predicates],
        replaced(on, replace) if on is not None else None,
    )


def overlap(left: Relation, right: Relation) -> bool:
    """Whether Ibis could take a column of one relation for one of the other."""
    ours = ancestors(left)
    sources = {mark for item in ours if (mark := _origin(item)) is not None}
    return any(item in ours or _origin(item) in sources for item in ancestors(right))


def _origin(relation: Relation) -> object:
    """Give what two relations have in common if they are the same rows; None for one of others."""
    if isinstance(relation, TableRelation):
        return (relation.table, relation.database)
    return signature(relation.value.node) if isinstance(relation, ValueRelation) else None
