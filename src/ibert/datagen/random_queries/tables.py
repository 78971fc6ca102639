"""Random catalogs with rows: small tables whose names and values are likely to be got wrong."""

from __future__ import annotations

from random import Random

import pyarrow as pa

from ibert.catalog import Catalog
from ibert.verifier.values import Constants, values

ROWS = (6, 14)  # at least and at most, of a table that is not empty
NULL_SHARE = 0.2
EMPTY_SHARE = 0.1  # of the tables
KEYED_SHARE = 0.7  # of the tables, how many have a column that tells the rows apart
COPIES = 3  # of the rows of a table without a key
KEY = "id"

TABLES = ("orders", "users", "Products", "Line Items", "events", "order", "count", "sales")
# Columns by name with the types that they may have. Several are words of SQL or methods of an Ibis
# table, some need quotes, and most occur in several tables.
COLUMNS = {
    "user_id": ("int64", "int32"),
    "qty": ("int32", "int16"),
    "age": ("int8", "uint8"),
    "count": ("int64", "uint32"),
    "Year": ("int16", "int64"),
    "price": ("decimal(9, 2)", "float64"),
    "total": ("decimal(12, 4)", "decimal(18, 2)"),
    "score": ("float64", "float32"),
    "name": ("string",),
    "Status": ("string",),
    "order": ("string", "int32"),
    "Order Note": ("string",),
    "active": ("boolean",),
    "is_new": ("boolean",),
    "day": ("date",),
    "created": ("timestamp", "date"),
    "updated_at": ("timestamp",),
    "tags": ("array<int32>", "array<int64>"),
    "dims": ("struct<w: int32, label: string>",),
}
WIDTH = (5, 9)  # columns of a table, besides the key


def make_catalog(rng: Random) -> Catalog:
    """Draw two to four tables.

    Examples
    --------
    >>> make_catalog(Random(8))
    Catalog(order, Line Items)
    """
    tables = {}
    for name in rng.sample(TABLES, rng.randint(2, 4)):
        columns = rng.sample(sorted(COLUMNS), rng.randint(*WIDTH))
        key = {KEY: "!int64"} if rng.random() < KEYED_SHARE else {}
        tables[name] = key | {column: rng.choice(COLUMNS[column]) for column in columns}
    return Catalog.from_dict(tables)


def make_rows(catalog: Catalog, rng: Random) -> dict[str, pa.Table]:
    """Draw the rows of each table: with NULLs and ties, and repeated where there is no key.

    Examples
    --------
    >>> rows = make_rows(Catalog.from_dict({"t": {"id": "!int64", "s": "string"}}), Random(1))
    >>> rows["t"].num_rows
    7
    """
    rows = {}
    for name in catalog:
        schema = catalog[name].to_pyarrow()
        count = 0 if rng.random() < EMPTY_SHARE else rng.randint(*ROWS)
        places = list(range(count))
        if KEY not in schema.names and count:
            places += rng.choices(places, k=COPIES)
        rng.shuffle(places)
        arrays = []
        for column, dtype in catalog[name].items():
            make = values(dtype, Constants())
            drawn = [None if rng.random() < NULL_SHARE else make(rng) for _ in range(count)]
            if column == KEY:
                drawn = rng.sample(range(1, count + 3), count)
            arrays.append(pa.array([drawn[place] for place in places], schema.field(column).type))
        rows[name] = pa.table(arrays, schema=schema)
    return rows
