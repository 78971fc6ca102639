"""Evaluation: suites, and the counting of what engines make of them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from test_cli import ibert

from ibert import Catalog, Diagnostic, IbertError, fixtures
from ibert.cli.evaluate.native import NATIVE_FIGURES
from ibert.cli.evaluate.options import ENGINE_NAMES, SUITE_NAMES
from ibert.cli.evaluate.translate import FIGURES
from ibert.evaluation import (
    ENGINES,
    NATIVE,
    SUITES,
    Case,
    Outcome,
    Source,
    Suite,
    evaluate,
    load_suite,
)

AGES = "SELECT user_id FROM users WHERE age > 30"
RIGHT = "from ibis import _\nexpr = con.table('users').filter(_.age > 30).select('user_id')"
ONE = "SELECT user_id FROM users LIMIT 1"


def refuses(case: Case, catalog: Catalog) -> str:
    raise IbertError([Diagnostic(code="IB104", message="no table 'nothing'")])


def crashes(case: Case, catalog: Catalog) -> str:
    raise KeyError("nothing")


def gives(code: str):
    return lambda case, catalog: code


# What an engine does, with which query, and what that counts as.
USERS = "expr = con.table('users').select('user_id')"
PLANTED = {
    "right": (AGES, gives(RIGHT), "equal", ""),
    "no rows": (AGES + "000", gives(RIGHT.replace("30", "30_000")), "equal", ""),
    "another constant": (AGES, gives(RIGHT.replace("30", "40")), "wrong", "IB305 "),
    "another type": (AGES, gives(f"{RIGHT}.cast(dict(user_id='str'))"), "wrong", "IB305 "),
    "refuses": (AGES, refuses, "refused", "IB104 no table 'nothing'"),
    "crashes": (AGES, crashes, "failed", "KeyError: 'nothing'"),
    "code that raises": (AGES, gives("expr = con.nothing"), "failed", "IB308 con.nothing "),
    "no Python": (AGES, gives("expr ="), "failed", "SyntaxError: "),
    "no expression": (AGES, gives("x = 1"), "failed", "IB303 "),
    "needs more than con": (AGES, gives("expr = users"), "failed", "the code uses 'users', "),
    "no translation": (AGES, gives(f"expr = con.sql({AGES!r})"), "failed", "the code leaves the "),
    "the same of any": (ONE, gives(f"{USERS}.limit(1)"), "equal", ""),
    "another of any": (ONE, gives(f"{USERS}.limit(1, offset=1)"), "unproved", "IB306 "),
}


def test_outcomes(databases: list[Path]) -> None:
    cases = tuple(Case(name, sql) for name, (sql, *_) in PLANTED.items())
    catalog = Catalog.from_ddl(fixtures.SCHEMA_SQL)
    done = []
    score = evaluate(
        Suite("planted", cases, catalog, tuple(databases)),
        lambda case, catalog: PLANTED[case.name][1](case, catalog),
        workers=1,
        progress=lambda *counts: done.append(counts),
    )
    assert done[-1] == (len(PLANTED), len(PLANTED))
    found = {reason.case: reason for reason in score.reasons}
    for name, (_, _, outcome, reason) in PLANTED.items():
        if outcome == "equal":
            assert name not in found
        else:
            assert found[name].outcome == outcome, name
            assert found[name].reason.startswith(reason), name
    wanted = [outcome for *_, outcome, _ in PLANTED.values()]
    assert {name: getattr(score, name) for name in Outcome} == {
        name: wanted.count(name) for name in Outcome
    }
    assert (score.cases, score.with_rows) == (len(PLANTED), 2)


def test_reasons_of_one_shape_are_counted_together(databases: list[Path]) -> None:
    cases = tuple(Case(str(i), AGES) for i in range(3))
    suite = Suite("planted", cases, Catalog.from_ddl(fixtures.SCHEMA_SQL), tuple(databases))
    score = evaluate(suite, lambda case, catalog: {}[f"column {case.name}"], workers=1)
    assert score.frequent([Outcome.FAILED], 5) == [("KeyError: …", 3)]
    assert score.frequent([Outcome.WRONG], 5) == []


def test_fixture_suites_are_the_templates(tmp_path: Path) -> None:
    every = load_suite("templates", Source(tmp_path))
    first = load_suite("fixtures", Source(tmp_path))
    assert len({case.name for case in every.cases}) == len(every.cases)
    assert set(first.cases) <= set(every.cases)
    assert {name_of(case) for case in first.cases} == {name_of(case) for case in every.cases}
    assert {"duckdb", "postgres", "bigquery"} <= {case.dialect for case in first.cases}


def name_of(case: Case) -> str:
    return case.name.partition("[")[0]


def test_tpch(tmp_path: Path) -> None:
    suite = load_suite("tpch", Source(tmp_path, scale=0.001), limit=2)
    assert [case.name for case in suite.cases] == ["q01", "q02"]
    assert str(suite.catalog["lineitem"]["l_quantity"]) == "!decimal(15, 2)"
    assert evaluate(suite, NATIVE["con.sql"], passthrough=True, workers=1).equal == 2


def test_tpcds(tmp_path: Path) -> None:
    suite = load_suite("tpcds", Source(tmp_path))
    assert (len(suite.cases), len(suite.catalog)) == (99, 24)


def test_scale_that_never_ends(tmp_path: Path) -> None:
    with pytest.raises(IbertError, match="the smallest scale is"):
        load_suite("tpcds", Source(tmp_path, scale=0.005))


WITHOUT_EXTENSIONS = """
import sys
sys.modules["duckdb_extension_tpch"] = None
sys.argv = ["ibert", "eval", "translate", "--suite", "tpch"]
from ibert.cli import main
main()
"""


def test_missing_extension() -> None:
    command = [sys.executable, "-c", WITHOUT_EXTENSIONS]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (result.returncode, result.stdout) == (2, "")
    (sentence,) = result.stderr.splitlines()
    assert "pip install duckdb-extension-tpch==" in sentence


ROWS = [
    {"id": "a", "sql": "SELECT k FROM t WHERE k > 1", "ibis": "ignored"},
    {"id": "again", "sql": "SELECT k FROM t WHERE k > 1"},
    {"id": "no query", "sql": "DROP TABLE t"},
    {"id": "does not run", "sql": "SELECT nothing FROM t"},
    {"id": "cannot be read", "sql": "SELECT [row(k, k)] FROM t"},
    {"id": "b", "sql": "SELECT k, row_number() OVER (ORDER BY k) AS n FROM t"},
]


@pytest.fixture
def cases_file(tmp_path: Path) -> Path:
    path = tmp_path / "cases.json"
    path.write_text(json.dumps(ROWS), encoding="utf-8")
    setup = "CREATE TABLE t (k INTEGER); INSERT INTO t VALUES (1), (2), (NULL);"
    (tmp_path / "ibis_setup.sql").write_text(setup, encoding="utf-8")
    return path


def test_ibis_map(cases_file: Path) -> None:
    suite = load_suite("ibis-map", Source(cases_file.parent, cases=cases_file))
    assert [case.name for case in suite.cases] == ["a", "b"]
    score = evaluate(suite, NATIVE["con.sql"], passthrough=True, workers=1)
    assert (score.equal, score.with_rows) == (2, 2)


@pytest.mark.parametrize(
    ("file", "text", "code"),
    [
        ("cases.json", "[{}]", "IB002"),
        ("cases.json", None, "IB001"),
        ("ibis_setup.sql", "CREATE TABLE", "IB301"),
        ("ibis_setup.sql", None, "IB001"),
    ],
)
def test_unusable_cases(cases_file: Path, file: str, text: str | None, code: str) -> None:
    path = cases_file.with_name(file)
    path.unlink()
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(IbertError) as error:
        load_suite("ibis-map", Source(cases_file.parent, cases=cases_file))
    assert [found.code for found in error.value.diagnostics] == [code]


def test_unknown_suite(tmp_path: Path) -> None:
    with pytest.raises(IbertError, match="did you mean 'tpch'"):
        load_suite("tpc-h", Source(tmp_path))


def test_command_line_knows_the_names() -> None:
    assert (set(SUITE_NAMES), set(ENGINE_NAMES)) == (set(SUITES), set(ENGINES))
    assert set(Outcome) <= set(FIGURES)
    assert {name for names in NATIVE_FIGURES.values() for name in names} == set(Outcome)


def test_translate_as_json(cases_file: Path) -> None:
    arguments = ("eval", "translate", "--engine", "ibis", "--format", "json")
    suites = ("--suite", "ibis-map", "--suite", "fixtures", "--limit", "1", "--cases", cases_file)
    result = ibert(*arguments, *suites)
    assert result.stderr == ""
    scores = [json.loads(line) for line in result.stdout.splitlines()]
    assert [(score["name"], score["cases"]) for score in scores] == [
        ("ibis-map", 1),
        ("fixtures", 1),
    ]
    for score in scores:
        assert score.keys() == {"engine", "name", *FIGURES, "reasons", "baseline"}
        assert (
            score["baseline"].items() == {k: v for k, v in score.items() if k != "baseline"}.items()
        )
    assert result.returncode == (0 if all(score["equal"] for score in scores) else 1)


def test_translate_as_text(cases_file: Path) -> None:
    result = ibert(
        *("eval", "translate", "--engine", "ibis", "--no-baseline"),
        *("--suite", "ibis-map", "--cases", cases_file),
    )
    assert result.returncode == 1
    assert "with rows" in result.stdout
    assert "failed   b: TypeError" in result.stdout


def test_translate_without_cases() -> None:
    result = ibert("eval", "translate", "--suite", "ibis-map")
    assert (result.returncode, result.stdout) == (2, "")
    assert "--cases" in result.stderr


def test_ibis_sql() -> None:
    result = ibert("eval", "ibis-sql", "--limit", "2")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.split()[:3] == ["con.sql", "parse_sql", "decompile"]


def test_ibis_to_sql_counts_what_runs_what_does_not_and_what_no_dialect_says() -> None:
    command = [sys.executable, "-m", "ibert", "eval", "ibis_to_sql", "--limit", "12"]
    command += ["--dialect", "duckdb", "--dialect", "bigquery", "--format", "json"]
    process = subprocess.run(command, capture_output=True, text=True, timeout=120)
    whole = json.loads(process.stdout)
    assert whole["name"] == "ibis_to_sql"
    assert [part["name"] for part in whole["scores"]] == ["fixtures:duckdb", "fixtures:bigquery"]
    assert whole["cases"] == 24
    outcomes = [whole[name] for name in ("equal", "wrong", "refused", "failed", "unproved")]
    assert sum(outcomes) == 24
    assert whole["scores"][0]["equal"] == 12
    refused = [found for found in whole["scores"][1]["reasons"] if found["outcome"] == "refused"]
    assert all("IB508 bigquery" in found["reason"] for found in refused)
    assert process.returncode == (0 if whole["equal"] + whole["refused"] == 24 else 1)
