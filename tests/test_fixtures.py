"""What the fixture tables promise, for several seeds: mostly data, checked by a few short tests."""

# ruff: noqa: S608  (every query here is put together from the lists in this file)

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibert import fixtures
from ibert.documents import load_path
from ibert.fixtures.columns import deck, stream

SEEDS = (0, 1, 2, 3)

ROW_COUNTS = {
    "users": 40,
    "sessions": 60,
    "events": 200,
    "labels": 80,
    "products": 30,
    "orders": 120,
    "order_items": 220,
    "archived_orders": 0,
    "employees": 24,
    "transactions": 120,
    "quotes": 60,
    "trades": 40,
    "measurements": 150,
    "documents": 25,
    "monthly_sales": 12,
    "calendar": 79,
    "all_types": 24,
}


def declared_columns():
    """List (table, column, type, nullable) of the schema."""
    with duckdb.connect() as con:
        con.execute(fixtures.SCHEMA_SQL)
        return con.execute(
            "SELECT table_name, column_name, data_type, is_nullable FROM duckdb_columns()"
            " WHERE NOT internal ORDER BY table_oid, column_index"
        ).fetchall()


COLUMNS = [column for column in declared_columns() if column[0] != "archived_orders"]
NULLABLE = [(table, name) for table, name, _, nullable in COLUMNS if nullable]


def of_type(*types):
    return [(table, name) for table, name, kind, _ in COLUMNS if kind in types]


@pytest.fixture(scope="module", params=SEEDS, ids="seed{}".format)
def seed(request):
    return request.param


@pytest.fixture(scope="module")
def con(seed, tmp_path_factory):
    path = tmp_path_factory.mktemp("fixtures") / "shop.duckdb"
    fixtures.write_database(path, seed)
    with duckdb.connect(path, read_only=True) as con:
        con.execute("SET TimeZone = 'UTC'")
        yield con


@pytest.fixture
def one(con):
    """Run a query that gives one value."""
    return lambda sql: con.execute(sql).fetchone()[0]


# The Arrow tables.


def test_tables_have_the_declared_columns_in_order(seed):
    tables = fixtures.tables(seed)
    assert {name: table.num_rows for name, table in tables.items()} == ROW_COUNTS
    found = [(name, column) for name, table in tables.items() for column in table.column_names]
    assert found == [(table, name) for table, name, *_ in declared_columns()]


PRINT_DIGEST = """
import hashlib, pyarrow
from ibert import fixtures
from ibert.documents import load_path
digest = hashlib.sha256()
for name, table in fixtures.tables(7).items():
    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    digest.update(name.encode() + sink.getvalue().to_pybytes())
print(digest.hexdigest())
"""


def test_a_seed_gives_the_same_bytes_in_every_process():
    digests = {
        subprocess.check_output(
            [sys.executable, "-c", PRINT_DIGEST],
            env={**os.environ, "PYTHONHASHSEED": hash_seed, "TZ": zone},
        )
        for hash_seed, zone in [("1", "UTC"), ("2", "America/New_York")]
    }
    assert len(digests) == 1


@pytest.mark.parametrize("table", [name for name, rows in ROW_COUNTS.items() if rows])
def test_another_seed_gives_another_table(table):
    assert repr(fixtures.tables(0)[table].to_pylist()) != repr(
        fixtures.tables(1)[table].to_pylist()
    )


# The DuckDB file.


@pytest.mark.parametrize(
    "query",
    [
        "SELECT table_name, column_name, column_index, data_type, is_nullable"
        " FROM duckdb_columns() ORDER BY ALL",
        "SELECT table_name, constraint_type, constraint_text"
        " FROM duckdb_constraints() ORDER BY ALL",
    ],
)
def test_the_file_has_the_declared_schema(con, query):
    with duckdb.connect() as declared:
        declared.execute(fixtures.SCHEMA_SQL)
        assert con.execute(query).fetchall() == declared.execute(query).fetchall()


