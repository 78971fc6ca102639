"""What a random query selects from, and what its expressions may refer to."""

from __future__ import annotations

from dataclasses import dataclass

from ibert.catalog import Catalog
from ibert.datagen.random_queries import tables
from ibert.datagen.random_queries.expressions import Leaf, kind_of

WORDS = {"order", "count", "key"}  # of SQL, among the names here


@dataclass(frozen=True)
class Relation:
    """Something to select from: a table, a CTE or a derived table.

    Attributes
    ----------
    sql
        How FROM calls it.
    columns
        Its columns: names (not quoted) and kinds.
    key
        The columns that together tell its rows apart; None where none are known to.
    """

    sql: str
    columns: tuple[Leaf, ...]
    key: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Source:
    """A relation in a FROM clause, with the name (as written) that its columns go by."""

    name: str
    relation: Relation


@dataclass(frozen=True)
class Scope:
    """What the expressions of a SELECT may refer to.

    Attributes
    ----------
    sources
        The relations of its FROM clause.
    merged
        Columns that a USING made one of.
    outer
        Columns of the queries around it, with their qualifiers.
    """

    sources: tuple[Source, ...]
    merged: frozenset[str] = frozenset()
    outer: tuple[Leaf, ...] = ()

    def qualified(self) -> list[Leaf]:
        """Give every column under its qualifier."""
        return [
            Leaf(f"{source.name}.{quoted(column.sql)}", column.kind)
            for source in self.sources
            for column in source.relation.columns
        ]

    def key(self) -> list[str] | None:
        """Give the columns that together tell the rows apart, if there are any."""
        keys = [source.relation.key for source in self.sources]
        if not keys or None in keys:
            return None
        return [
            f"{source.name}.{quoted(name)}"
            for source in self.sources
            for name in source.relation.key or ()
        ]


@dataclass(frozen=True)
class Item:
    """An item of a SELECT list."""

    sql: str
    kind: str
    alias: str | None = None

    def __str__(self) -> str:
        return f"{self.sql} AS {quoted(self.alias)}" if self.alias else self.sql

    @property
    def name(self) -> str:
        """The name of the output column, as far as it is known."""
        return self.alias or self.sql.rpartition(".")[2].strip('"')


def quoted(name: str) -> str:
    """Quote a name where it needs that.

    Examples
    --------
    >>> quoted("qty"), quoted("order")
    ('qty', '"order"')
    """
    return f'"{name}"' if " " in name or name.lower() in WORDS else name


def base_relations(catalog: Catalog) -> list[Relation]:
    """Give the tables of a catalog as relations.

    Examples
    --------
    >>> base_relations(Catalog.from_dict({"order": {"id": "!int64"}}))[0].sql
    '"order"'
    """
    return [
        Relation(
            quoted(name),
            tuple(Leaf(column, kind_of(dtype)) for column, dtype in schema.items()),
            (tables.KEY,) if tables.KEY in schema else None,
        )
        for name, schema in catalog.tables.items()
    ]
