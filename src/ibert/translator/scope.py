"""What names mean within a query."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from sqlglot import exp

from ibert.diagnostics import did_you_mean
from ibert.translator.datatypes import UNKNOWN
from ibert.translator.refusal import Refusal
from ibert.translator.relations import Columns, Relation, View
from ibert.translator.values import RowsNode, Slot, Value

if TYPE_CHECKING:
    from ibert.catalog import Catalog
    from ibert.translator.aggregation import Grouping

Rule = Callable[[exp.Expr, "Scope"], Value]


class Label(NamedTuple):
    """A column under the name that SQL has for it, and the one it has in the relation."""

    label: str
    name: str


class Output(NamedTuple):
    """What a query gives: a relation, and its columns under the names that SQL has for them."""

    relation: Relation
    labels: tuple[Label, ...]


class Table:
    """A table in FROM: its alias, and where its columns are now."""

    __slots__ = ("alias", "labels", "names", "relation")

    def __init__(self, alias: str, relation: Relation, labels: tuple[Label, ...]) -> None:
        self.alias = alias
        self.relation = relation
        self.labels = list(labels)
        self.names: dict[str, str] = {}
        for label, name in labels:
            self.names.setdefault(label.casefold(), name)

    def moved(self, relation: Relation, names: dict[str, str]) -> None:
        """Note that its columns are in another relation now, under other names."""
        self.relation = relation
        self.labels = [Label(label, names.get(name, name)) for label, name in self.labels]
        self.names = {key: names.get(name, name) for key, name in self.names.items()}

    def field(self, column: str) -> Value | None:
        """Find a column."""
        name = self.names.get(column.casefold())
        return None if name is None else self.relation.field(name)


class Context:
    """What all parts of one translation share.

    Parameters
    ----------
    catalog
        The tables of the database.
    columns
        The columns of each table, by its name.
    rules
        How each class of expression becomes a value.
    query
        How a query becomes a relation.
    """

    def __init__(
        self,
        catalog: Catalog,
        rules: dict[type[exp.Expr], Rule],
        query: Callable[[exp.Expr, Scope | None, Context], Output],
    ) -> None:
        self.catalog = catalog
        self.rules = rules
        self.query = query
        self.columns: dict[str, Columns] = {}
        self.parameters: dict[str, Value] = {}
        self.views: dict[str, Output] = {}  # what earlier statements of a script named
        self.free: dict[Relation, frozenset[Slot]] = {}  # what queries read of rows around them


class Scope:
    """The names within one SELECT.

    Attributes
    ----------
    tables
        What FROM names, in order.
    merged
        Columns that USING and NATURAL made one of two, by their folded name.
    relation
        The rows that fields are read from.
    outer
        The scope of the query around this one.
    ctes
        What WITH names.
    aliases
        The expressions of the output by their alias, for references to them within the query.
    grouping
        The keys and aggregates of a grouped query, once its input is complete.
    """

    def __init__(self, context: Context, outer: Scope | None = None) -> None:
        self.context = context
        self.outer = outer
        self.tables: list[Table] = []
        self.merged: dict[str, Callable[[], Value]] = {}
        self.relation: Relation | None = None
        self.ctes: dict[str, Output] = dict(outer.ctes) if outer else dict(context.views)
        self.aliases: dict[str, exp.Expr] = {}
        self.windows: dict[str, exp.Expr] = {}
        self.grouping: Grouping | None = None
        self.keyed = False  # whether every group of a grouped query has rows
        self.lambdas: dict[str, Value] = dict(outer.lambdas) if outer else {}
        self.correlated = False
        self.reducing = False  # whether an argument of an aggregate is translated
        self.filtering = False  # whether a condition of WHERE is translated
        self.asked: dict[object, bool] = {}  # the queries in it, and whether they read its columns
        self.answers: dict[exp.Expr, Value] | None = None  # queries that keys of groups may repeat
        self.repeating = False  # whether a query is translated that Ibis could take for another
        self.views: list[View] = []
        self.inner: list[View] = []  # those of its tables in queries within
        self.hidden: set[tuple[int, str]] = set()
        self._expanding: set[str] = set()

    def value(self, node: exp.Expr) -> Value:
        """Translate an expression."""
        if self.grouping is not None:
            known = self.grouping.known(node)
            if known is not None:
                return known
        rule = self.context.rules.get(type(node))
        if rule is None:
            raise Refusal(construct_of(node), node)
        return rule(node, self)

    def values(self, nodes: list[exp.Expr]) -> list[Value]:
        """Translate expressions."""
        return [self.value(node) for node in nodes]

    def query(self, node: exp.Expr) -> Output:
        """Translate a query inside this one."""
        return self.context.query(node, self, self.context)

    def move(self, relation: Relation) -> None:
        """Go on with another relation that has the same columns."""
        self.relation = relation
        for table in self.tables:
            table.relation = relation

    def rows(self) -> Value:
        """Give the rows themselves as a value."""
        assert self.relation is not None
        slot = self.relation.slot
        return Value(RowsNode(slot), UNKNOWN, uses=frozenset([slot]))

    def hide(self, table: Table, column: str) -> None:
        """Leave a column out of `*`: USING merged it with another one."""
        self.hidden.add((id(table), column))

    def outer_of_derived(self) -> Scope | None:
        """Give the scope around a query in FROM: it sees WITH, but not the tables beside it."""
        around = Scope(self.context, self.outer)
        around.ctes = self.ctes
        return around

    def table(self, alias: str) -> Table | None:
        """Find a table of FROM."""
        folded = alias.casefold()
        return next((table for table in self.tables if table.alias.casefold() == folded), None)

    def own(self, column: str, table: str | None = None) -> Value | None:
        """Find a column among the tables of FROM."""
        if table is not None:
            found = self.table(table)
            return found.field(column) if found else None
        folded = column.casefold()
        if folded in self.merged:
            return self.merged[folded]()
        hits = [item for item in self.tables if folded in item.names]
        if len(hits) > 1:
            places = ", ".join(f"{item.alias}.{column}" for item in hits)
            raise Refusal(
                f"ambiguous column {column!r}", None, f"it could be {places}", code="IB502"
            )
        return hits[0].field(column) if hits else None

    def column(self, node: exp.Column) -> Value:
        """Find what the name of a column means."""
        parts = [part.name for part in node.parts]
        for scope in self.chain():
            try:
                found = scope._reference(parts, node)
            except Refusal as refusal:
                raise Refusal(
                    refusal.construct, refusal.node or node, refusal.hint, refusal.code
                ) from None
            if found is not None:
                self.depends(scope)
                return found
        raise self._unknown(node)

    def depends(self, until: Scope) -> None:
        """Note that the query reads a column of one around it."""
        for scope in self.chain():
            if scope is until:
                return
            scope.correlated = True
            for view in scope.views:
                view.needed = True

    def chain(self) -> Iterator[Scope]:
        """Yield this scope and those around it."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.outer

    def _reference(self, parts: list[str], node: exp.Column) -> Value | None:
        from ibert.translator.functions.lists import field

        if parts[0] in self.lambdas:
            found: Value | None = self.lambdas[parts[0]]
            rest = parts[1:]
        elif self.grouping is not None and (key := self.grouping.member(node)) is not None:
            return key
        else:
            found, rest = self._longest(parts, node)
        for part in rest:
            if found is not None:
                found = field(found, part)
        return found

    def _longest(self, parts: list[str], node: exp.Column) -> tuple[Value | None, list[str]]:
        """Read `a.b.c` as schema.table.column, table.column.field or column.field.field."""
        if len(parts) >= 3:
            found = self._member(parts[1], parts[2])
            if found is not None and self.own(parts[0]) is None and self.table(parts[0]) is None:
                return found, parts[3:]
        if len(parts) >= 2:
            found = self._member(parts[0], parts[1])
            if found is not None:
                return found, parts[2:]
        try:
            found = self._single(parts[0], node)
        except Refusal:
            if len(parts) < 2 or not self._is_table_around(parts[0]):
                raise
            found = None
        return found, parts[1:]

    def _is_table_around(self, alias: str) -> bool:
        return self.outer is not None and any(scope.table(alias) for scope in self.outer.chain())

    def _member(self, table: str, column: str) -> Value | None:
        found = self.own(column, table)
        if found is None or self.grouping is None:
            return found
        return self.grouping.field(found)

    def _single(self, name: str, node: exp.Column) -> Value | None:
        found = self.own(name)
        if found is not None:
            return self.grouping.field(found) if self.grouping else found
        folded = name.casefold()
        if folded in self.aliases and folded not in self._expanding:
            self._expanding.add(folded)
            try:
                return self.value(self.aliases[folded])
            finally:
                self._expanding.discard(folded)
        return self._row(name)

    def _row(self, name: str) -> Value | None:
        """Read the name of a table as the struct of its columns."""
        from ibert.translator.functions.lists import struct

        table = self.table(name)
        if table is None:
            return None
        fields = {label: table.relation.field(name) for label, name in table.labels}
        if self.grouping:
            return None
        return struct(fields)

    def _unknown(self, node: exp.Column) -> Refusal:
        known = [
            label for scope in self.chain() for table in scope.tables for label, _ in table.labels
        ]
        aliases = [table.alias for scope in self.chain() for table in scope.tables]
        if node.table and node.table.casefold() not in {alias.casefold() for alias in aliases}:
            hint = did_you_mean(node.table, set(aliases), "tables")
            return Refusal(f"no table {node.table!r} in scope", node, hint, code="IB104")
        hint = did_you_mean(node.name, set(known), "columns")
        return Refusal(f"no column {node.name!r}", node, hint, code="IB105")


def construct_of(node: exp.Expr) -> str:
    """Give the words for a construct."""
    if isinstance(node, exp.Anonymous | exp.AnonymousAggFunc | exp.CombinedAggFunc):
        return f"the function {node.name.lower()}"
    if isinstance(node, exp.Func):
        return f"the function {node.sql_name().lower()}"
    words = "".join(
        f" {letter.lower()}" if letter.isupper() else letter for letter in type(node).__name__
    )
    return words.strip()
