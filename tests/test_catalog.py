"""A catalog says the same whatever it is made from."""

import pickle
import subprocess
import sys

import ibis
import ibis.expr.datatypes as dt
import pytest
from catalogs import findings, hint, source
from hypothesis import given, settings
from hypothesis import strategies as st

from ibert.catalog import Catalog

# Ibis 12 calls a method that DuckDB 1.5 deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:fetch_arrow_table:DeprecationWarning")


SCALARS = st.sampled_from(
    [
        *(dt.boolean, dt.int8, dt.int16, dt.int32, dt.int64, dt.uint8, dt.uint16, dt.uint32),
        *(dt.uint64, dt.float16, dt.float32, dt.float64, dt.string, dt.String(length=7), dt.binary),
        *(dt.date, dt.time, dt.timestamp, dt.Timestamp(scale=3), dt.Timestamp("UTC"), dt.uuid),
        *(dt.Timestamp("Europe/Rome", scale=9), dt.Interval("D"), dt.Interval("us"), dt.json),
        *(dt.JSON(binary=True), dt.inet, dt.macaddr, dt.null, dt.decimal, dt.Decimal(38, 9)),
        *(dt.GeoSpatial(geotype="geography", srid=4326), dt.Point(geotype="geometry")),
    ]
)
FIELDS = st.text("abcXYZ_019", min_size=1, max_size=4)
DTYPES = st.recursive(
    st.builds(lambda dtype, null: dtype.copy(nullable=null), SCALARS, st.booleans()),
    lambda inner: st.one_of(
        st.builds(dt.Array, inner, nullable=st.booleans()),
        st.builds(dt.Array, inner, length=st.integers(1, 5)),
        st.builds(dt.Map, inner, inner, nullable=st.booleans()),
        st.builds(dt.Struct, st.dictionaries(FIELDS, inner, min_size=1, max_size=3)),
    ),
    max_leaves=4,
)
COLUMNS = st.lists(
    st.tuples(st.text(max_size=5), DTYPES),
    min_size=1,
    max_size=4,
    unique_by=lambda column: column[0].casefold(),
)
CATALOGS = st.dictionaries(
    st.text(max_size=5), COLUMNS.map(lambda columns: ibis.schema(dict(columns))), max_size=3
).map(Catalog)


