"""Mutants, spellings of the same meaning, and the forms in which both can be told apart."""

from pathlib import Path

import duckdb
import pytest
import yaml

from ibert.catalog import Catalog
from ibert.datagen.mutation.rewrites import RULES, rewritten
from ibert.evaluation.equivalence import normal_form
from ibert.evaluation.strength import measure
from ibert.evaluation.suites import Case
from ibert.sql.parse import parse_as_written
from ibert.verifier.mutation import OPERATORS, mutants

DDL = "CREATE TABLE t (a BIGINT, b BIGINT, s VARCHAR, d DATE); CREATE TABLE u (a BIGINT, v VARCHAR)"
CATALOG = Catalog.from_ddl(DDL)
# Together they have a place for every operator and every rule.
QUERIES = """
SELECT DISTINCT a FROM t WHERE a > 1 AND NOT b < 2 OR s LIKE 'x%' ORDER BY a LIMIT 3 OFFSET 1
SELECT s, count(b), sum(a) FROM t WHERE b IS NULL GROUP BY s, a HAVING count(*) > 1
SELECT a FROM t WHERE a BETWEEN 1 AND 5 AND b IN (1, 2) AND d = DATE '2024-01-31'
SELECT t.a, v FROM t JOIN u ON t.a = u.a
SELECT a FROM t WHERE EXISTS (SELECT * FROM u WHERE u.a = t.a)
SELECT a FROM t UNION ALL SELECT a FROM u
SELECT row_number() OVER (PARTITION BY s ORDER BY a), lag(a, 1) OVER (ORDER BY a) FROM t
SELECT sum(a) OVER (ORDER BY b ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) FROM t
SELECT a FROM t QUALIFY rank() OVER (ORDER BY a) = 1
SELECT CASE WHEN a > 1 THEN 'x' WHEN b > 2 THEN 'y' ELSE 'z' END, coalesce(a, b) FROM t
SELECT CASE WHEN a > 1 THEN b END, nullif(a, b) FROM t
SELECT extract(year FROM d), date_trunc('month', d), a + b FROM t
SELECT count(*) FILTER (WHERE a > 1) FROM t
WITH c AS (SELECT a FROM t) SELECT a FROM c
""".strip().splitlines()


def names(sql: str) -> set[str]:
    return {mutant.operator for mutant in mutants(parse_as_written(sql), CATALOG)}


def test_every_operator_has_a_place() -> None:
    found = set().union(*map(names, QUERIES))
    assert found == {name for name, _, _ in OPERATORS} | {"column"}


def test_most_mutants_run() -> None:
    tried = [mutant for sql in QUERIES for mutant in mutants(parse_as_written(sql), CATALOG)]
    with duckdb.connect() as con:
        con.execute(DDL)
        run = [mutant for mutant in tried if _runs(con, mutant.sql)]
    assert len(run) > 0.75 * len(tried)


def _runs(con: duckdb.DuckDBPyConnection, sql: str) -> bool:
    try:
        con.execute(sql)
    except duckdb.Error:
        return False
    return True


def test_mutants_are_split_in_halves() -> None:
    tried = [mutant for sql in QUERIES for mutant in mutants(parse_as_written(sql), CATALOG)]
    probes = sum(mutant.is_probe for mutant in tried)
    assert 0.4 * len(tried) < probes < 0.6 * len(tried)


def test_every_rule_has_a_place_and_what_it_writes_runs() -> None:
    found = set()
    with duckdb.connect() as con:
        con.execute(DDL)
        for sql in [*QUERIES, "SELECT DISTINCT a FROM t", "SELECT a FROM t WHERE a = 5"]:
            for spelling in rewritten(parse_as_written(sql)):
                con.execute(spelling.sql)
                found.add(spelling.rule)
    assert found == {name for name, _, _ in RULES}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SELECT DISTINCT s, sum(a) FROM t GROUP BY s", "SELECT s, sum(a) FROM t GROUP BY 1"),
        ("SELECT a FROM t WHERE s IS NOT DISTINCT FROM 'x'", "SELECT a FROM t WHERE s = 'y'"),
        ("SELECT DISTINCT sum(a) FROM t GROUP BY s", "SELECT sum(a) FROM t GROUP BY s"),
        ("SELECT s IS NOT DISTINCT FROM 'x' FROM t", "SELECT s = 'x' FROM t"),
        ("SELECT a FROM t ORDER BY a NULLS FIRST", "SELECT a FROM t ORDER BY a"),
        ("SELECT a FROM t WHERE a IS DISTINCT FROM 1", "SELECT a FROM t WHERE a <> 1"),
    ],
)
def test_what_differs_has_different_forms(one: str, other: str) -> None:
    assert normal_form(one, CATALOG) != normal_form(other, CATALOG)


def test_the_verifier_is_strong_and_cries_no_wolf() -> None:
    cases = [Case(str(i), sql) for i, sql in enumerate(QUERIES[1:8])]
    found = measure("queries", cases, CATALOG)
    assert found.alarms == ()
    assert found.score > 0.9 > found.fixed.score


FORMS = yaml.safe_load((Path(__file__).parent / "data" / "normal_forms.yaml").read_text("utf-8"))
KEYED = Catalog.from_ddl(FORMS["tables"])


@pytest.mark.parametrize(("one", "other"), FORMS["same"])
def test_keys_and_predicates_make_forms_equal(one: str, other: str) -> None:
    assert normal_form(one, KEYED) == normal_form(other, KEYED)


@pytest.mark.parametrize(("one", "other"), FORMS["different"])
def test_where_they_tell_nothing_forms_differ(one: str, other: str) -> None:
    assert normal_form(one, KEYED) != normal_form(other, KEYED)
