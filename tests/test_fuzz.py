"""The fuzzer finds planted faults, cries no wolf, and iBERT's own translator stands up to it."""

from random import Random

import pytest
import sqlglot
from sqlglot import exp

from ibert.catalog import Catalog
from ibert.datagen.random_queries.queries import Queries
from ibert.datagen.random_queries.relations import base_relations
from ibert.datagen.random_queries.tables import make_catalog
from ibert.diagnostics import Diagnostic, IbertError
from ibert.evaluation.fuzz import FuzzReport, run
from ibert.evaluation.fuzz.shrink import shrunk

# Ibis has no type for a sum of integers, and DuckDB's views have no two columns of one name.
OWN_FAULTS = ("is decimal, not integer once fetched", "_1', not '")


def faithful(sql: str, catalog: Catalog) -> str:
    """Let Ibis run the SQL as it is: right by construction but for `OWN_FAULTS`."""
    return f"con.raw_sql({f'CREATE TEMP VIEW v AS {sql}'!r})\nexpr = con.table('v')"


def without(clause: str, sql: str) -> str:
    query = sqlglot.parse_one(sql, read="duckdb")
    for select in query.find_all(exp.Select):
        select.set(clause, None)
    return query.sql("duckdb")


DRAWN = 50  # queries for each fault
FAULTS = {
    "where": lambda sql, catalog: faithful(without("where", sql), catalog),
    "distinct": lambda sql, catalog: faithful(without("distinct", sql), catalog),
    "order": lambda sql, catalog: faithful(without("order", sql), catalog),
    "left": lambda sql, catalog: faithful(sql.replace("LEFT JOIN", "JOIN"), catalog),
    "nulls": lambda sql, catalog: faithful(sql.replace(" NULLS FIRST", ""), catalog),
}


@pytest.fixture(scope="module")
def honest() -> FuzzReport:
    return run(1, DRAWN, translate=faithful, shown=0)


def test_the_queries_are_worth_running(honest: FuzzReport) -> None:
    assert honest.rejected + honest.undetermined < 0.15 * DRAWN
    assert honest.cases + honest.rejected + honest.undetermined == DRAWN
    assert honest.with_rows > 0.5 * honest.equal


def test_what_is_right_is_not_called_wrong(honest: FuzzReport) -> None:
    reasons = [finding.reason for finding in honest.findings]
    assert [reason for reason in reasons if not any(own in reason for own in OWN_FAULTS)] == []
    assert honest.equal > 0.85 * honest.cases


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults_are_found(fault: str, honest: FuzzReport) -> None:
    report = run(1, DRAWN, translate=FAULTS[fault], shown=0)
    assert report.wrong > honest.wrong


def test_a_finding_is_made_small() -> None:
    report = run(3, 30, translate=FAULTS["where"], shown=2)
    finding = next(f for f in report.findings if f.sql != f.original)
    assert "WHERE" in finding.sql
    assert len(finding.sql) < 80
    assert finding.code == FAULTS["where"](finding.sql, None)


def refuse(sql: str, catalog: Catalog) -> str:
    raise IbertError([Diagnostic(code="IB104", message="no table 'a'")])


def crash(sql: str, catalog: Catalog) -> str:
    raise KeyError(sql)


def test_outcomes_are_told_apart() -> None:
    refused = run(1, 20, translate=refuse)
    assert refused.refused == refused.cases
    assert refused.refusals == {"IB104 no table …": refused.cases}
    crashed = run(1, 20, translate=crash, shown=0)
    assert crashed.crashed == crashed.cases
    failed = run(1, 20, translate=lambda sql, catalog: "expr = con.table('zzz')", shown=0)
    assert failed.failed == failed.cases


def test_the_same_seed_draws_the_same_queries() -> None:
    def draw(seed: str) -> list[str]:
        relations = base_relations(make_catalog(Random(seed)))
        return [Queries(Random(f"{seed}:{i}"), relations).draw() for i in range(20)]

    assert draw("1") == draw("1") != draw("2")


def test_shrinking_keeps_what_holds() -> None:
    sql = "WITH c AS (SELECT a, b FROM t WHERE a > 1) SELECT a, SUM(b) FROM c GROUP BY a ORDER BY 1"
    assert shrunk(sql, lambda text: "SUM" in text) == "SELECT SUM(b) FROM c"


def test_the_translator_is_never_wrong() -> None:
    report = run(2024, 150, shown=3)
    assert (report.wrong, report.crashed) == (0, 0), str(report)
    assert report.equal > 0.7 * report.cases
