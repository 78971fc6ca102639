"""Generated catalogs: tables of one domain, with rows whose values mean something there."""

from __future__ import annotations

import datetime as dt
import tomllib
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import cache
from importlib.resources import files
from random import Random
from typing import Any, NamedTuple

import pyarrow as pa

from ibert.catalog import Catalog
from ibert.datagen.random_queries.expressions import Leaf, kind_of
from ibert.datagen.random_queries.relations import Relation

ROWS = (14, 22)  # at least and at most, of a table
TABLES = (2, 3)  # of a catalog
WIDTH = (4, 8)  # columns of a table
NULL_SHARE = 0.15
REPEATED = 3  # rows of a table without a key that come twice
FIRST_DAY = dt.date(2023, 1, 1)
DAYS = 730

Kind = str | list[str]  # a key of KINDS, or the texts that a column holds


class Values(NamedTuple):
    """A kind of column: its Ibis type, what draws a value, and literals to compare it with."""

    dtype: str
    draw: Callable[[Random], Any]
    literals: tuple[str, ...]


def _day(rng: Random) -> dt.date:
    return FIRST_DAY + dt.timedelta(days=rng.randrange(DAYS))


def _moment(rng: Random) -> dt.datetime:
    hour, minute = rng.choice((0, 7, 8, 9, 12, 13, 17, 18, 23)), rng.choice((0, 0, 5, 15, 30, 45))
    return dt.datetime.combine(_day(rng), dt.time(hour, minute))


KINDS: dict[str, Values] = {
    "key": Values("!int64", lambda rng: rng.randint(1, 24), ("1", "2", "5", "10")),
    "reference": Values("int64", lambda rng: rng.randint(1, 24), ("1", "2", "5", "10")),
    "count": Values("int32", lambda rng: rng.choice((0, 1, 2, 3, 4, 5, 8, 10, 12, 30, 45)),
                    ("1", "2", "3", "5", "10", "30")),
    "years": Values("int32", lambda rng: rng.choice((17, 18, 24, 30, 31, 40, 52, 65)),
                    ("18", "30", "40", "65")),
    "money": Values("decimal(10, 2)", lambda rng: Decimal(rng.randrange(0, 60_000, 125)) / 100,
                    ("10", "50", "100", "99.50", "250")),
    "measure": Values("float64", lambda rng: rng.randrange(0, 800) / 8,
                      ("1.5", "10", "25", "50", "72.5")),
    "share": Values("float64", lambda rng: rng.randrange(0, 16) / 16, ("0", "0.25", "0.5", "0.75")),
    "flag": Values("boolean", lambda rng: rng.random() < 0.5, ()),
    "date": Values("date", _day, ()),
    "timestamp": Values("timestamp", _moment, ()),
    "integers": Values("array<int32>",
                       lambda rng: [rng.randint(0, 9) for _ in range(rng.randint(0, 4))], ()),
    "record": Values("struct<w: int32, label: string>",
                     lambda rng: {"w": rng.randint(1, 40), "label": rng.choice("abc")}, ()),
}  # fmt: skip


@cache
def domains() -> Mapping[str, Mapping[str, Mapping[str, Kind]]]:
    """Give the tables of each domain: kinds by column."""
    text = files("ibert.datagen.factory").joinpath("domains.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


class Domain(NamedTuple):
    """A catalog, and the kind of each of its columns.

    Attributes
    ----------
    name
        What it is about.
    catalog
        Its tables.
    kinds
        By table and column.
    """

    name: str
    catalog: Catalog
    kinds: Mapping[str, Mapping[str, Kind]]

    def relations(self) -> list[Relation]:
        """Give the tables for the generator of queries."""
        return [
            Relation(
                name,
                tuple(Leaf(column, kind_of(dtype)) for column, dtype in schema.items()),
                tuple(c for c, kind in self.kinds[name].items() if kind == "key") or None,
            )
            for name, schema in self.catalog.tables.items()
        ]

    def literals(self) -> dict[str, list[str]]:
        """Give for each name of a column the literals that it may be compared with."""
        found: dict[str, list[str]] = {}
        for columns in self.kinds.values():
            for name, kind in columns.items():
                known = [_quoted(text) for text in kind] if isinstance(kind, list) else None
                found.setdefault(name, []).extend(known or KINDS[str(kind)].literals)
        return {name: list(dict.fromkeys(texts)) for name, texts in found.items()}

    def rows(self, rng: Random) -> dict[str, pa.Table]:
        """Draw the rows of each table: with NULLs and ties, and repeated where there is no key."""
        return {name: _table(self, name, rng) for name in self.catalog}


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def draw_domain(rng: Random) -> Domain:
    """Draw tables of one domain, with some of their columns.

    Examples
    --------
    >>> domain = draw_domain(Random(1))
    >>> domain.name, domain.catalog
    ('energy', Catalog(buildings, meters))
    """
    name = rng.choice(sorted(domains()))
    tables = domains()[name]
    chosen = rng.sample(sorted(tables), min(len(tables), rng.randint(*TABLES)))
    kinds = {table: _columns(tables[table], rng) for table in sorted(chosen)}
    types = {table: {column: _values(kind).dtype for column, kind in columns.items()}
             for table, columns in kinds.items()}  # fmt: skip
    return Domain(name, Catalog.from_dict(types), kinds)


def _columns(columns: Mapping[str, Kind], rng: Random) -> dict[str, Kind]:
    """Choose columns, always those that tables are joined on."""
    fixed = [name for name, kind in columns.items() if kind in ("key", "reference")]
    rest = [name for name in columns if name not in fixed]
    chosen = {*fixed, *rng.sample(rest, min(len(rest), max(2, rng.randint(*WIDTH) - len(fixed))))}
    return {name: kind for name, kind in columns.items() if name in chosen}


def _values(kind: Kind) -> Values:
    if isinstance(kind, str):
        return KINDS[kind]
    return Values("string", lambda rng: rng.choice(kind), tuple(kind))


def _table(domain: Domain, name: str, rng: Random) -> pa.Table:
    schema = domain.catalog[name].to_pyarrow()
    count = rng.randint(*ROWS)
    columns = {column: _column(kind, count, rng) for column, kind in domain.kinds[name].items()}
    places = list(range(count))
    if "key" not in domain.kinds[name].values():
        places += rng.choices(places, k=REPEATED)
    rng.shuffle(places)
    arrays = [
        pa.array([columns[field.name][place] for place in places], field.type) for field in schema
    ]
    return pa.table(arrays, schema=schema)


def _column(kind: Kind, count: int, rng: Random) -> Sequence[Any]:
    if kind == "key":
        return rng.sample(range(1, count + 3), count)
    draw = _values(kind).draw
    return [None if rng.random() < NULL_SHARE else draw(rng) for _ in range(count)]
