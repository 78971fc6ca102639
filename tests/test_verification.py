"""`ibert.verify` on tables of any catalog, and the rows that are made for them."""

import datetime as dt
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

import ibert
from ibert.verification import Judge
from ibert.verifier.databases import Rows, to_arrow
from ibert.verifier.reference import Reference, refer
from ibert.verifier.scratch import Scratch
from ibert.verifier.selection import select

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


def chosen(sql: str, tables: dict = SHOP, seed: int = 0) -> list[Rows]:
    selection = select(sql, ibert.Catalog.from_any(tables), seed=seed)
    return [item.database.rows for item in selection.chosen]


def column(databases: list[Rows], table: str, name: str) -> list:
    return [row[name] for rows in databases for row in rows[table]]


def test_every_type_has_values_and_nulls() -> None:
    databases = chosen("SELECT * FROM t", {"t": EVERY_TYPE})
    for name in EVERY_TYPE:
        values = column(databases, "t", name)
        assert (None in values) == (name != "i64")
        assert len({repr(value) for value in values} - {"None"}) > 1
    catalog = ibert.Catalog.from_any({"t": EVERY_TYPE})
    assert all(to_arrow(rows, catalog)["t"].num_rows == len(rows["t"]) for rows in databases)


def test_rows_follow_the_seed() -> None:
    sql = "SELECT id FROM orders WHERE id > 5"
    assert repr(chosen(sql)) == repr(chosen(sql))
    assert repr(chosen(sql)) != repr(chosen(sql, seed=1))


def test_constants_of_the_query_occur_with_their_neighbours() -> None:
    sql = "SELECT * FROM t WHERE s LIKE 'north%' AND i64 > 41 AND dec = 7.25 AND d < '2021-06-30'"
    databases = chosen(sql, {"t": EVERY_TYPE})
    assert {"north", "NORTH", "znorth"} <= {str(s)[:6].rstrip("z%") for s in column(
        databases, "t", "s"
    )}  # fmt: skip
    assert {41, 42} <= set(column(databases, "t", "i64"))
    assert {Decimal("7.24"), Decimal("7.25"), Decimal("7.26")} <= set(column(databases, "t", "dec"))
    assert {dt.date(2021, 6, 29), dt.date(2021, 6, 30)} <= set(column(databases, "t", "d"))


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT o.id FROM orders o JOIN users u USING (user_id) WHERE u.country = 'NZ'",
        "SELECT id FROM orders o WHERE NOT EXISTS (FROM users u WHERE u.user_id = o.user_id)",
        "SELECT user_id FROM orders GROUP BY user_id HAVING count(*) > 4",
        "WITH v AS (SELECT user_id AS k, status AS s FROM orders) SELECT 1 FROM v WHERE s = 'sent'",
        "SELECT id FROM orders WHERE date_part('year', placed) = 1987 AND upper(status) = 'DONE'",
        "SELECT id FROM orders WHERE (id = 812 AND status = 'a') OR (id = 77 AND status = 'b')",
        "SELECT id FROM orders WHERE id > (SELECT avg(id) * 1.5 FROM orders)",
    ],
)
def test_the_query_gives_rows(sql: str) -> None:
    assert select(sql, ibert.Catalog.from_any(SHOP)).rows > 0


def test_a_type_that_cannot_be_made_is_named() -> None:
    catalog = ibert.Catalog.from_any({"places": {"id": "int64", "where": "point"}})
    with pytest.raises(ibert.IbertError, match=r"duckdb has no type for point"):
        select("SELECT id FROM places", catalog)


def test_a_counterexample_is_small() -> None:
    sql = "SELECT country, count(*) AS n FROM orders JOIN users USING (user_id) GROUP BY country"
    code = (
        "orders.left_join(users, 'user_id').group_by('country').agg(n=_.count())"
        ".filter(_.country.notnull())"
    )
    verdict = ibert.verify(sql, code, SHOP)
    found = verdict.evidence.counterexample
    assert verdict.status is ibert.Status.REFUTED
    assert sum(len(table.rows) for table in found.tables) <= 2
    assert found.reference != found.result


def test_equal_under_the_declared_foreign_keys() -> None:
    ddl = """
        CREATE TABLE users (user_id BIGINT PRIMARY KEY, country VARCHAR);
        CREATE TABLE orders (id BIGINT PRIMARY KEY, user_id BIGINT NOT NULL, status VARCHAR, {});
    """
    sql = "SELECT id, country FROM orders JOIN users USING (user_id)"
    code = "orders.left_join(users, 'user_id').select('id', 'country')"
    keyed = ibert.Catalog.from_ddl(ddl.format("FOREIGN KEY (user_id) REFERENCES users"))
    loose = ibert.Catalog.from_ddl(ddl.format("placed DATE"))
    verdict = ibert.verify(sql, code, keyed)
    assert verdict.status is ibert.Status.CONDITIONAL
    assert verdict.evidence.counterexample.tables[0].name == "orders"
    assert ibert.verify(sql, code, loose).status is ibert.Status.REFUTED
    wrong = "orders.left_join(users, 'user_id').select('id', country='status')"
    assert ibert.verify(sql, wrong, keyed).status is ibert.Status.REFUTED


def test_a_primary_key_is_not_repeated() -> None:
    catalog = ibert.Catalog.from_ddl("CREATE TABLE t (id BIGINT PRIMARY KEY, a BIGINT)")
    for item in select("SELECT a FROM t WHERE id > 3", catalog).chosen:
        keys = [row["id"] for row in item.database.rows["t"]]
        assert len(keys) == len(set(keys))


def test_the_data_of_the_user_is_run_too(tmp_path: Path) -> None:
    path = tmp_path / "shop.duckdb"
    with duckdb.connect(str(path)) as con:
        con.execute("CREATE TABLE orders AS SELECT 7::BIGINT AS id, 'Ünüsual' AS status")
    catalog = {"orders": {"id": "int64", "status": "string"}}
    sql, code = "SELECT id FROM orders", "orders.filter(_.status != 'Ünüsual').select('id')"
    never = f"orders.filter(_.status.isnull() | (_.status != '{'z' * 40}')).select('id')"
    with Judge(sql, catalog, data=path) as judge:
        assert not judge.verify(code).verified
        assert judge.verify(never).verified
        assert judge.verify("orders.select('id')").evidence.databases > 1


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


def test_sql_that_would_take_long_to_read_is_not_read() -> None:
    sql = f"SELECT 1 WHERE 1 IN ({', '.join(map(str, range(100_000)))})"
    with pytest.raises(ibert.IbertError, match=r"IB304 the SQL has \d+,\d+ characters"):
        ibert.verify(sql, "t", {"t": {"a": "int64"}})


def test_a_limit_that_cuts_ties_is_recognised_though_turning_the_rows_shows_nothing() -> None:
    sql = "SELECT a FROM t ORDER BY b LIMIT 1"
    for first, is_tied in ((2, True), (1, False)):
        with Scratch("CREATE TABLE t (a INT, b INT)") as scratch:
            for number in (0, 1):
                rows = pa.table({"a": [1, first, 1], "b": [0, 0, 0]})
                scratch.load(number, {"t": rows})
            reference = refer(sql, scratch.query, [0, 1])
        assert isinstance(reference, Reference)
        assert (reference.undetermined is not None) == is_tied
