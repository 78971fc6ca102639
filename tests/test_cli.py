"""The command line: what it prints where, and its exit codes."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from test_generate import BAD, GOOD


def ibert(
    *arguments: str | Path, stdin: str = "", cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command line."""
    command = [str(Path(sys.executable).with_name("ibert")), *map(str, arguments)]
    return subprocess.run(
        command, input=stdin, capture_output=True, text=True, timeout=600, check=False, cwd=cwd
    )


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("templates")
    (folder / "good.yaml").write_text(GOOD, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def dataset(templates: Path) -> Path:
    path = templates / "out" / "train.jsonl"
    result = ibert("data", "generate", "-o", path, "--templates", templates, "--workers", "1")
    assert result.returncode == 0
    assert "6 verified pairs of 1 structures from 1 templates, 0 rejected" in result.stdout
    assert "VERIFIED" in result.stdout
    assert result.stderr == ""
    return path


def test_generate_with_a_pair_that_fails(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text(BAD, encoding="utf-8")
    result = ibert(
        "data", "generate", "-o", tmp_path / "t.jsonl", "--templates", tmp_path, "--format", "json"
    )
    assert result.returncode == 1
    assert json.loads(result.stdout)["counts"]["rejected"] == 3
    assert "bad, variation 0: IB305" in result.stderr


def test_validate(dataset: Path, tmp_path: Path) -> None:
    result = ibert("data", "validate", dataset)
    assert (result.returncode, result.stdout) == (0, f"6 of 6 examples hold: {dataset}\n")
    broken = tmp_path / "broken.jsonl"
    broken.write_bytes(dataset.read_bytes() + b"{")
    result = ibert("data", "validate", broken, "--format", "json")
    assert result.returncode == 1
    found = json.loads(result.stdout)
    assert (found["examples"], found["hold"]) == (7, 6)
    assert [problem["code"] for problem in found["problems"]] == ["IB401"]


def test_stats(dataset: Path) -> None:
    found = json.loads(ibert("data", "stats", dataset, "--format", "json").stdout)
    assert {"examples", "structures", "templates", "rejected", "features"} <= found.keys()
    assert (found["examples"], found["rejected"]) == (6, 0)
    text = ibert("data", "stats", dataset)
    assert (text.returncode, text.stderr) == (0, "")
    assert "group_by" in text.stdout


def test_templates(templates: Path) -> None:
    result = ibert("data", "templates", templates)
    assert result.returncode == 0
    assert result.stdout.split() == [
        *("good", "easy", "6"),
        *("Count", "the", "orders", "of", "each", "status."),
    ]
    listed = json.loads(ibert("data", "templates", templates, "--format", "json").stdout)
    assert [(item["name"], item["variations"]) for item in listed] == [("good", 6)]


def test_trying_templates(templates: Path, tmp_path: Path) -> None:
    result = ibert("data", "templates", templates / "good.yaml", "--verify", "--show")
    assert result.returncode == 0
    assert "6 verified" in result.stdout
    assert result.stdout.count("expr = ") == 6
    (tmp_path / "bad.yaml").write_text(BAD, encoding="utf-8")
    result = ibert("data", "templates", tmp_path, "--verify")
    assert result.returncode == 1
    assert "REFUTED bad, variation 0" in result.stderr


VERIFY = ("verify", "--sql", "SELECT COUNT(*) AS n FROM users")


def test_verify() -> None:
    result = ibert(*VERIFY, "--ibis", "users.agg(n=_.count())")
    assert (result.returncode, result.stdout) == (0, "VERIFIED\n")
    assert result.stderr == "1 equal row\n"


def test_verify_shows_the_rows_that_differ() -> None:
    result = ibert(*VERIFY, "--ibis", "users.agg(n=_.name.count())")
    assert (result.returncode, result.stdout) == (1, "REFUTED\n")
    assert "IB305 1 of 1 rows differ" in result.stderr
    users, sql, code = re.split("the SQL gives|Ibis gives", result.stderr)
    assert ("NULL" in users, "1" in sql, "0" in code) == (True, True, True)


def test_values_are_shown_as_they_are() -> None:
    code = "ibis.memtable({'[/x]': ['[/y]']})"
    result = ibert("verify", "--sql", "SELECT '[/no]' AS \"[/x]\"", "--ibis", code)
    assert result.returncode == 1
    assert "'[/no]'" in result.stderr
    assert "[/x]" in result.stderr


def test_verify_as_json() -> None:
    result = ibert(*VERIFY, "--ibis", "-", "--format", "json", stdin="users.agg(m=_.count())\n")
    assert result.returncode == 1
    verdict = json.loads(result.stdout)
    assert verdict["status"] == "REFUTED"
    assert verdict["evidence"]["difference"]["kind"] == "names"


def test_verify_files(tmp_path: Path) -> None:
    (tmp_path / "q.sql").write_text("SELECT a FROM t WHERE a > 1")
    (tmp_path / "q.py").write_text("t = con.table('t')\nexpr = t.filter(t.a > 1)\n")
    (tmp_path / "t.sql").write_text("CREATE TABLE t (a INTEGER)")
    result = ibert("verify", "--sql", "q.sql", "--ibis", "q.py", "--catalog", "t.sql", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (0, "VERIFIED\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("data", "stats", "nothing.jsonl"), "nothing.jsonl: IB001 No such file or directory"),
        (("data", "validate", "nothing.jsonl"), "nothing.jsonl: IB001 No such file or directory"),
        (("data", "stat"), "No such command 'stat'"),
        (("verify", "--sql", "SELECT 1"), "Missing option '--ibis'"),
        (("verify", "--sql", "-", "--ibis", "-"), "only one of --sql and --ibis"),
        (("verify", "--sql", "q.sql", "--ibis", "t"), "q.sql: IB001 No such file or directory"),
        ((*VERIFY, "--ibis", "users", "--catalog", "no.duckdb"), "no.duckdb: IB001"),
        ((*VERIFY, "--ibis", "users", "--dialect", "mysqll"), "did you mean 'mysql'?"),
        (("verify", "--sql", "SELECT FROM", "--ibis", "users"), "1:8: IB002"),
        (("data", "generate", "--workers", "0"), "0 is not in the range x>=1"),
        (("data", "generate", "--templates", "nowhere"), "does not exist"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], message: str, tmp_path: Path) -> None:
    result = ibert(*arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert message in result.stderr
    assert result.stdout == ""
    assert "Traceback" not in result.stderr


def test_env() -> None:
    found = json.loads(ibert("env", "--format", "json").stdout)
    assert found["ibis-framework"].startswith("12.0")
    assert {"python", "platform", "duckdb", "sqlglot", "ibert"} <= found.keys()
    assert "duckdb" in ibert("env").stdout


def test_python_m_ibert() -> None:
    command = [sys.executable, "-m", "ibert", "--version"]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.startswith("python -m ibert, version 0.1.0")


@pytest.mark.slow
def test_demo_shows_six_answers_that_hold() -> None:
    result = ibert("demo")
    assert (result.returncode, result.stderr) == (0, "")
    assert len(re.findall(r"^\d\. ", result.stdout, re.MULTILINE)) == 6
    assert len(re.findall(r"^(?:VERIFIED|CHECKED) \(", result.stdout, re.MULTILINE)) == 6