@pytest.mark.parametrize("table", ROW_COUNTS)
def test_the_file_holds_the_tables_without_loss(con, seed, table):
    stored = con.table(table).to_arrow_table()
    made = fixtures.tables(seed)[table]
    assert stored.schema == made.schema
    # The texts, because NaN is not equal to itself.
    assert repr(stored.to_pylist()) == repr(made.to_pylist())


def tables_in(path):
    with duckdb.connect(path) as con:
        return {
            name for (name,) in con.execute("SELECT table_name FROM duckdb_tables()").fetchall()
        }


LEAVE_A_LOG = """
import duckdb, os, sys
con = duckdb.connect(sys.argv[1])
con.execute("CREATE TABLE old_news (a INTEGER)")
con.execute("CHECKPOINT")
con.execute("SET wal_autocheckpoint = '1GB'")
con.execute("CREATE TABLE old_log (a INTEGER)")
os._exit(0)
"""


def test_a_file_is_replaced_with_its_log(tmp_path):
    path = tmp_path / "shop.duckdb"
    subprocess.run([sys.executable, "-c", LEAVE_A_LOG, path], check=True)
    assert path.with_name("shop.duckdb.wal").exists()
    fixtures.write_database(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["shop.duckdb"]
    assert tables_in(path) == set(ROW_COUNTS)


def test_a_failed_write_leaves_nothing(tmp_path):
    folder = tmp_path / "taken"
    folder.mkdir()
    with pytest.raises(IsADirectoryError):
        fixtures.write_database(folder)
    with pytest.raises(FileNotFoundError):
        fixtures.write_database(tmp_path / "missing" / "shop.duckdb")
    assert list(tmp_path.iterdir()) == [folder]


WRITE_FOREVER = """
import sys
from ibert import fixtures
from ibert.documents import load_path
while True:
    fixtures.write_database(sys.argv[1])
"""


def test_a_killed_write_leaves_a_whole_file(tmp_path):
    path = tmp_path / "shop.duckdb"
    with subprocess.Popen([sys.executable, "-c", WRITE_FOREVER, path]) as writer:
        while not path.exists() and writer.poll() is None:
            time.sleep(0.01)
        time.sleep(0.05)  # into the next round
        writer.kill()
    assert writer.returncode == -signal.SIGKILL
    assert tables_in(path) == set(ROW_COUNTS)


# Every column.


@pytest.mark.parametrize(("table", "column"), NULLABLE)
def test_a_nullable_column_has_nulls_ties_and_two_values(con, table, column):
    rows, known, distinct = con.execute(
        f'SELECT count(*), count("{column}"), count(DISTINCT "{column}") FROM {table}'
    ).fetchone()
    assert known < rows
    assert 2 <= distinct < known


@pytest.mark.parametrize(("table", "column"), [column[:2] for column in COLUMNS])
def test_no_table_is_stored_in_the_order_of_a_column(con, table, column):
    query = f'SELECT "{column}" FROM {table}'
    stored = con.execute(f"SELECT list(c::VARCHAR) FROM ({query}) t(c)").fetchone()
    for order in ("ASC", "DESC"):
        key = f'ORDER BY "{column}" {order}'
        assert (
            stored != con.execute(f"SELECT list(c::VARCHAR) FROM ({query} {key}) t(c)").fetchone()
        )


@pytest.mark.parametrize(
    ("table", "column"), [column for column in of_type("DOUBLE") if column[0] != "all_types"]
)
def test_sums_of_doubles_are_exact_in_any_order(one, table, column):
    inexact = f"isfinite({column}) AND ({column} * 8 != round({column} * 8) OR {column} > 1e6)"
    assert one(f"SELECT count(*) FROM {table} WHERE {inexact}") == 0
    if table != "measurements":
        assert one(f"SELECT count(*) FROM {table} WHERE NOT isfinite({column})") == 0


@pytest.mark.parametrize(
    ("table", "column"),
    [column for column in of_type("INTEGER", "BIGINT", "SMALLINT") if column[0] != "all_types"],
)
def test_integers_are_small(one, table, column):
    assert one(f"SELECT max(abs({column})) FROM {table}") < 1_000_000


# Keys. The left side of a pair mentions values of the right side.

JOINS = [
    ("users.referrer_id", "users.user_id"),
    ("sessions.user_id", "users.user_id"),
    ("events.user_id", "users.user_id"),
    ("orders.user_id", "users.user_id"),
    ("events.session_id", "sessions.session_id"),
    ("labels.event_id", "events.event_id"),
    ("order_items.order_id", "orders.order_id"),
    ("order_items.product_id", "products.product_id"),
    ("employees.manager_id", "employees.employee_id"),
    ("trades.symbol", "quotes.symbol"),
    ("monthly_sales.product", "products.category"),
    ("orders.order_date", "calendar.day"),
    ("transactions.ts::DATE", "calendar.day"),
]


@pytest.mark.parametrize(("left", "right"), JOINS)
def test_both_sides_of_a_join_have_values_without_a_match(one, left, right):
    left_table, left_key = left.split(".")
    right_table, right_key = right.split(".")
    left_keys = (
        f"(SELECT DISTINCT {left_key} AS key FROM {left_table} WHERE {left_key} IS NOT NULL)"
    )
    right_keys = f"(SELECT {right_key} AS key FROM {right_table} WHERE {right_key} IS NOT NULL)"
    assert one(f"SELECT count(*) FROM {left_keys} ANTI JOIN {right_keys} USING (key)") > 0
    assert one(f"SELECT count(*) FROM {left_keys} SEMI JOIN {right_keys} USING (key)") > 1
    assert one(f"SELECT count(*) FROM {right_keys} ANTI JOIN {left_keys} USING (key)") > 0


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ("users", "country"),
        ("orders", "user_id"),
        ("sessions", "user_id"),
        ("labels", "event_id"),
        ("labels", "reviewer"),
        ("order_items", "order_id"),
        ("order_items", "product_id"),
        ("employees", "manager_id"),
        ("transactions", "account"),
        ("quotes", "symbol"),
        ("measurements", "sensor"),
        ("documents", "lang"),
    ],
)
def test_groups_have_one_row_and_many(con, table, key):
    sizes = con.execute(f"SELECT count(*) FROM {table} WHERE {key} IS NOT NULL GROUP BY {key}")
    sizes = [size for (size,) in sizes.fetchall()]
    assert min(sizes) == 1
    assert max(sizes) >= 4