class TestCatalog:
    @settings(deadline=None, max_examples=30)
    @given(CATALOGS)
    def test_round_trip_through_a_dict(self, catalog: Catalog) -> None:
        again = Catalog.from_dict(catalog.to_dict())
        assert again == catalog
        assert hash(again) == hash(catalog)
        assert list(again) == list(catalog)

    @settings(deadline=None, max_examples=30)
    @given(CATALOGS)
    def test_pickle(self, catalog: Catalog) -> None:
        assert pickle.loads(pickle.dumps(catalog)) == catalog  # noqa: S301

    def test_round_trip_of_the_fixture_tables(self, shop: Catalog) -> None:
        assert Catalog.from_dict(shop.to_dict()) == shop
        assert shop.to_dict()["orders"]["order_id"] == "!int64"
        assert (
            shop.to_dict()["documents"]["author"]
            == "struct<name: string, team: string, age: int32>"
        )

    def test_types_without_a_text(self) -> None:
        struct, decimal = dt.Struct({"two words": dt.int64}), dt.Decimal(10)
        catalog = Catalog({"t": ibis.schema({"a": struct, "b": dt.int8, "c": decimal})})
        assert findings(catalog.to_dict) == [
            ("IB101", None, None, f"Ibis does not read the name of the type {dtype}")
            for dtype in (struct, decimal)
        ]
        assert source(catalog.to_dict) == ["t.a", "t.c"]

    def test_mapping(self, shop: Catalog) -> None:
        assert list(shop)[:3] == ["users", "sessions", "events"]
        assert len(shop) == 17
        assert "users" in shop
        assert "USERS" in shop
        assert "user" not in shop
        assert 3 not in shop
        assert shop["Users"] is shop["users"]
        assert shop.tables["users"] is shop["users"]
        assert "USERS" not in shop.tables
        with pytest.raises(TypeError):
            shop.tables["users"] = shop["orders"]  # type: ignore[index]

    def test_the_mapping_it_is_made_from_may_change(self) -> None:
        tables = {"t": ibis.schema({"a": "int64"})}
        catalog = Catalog(tables)
        tables.clear()
        assert list(catalog) == ["t"]

    def test_lookup(self) -> None:
        catalog = Catalog.from_any(
            {"Orders": {"Id": "!int64"}, "t": {"A": "date"}, "T": {"b": "date"}}
        )
        assert catalog.table_name("ORDERS") == "Orders"
        assert catalog.column_name("orders", "ID") == "Id"
        assert catalog.column("orders", "iD") == dt.Int64(nullable=False)
        assert catalog.table_name("t") == "t"
        assert catalog.table_name("T") == "T"

    def test_lookup_of_what_is_not_there(self) -> None:
        catalog = Catalog.from_any(
            {"orders": {"total": "int64"}, "ab": {"x": "date"}, "AB": {"x": "date"}}
        )
        assert findings(lambda: catalog["ordres"]) == [("IB104", None, None, "no table 'ordres'")]
        assert hint(lambda: catalog["ordres"]) == "did you mean 'orders'?"
        assert findings(lambda: catalog["aB"]) == [
            ("IB104", None, None, "more than one table 'aB'")
        ]
        assert hint(lambda: catalog["aB"]) == "write 'ab' or 'AB'"
        assert "aB" not in catalog
        assert findings(lambda: catalog.column("ORDERS", "totl")) == [
            ("IB105", None, None, "no column 'totl' in table 'orders'")
        ]
        assert hint(lambda: catalog.column("orders", "totl")) == "did you mean 'total'?"
        assert findings(lambda: catalog.column("x", "y"))[0][0] == "IB104"

    def test_equality(self) -> None:
        one = Catalog.from_any({"t": {"a": "int64", "b": "date"}, "u": {"x": "time"}})
        same = Catalog.from_any({"u": {"x": "time"}, "t": {"a": "int64", "b": "date"}})
        assert one == same
        assert hash(one) == hash(same)
        assert len({one, same}) == 1
        for other in (
            {"t": {"b": "date", "a": "int64"}, "u": {"x": "time"}},
            {"t": {"a": "!int64", "b": "date"}, "u": {"x": "time"}},
            {"T": {"a": "int64", "b": "date"}, "u": {"x": "time"}},
            {"t": {"A": "int64", "b": "date"}, "u": {"x": "time"}},
            {"t": {"a": "int64", "b": "date"}},
        ):
            assert one != Catalog.from_any(other)
        assert one != one.tables

    def test_subset(self, shop: Catalog) -> None:
        assert list(shop.subset(["orders", "USERS", "users"])) == ["users", "orders"]
        assert len(shop.subset([])) == 0
        assert [f[3] for f in findings(lambda: shop.subset(["usres", "orders", "ordres"]))] == [
            "no table 'usres'",
            "no table 'ordres'",
        ]

    def test_schemas_that_are_none(self) -> None:
        tables = {
            "a": ibis.schema({}),
            "b": ibis.schema({"x": "int64", "X": "int64"}),
            "c": ibis.schema({"x": dt.Array(dt.Unknown(raw_type="BIT"))}),
            "d": {"x": "int64"},
        }
        assert findings(lambda: Catalog(tables)) == [
            ("IB107", None, None, "table 'a' has no columns"),
            ("IB103", None, None, "column 'X' is another name of 'x'"),
            ("IB101", None, None, "Ibis has no type BIT"),
            ("IB106", None, None, "{'x': 'int64'} in place of a schema"),
        ]
        assert source(lambda: Catalog(tables)) == ["a", "b.X", "c.x", "d"]

    def test_importing_is_light(self) -> None:
        code = "import sys, ibert.catalog; print(*sorted({'duckdb', 'pandas'} & {*sys.modules}))"
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == ""


