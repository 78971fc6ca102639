"""Questions about Ibis: what is found, the examples, the answer, the command and its evaluation."""

import json
import subprocess
import sys
import tempfile
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

import ibert
from ibert import IbertError, Status, fixtures
from ibert.answers import choose, examples, find
from ibert.answers.words import stems
from ibert.api_index import api_index
from ibert.sandbox import Code, Failure, Profile, Sandbox

FOLDER = files("ibert.answers")
PHRASES = tomllib.loads(FOLDER.joinpath("phrases.toml").read_text(encoding="utf-8"))


def test_every_name_exists() -> None:
    names = [name for topic in PHRASES.values() for name in topic]
    names += [name for example in examples() for name in example.names]
    assert [name for name in names if name not in api_index()] == []


def test_every_example_runs_and_gives_rows() -> None:
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder, "fixtures.duckdb")
        fixtures.write_database(database)
        with Sandbox([database]) as sandbox:
            executions = sandbox.run_shared(
                [Code(example.module, Profile.OWN) for example in examples()]
            )
    bad = [
        example.code
        for example, execution in zip(examples(), executions, strict=True)
        if isinstance(execution, Failure) or execution.raw.table.num_rows == 0
    ]
    assert bad == []


def test_examples_say_what_they_show() -> None:
    written = {"aggregate": "agg", "inner_join": "join", "negate": "~", "lift": "unpack"}
    for example in examples():
        for name in example.names:
            last = name.rpartition(".")[2].rstrip("_")
            shown = last in example.code or written.get(last, "\0") in example.code
            assert shown or last.startswith("_") or name == "ibis._", (name, example.code)


@pytest.mark.parametrize(
    ("question", "name"),
    [
        ("How do I drop rows where a column is missing?", "Table.drop_null"),
        ("moving average over the last 3 rows", "Value.over"),
        ("what is the ibis version of drop_duplicates", "Table.distinct"),
        ("COALESCE", "ibis.coalesce"),
        ("colum renaming", "Table.rename"),
        ("customers that never ordered", "Table.anti_join"),
        ("explode a list column", "ArrayValue.unnest"),
    ],
)
def test_what_is_found(question: str, name: str) -> None:
    wanted = api_index().get(name)
    assert wanted in [item.entry for item in find(question, limit=5)]


def test_words_that_mean_the_same_are_one() -> None:
    assert stems("missing records") == stems("null rows")
    assert stems("cumulative sums") == stems("running total")


def test_typos_are_read_as_known_words() -> None:
    assert stems("distict", {"distinct"}) == ["distinct"]
    assert stems("bread", {"read"}) == ["bread"]


def test_an_answer_says_what_why_and_shows_it() -> None:
    answer = ibert.ask("How do I count distinct users per day?")
    assert answer.verdict.status is Status.VERIFIED
    assert answer.sources[0] == "ibis.expr.types.Column.nunique"
    assert "`Column.nunique(" in answer.code
    assert "_.user_id.nunique()" in answer.code
    assert "| day | users |" in answer.code
    assert f"({answer.verdict.evidence.rows - 5} more rows)" in answer.code


def test_what_is_no_query_is_named_without_an_example() -> None:
    answer = ibert.ask("write the result to a parquet file")
    assert answer.verdict.status is Status.CHECKED
    assert answer.sources[0].endswith(".to_parquet")
    assert "```" not in answer.code


@pytest.mark.parametrize("question", ["What is the capital of France?", "asdf", "💥", "?!"])
def test_not_found_is_an_answer(question: str) -> None:
    answer = ibert.ask(question)
    assert answer.verdict.status is Status.REFUSED
    assert answer.code == ""
    assert [found.code for found in answer.verdict.diagnostics] == ["IB801"]


@pytest.mark.parametrize("question", ["", "  \n", "filter " * 1000])
def test_what_is_no_question_is_an_error(question: str) -> None:
    with pytest.raises(IbertError, match="IB802"):
        ibert.ask(question)


def test_the_example_that_shows_most_is_chosen() -> None:
    example = choose({"Column.nunique": 2.0, "Table.group_by": 1.0})
    assert example is not None
    assert "group_by" in example.code


def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ibert", *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_command() -> None:
    found = run("ask", "-", stdin="how to fill nulls?")
    assert found.returncode == 0
    assert "fill_null(" in found.stdout
    nothing = run("ask", "who", "won", "the", "cup", "--format", "json")
    assert nothing.returncode == 1
    assert json.loads(nothing.stdout)["verdict"]["status"] == "REFUSED"
    assert run("ask", " ").returncode == 2


def test_the_evaluation_counts_hits_and_refusals() -> None:
    found = run("eval", "qa", "--limit", "20", "--format", "json")
    figures = json.loads(found.stdout)
    assert figures["name"] == "qa"
    assert figures["cases"] == 20
    assert figures["hit1"] <= figures["hit5"] <= 20
    assert figures["hit5"] == 20 - len(figures["misses"])
    assert figures["invented"] == 0
    assert figures["unanswerable"] == 20
    assert found.returncode == 0