@pytest.mark.parametrize("table", ["labels", "quotes", "measurements", "monthly_sales"])
def test_tables_without_a_key_repeat_whole_rows(one, table):
    assert (
        one(f"SELECT count(*) FROM (FROM {table} EXCEPT FROM {table} WHERE false)")
        < (ROW_COUNTS[table])
    )


# Rows.

VALUES = {
    ("users", "country"): "US DE FR BR JP NZ",
    ("users", "plan"): "free pro team",
    ("orders", "status"): "placed paid shipped cancelled refunded",
    ("orders", "channel"): "web app store",
    ("events", "event_type"): "view click add_to_cart checkout purchase error",
    ("sessions", "device"): "desktop mobile tablet",
    ("labels", "label"): "bug spam ok fraud",
    ("products", "category"): "books games garden kitchen toys",
    ("monthly_sales", "product"): "books games music toys",
    ("transactions", "kind"): "deposit withdrawal fee transfer",
    ("transactions", "account"): "A-100 A-200 B-100 B-200 C-900",
    ("employees", "department"): "Engineering Sales Support Finance",
    ("quotes", "symbol"): "ACME GLOB INIT HOOL UMBR",
    ("trades", "symbol"): "ACME GLOB INIT UMBR VAPR",
    ("trades", "side"): "buy sell",
    ("measurements", "sensor"): "s1 s2 s3 s4 s5",
}


@pytest.mark.parametrize(("table", "column"), VALUES)
def test_a_column_has_just_these_values(con, table, column):
    found = con.execute(f"SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL")
    assert {value for (value,) in found.fetchall()} == set(VALUES[table, column].split())


