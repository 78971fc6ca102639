"""Completion: what is offered at a cursor, what is not, and what happens to bad input."""

import ast
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
import yaml

import ibert
from ibert import Answer, IbertError, Status
from ibert.catalog import Catalog
from ibert.completion import model
from ibert.evaluation.completion import measure
from ibert.evaluation.completion.corpus import Source, cuts, fold_of, sources
from ibert.evaluation.completion.counting import counts_of_everything

# Ibis and DuckDB use parts of pandas that are deprecated.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

CASES = yaml.safe_load(
    (Path(__file__).parent / "data" / "completion.yaml").read_text(encoding="utf-8")
)
CATALOG = {
    "orders": {
        "id": "int64",
        "user_id": "int64",
        "status": "string",
        "total": "float64",
        "at": "timestamp",
    },
    "users": {"user_id": "int64", "country": "string"},
    "old_users": {"user_id": "string"},
}


def complete(code: str, limit: int = 200) -> Answer:
    """Complete code at its `|`."""
    before, _, after = code.partition("|")
    line = before.count("\n") + 1
    column = len(before) - (before.rfind("\n") + 1) + 1
    return ibert.complete(before + after, (line, column), CATALOG, limit=limit)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["code"].splitlines()[-1])
def test_what_is_offered(case: dict[str, list[str]]) -> None:
    offered = {one.text for one in complete(str(case["code"])).completions}
    assert set(case["offered"]) <= offered
    assert offered & set(case.get("missing", ())) == set()


@pytest.mark.parametrize(
    ("code", "completed"),
    [
        ("orders.group_by('sta|", "orders.group_by('status')\n"),
        ("orders.filter(_.total > 3).sel|", "orders.filter(_.total > 3).select\n"),
        ('orders.select("stat|", "id")\n', 'orders.select("status", "id")\n'),
        ("if True:\n    orders.coun|\nx = 1\n", "if True:\n    orders.count\nx = 1\n"),
    ],
)
def test_the_code_is_completed_and_checked(code: str, completed: str) -> None:
    answer = complete(code)
    assert answer.code == completed
    assert answer.verdict.status is Status.CHECKED
    assert "not run" in answer.verdict.diagnostics[0].message


def test_every_completed_code_is_python() -> None:
    for case in CASES:
        code = complete(str(case["code"])).code
        if "no python" not in code and "more(" not in code:
            ast.parse(code)


def test_a_completion_says_what_it_replaces_and_what_it_is() -> None:
    first = complete('orders.select("stat|", "id")').completions[0]
    assert (first.text, first.kind, first.detail) == ('"status"', "column", "string")
    assert (first.span.column, first.span.end_column) == (15, 21)


def test_a_grouping_is_followed_by_a_whole_step() -> None:
    steps = [
        one for one in complete("orders.group_by('status').|").completions if one.kind == "step"
    ]
    assert [step.text for step in steps] == ["agg(n=_.count(), total_sum=_.total.sum())"]
    joins = [one.text for one in complete("orders.|").completions if one.kind == "step"]
    assert 'join(users, "user_id")' in joins


@pytest.mark.parametrize("code", ["# a comment|", "x = 12|", "orders.nothing_like|"])
def test_where_nothing_can_be_completed_that_is_said(code: str) -> None:
    answer = complete(code)
    assert answer.verdict.status is Status.REFUSED
    assert answer.verdict.diagnostics[0].code == "IB602"
    assert answer.completions == ()
    assert answer.code == code.replace("|", "")


@pytest.mark.parametrize("position", [(0, 1), (3, 1), (1, 0), (1, 8), (9, 9)])
def test_a_cursor_outside_of_the_code_is_an_error(position: tuple[int, int]) -> None:
    with pytest.raises(IbertError) as caught:
        ibert.complete("orders\n", position, CATALOG)
    assert caught.value.diagnostics[0].code == "IB603"


@pytest.mark.parametrize(
    "code",
    [
        "",
        "\0",
        "(" * 3000,
        "\n" * 50,
        "\\",
        "'",
        '"""',
        "f'{orders.",
        "é = orders.",
        "\t.",
        "@",
        "a b c d (",
    ],
)
def test_odd_code_is_no_crash(code: str) -> None:
    ibert.complete(code, None, CATALOG)


def test_a_long_file_takes_bounded_time() -> None:
    lines = [f"x{i} = orders.filter(_.total > {i})" for i in range(10_000)]
    code = "\n".join([*lines, "x7.group_by('status')."])
    start = time.process_time()
    answer = ibert.complete(code, None, CATALOG)
    assert time.process_time() - start < 5
    assert "agg" in {one.text for one in answer.completions}


def test_no_code_is_run() -> None:
    code = "import os\nos.abort()\nopen('x', 'w')\nwhile True:\n    pass\norders."
    assert ibert.complete(code, None, CATALOG).completions


def test_the_counts_are_those_of_the_code() -> None:
    some = msgspec.json.decode(counts_of_everything(every=30), type=type(model()))
    known = model().counts.labels
    wide = [name for name, counted in some.counts.labels.items() if counted["#"] > 20]
    assert wide
    assert set(wide) <= set(known)


def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ibert", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=120)


def test_the_command(tmp_path: Path) -> None:
    path, schema = tmp_path / "query.py", tmp_path / "schema.sql"
    path.write_text("orders.filter(_.tot)\nx = 1\n")
    schema.write_text("CREATE TABLE orders (id INT, total DOUBLE)")
    process = run("complete", f"{path}:1:20", "--catalog", str(schema), "--format", "json")
    answer = msgspec.json.decode(process.stdout)
    assert process.returncode == 0
    assert answer["task"] == "code_completion"
    assert answer["completions"][0]["text"] == "total"
    process = run("complete", "-", "--catalog", str(schema), stdin="orders.group_by('i")
    assert (process.returncode, process.stdout) == (0, "orders.group_by('id')\n")
    assert "int32" in process.stderr
    process = run("complete", f"{path}:9:9")
    assert (process.returncode, process.stdout) == (2, "")
    assert "IB603" in process.stderr
    path.write_bytes(b"\xff\xfe\x00")
    process = run("complete", str(path))
    assert (process.returncode, process.stdout) == (2, "")
    assert "IB002" in process.stderr


def test_it_is_measured_on_code_that_was_not_counted() -> None:
    score = measure(every=3, limit=30)
    assert score.cases > 20
    assert score.baseline_top1 is not None
    assert score.top5 > score.top1 > score.baseline_top1
    assert sum(score.parts[name].cases for name in ("doctests", "templates")) == score.cases


def test_a_source_is_in_one_fold_with_all_of_its_name() -> None:
    found = sources()
    by_name: dict[str, set[int]] = {}
    for source in found:
        by_name.setdefault(source.name, set()).add(fold_of(source, 5))
    assert all(len(folds) == 1 for folds in by_name.values())
    assert {fold for folds in by_name.values() for fold in folds} == set(range(5))


def test_cuts_are_before_names_and_in_strings() -> None:
    catalog = Catalog.from_any({"t": {"g": "string", "x": "int64"}})
    source = Source("ibis.a", "x = t.select('g', novel=t.x)\n", catalog)
    found = [(source.code[cut.offset :][:3], cut.token, cut.known) for cut in cuts([source])]
    assert found == [
        ("x =", "x", True),
        ("t.s", "t", True),
        ("sel", "select", True),
        ("g',", '"g"', True),
        ("nov", "novel", False),
        ("t.x", "t", True),
        ("x)\n", "x", True),
    ]
