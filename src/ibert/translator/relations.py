"""Relations: the table expressions of Ibis, with the columns they have."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ibert.translator.datatypes import Type
from ibert.translator.values import Slot, Value, field


class Column(NamedTuple):
    """A column: the type DuckDB gives it, the one Ibis declares, and whether that excludes NULL."""

    type: Type
    declared: Type
    required: bool = False

    @classmethod
    def of(cls, value: Value) -> Column:
        """Give the column that holds a value."""
        return cls(value.type, value.declared, value.required)


Columns = dict[str, Column]


class Relation:
    """A table expression.

    Parameters
    ----------
    columns
        Its columns by name.
    slot
        The rows it has; filters, sorts and limits keep those of their input.
    """

    __slots__ = ("columns", "comments", "heading", "label", "named", "notes", "slot")

    def __init__(self, columns: Columns, slot: Slot | None = None) -> None:
        self.columns = columns
        self.slot = slot or Slot()
        self.label: str | None = None  # the author's name for it
        self.named = False  # whether it becomes a variable in any case
        self.heading: list[str] = []  # the comments above the statement that gives it a name
        self.comments: list[str] = []  # the comments above its step of the chain
        # The comments above one of its arguments, by its number or its name.
        self.notes: dict[int | str, list[str]] = {}

    @property
    def inputs(self) -> tuple[Relation, ...]:
        """The relations it is made from, besides those inside its values."""
        return ()

    @property
    def values(self) -> Sequence[Value]:
        """The values it is made with."""
        return ()

    def field(self, name: str) -> Value:
        """Give one of its columns as a value."""
        column = self.columns[name]
        return field(self.slot, name, *column)

    def labelled(self, label: str, named: bool = True) -> Relation:
        """Give it the author's name."""
        self.label = self.label or label
        self.named = self.named or named
        return self


class TableRelation(Relation):
    """A table of the database."""

    __slots__ = ("database", "table")

    def __init__(self, table: str, columns: Columns, database: str | None = None) -> None:
        super().__init__(columns)
        self.table = table
        self.database = database
        self.label = table


class ValueRelation(Relation):
    """A relation that a value makes: a memtable, a literal as a table, a range.

    A dummy is the one row that a query without FROM reads.
    """

    __slots__ = ("is_dummy", "value")

    def __init__(self, value: Value, columns: Columns, is_dummy: bool = False) -> None:
        super().__init__(columns)
        self.value = value
        self.is_dummy = is_dummy

    @property
    def values(self) -> Sequence[Value]:
        """The values it is made with."""
        return (self.value,)


class Step(Relation):
    """A method of another relation, with its arguments.

    `arguments` are written in place, `keywords` by name; a field of the input stands there as the
    name of its column where Ibis takes names.
    """

    __slots__ = ("arguments", "keywords", "method", "parent")

    def __init__(
        self,
        parent: Relation,
        method: str,
        arguments: Sequence[Value] = (),
        keywords: dict[str, Value] | None = None,
        columns: Columns | None = None,
        keeps_rows: bool = False,
    ) -> None:
        super().__init__(
            parent.columns if columns is None else columns, parent.slot if keeps_rows else None
        )
        self.parent = parent
        self.method = method
        self.arguments = list(arguments)
        self.keywords = keywords or {}

    @property
    def inputs(self) -> tuple[Relation, ...]:
        """The relation it is a step from."""
        return (self.parent,)

    @property
    def values(self) -> Sequence[Value]:
        """The values it is made with."""
        return [*self.arguments, *self.keywords.values()]


class View(Step):
    """The same rows as something else: `view()`, which is left out unless it is needed."""

    __slots__ = ("needed",)

    def __init__(self, parent: Relation) -> None:
        super().__init__(parent, "view")
        self.needed = False


class Aggregate(Relation):
    """`group_by(keys).having(predicates).agg(metrics)`."""

    __slots__ = ("having", "keys", "metrics", "parent")

    def __init__(
        self,
        parent: Relation,
        keys: dict[str, Value],
        metrics: dict[str, Value],
        having: Sequence[Value] = (),
    ) -> None:
        columns = {name: Column.of(value) for name, value in (keys | metrics).items()}
        super().__init__(columns)
        self.parent = parent
        self.keys = keys
        self.metrics = metrics
        self.having = list(having)

    @property
    def inputs(self) -> tuple[Relation, ...]:
        """The relation it is a step from."""
        return (self.parent,)

    @property
    def values(self) -> Sequence[Value]:
        """The values it is made with."""
        return [*self.keys.values(), *self.metrics.values(), *self.having]


class Join(Relation):
    """A join. `keys` are pairs of values, one of each side, that have to be equal."""

    __slots__ = ("chain", "how", "keys", "left", "on", "predicates", "right", "suffix")

    def __init__(
        self,
        left: Relation,
        right: Relation,
        how: str,
        keys: Sequence[tuple[Value, Value]],
        predicates: Sequence[Value],
        columns: Columns,
        suffix: str = "{name}_right",
    ) -> None:
        super().__init__(columns, left.slot if how in ("semi", "anti") else None)
        self.left = left
        self.right = right
        self.how = how
        self.keys = list(keys)
        self.predicates = list(predicates)
        self.suffix = suffix
        self.on: Value | None = None  # the inequality of an as-of join
        self.chain: object = None  # what `joins` knows of the chain it is part of

    @property
    def inputs(self) -> tuple[Relation, ...]:
        """The two sides."""
        return (self.left, self.right)

    @property
    def values(self) -> Sequence[Value]:
        """Its keys and conditions."""
        pairs = [value for pair in self.keys for value in pair]
        return [*pairs, *self.predicates, *([self.on] if self.on else [])]


class SetOperation(Relation):
    """A union, an intersection or a difference of relations with the same schema."""

    __slots__ = ("distinct", "members", "method")

    def __init__(self, method: str, members: Sequence[Relation], distinct: bool) -> None:
        super().__init__(dict(members[0].columns))
        self.method = method
        self.members = list(members)
        self.distinct = distinct

    @property
    def inputs(self) -> tuple[Relation, ...]:
        """The relations it combines."""
        return tuple(self.members)
