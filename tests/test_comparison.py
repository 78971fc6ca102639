"""The laws of comparing results."""

import datetime as dt
import math
from decimal import Decimal

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ibert.sandbox import Result
from ibert.verifier.comparison import SHOWN_ROWS, TOLERANCE, compare
from ibert.verifier.types import arrow_family, duckdb_family, fetched_family

COLUMNS = {
    "i": (pa.int64(), "BIGINT", st.integers(-3, 3)),
    "s": (pa.string(), "VARCHAR", st.sampled_from(["", "a", "A", "é", "NaN", "1"])),
    "f": (pa.float64(), "DOUBLE", st.sampled_from([0.0, 1.5, -1.5, math.nan, math.inf])),
    "b": (pa.bool_(), "BOOLEAN", st.booleans()),
    "d": (pa.decimal128(6, 2), "DECIMAL(6,2)", st.sampled_from([Decimal("0.10"), Decimal("1")])),
    "l": (
        pa.list_(pa.float64()),
        "DOUBLE[]",
        st.lists(st.sampled_from([0.5, math.nan]), max_size=2),
    ),
    "t": (pa.timestamp("us"), "TIMESTAMP", st.sampled_from([dt.datetime(2024, 2, 29, 1)])),
}
TYPES = [duckdb for _, duckdb, _ in COLUMNS.values()]
ROW = st.tuples(*(st.none() | values for _, _, values in COLUMNS.values()))
ROWS = st.lists(ROW, max_size=SHOWN_ROWS)  # all the rows of a difference are shown


def result(rows: list[tuple], types: list[str] | None = TYPES) -> Result:
    columns = list(zip(*rows, strict=True)) or [()] * len(COLUMNS)
    arrays = [
        pa.array(list(values), arrow)
        for values, (arrow, _, _) in zip(columns, COLUMNS.values(), strict=True)
    ]
    return Result.of(pa.table(arrays, names=list(COLUMNS)), types)


@given(ROWS)
def test_a_result_equals_itself(rows: list[tuple]) -> None:
    assert compare(result(rows), result(rows)) is None
    assert compare(result(rows), result(rows, None)) is None


@given(ROWS.flatmap(lambda rows: st.tuples(st.just(rows), st.permutations(rows))))
def test_order_matters_only_where_it_is_fixed(both: tuple[list, list]) -> None:
    rows, permuted = both
    assert compare(result(rows), result(permuted)) is None
    places = [(i,) for i in range(len(rows))]
    found = compare(result(rows), result(permuted), order=places)
    assert (found is None) == (repr(rows) == repr(permuted))
    assert compare(result(rows), result(permuted), order=[()] * len(rows)) is None


@given(ROWS, ROWS)
def test_differences_are_those_of_the_bags(one: list[tuple], other: list[tuple]) -> None:
    same = sorted(map(repr, one)) == sorted(map(repr, other))
    found, back = compare(result(one), result(other)), compare(result(other), result(one))
    assert (found is None) == (back is None) == same
    if found:
        assert found.kind == "rows"
        assert sorted(found.missing) == sorted(back.unexpected)
        assert sorted(found.unexpected) == sorted(back.missing)


@given(ROWS.filter(bool), st.data())
def test_a_copy_too_many_is_a_difference(rows: list[tuple], data: st.DataObject) -> None:
    copy = data.draw(st.sampled_from(rows))
    found = compare(result(rows), result([*rows, copy]))
    assert (found.kind, len(found.unexpected), found.missing) == ("rows", 1, ())


@pytest.mark.parametrize("scale", [1.0, 1e6, 1e-9])
def test_the_tolerance_is_that_of_floats(scale: float) -> None:
    def of(value: float) -> Result:
        return Result.of(pa.table({"x": pa.array([value, 7.0])}), ["DOUBLE"])

    step = max(scale, 1.0) * TOLERANCE
    assert compare(of(scale), of(scale + step / 2)) is None
    assert compare(of(scale), of(scale + step * 3)).kind == "rows"


@pytest.mark.parametrize(
    ("arrow", "duckdb"),
    [
        *((arrow, duckdb) for arrow, duckdb, _ in COLUMNS.values()),
        (pa.uint8(), "UTINYINT"),
        (pa.int64(), "HUGEINT"),
        (pa.float32(), "FLOAT"),
        (pa.large_string(), "VARCHAR"),
        (pa.string(), "JSON"),
        (pa.string(), "UUID"),
        (pa.dictionary(pa.uint8(), pa.string()), "ENUM('a', 'b')"),
        (pa.binary(), "BLOB"),
        (pa.date32(), "DATE"),
        (pa.time64("ns"), "TIME"),
        (pa.timestamp("ns"), "TIMESTAMP_S"),
        (pa.timestamp("us", "UTC"), "TIMESTAMP WITH TIME ZONE"),
        (pa.month_day_nano_interval(), "INTERVAL"),
        (pa.list_(pa.int8(), 3), "INTEGER[3]"),
        (pa.map_(pa.string(), pa.int32()), "MAP(VARCHAR, INTEGER)"),
        (pa.struct({"a": pa.int8(), "b": pa.list_(pa.string())}), "STRUCT(a INTEGER, b UUID[])"),
    ],
)
def test_families(arrow: pa.DataType, duckdb: str) -> None:
    assert arrow_family(arrow) == fetched_family(duckdb_family(duckdb))


def test_families_differ() -> None:
    names = ["BOOLEAN", "INTEGER", "DOUBLE", "DECIMAL(4,1)", "VARCHAR", "BLOB", "DATE", "TIME"]
    names += ["TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "INTERVAL", "UUID", "JSON", "INTEGER[]"]
    names += ["STRUCT(a INTEGER)", "STRUCT(b INTEGER)", "MAP(INTEGER, INTEGER)", "BIT"]
    assert len({duckdb_family(name) for name in names}) == len(names)
