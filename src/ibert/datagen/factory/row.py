"""A row of the dataset: one training example of any task."""

from __future__ import annotations

import hashlib

import msgspec

from ibert.catalog import Catalog

TASKS = (
    "sql_to_ibis",
    "ibis_to_sql",
    "code_completion",
    "error_resolution",
    "qa",
    "documentation",
)
_ENCODER = msgspec.json.Encoder()


class Column(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A column of a table and its Ibis type."""

    name: str
    type: str


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table in scope."""

    name: str
    columns: tuple[Column, ...]


class Content(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a model sees of an example, and what it should answer.

    Parameters
    ----------
    task
        One of `TASKS`.
    dialect
        Of the SQL in it; empty where there is none.
    variant
        What sort of example of its task it is: `prefix`, `numpy`, the exception that is raised, …
    tables
        The tables in scope.
    input
        SQL, code, broken code, code before a cursor, or a question.
    suffix
        The code after the cursor.
    error
        What the input raises, as Ibis says it, or how its result differs.
    target
        The answer.
    explanation
        Why the answer is right, where that is known.
    """

    task: str
    dialect: str = ""
    variant: str = ""
    tables: tuple[Table, ...] = ()
    input: str
    suffix: str = ""
    error: str = ""
    target: str
    explanation: str = ""

    @property
    def id(self) -> str:
        """A hash of all of it."""
        return hashlib.sha256(_ENCODER.encode(self)).hexdigest()[:16]


class Origin(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where an example comes from, and how it was proved.

    Parameters
    ----------
    source
        `template`, `query` (generated) or `api` (Ibis' documentation).
    name
        The template, the place of the query, or the name of the API.
    licence
        Of the source, as SPDX spells it.
    root
        What ties together all that was derived from one verified pair.
    structure, code_structure
        Of the root: hashes of its SQL and of its code, without literals and names.
    schema
        A hash of the tables in scope.
    sql
        The root's SQL, of DuckDB's dialect: what its code gives.
    database
        On which rows it was proved; see `ibert.datagen.factory.databases`.
    features
        The constructs of the SQL, in snake_case.
    operations
        The operations of Ibis.
    difficulty
        `easy`, `medium` or `hard`.
    rows
        How many rows the result that proves it had.
    verdict
        What was found.
    """

    source: str
    name: str
    licence: str
    root: str
    structure: str
    code_structure: str
    schema: str
    database: str
    sql: str = ""
    features: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    difficulty: str = "medium"
    rows: int = 0
    verdict: str = "VERIFIED"


class Row(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A line of a shard."""

    id: str
    content: Content
    origin: Origin


_ROWS = msgspec.json.Decoder(Row)


def row(content: Content, origin: Origin) -> Row:
    """Make a row.

    Examples
    --------
    >>> origin = Origin(source="api", name="Table.count", licence="Apache-2.0", root="",
    ...     structure="", code_structure="", schema="", database="")
    >>> row(Content(task="qa", input="How many rows?", target="`Table.count()`"), origin).id
    'cfd57658eb39a4b1'
    """
    return Row(id=content.id, content=content, origin=origin)


def encode(one: Row) -> bytes:
    """Give the line of a row."""
    return _ENCODER.encode(one) + b"\n"


def decode(line: bytes) -> Row:
    """Read a line."""
    return _ROWS.decode(line)


def tables_of(catalog: Catalog) -> tuple[Table, ...]:
    """Give the tables of a catalog.

    Examples
    --------
    >>> tables_of(Catalog.from_dict({"t": {"a": "int64"}}))
    (Table(name='t', columns=(Column(name='a', type='int64'),)),)
    """
    return tuple(
        Table(name, tuple(Column(column, dtype) for column, dtype in schema.items()))
        for name, schema in catalog.to_dict().items()
    )


def catalog_of(tables: tuple[Table, ...]) -> Catalog:
    """Give the catalog that tables stand for."""
    return Catalog.from_dict(
        {table.name: {column.name: column.type for column in table.columns} for table in tables}
    )


def hashed(text: str) -> str:
    """Give a short hash of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
