"""`ibert.verify` on tables of any catalog, and the rows that are made for them."""

import datetime as dt
from decimal import Decimal
from pathlib import Path

import pytest

import ibert
from ibert.sql import parse_query
from ibert.verifier.witness import COPIES, ROWS, generate_tables

EVERY_TYPE = {
    "b": "boolean",
    "i8": "int8",
    "u16": "uint16",
    "i64": "!int64",
    "f32": "float32",
    "f64": "float64",
    "dec": "decimal(5, 2)",
    "s": "string",
    "bin": "binary",
    "d": "date",
    "t": "time",
    "ts": "timestamp",
    "tz": "timestamp('UTC')",
    "u": "uuid",
    "j": "json",
    "a": "array<!int32>",
    "m": "map<string, float64>",
    "st": "struct<x: int64, y: array<string>>",
}
SHOP = {
    "orders": {"id": "!int64", "user_id": "int64", "status": "string", "placed": "date"},
    "users": {"user_id": "!int64", "country": "string"},
}


def rows(sql: str, seed: int = 0) -> dict[str, list]:
    catalog = ibert.Catalog.from_any({"t": EVERY_TYPE})
    return generate_tables(catalog, parse_query(sql), str(seed))["t"].to_pydict()


def test_every_type_has_values_nulls_and_copies() -> None:
    columns = rows("SELECT 1")
    assert list(columns) == list(EVERY_TYPE)
    for name, values in columns.items():
        assert len(values) == ROWS
        assert (None in values) == (name != "i64")
        assert len({repr(value) for value in values} - {"None"}) > 1
    seen = [repr(row) for row in zip(*columns.values(), strict=True)]
    assert len(set(seen)) == ROWS - COPIES


def test_rows_follow_the_seed() -> None:
    assert repr(rows("SELECT 1")) == repr(rows("SELECT 1"))
    assert repr(rows("SELECT 1")) != repr(rows("SELECT 1", seed=1))


def test_constants_of_the_query_occur_with_their_neighbours() -> None:
    sql = "SELECT * FROM t WHERE s LIKE 'north%' AND i64 > 41 AND dec = 7.25 AND d < '2021-06-30'"
    columns = rows(sql)
    assert {"north", "NORTH"} <= set(columns["s"])
    assert {40, 41, 42} <= set(columns["i64"])
    assert {Decimal("6.25"), Decimal("7.25"), Decimal("8.25")} <= set(columns["dec"])
    assert {dt.date(2021, 6, 29), dt.date(2021, 6, 30), dt.date(2021, 7, 1)} <= set(columns["d"])


def test_a_type_that_cannot_be_made_is_named() -> None:
    catalog = ibert.Catalog.from_any({"places": {"id": "int64", "where": "point"}})
    with pytest.raises(ibert.IbertError, match=r"no values can be made for places\.where"):
        generate_tables(catalog, parse_query("SELECT 1"), "0")


@pytest.mark.parametrize(
    ("sql", "code", "status"),
    [
        (
            "SELECT u.country, COUNT(*) AS n FROM orders o JOIN users u USING (user_id) GROUP BY 1",
            "orders.join(users, 'user_id').group_by('country').agg(n=_.count())",
            ibert.Status.VERIFIED,
        ),
        (
            "SELECT id FROM orders WHERE status = 'shipped' AND placed >= DATE '2024-06-01'",
            "orders.filter(_.status == 'shipped', _.placed > '2024-06-01').select('id')",
            ibert.Status.REFUTED,
        ),
        (
            "SELECT id FROM orders WHERE id > 5 AND id < 4",
            "orders.filter(_.id > 5, _.id < 4).select('id')",
            ibert.Status.CHECKED,
        ),
        (
            "SELECT * FROM orders WHERE status = 'open' AND user_id = 77 AND id > 4",
            "orders.filter(_.status == 'open', _.user_id == 77, _.id > 4)",
            ibert.Status.VERIFIED,
        ),
        (
            "SELECT id FROM orders WHERE id > 2 OR status IS NULL",
            "orders.filter(_.id > 2).select('id')",
            ibert.Status.REFUTED,
        ),
        (
            "SELECT id FROM orders WHERE status ILIKE '%open%'",
            "orders.filter(_.status.like('%open%')).select('id')",
            ibert.Status.REFUTED,
        ),
        ("SELECT nothing FROM orders", "orders", ibert.Status.FAILED),
    ],
)
def test_verify(sql: str, code: str, status: ibert.Status) -> None:
    assert ibert.verify(sql, code, SHOP).status is status


def test_verify_another_dialect() -> None:
    verdict = ibert.verify(
        "SELECT TOP 3 [id] FROM orders ORDER BY id, status, placed, user_id",
        "keys = [_[name].asc(nulls_first=True) for name in ('status', 'placed', 'user_id')]\n"
        "orders.order_by('id', *keys).limit(3).select('id')",
        SHOP,
        dialect="tsql",
    )
    assert verdict.verified


def test_qualified_names_lose_their_qualifiers() -> None:
    ddl = "CREATE TABLE raw.public.orders (id BIGINT NOT NULL)"
    catalog = ibert.Catalog.from_ddl(ddl, "snowflake")
    sql = "SELECT o.id FROM raw.public.orders AS o"
    for dialect in ("snowflake", "duckdb"):
        assert ibert.verify(sql, "orders.select('id')", catalog, dialect=dialect).verified


def test_ddl_is_read_in_the_dialect_of_the_sql(tmp_path: Path) -> None:
    path = tmp_path / "shop.sql"
    path.write_text("CREATE TABLE t (id BIGSERIAL PRIMARY KEY)", encoding="utf-8")
    assert ibert.verify("SELECT id FROM t", "t", path, dialect="postgres").verified


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        (
            "SELECT MIN(placed) AS p FROM orders",
            "orders.agg(p=_.placed.first(order_by=ibis.literal(1)))",
        ),
        (
            "SELECT status, MIN(id) AS i FROM orders GROUP BY status",
            "orders.group_by('status').agg(i=_.id.first())",
        ),
    ],
)
def test_code_that_depends_on_how_rows_are_stored(sql: str, code: str) -> None:
    assert ibert.verify(sql, code, SHOP).status is ibert.Status.REFUTED


def test_code_that_sets_something_up_runs_on_every_database() -> None:
    code = "ibis.memtable({'n': [1, 2]}).agg(n=_.n.sum())"
    assert ibert.verify("SELECT 3::BIGINT AS n FROM orders LIMIT 1", code, SHOP).verified


def test_sql_that_does_not_parse_raises() -> None:
    with pytest.raises(ibert.IbertError, match="1:13: IB002 syntax error near 'WHERE'"):
        ibert.verify("SELECT FROM WHERE", "orders", SHOP)


def test_an_unknown_dialect_raises() -> None:
    with pytest.raises(ibert.IbertError, match=r"did you mean 'postgres'\?"):
        ibert.verify("SELECT 1", "orders", SHOP, dialect="postgers")
