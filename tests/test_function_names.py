"""The calls that sqlglot's classes stand for, and what DuckDB returns for them."""

import collections
import functools
import importlib
import itertools
import logging

import duckdb
import pytest
import sqlglot
from sqlglot import exp

from ibert.translator.datatypes import UNKNOWN, from_sqlglot
from ibert.translator.functions import signatures
from ibert.translator.functions.classes import NAMES, ORDERS, function_call

# Classes that have rules of their own elsewhere: constructors, operators, paths into JSON.
ELSEWHERE = {
    "json_extract",
    "json_extract_string",
    "greatest",
    "least",
    "list_value",
    "map",
    "nullif",
    "struct_pack",
}
# What sqlglot's parser makes of a call is another one, or none.
CHANGED = {
    "apply(a0, a1)": None,  # taken for a list of aliases
    "array_reverse_sort(a0, a1)": "list_reverse_sort(a0)",  # drops the order of NULLs
    "date_diff(a0, a1, a2)": None,  # takes a column for the name of a unit
    "date_trunc(a0, a1)": None,
    "datediff(a0, a1, a2)": None,
    "datetrunc(a0, a1)": None,
    "decode(a0, a1)": "decode(a0)",  # drops the way to handle errors
    "generate_series(a0)": "generate_series(0, a0)",
    "list_reverse_sort(a0, a1)": "list_reverse_sort(a0)",
    "position(a0, a1)": "strpos(a1, a0)",  # no call of DuckDB, whose grammar wants IN
    "quantile_disc(a0)": "percentile_disc(a0)",
    "range(a0)": "range(0, a0)",
    "regexp_extract(a0, a1)": "regexp_extract(a0, a1, 0)",
    "regexp_extract_all(a0, a1)": "regexp_extract_all(a0, a1, 0)",
    "time_bucket(a0, a1, a2)": None,
}


def _calls():
    with duckdb.connect() as connection:
        rows = connection.execute(
            """
            SELECT DISTINCT function_name, len(parameter_types), varargs IS NOT NULL
            FROM duckdb_functions()
            WHERE function_type IN ('scalar', 'aggregate', 'macro') AND schema_name = 'main'
                AND regexp_full_match(function_name, '[a-z]\\w*')
            ORDER BY ALL
            """
        ).fetchall()
    arities = collections.defaultdict(set)
    for name, count, more in rows:
        arities[name].update(range(count, 6) if more else [count])
    return [(name, count) for name, counts in arities.items() for count in sorted(counts)]


@pytest.fixture(autouse=True)
def _quiet():
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def test_every_function_of_duckdb_is_read_as_itself():
    seen, different = set(), {}
    for name, count in _calls():
        written = f"{name}({', '.join(f'a{i}' for i in range(count))})"
        try:
            node = sqlglot.parse_one(written, "duckdb")
        except sqlglot.ParseError:
            continue
        found = function_call(node)
        if found is None:
            read = None
        else:
            read = f"{found[0]}({', '.join(part.sql('duckdb') for part in found[1])})"
        if written in CHANGED:
            seen.add(written)
            assert read == CHANGED[written], written
        elif signatures.canonical(name) not in ELSEWHERE:
            again = f"{signatures.canonical(name)}{written[len(name) :]}"
            if found is None or f"{signatures.canonical(found[0])}{read[len(found[0]) :]}" != again:
                different[written] = read
    assert different == {}
    assert seen == set(CHANGED)


