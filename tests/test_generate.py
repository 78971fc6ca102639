"""The dataset: what is written, what is refused, and that nothing is lost on the way."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest

from ibert.datagen.example import digest, manifest_path, read_examples, read_manifest
from ibert.datagen.sql2ibis.generate import generate
from ibert.datagen.stats import stats
from ibert.datagen.structure import ibis_structure, sql_structure
from ibert.datagen.validate import validate
from ibert.diagnostics import IbertError

GOOD = """
name: good
description: Count the orders of each status.
difficulty: easy
features: [group_by, count]
context: [orders]
sql_template: |
  SELECT $column, COUNT(*) AS n FROM orders WHERE priority > $least GROUP BY $column
ibis_template: |
  orders.filter(_.priority > $least).group_by("$column").agg(n=_.count())
parameter_space:
  column: [status, channel]
  least: [0, 1, 2]
"""
BAD = """
name: bad
description: Three ways to be wrong.
difficulty: hard
features: [wrong]
context: [orders]
sql_template: |
  SELECT order_id FROM orders WHERE priority > $least
ibis_template: |
  orders.filter(_.priority $op).select("$column")
variations:
  - params: {least: 1, op: "> 0", column: order_id}
  - params: {least: 1, op: "> 1", column: nothing}
  - params: {least: 999, op: "> 999", column: order_id}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("templates")
    (folder / "good.yaml").write_text(GOOD, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def dataset(folder: Path) -> Path:
    path = folder / "data" / "train.jsonl"
    generate(path, templates=folder, workers=1)
    return path


@pytest.fixture
def copy(dataset: Path, tmp_path: Path) -> Path:
    """A copy of the dataset and its manifest, to be tampered with."""
    path = tmp_path / dataset.name
    path.write_bytes(dataset.read_bytes())
    manifest_path(path).write_bytes(manifest_path(dataset).read_bytes())
    return path


def test_an_example_is_complete(dataset: Path) -> None:
    example = json.loads(dataset.read_text(encoding="utf-8").splitlines()[0])
    assert example == {
        "id": example["id"],
        "task": "sql_to_ibis",
        "dialect": "duckdb",
        "backend": "duckdb",
        "ibis_version": "12.0.0",
        "context": {
            "tables": {"orders": {"schema": example["context"]["tables"]["orders"]["schema"]}}
        },
        "input": {
            "sql": "SELECT status, COUNT(*) AS n FROM orders WHERE priority > 0 GROUP BY status"
        },
        "target": {
            "ibis": "from ibis import _\n\n"
            'orders = con.table("orders")\n\n'
            'expr = orders.filter(_.priority > 0).group_by("status").agg(n=_.count())\n',
            "expr_name": "expr",
        },
        "meta": {
            "template": "good",
            "variation": "space-0",
            "features": ["group_by", "count"],
            "source": "template",
            "difficulty": "easy",
            "verdict": "VERIFIED",
            "rows": example["meta"]["rows"],
            "ordered": False,
            "verifier_version": 2,
        },
    }
    schema = example["context"]["tables"]["orders"]["schema"]
    assert list(schema)[:3] == ["order_id", "user_id", "status"]
    assert schema["total"] == "decimal(12, 2)"


def test_the_manifest_describes_the_file(dataset: Path) -> None:
    manifest = read_manifest(dataset)
    assert (manifest.file, manifest.bytes) == ("train.jsonl", dataset.stat().st_size)
    assert manifest.sha256 == digest(dataset)
    assert manifest.counts == {
        "rendered": 6,
        "verified": 6,
        "rejected": 0,
        "templates": 1,
        "structures": 1,
    }


def test_the_same_seed_gives_the_same_bytes(dataset: Path, folder: Path, tmp_path: Path) -> None:
    again = tmp_path / "train.jsonl"
    generate(again, templates=folder, workers=2)
    assert again.read_bytes() == dataset.read_bytes()
    assert manifest_path(again).read_bytes() == manifest_path(dataset).read_bytes()


def test_what_is_not_proved_is_rejected_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "good.yaml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "bad.yaml").write_text(BAD, encoding="utf-8")
    path = tmp_path / "train.jsonl"
    manifest = generate(path, templates=tmp_path, workers=1)
    found = [(r.template, r.variation, r.status) for r in manifest.rejected]
    assert found == [("bad", "0", "REFUTED"), ("bad", "1", "FAILED"), ("bad", "2", "CHECKED")]
    reasons = ["rows differ", "Column 'nothing' is not found in table", "both results are empty"]
    for rejected, reason in zip(manifest.rejected, reasons, strict=True):
        assert reason in rejected.reason
    assert {example.meta.template for _, example in read_examples(path)} == {"good"}


HOSTILE = """
name: hostile
description: Code that nobody wants to run.
difficulty: hard
features: [hostile]
context: [orders]
sql_template: |
  SELECT order_id FROM orders WHERE priority >= $least
ibis_template: |
  $attack
  expr = orders.filter(_.priority >= $least).select("order_id")
parameter_space:
  least, attack:
    - [1, "while True: pass"]
    - [2, "import os; os._exit(0)"]
    - [3, "while True: print('x' * 1000)"]
    - [4, "x = bytearray(1 << 40)"]
    - [5, "con.raw_sql('DELETE FROM orders')"]
"""


def test_hostile_code_loses_nothing(tmp_path: Path, dataset: Path) -> None:
    (tmp_path / "good.yaml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "hostile.yaml").write_text(HOSTILE, encoding="utf-8")
    path = tmp_path / "train.jsonl"
    manifest = generate(path, templates=tmp_path, workers=1)
    assert path.read_bytes() == dataset.read_bytes()
    reasons = [
        "it ran for more than 10 seconds",
        "the module os may not be imported",
        "it printed more than 1,048,576 characters",
        "bytearray is not for Ibis code",
        "con.raw_sql is not what tables are taken with",
    ]
    for rejected, reason in zip(manifest.rejected, reasons, strict=True):
        assert (rejected.status, reason in rejected.reason) == ("FAILED", True)


def test_stats(dataset: Path) -> None:
    found = stats(dataset)
    assert (found.examples, found.structures, found.sql_structures, found.templates) == (6, 1, 1, 1)
    assert (found.rejected, found.duplicates) == (0, 0)
    assert found.features == {"count": 6, "group_by": 6}
    assert found.by_template == {"good": {"examples": 6, "structures": 1}}
    assert msgspec.structs.astuple(found.per_structure) == (6, 6, 6, 6)
    assert (found.sql_length.min, found.sql_length.median, found.sql_length.max) == (75, 75, 77)


def test_an_untouched_dataset_holds(dataset: Path) -> None:
    found = validate(dataset, workers=1)
    assert (found.examples, found.hold, found.problems) == (6, 6, ())


def tampered(path: Path, line: int, change: object) -> list[str]:
    """Change one example, validate, and give the problems without the digest's."""
    lines = path.read_bytes().splitlines()
    example = json.loads(lines[line - 1])
    change(example)
    lines[line - 1] = msgspec.json.encode(example)
    path.write_bytes(b"\n".join(lines) + b"\n")
    digest_problem, *problems = validate(path, workers=1).problems
    assert digest_problem.code == "IB403"
    return [str(problem) for problem in problems]


def test_a_wrong_example_is_named(copy: Path) -> None:
    def change(example: dict) -> None:
        example["target"]["ibis"] = example["target"]["ibis"].replace(">", ">=")

    identity, difference = tampered(copy, 2, change)
    assert f"{copy}:2: IB402" in identity
    assert "its content has the id" in identity
    assert "REFUTED: IB305" in difference
    assert "good, variation space-1" in difference


def test_a_missing_table_is_named(copy: Path) -> None:
    def change(example: dict) -> None:
        tables = example["context"]["tables"]
        tables["invoices"] = tables.pop("orders")
        example["input"]["sql"] = "SELECT 1 AS one FROM invoices"

    problems = tampered(copy, 1, change)
    assert any("the fixtures have no table 'invoices'" in problem for problem in problems)
    assert any("Table with name invoices does not exist" in problem for problem in problems)


def test_another_schema_is_named(copy: Path) -> None:
    def change(example: dict) -> None:
        example["context"]["tables"]["orders"]["schema"]["total"] = "float64"

    assert any("has another schema" in problem for problem in tampered(copy, 1, change))


def test_duplicates_are_named(copy: Path) -> None:
    lines = copy.read_bytes().splitlines(keepends=True)
    copy.write_bytes(b"".join([*lines, lines[0]]))
    problems = validate(copy, workers=1).problems
    assert any("line 1 has the same content" in problem.message for problem in problems)


def test_broken_lines_are_named_and_the_others_checked(copy: Path) -> None:
    lines = copy.read_bytes().splitlines()
    lines[1] = lines[1][:50]
    lines[2] = b"\xff\xfe"
    lines[3] = b'{"id": 1}'
    copy.write_bytes(b"\n".join(lines))
    found = validate(copy, workers=1)
    assert (found.examples, found.hold) == (6, 3)
    broken = [problem for problem in found.problems if problem.code == "IB401"]
    assert [problem.source.rpartition(":")[2] for problem in broken] == ["2", "3", "4"]


def test_a_dataset_that_is_not_there(tmp_path: Path) -> None:
    for read in (stats, lambda path: validate(path, workers=1)):
        with pytest.raises(IbertError, match="IB001 No such file or directory"):
            read(tmp_path / "nothing.jsonl")


def test_nothing_is_written_when_a_template_is_wrong(copy: Path, tmp_path: Path) -> None:
    broken = tmp_path / "templates"
    broken.mkdir()
    (broken / "bad.yaml").write_text(BAD.replace("hard", "very hard"), encoding="utf-8")
    before = copy.read_bytes()
    with pytest.raises(IbertError):
        generate(copy, templates=broken)
    assert copy.read_bytes() == before


def test_a_killed_run_leaves_the_old_file(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "train.jsonl"
    path.write_text("the old file")
    command = [sys.executable, "-m", "ibert", "data", "generate", "-o", str(path)]
    process = subprocess.Popen([*command, "--templates", str(folder)], stderr=subprocess.PIPE)
    while not list(tmp_path.glob(".train.jsonl.*")) and process.poll() is None:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert path.read_text() == "the old file"


@pytest.mark.parametrize(
    ("sql", "structure"),
    [
        ("SELECT a, b AS c FROM t WHERE a = 'x'", "SELECT _, _ AS _ FROM _ WHERE _ = _"),
        ("SELECT t.a FROM s.t AS u -- a comment", "SELECT _._ FROM _._ AS _"),
        ("SELECT DATE_TRUNC('week', d) FROM t", "SELECT DATE_TRUNC('_', _) FROM _"),
        ("SELECT SUM(a) FILTER (WHERE b) FROM t", "SELECT SUM(_) FILTER(WHERE _) FROM _"),
        ("SELECT a FROM t ORDER BY a DESC LIMIT 3", "SELECT _ FROM _ ORDER BY _ DESC LIMIT _"),
    ],
)
def test_sql_structure(sql: str, structure: str) -> None:
    assert sql_structure(sql) == structure


@pytest.mark.parametrize(
    ("code", "structure"),
    [
        ("t.filter(_.a > 1)", "_.filter(_._ > 0)"),
        ("t.agg(n=_.count(), s=_.a.sum())", "_.agg(_=_.count(), _=_._.sum())"),
        ("t.join(u, 'id', how='left')", "_.join(_, 0, how=0)"),
        ("t['a'].cast('int64')", "_[0].cast(0)"),
        (
            "t.agg(**{f'{c}_n': t[c].count() for c in 'ab'})",
            "_.agg(**{0: _[_].count() for _ in 0})",
        ),
    ],
)
def test_ibis_structure(code: str, structure: str) -> None:
    assert ibis_structure(code) == structure
