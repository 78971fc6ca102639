"""The index of Ibis' API holds what is installed, and finds it by the words of others."""

import inspect
import tomllib
from collections import Counter
from importlib.resources import files
from pathlib import Path

import ibis
import ibis.expr.operations as ops
import ibis.expr.types as ir
import ibis.selectors as s
import pytest

from ibert.api_index import ApiIndex, api_index
from ibert.api_index.aliases import aliases, short_paths
from ibert.api_index.store import build


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> ApiIndex:
    path = tmp_path_factory.mktemp("index") / "api.sqlite"
    build(path)
    return ApiIndex(path)


@pytest.mark.parametrize("kind", [ir.Table, ir.StringColumn, ir.TimestampScalar, ir.ArrayColumn])
def test_all_that_a_class_has_is_there(kind: type, index: ApiIndex) -> None:
    public = {
        name
        for name in dir(kind)
        if name[0] != "_"
        and callable(getattr(kind, name))
        and hasattr(getattr(kind, name), "__doc__")
    }
    assert {name for name in public if f"{kind.__name__}.{name}" not in index} == set()


def test_all_functions_and_selectors_are_there(index: ApiIndex) -> None:
    functions = {f"ibis.{name}" for name in ibis.__all__ if inspect.isfunction(getattr(ibis, name))}
    selectors = {f"s.{name}" for name in s.__all__} if hasattr(s, "__all__") else {"s.across"}
    assert {name for name in functions | selectors if name not in index} == set()


def test_names_are_public_and_occur_once(index: ApiIndex) -> None:
    entries = list(index)
    assert max(Counter(entry.path for entry in entries).values()) == 1
    private = [part for entry in entries for part in entry.path.split(".")[:-1] if part[0] == "_"]
    assert private == []


def test_what_is_shared_is_there_once(index: ApiIndex) -> None:
    entries = list(index)
    assert sum(len(entry.receivers) for entry in entries) > 8 * len(entries)
    filtered = [entry for entry in entries if entry.name == "filter" and "Table" in entry.receivers]
    assert [entry.path for entry in filtered] == ["ibis.expr.types.Table.filter"]
    assert "Join" in filtered[0].receivers


def test_every_operation_and_backend_exists(index: ApiIndex) -> None:
    operations = {operation for entry in index for operation in entry.operations}
    assert {name for name in operations if not hasattr(ops, name)} == set()
    assert len(operations) > 300


@pytest.mark.parametrize(
    ("name", "operation", "absent"),
    [
        ("Column.median", "Median", "mysql"),
        ("Column.rank", "MinRank", None),
        ("Table.left_join", "JoinLink", None),
        ("GroupedTable.aggregate", "Aggregate", None),
        ("StringValue.re_extract", "RegexExtract", "mssql"),
        ("ibis.cases", "SearchedCase", None),
        ("IntegerColumn.bit_xor", "BitXor", None),
    ],
)
def test_operations(name: str, operation: str, absent: str | None, index: ApiIndex) -> None:
    entry = index.get(name)
    assert entry is not None
    assert operation in entry.operations
    assert "duckdb" in entry.backends
    assert absent not in entry.backends


def test_an_entry_is_whole(index: ApiIndex) -> None:
    entry = index.get("ibis.expr.types.StringValue.replace")
    assert entry is not None
    assert entry == index.get("StringColumn.replace")
    assert entry.signature.startswith("replace(pattern: str | StringValue | Deferred, replacement")
    assert [parameter.name for parameter in entry.parameters] == ["pattern", "replacement"]
    assert all(parameter.description for parameter in entry.parameters)
    assert entry.examples[-1].source == 't.s.replace("b", "z")'
    assert "azc" in entry.examples[-1].output
    assert entry.summary == "Replace each exact match of `pattern` with `replacement`."


def test_deprecations_are_told(index: ApiIndex) -> None:
    deprecated = {entry.name: entry.deprecated for entry in index if entry.deprecated}
    assert "use fill_null" in deprecated["fillna"]


def test_aliases_lead_to_what_exists(index: ApiIndex) -> None:
    known = short_paths(index)
    assert {
        target for alias in aliases() for target in alias.targets if target not in known
    } == set()
    assert {alias.vocabulary for alias in aliases()} == {
        "sql",
        "pandas",
        "polars",
        "pyspark",
        "dplyr",
        "numpy",
    }


@pytest.mark.parametrize(
    ("question", "path"),
    [
        ("COUNT(DISTINCT x)", "Column.nunique"),
        ("how do I count distinct users per day?", "Column.nunique"),
        ("withColumn", "Table.mutate"),
        ("drop_duplicates", "Table.distinct"),
        ("case when then", "ibis.cases"),
        ("explode an array", "ArrayValue.unnest"),
        ("random sample of rows", "Table.sample"),
        ("number of days between two dates", "DateValue.delta"),
        ("read a csv file", "ibis.read_csv"),
        ("RegexExtract", "StringValue.re_extract"),
    ],
)
def test_search(question: str, path: str, index: ApiIndex) -> None:
    wanted = index.get(path)
    assert wanted in [hit.entry for hit in index.search(question, limit=5)]


@pytest.mark.parametrize("question", ["", "?!", '"', "a OR (", "NEAR(x", "*", "the of"])
def test_any_words_can_be_asked(question: str, index: ApiIndex) -> None:
    scores = [hit.score for hit in index.search(question)]
    assert scores == sorted(scores, reverse=True)


def test_the_index_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    api_index.cache_clear()
    try:
        assert "Table.filter" in api_index()
        (kept,) = (tmp_path / "ibert").iterdir()
        before = kept.stat().st_mtime_ns
        api_index.cache_clear()
        assert "Table.filter" in api_index()
        assert kept.stat().st_mtime_ns == before
    finally:
        api_index.cache_clear()


def test_questions_are_about_what_exists_and_search_answers_most(index: ApiIndex) -> None:
    questions = tomllib.loads(
        files("ibert.evaluation").joinpath("questions.toml").read_text(encoding="utf-8")
    )
    assert len(questions) >= 300
    assert {name for names in questions.values() for name in names if name not in index} == set()
    answered = [
        bool(
            {index.get(name) for name in names}
            & {hit.entry for hit in index.search(question, limit=5)}
        )
        for question, names in questions.items()
    ]
    assert sum(answered) / len(answered) > 0.7
