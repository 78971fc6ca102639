"""Catalogs written as DDL of a dialect."""

import sqlite3

import ibis
import pytest
from catalogs import findings, source

from ibert.catalog import Catalog
from ibert.catalog.dialects import DIALECTS
from ibert.catalog.types import holds
from ibert.diagnostics import IbertError

# Ibis 12 calls a method that DuckDB 1.5 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")


# Types that a dialect has exactly: written and read, they are what they were.
EXACT = {
    "athena": ["!int64", "boolean", "float64", "string", "timestamp", "map<string, int64>"],
    "bigquery": [
        *("!int64", "boolean", "float64", "string", "binary", "date", "timestamp"),
        *("timestamp('UTC')", "decimal(38, 9)", "json", "struct<a: array<int64>, b: !string>"),
    ],
    "clickhouse": [
        *("!int8", "int64", "uint64", "float32", "string", "decimal(70, 2)", "timestamp(3)"),
        *("!timestamp('UTC', 6)", "!array<int64>", "!map<!string, !date>", "uuid"),
    ],
    "databricks": ["int8", "string", "timestamp", "timestamp('UTC')", "json", "array<string>"],
    "duckdb": [
        *("boolean", "!int8", "int16", "int32", "int64", "uint8", "uint64", "float32", "float64"),
        *("decimal(38, 4)", "string", "binary", "date", "time", "uuid", "json", "inet"),
        *("timestamp(0)", "timestamp(3)", "timestamp(6)", "timestamp(9)", "timestamp('UTC', 6)"),
        *("interval('us')", "array<int8>", "array<array<int8>, 3>"),
        *("map<string, array<struct<a: int64, b: decimal(3, 1)>>>",),
    ],
    "hive": ["int8", "string", "timestamp", "map<string, int64>", "struct<a: array<date>>"],
    "mysql": [
        *("boolean", "uint8", "!int32", "float64", "string", "decimal(40, 2)", "timestamp(3)"),
        *("timestamp('UTC', 6)", "binary", "json", "time"),
    ],
    "oracle": ["int64", "decimal(10, 2)", "string(10)", "timestamp('UTC', 6)", "binary", "json"],
    "postgres": [
        *("int16", "!int64", "float32", "decimal", "decimal(99, 2)", "string", "string(10)"),
        *("timestamp(6)", "timestamp('UTC', 3)", "jsonb", "json", "array<string>", "uuid", "inet"),
    ],
    "redshift": ["int16", "float32", "decimal(10, 2)", "string(10)", "timestamp(6)", "binary"],
    "singlestore": ["boolean", "uint8", "decimal(10, 2)", "string"],
    "snowflake": [
        *("boolean", "!int64", "float64", "decimal(10, 2)", "string", "string(10)", "json"),
        *("timestamp(3)", "timestamp('UTC', 9)", "binary"),
    ],
    "spark": ["int8", "float32", "timestamp", "timestamp('UTC')", "map<string, struct<a: date>>"],
    "sqlite": ["boolean", "int64", "float64", "string", "binary", "time", "json", "timestamp(3)"],
    "trino": [
        *("int8", "float32", "decimal(10, 2)", "string", "uuid", "inet", "json", "timestamp(9)"),
        *("timestamp('UTC', 3)", "array<int32>", "map<int8, string>", "struct<a: uuid>"),
    ],
    "tsql": [
        *("boolean", "uint8", "!int16", "float64", "string", "string(10)", "decimal(10, 2)"),
        *("timestamp", "timestamp('UTC', 7)", "uuid", "binary"),
    ],
}
NAMES = ["plain", "Mixed", "order", "at", "two words", "1st", "naïve", 'a"b', "a]b", "$x", "date"]


def exact(dialect: str) -> Catalog:
    """Tables with each type that a dialect has exactly, and with names of all kinds."""
    columns = {f"c{i}": dtype for i, dtype in enumerate(EXACT[dialect])}
    named = dict.fromkeys(NAMES, "!int64" if dialect == "clickhouse" else "int64")
    return Catalog.from_dict({"t": columns, **dict.fromkeys(NAMES, named)})