class TestDicts:
    def test_errors_name_the_path(self) -> None:
        tables = {
            "orders": {"id": "int64", "total": "decimel(9, 2)", "at": "datetime", "n": 3},
            "users": ["id"],
            "empty": {},
            7: {"a": "int64"},
            "twice": {"a": "int64", "A": "int64", 8: "int64"},
        }
        make = lambda: Catalog.from_any(tables)  # noqa: E731
        assert findings(make) == [
            ("IB101", None, None, "unknown type 'decimel(9, 2)'"),
            ("IB101", None, None, "unknown type 'datetime'"),
            ("IB101", None, None, "unknown type 3"),
            ("IB106", None, None, "['id'] in place of the columns of 'users'"),
            ("IB106", None, None, "7 in place of the name of a table"),
            ("IB106", None, None, "8 in place of the name of a column"),
            ("IB107", None, None, "table 'empty' has no columns"),
            ("IB103", None, None, "column 'A' is another name of 'a'"),
        ]
        assert source(make) == [
            *("orders.total", "orders.at", "orders.n", "users", None, "twice", "empty", "twice.A"),
        ]

    def test_source_goes_in_front(self) -> None:
        assert source(lambda: Catalog.from_dict({"t": {"a": "x"}}, source="context")) == [
            "context.t.a"
        ]

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("strng", "did you mean 'string'?"),
            ("int46", "did you mean 'int64'?"),
            ("bigint", "did you mean 'int64'?"),
            ("TEXT", "did you mean 'string'?"),
            ("integer", "did you mean 'int32'?"),
        ],
    )
    def test_hints(self, text: str, expected: str) -> None:
        assert hint(lambda: Catalog.from_any({"t": {"a": text}})) == expected

    @pytest.mark.parametrize(
        "text", ["", "array<", "decimal(2, 10)", "array<" * 3000 + "int64" + ">" * 3000, "a\nb"]
    )
    def test_malformed_types(self, text: str) -> None:
        [(code, _, _, message)] = findings(lambda: Catalog.from_any({"t": {"a": text}}))
        assert code == "IB101"
        assert len(message) < 90


class TestDocuments:
    def test_yaml_and_json(self) -> None:
        tables = {"orders": {"id": "!int64", "at": "timestamp('UTC')"}, "t": {"a": "date"}}
        expected = Catalog.from_dict(tables)
        yaml = "orders:\n  id: '!int64'\n  at: timestamp('UTC')\nt: {a: date}\n"
        json = '{"orders": {"id": "!int64", "at": "timestamp(\'UTC\')"}, "t": {"a": "date"}}'
        assert Catalog.from_document(yaml, "s.yaml") == expected
        assert Catalog.from_document(json, "s.json") == expected

    @pytest.mark.parametrize(
        ("text", "found"),
        [
            ("a: {x: int65,\n  y: [1]}", [("IB101", 1, 8), ("IB101", 2, 6)]),
            (
                "a: {}\nb: 3\nc: {x: date, X: date}",
                [("IB106", 2, 4), ("IB107", 1, 1), ("IB103", 3, 14)],
            ),
            ("- a", [("IB106", 1, 1)]),
            ("# nothing", [("IB106", None, None)]),
            ("a:\n  x: !int64", [("IB002", 2, 6)]),
            ("a: {x: date}\na: {x: date}", [("IB002", 2, 1)]),
        ],
    )
    def test_errors(self, text: str, found: list[tuple[str, int, int]]) -> None:
        assert [f[:3] for f in findings(lambda: Catalog.from_document(text, "s.yaml"))] == found
        assert set(source(lambda: Catalog.from_document(text, "s.yaml"))) == {"s.yaml"}