@pytest.mark.parametrize(
    ("sql", "call"),
    [
        ("date_trunc('Month', d)", "date_trunc('month', d)"),
        ("date_trunc('month', d::DATE)", "date_trunc('month', CAST(d AS DATE))"),
        ("time_bucket(w, ts, '2020-01-01')", "time_bucket(w, ts, '2020-01-01')"),
        ("percentile_cont(0.5)", "percentile_cont(0.5)"),
        ("quantile_cont(x, 0.5)", "quantile_cont(x, 0.5)"),
        ("trim(LEADING 'x' FROM s)", "ltrim(s, 'x')"),
        ("trim(BOTH FROM s)", "trim(s)"),
        ("substring(s FROM 2 FOR 3)", "substring(s, 2, 3)"),
        ("position('a' IN s)", "strpos(s, 'a')"),
        ("a <@ b", "list_has_all(b, a)"),
        ("s ^@ 'x'", "starts_with(s, 'x')"),
        ("any_value(x)", "any_value(x)"),
        ("list_sort(l, 'DESC', 'NULLS FIRST')", "list_sort(l, 'DESC', 'NULLS FIRST')"),
        ("epoch_ms(x)", "epoch_ms(x)"),
        ("to_timestamp(x)", "to_timestamp(x)"),
        ("json_object('a', 1, 'b', 2)", "json_object('a', 1, 'b', 2)"),
        ("CURRENT_TIMESTAMP", "now()"),
        ('"Upper"(s)', "upper(s)"),
        ("count(*)", "count(*)"),
    ],
)
def test_reads_the_call(sql, call):
    name, arguments = function_call(sqlglot.parse_one(sql, "duckdb"))
    assert f"{name}({', '.join(part.sql('duckdb') for part in arguments)})" == call


def test_orders_are_those_of_named_classes():
    assert set(ORDERS) <= set(NAMES)
    assert all(set(keys) <= set(kind.arg_types) for kind, keys in ORDERS.items())


def test_rules_have_canonical_names():
    for field in ("strings", "numbers"):
        rules = importlib.import_module(f"ibert.translator.functions.{field}").RULES
        assert [name for name in rules if signatures.canonical(name) != name] == []
        assert [name for name in rules if not signatures.is_function(name)] == []


def test_the_file_is_what_the_installed_duckdb_says():
    assert signatures._data()["aliases"] == signatures.collect()["aliases"]
    assert signatures._data()["functions"].keys() == signatures.collect()["functions"].keys()


COLUMNS = {
    "b": "BOOLEAN",
    "i": "INTEGER",
    "l": "BIGINT",
    "u": "UTINYINT",
    "f": "FLOAT",
    "d": "DOUBLE",
    "c": "DECIMAL(12, 2)",
    "s": "VARCHAR",
    "dt": "DATE",
    "ts": "TIMESTAMP",
    "tz": "TIMESTAMPTZ",
    "iv": "INTERVAL",
    "li": "INTEGER[]",
    "ls": "VARCHAR[]",
    "m": "MAP(VARCHAR, INTEGER)",
    "st": "STRUCT(a INTEGER, b VARCHAR)",
    "j": "JSON",
}
LITERALS = {"1": ("INTEGER", 1), "'a'": ("VARCHAR", "a"), "'month'": ("VARCHAR", "month")}
# Their results depend on more than types, or count for nothing.
UNTYPED = {"struct_pack", "setseed", "write_log", "sleep_ms", "error"}


@functools.cache
def _type(text):
    return from_sqlglot(exp.DataType.build(text, dialect="duckdb"))


def _sampled(count):
    values = [(name, _type(kind), None) for name, kind in COLUMNS.items()]
    values += [(name, _type(kind), literal) for name, (kind, literal) in LITERALS.items()]
    if count < 2:
        return itertools.product(values, repeat=count)
    few = [value for value in values if value[0] in ("i", "c", "s", "ts", "li")]
    return itertools.product(few, repeat=2)


def test_results_have_the_types_that_duckdb_gives_them():
    wrong, unknown, equal = [], 0, 0
    with duckdb.connect() as connection:
        columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
        connection.execute(f"CREATE TABLE t ({columns})")
        for name, count in _calls():
            if not 0 < count < 3 or name in UNTYPED or signatures.canonical(name) != name:
                continue
            for sample in _sampled(count):
                call = f"{name}({', '.join(text for text, _, _ in sample)})"
                query = f"SELECT {call} FROM t"  # noqa: S608
                try:
                    described = connection.sql(query).types
                except duckdb.Error:
                    continue
                types = [kind for _, kind, _ in sample]
                found = signatures.result_type(name, types, [literal for *_, literal in sample])
                try:
                    expected = _type(str(described[0]))
                except sqlglot.ParseError:
                    continue
                if found == UNKNOWN:
                    unknown += 1
                elif found == expected or expected == UNKNOWN:
                    equal += 1
                else:
                    wrong.append((call, str(described[0]), found))
    assert wrong == []
    assert equal > 10 * unknown