class TestToDdl:
    @pytest.mark.parametrize("dialect", sorted(EXACT))
    def test_round_trip(self, dialect: str) -> None:
        catalog = exact(dialect)
        assert Catalog.from_ddl(catalog.to_ddl(dialect), dialect) == catalog

    def test_fixture_tables(self, shop: Catalog, connection: ibis.BaseBackend) -> None:
        text = shop.to_ddl("duckdb")
        assert Catalog.from_ddl(text, "duckdb") == shop
        connection.con.execute(text)
        assert Catalog.from_backend(connection) == shop

    def test_duckdb_runs_it(self, connection: ibis.BaseBackend) -> None:
        # The type inet is in an extension.
        catalog = Catalog.from_any(
            {
                table: {c: t for c, t in columns.items() if t != "inet"}
                for table, columns in exact("duckdb").to_dict().items()
            }
        )
        connection.con.execute(catalog.to_ddl())
        assert Catalog.from_backend(connection) == catalog

    def test_words_that_are_reserved(self, connection: ibis.BaseBackend) -> None:
        words = [row[0] for row in connection.raw_sql("SELECT * FROM duckdb_keywords()").fetchall()]
        columns = dict.fromkeys(words, "int32")
        catalog = Catalog.from_any({"t": columns} | {word: {"a": "int32"} for word in words})
        connection.con.execute(catalog.to_ddl("duckdb"))
        assert set(connection.list_tables()) == set(catalog)
        assert Catalog.from_any({"t": connection.table("t").schema()}) == catalog.subset(["t"])
        database = sqlite3.connect(":memory:")
        database.executescript(catalog.to_ddl("sqlite"))
        database.close()

    def test_sqlite_runs_it(self) -> None:
        catalog = exact("sqlite")
        database = sqlite3.connect(":memory:")
        database.executescript(catalog.to_ddl("sqlite"))
        tables = {row[0] for row in database.execute("SELECT name FROM sqlite_master")}
        assert tables == set(catalog)
        database.close()

    def test_text(self) -> None:
        catalog = Catalog.from_any({"Order": {"id": "!int64", "two words": "array<string>"}})
        assert catalog.to_ddl() == (
            'CREATE TABLE "Order" (\n  id BIGINT NOT NULL,\n  "two words" TEXT[]\n);'
        )
        assert catalog.to_ddl("spark") == (
            "CREATE TABLE `Order` (\n  id BIGINT NOT NULL,\n  `two words` ARRAY<STRING>\n);"
        )

    def test_names_that_a_dialect_would_fold_are_quoted(self) -> None:
        catalog = Catalog.from_any({"Mixed": {"lower": "int64", "UPPER": "int64"}})
        assert catalog.to_ddl("postgres") == (
            'CREATE TABLE "Mixed" (\n  lower BIGINT,\n  "UPPER" BIGINT\n);'
        )
        assert catalog.to_ddl("snowflake") == (
            'CREATE TABLE "Mixed" (\n  "lower" BIGINT,\n  UPPER BIGINT\n);'
        )

    def test_clickhouse_says_what_is_null(self) -> None:
        text = Catalog.from_any({"t": {"a": "int64", "b": "!int64"}}).to_ddl("clickhouse")
        assert text == "CREATE TABLE t (\n  a Nullable(Int64),\n  b Int64\n);"

    @pytest.mark.parametrize(
        ("dialect", "dtypes"),
        [
            ("duckdb", ["decimal(39, 2)", "null", "macaddr", "timestamp('UTC', 9)"]),
            ("postgres", ["uint8", "uint32", "map<string, string>", "struct<a: int64>"]),
            ("postgres", ["timestamp(9)", "array<uint32>", "array<struct<a: int64>>"]),
            ("mysql", ["array<int64>", "uuid", "interval('s')", "decimal", "timestamp(9)"]),
            ("sqlite", ["decimal(10, 2)", "null", "array<int64>", "uint64"]),
            ("bigquery", ["uint64", "map<string, int64>", "uuid", "decimal(38, 2)"]),
            ("snowflake", ["array<int64>", "map<string, int64>", "struct<a: int64>"]),
            ("spark", ["time", "json", "uuid", "uint64", "array<timestamp>", "array<int8, 3>"]),
            ("trino", ["uint64", "array<int64, 3>", "macaddr"]),
            ("tsql", ["int8", "uint16", "array<int64>", "json", "decimal"]),
            ("clickhouse", ["array<int64>", "!array<array<int64>>", "binary", "interval('s')"]),
            ("oracle", ["time", "array<int64>", "uint8", "uuid"]),
            ("redshift", ["json", "array<int64>", "uuid", "interval('s')"]),
            ("hive", ["timestamp('UTC')", "time"]),
            ("teradata", ["array<int64>", "uuid"]),
        ],
    )
    def test_types_that_a_dialect_lacks(self, dialect: str, dtypes: list[str]) -> None:
        columns = {f"c{i}": dtype for i, dtype in enumerate(dtypes)}
        make = lambda: Catalog.from_any({"t": columns, "u": {"a": "int64"}}).to_ddl(dialect)  # noqa: E731
        lacking = [str(ibis.dtype(dtype)) for dtype in dtypes]
        assert findings(make) == [
            ("IB101", None, None, f"{dialect} has no type for {dtype}") for dtype in lacking
        ]
        assert source(make) == [f"t.c{i}" for i in range(len(dtypes))]

    @pytest.mark.parametrize(
        ("wide", "narrow"),
        [
            ("int64", "!uint32"),
            ("float64", "float32"),
            ("decimal(12, 3)", "decimal(10, 2)"),
            ("decimal", "decimal(10, 2)"),
            ("string(3)", "string"),
            ("timestamp(6)", "timestamp(3)"),
            ("timestamp('UTC')", "timestamp('Europe/Rome', 9)"),
            ("array<int64, 3>", "array<int32, 3>"),
            ("map<!string, int64>", "map<string, int8>"),
            ("struct<a: int64, b: date>", "struct<a: !int8, b: date>"),
        ],
    )
    def test_holds(self, wide: str, narrow: str) -> None:
        assert holds(ibis.dtype(wide), ibis.dtype(narrow))

    @pytest.mark.parametrize(
        ("target", "source"),
        [
            ("!int64", "int64"),
            ("int64", "uint64"),
            ("int64", "float32"),
            ("float64", "int8"),
            ("decimal(12, 3)", "decimal(12, 2)"),
            ("decimal(12, 2)", "decimal(12, 3)"),
            ("decimal(38, 0)", "decimal"),
            ("string", "uuid"),
            ("timestamp(3)", "timestamp(6)"),
            ("timestamp", "timestamp('UTC')"),
            ("array<int64>", "array<int64, 3>"),
            ("array<int64, 2>", "array<int64, 3>"),
            ("array<int32>", "array<int64>"),
            ("map<int8, int64>", "map<int16, int64>"),
            ("map<string, !int64>", "map<string, int64>"),
            ("struct<a: int64>", "struct<b: int64>"),
            ("struct<a: int64, b: date>", "struct<a: int64>"),
            ("struct<a: int32>", "struct<a: int64>"),
        ],
    )
    def test_does_not_hold(self, target: str, source: str) -> None:
        assert not holds(ibis.dtype(target), ibis.dtype(source))

    @pytest.mark.parametrize("dialect", sorted(DIALECTS))
    def test_what_a_dialect_writes_it_reads_as_wide(self, dialect: str) -> None:
        widest = {"int8": "int64", "int16": "int64", "int32": "int64", "float32": "float64"}
        for name in ("int8", "int16", "int32", "int64", "float32", "float64", "string", "date"):
            catalog = Catalog.from_any({"t": {"c": name}})
            try:
                text = catalog.to_ddl(dialect)
            except IbertError:
                continue
            read = Catalog.from_ddl(text, dialect).column("t", "c").copy(nullable=True)
            assert catalog.column("t", "c").castable(read)
            assert read.castable(ibis.dtype(widest.get(name, name)))
