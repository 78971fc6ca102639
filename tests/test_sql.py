"""Reading SQL: places of what is wrong, and what a query promises about its result."""

from pathlib import Path

import pytest

from ibert.diagnostics import IbertError, Span
from ibert.documents import load_path
from ibert.sql import describe_output, parse_query, to_duckdb

OUTPUTS = load_path(Path(__file__).parent / "data" / "outputs.yaml").value


@pytest.mark.parametrize("case", OUTPUTS, ids=lambda case: case["sql"])
def test_output(case: dict) -> None:
    output = describe_output(parse_query(case["sql"]))
    assert output.ordered == ("keys" in case)
    assert output.keys == (None if case.get("keys", []) is None else tuple(case.get("keys", [])))
    assert output.keyed == case.get("keyed")
    assert list(output.decided) == case.get("decided", [])
    if "chosen" in case:
        assert output.chosen(len(case["chosen"])) == case["chosen"]


@pytest.mark.parametrize(
    ("sql", "dialect", "span", "message"),
    [
        ("SELECT a\nFROM t WHERE )", "duckdb", Span(2, 14, 2, 15), "syntax error near ')'"),
        ("SELECT (a FROM t", "duckdb", Span(1, 11, 1, 15), "Expecting ) near"),
        ("SELECT 'a", "duckdb", Span(1, 8, 1, 9), "not closed"),
        ("", "duckdb", None, "not 0 statements"),
        ("-- nothing", "duckdb", None, "not 0 statements"),
        ("SELECT 1; SELECT 2", "duckdb", Span(1, 11, 1, 19), "not 2 statements"),
        ("DELETE FROM t", "duckdb", Span(1, 1, 1, 14), "not DELETE"),
        ("(" * 100_000, "duckdb", Span(1, 1, 1, 2), "nested too deeply"),
        ("SELECT STRUCT(a INT, NOT b)", "duckdb", Span(1, 1, 1, 7), "does not come to an end"),
        ("SELECT 1", "duckbd", None, "no SQL dialect 'duckbd'"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_what_is_no_query(sql: str, dialect: str, span: Span | None, message: str) -> None:
    with pytest.raises(IbertError) as caught:
        parse_query(sql, dialect)
    diagnostic = caught.value.diagnostics[0]
    assert message in diagnostic.message
    assert diagnostic.span == span


def test_a_misspelt_dialect_has_a_hint() -> None:
    with pytest.raises(IbertError, match=r"did you mean 'snowflake'\?"):
        parse_query("SELECT 1", "snowflak")


@pytest.mark.parametrize(
    ("sql", "dialect", "expected"),
    [
        ("SELECT TOP 2 a FROM t", "tsql", "SELECT a FROM t LIMIT 2"),
        ("SELECT `a b` FROM t", "mysql", 'SELECT "a b" FROM t'),
        ("SELECT a FROM t ORDER BY a", "postgres", "SELECT a FROM t ORDER BY a"),
        (
            "SELECT a FROM t ORDER BY a DESC",
            "postgres",
            "SELECT a FROM t ORDER BY a DESC NULLS FIRST",
        ),
    ],
)
def test_other_dialects(sql: str, dialect: str, expected: str) -> None:
    assert to_duckdb(parse_query(sql, dialect), dialect) == expected