PREDICATES = load_path(Path(__file__).parent / "data" / "fixture_predicates.yaml").value
EVERY_PREDICATE = [
    (table, predicate)
    for table, predicates in PREDICATES.items()
    for predicate in predicates.splitlines()
]
LEAP_DAYS = [
    (table, f"{column}::DATE = '2024-02-29'")
    for table, column in of_type("DATE", "TIMESTAMP")
    if column not in ("ended_at", "shipped_at")
]
FRACTIONS = [
    (table, f"{column} != date_trunc('second', {column})") for table, column in of_type("TIMESTAMP")
]


@pytest.mark.parametrize(("table", "predicate"), EVERY_PREDICATE + LEAP_DAYS + FRACTIONS)
def test_a_predicate_tells_rows_apart(one, table, predicate):
    holds = one(f"SELECT count(*) FILTER ({predicate}) FROM {table}")
    assert 0 < holds < ROW_COUNTS[table]


# Stories that run over several rows: each query counts something that is there.

EVENT_GAPS = "SELECT ts - lag(ts) OVER (PARTITION BY user_id ORDER BY ts) AS gap FROM events"
DAYS = "SELECT DISTINCT {key} AS key, ts::DATE AS day FROM {table} WHERE ts IS NOT NULL"
DAY_GAPS = f"SELECT day - lag(day) OVER (PARTITION BY key ORDER BY day) AS gap FROM ({DAYS})"
CARTS = """
    SELECT user_id, min(ts) FILTER (event_type = 'view') AS viewed,
        min(ts) FILTER (event_type = 'add_to_cart') AS carted,
        min(ts) FILTER (event_type = 'purchase') AS bought
    FROM events WHERE user_id IS NOT NULL GROUP BY user_id
"""
LEVELS = """
    WITH RECURSIVE tree AS (
        SELECT employee_id, 1 AS level FROM employees WHERE employee_id = 1
        UNION ALL
        SELECT e.employee_id, level + 1 FROM employees e JOIN tree t ON e.manager_id = t.employee_id
    )
    SELECT level FROM tree
"""
PAY = "employees e JOIN employees m ON e.manager_id = m.employee_id"
ORDER_WORTH = """
    SELECT abs(any_value(total)) = sum(quantity * unit_price) AS agrees
    FROM orders JOIN order_items USING (order_id) GROUP BY order_id
"""
TRADED = "trades t JOIN (SELECT symbol, min(ts) AS first FROM quotes GROUP BY 1) q USING (symbol)"

STORIES = {
    "a pause of exactly 30 minutes": f"FROM ({EVENT_GAPS}) WHERE gap = INTERVAL 30 MINUTE",
    "a pause just over it": f"""FROM ({EVENT_GAPS})
        WHERE gap > INTERVAL 30 MINUTE AND gap < INTERVAL 31 MINUTE""",
    "a pause of days": f"FROM ({EVENT_GAPS}) WHERE gap > INTERVAL 1 DAY",
    "events at the same moment": f"FROM ({EVENT_GAPS}) WHERE gap = INTERVAL 0 DAY",
    **{
        f"{table}: days {what}": f"FROM ({DAY_GAPS.format(table=table, key=key)}) WHERE gap {test}"
        for table, key in [
            ("transactions", "account"),
            ("measurements", "sensor"),
            ("events", "user_id"),
        ]
        for what, test in [("in a row", "= 1"), ("with a hole", "> 1")]
    },
    "users who buy": f"FROM ({CARTS}) WHERE viewed <= carted AND carted <= bought",
    "users who stop at the cart": f"FROM ({CARTS}) WHERE carted IS NOT NULL AND bought IS NULL",
    "users who only look": f"FROM ({CARTS}) WHERE viewed IS NOT NULL AND carted IS NULL",
    "users who buy before any cart": f"FROM ({CARTS}) WHERE bought < coalesce(carted, 'infinity')",
    "staff on the fourth level": f"FROM ({LEVELS}) WHERE level = 4",
    "staff paid more than the manager": f"FROM {PAY} WHERE e.salary > m.salary",
    "staff paid less than the manager": f"FROM {PAY} WHERE e.salary < m.salary",
    "orders worth their items": f"FROM ({ORDER_WORTH}) WHERE agrees",
    "orders not worth their items": f"FROM ({ORDER_WORTH}) WHERE NOT agrees",
    "trades before any quote": f"FROM {TRADED} WHERE t.ts < q.first",
    "trades after the first quote": f"FROM {TRADED} WHERE t.ts > q.first",
    "trades at a quote": "FROM trades SEMI JOIN quotes USING (symbol, ts)",
    "cohorts of several users": """FROM (SELECT date_trunc('month', signup_date), count(*) AS size
        FROM users WHERE signup_date IS NOT NULL GROUP BY 1 HAVING size >= 3)""",
    "referrals of referrals": "FROM users u JOIN users r ON u.referrer_id = r.user_id"
    " WHERE r.referrer_id IS NOT NULL",
    "a product twice in an order": """FROM (SELECT 1 FROM order_items WHERE product_id IS NOT NULL
        GROUP BY order_id, product_id HAVING count(*) > 1)""",
}


@pytest.mark.parametrize("story", STORIES)
def test_a_story_is_in_the_rows(one, story):
    assert one(f"SELECT count(*) {STORIES[story]}") > 0


NEVER = {
    "a level under the fourth": f"FROM ({LEVELS}) WHERE level > 4",
    "users who refer in a cycle": "FROM users WHERE referrer_id < 90 AND referrer_id >= user_id",
    "two quotes of a symbol at once": """FROM (SELECT 1 FROM (SELECT DISTINCT * FROM quotes)
        GROUP BY symbol, ts HAVING count(*) > 1)""",
    "NaN from another sensor": """FROM measurements
        WHERE sensor != 's4' AND NOT isfinite(temperature + humidity + pressure)""",
    "a calendar day that is wrong": """FROM calendar WHERE year != year(day) OR month != month(day)
        OR quarter != quarter(day) OR weekday != isodow(day) OR is_weekend != (isodow(day) > 5)
        OR is_month_end != (last_day(day) = day)""",
}


@pytest.mark.parametrize("story", NEVER)
def test_a_story_is_not_in_the_rows(one, story):
    assert one(f"SELECT count(*) {NEVER[story]}") == 0


def test_the_calendar_covers_the_turns_of_two_years_and_the_leap_day(con):
    stretches = con.execute(
        "SELECT min(day)::VARCHAR, max(day)::VARCHAR, count(*) FROM calendar"
        " GROUP BY day < '2024-06-01' ORDER BY 1"
    ).fetchall()
    assert stretches == [("2023-12-25", "2024-03-05", 72), ("2024-12-28", "2025-01-03", 7)]


# How columns are drawn.


@given(
    seed=st.integers(),
    pool=st.lists(st.integers(0, 9), min_size=1, max_size=9),
    always=st.lists(st.integers(10, 19), max_size=4),
    nulls=st.integers(0, 4),
    rest=st.integers(0, 30),
)
def test_a_deck_deals_what_it_was_told(seed, pool, always, nulls, rest):
    dealt = deck(stream(seed, "t"), len(always) + nulls + rest, pool, always=always, nulls=nulls)
    drawn = [card for card in dealt if card is not None and card < 10]
    assert len(drawn) == rest
    assert dealt.count(None) == nulls
    assert sorted(card for card in dealt if card is not None and card >= 10) == sorted(always)
    assert set(drawn) <= set(pool)
    assert rest < len(pool) or set(drawn) == set(pool)


def test_a_deck_refuses_more_certain_values_than_there_is_room_for():
    with pytest.raises(ValueError, match="larger than population or is negative"):
        deck(stream(0, "t"), 2, [1], always=[1, 2], nulls=1)
