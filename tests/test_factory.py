"""The factory: what its rows are worth, and that nothing but the configuration decides them."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import msgspec
import pyarrow.parquet as pq
import pytest

from ibert.datagen.factory.assembly import assemble
from ibert.datagen.factory.gates import Gates, Leaks, asked, split_of
from ibert.datagen.factory.making import make_shards
from ibert.datagen.factory.manifest import DatasetManifest, read_dataset_manifest
from ibert.datagen.factory.near import NearDuplicates
from ibert.datagen.factory.page import page_of
from ibert.datagen.factory.reading import find_row, read_rows, sample_rows
from ibert.datagen.factory.recheck import recheck
from ibert.datagen.factory.row import TASKS, Content, Origin, Row, decode, encode, hashed, row
from ibert.datagen.factory.runners import local
from ibert.datagen.factory.shard import (
    Config,
    Counts,
    counts_path,
    is_done,
    make_shard,
    shard_path,
)
from ibert.datagen.factory.views import VIEWS, write_view
from ibert.datagen.structure import sql_structure
from ibert.diagnostics import IbertError

CONFIG = Config(api_shards=0, template_shards=0, catalogs=2, queries=5, task_shards=0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the shards of a small configuration, made one after the other."""
    place = tmp_path_factory.mktemp("factory")
    for number in range(CONFIG.shards):
        make_shard(CONFIG, number, place)
    return place


@pytest.fixture(scope="module")
def manifest(folder: Path) -> DatasetManifest:
    """The dataset of these shards."""
    return assemble(CONFIG, folder, CONFIG.shards)


@pytest.fixture(scope="module")
def rows(folder: Path, manifest: DatasetManifest) -> list[Row]:
    return [one for _, one in read_rows(folder / "dataset")]


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "shards" in path.parts
    }


# Shards.


def test_all_tasks_are_there(manifest: DatasetManifest) -> None:
    assert sorted(manifest.counts) == sorted(TASKS)


def test_workers_and_hash_seeds_change_no_byte(folder: Path, tmp_path: Path) -> None:
    script = (
        "from pathlib import Path; from ibert.datagen.factory.shard import *\n"
        "config = Config(api_shards=0, template_shards=0, catalogs=2, queries=5, task_shards=0)\n"
        f"make_shard(config, 1, Path({str(tmp_path)!r}))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment, timeout=120)
    assert shard_path(tmp_path, 1).read_bytes() == shard_path(folder, 1).read_bytes()
    assert counts_path(tmp_path, 1).read_bytes() == counts_path(folder, 1).read_bytes()


def test_what_is_there_is_not_made_again(folder: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in folder.joinpath("shards").iterdir()}
    make_shards(CONFIG, folder, workers=1)
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_another_configuration_needs_another_folder(folder: Path) -> None:
    make_shards(CONFIG, folder, workers=1)
    with pytest.raises(IbertError, match="IB951"):
        make_shards(msgspec.structs.replace(CONFIG, seed=1), folder)


def test_a_lost_worker_loses_nothing(folder: Path, tmp_path: Path) -> None:
    """Kill the first process that makes shards: they are as if it had been left alone."""
    before = set(_children())

    def kill() -> None:
        while not (new := [pid for pid in _children() - before if _is_worker(pid)]):
            time.sleep(0.02)
        time.sleep(0.5)
        os.kill(new[0], signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    done = sorted(local(CONFIG, [0, 1], tmp_path, workers=1))
    killer.join()
    assert done == [0, 1]
    assert digests(tmp_path) == digests(folder)


def test_who_is_interrupted_begins_nothing_more(tmp_path: Path) -> None:
    config = msgspec.structs.replace(CONFIG, catalogs=9, queries=1)
    made = local(config, range(config.shards), tmp_path, workers=1)
    next(made)
    made.close()  # what the worker has or is handed next is made, the others are not
    assert sum(is_done(tmp_path, number) for number in range(config.shards)) < config.shards


@pytest.mark.slow
def test_ray_makes_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    """On a cluster of this machine, of which one worker is killed in the middle."""
    pytest.importorskip("ray")
    script = Path(__file__).with_name("ray_factory.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)], capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr[-2000:]
    said = done.stdout.splitlines()  # beside what Ray itself says of a worker's end
    assert "killed" in said
    assert said[-1] == "0 1"
    assert digests(tmp_path) == digests(folder)


def _children() -> set[int]:
    me = os.getpid()
    listed = Path(f"/proc/{me}/task").glob("*/children")
    return {int(pid) for path in listed for pid in path.read_text().split()}


def _is_worker(pid: int) -> bool:
    command = Path(f"/proc/{pid}/cmdline").read_bytes()
    return b"spawn_main" in command


# Rows.


def test_every_row_is_proved_again_from_its_file(rows: list[Row]) -> None:
    found = recheck(sample_rows_of(rows))
    assert [str(problem) for problem in found.problems] == []
    assert set(found.tasks) == set(TASKS)


def sample_rows_of(rows: list[Row], each: int = 6) -> list[Row]:
    return [one for task in TASKS for one in rows_of(rows, task)[:each]]


def rows_of(rows: list[Row], task: str) -> list[Row]:
    return [one for one in rows if one.content.task == task]


FAULTS = {
    "sql_to_ibis": {"target": lambda text: f"{text}\nexpr = expr.limit(0)\n"},
    "ibis_to_sql": {"target": lambda text: "SELECT 1 AS one"},
    "code_completion": {"target": lambda text: f"{text[:-1]}§"},
    "error_resolution": {"error": lambda text: f"{text}!"},
    "qa": {"target": lambda text: f"{text}\n`ibis.invented_name`\n"},
    "documentation": {"target": lambda text: text.replace(">>> ", ">>> 1 + ", 1)},
}


@pytest.mark.parametrize("task", TASKS)
def test_a_planted_fault_is_found(rows: list[Row], task: str) -> None:
    good = rows_of(rows, task)[0]
    changes = {name: change(getattr(good.content, name)) for name, change in FAULTS[task].items()}
    bad = row(msgspec.structs.replace(good.content, **changes), good.origin)
    assert len(recheck([bad]).problems) >= 1


def test_errors_are_those_that_were_raised(rows: list[Row]) -> None:
    kinds = {one.content.variant for one in rows_of(rows, "error_resolution")}
    assert len(kinds) > 8
    assert any(kind.startswith("silent_") for kind in kinds)


def test_every_row_says_where_it_is_from(rows: list[Row]) -> None:
    assert {one.origin.licence for one in rows} == {"Apache-2.0"}
    assert all(one.origin.name and one.origin.root and one.origin.structure for one in rows)


def test_questions_about_ibis_hold(tmp_path: Path) -> None:
    config = Config(api_shards=200, template_shards=0, catalogs=0, task_shards=0)
    counts = make_shard(config, 7, tmp_path)
    made = [decode(line) for line in shard_path(tmp_path, 7).read_bytes().splitlines()]
    assert counts.rows == {"qa": len(made)}
    assert len({one.content.variant for one in made}) >= 3
    assert recheck(made).problems == ()


# Gates.


def made(
    text: str, *, structure: str = "s", schema: str = "x", source: str = "query", task: str = "qa"
) -> Row:
    origin = Origin(
        source=source,
        name="n",
        licence="l",
        root="r",
        structure=structure,
        code_structure="",
        schema=schema,
        database="fixtures:0",
    )
    return row(Content(task=task, input=text, target="t"), origin)


def schema_of(split: str) -> str:
    """Find a schema that is in a split."""
    return next(str(i) for i in range(999) if split_of(made("a", schema=str(i))) == split)


def test_no_structure_of_a_test_is_trained_on() -> None:
    train, test = schema_of("train"), schema_of("test")
    shared = [made("one", schema=train, structure="a"), made("two", schema=test, structure="a")]
    own = made("three", schema=test, structure="b")
    gates = Gates(Leaks([*shared, own]), {}, NearDuplicates())
    assert [gates.passes(one, split_of(one)) for one in [*shared, own]] == [True, False, True]
    assert gates.kept_out == {"qa: a structure of an earlier split": 1}


def test_splits_share_no_structure(folder: Path, manifest: DatasetManifest) -> None:
    seen: dict[str, set[str]] = {}
    for split, one in read_rows(folder / "dataset"):
        for key in (one.origin.structure, one.origin.code_structure, one.origin.schema):
            seen.setdefault(key, set()).add(split)
    assert {key: splits for key, splits in seen.items() if len(splits) > 1} == {}


def test_evaluations_are_kept_out() -> None:
    question, query = made("How do I sort rows?", structure="z"), made("other", structure="y")
    contaminated = {asked("how do i sort rows"): "qa: sort", "y": "tpch q01"}
    gates = Gates(Leaks([question, query]), contaminated, NearDuplicates())
    assert not gates.passes(question, "train")
    assert not gates.passes(query, "train")
    assert gates.hits == {"qa: sort": 1, "tpch q01": 1}


def test_a_question_within_a_frame_is_kept_out() -> None:
    framed = made("How do I get this with Ibis: running total?", structure="z")
    framed = row(msgspec.structs.replace(framed.content, variant="phrase"), framed.origin)
    other = made("How do I get this with Ibis: a running mean?", structure="z")
    other = row(msgspec.structs.replace(other.content, variant="phrase"), other.origin)
    gates = Gates(Leaks([framed, other]), {asked("running total"): "qa: x"}, NearDuplicates())
    assert [gates.passes(one, "train") for one in (framed, other)] == [False, True]


def test_a_query_in_other_words_leaks_too() -> None:
    """What is trained on is told by its own structure, not only by that of its root."""
    train, test = schema_of("train"), schema_of("test")
    asked_again = Content(
        task="sql_to_ibis", variant="rewritten", dialect="duckdb", tables=(), target="t",
        input="SELECT a FROM (SELECT a FROM t) AS u",
    )  # fmt: skip
    own = hashed(sql_structure("SELECT x FROM (SELECT x FROM s) AS v"))
    trained = row(asked_again, made("", structure="1", schema=train).origin)
    tested = made("another", structure=own, schema=test)
    gates = Gates(Leaks([trained, tested]), {}, NearDuplicates())
    assert [gates.passes(one, split_of(one)) for one in (trained, tested)] == [True, False]


def test_files_alone_show_that_nothing_leaks(tmp_path: Path) -> None:
    """Take structures from the text of the files: none of a test or an evaluation is trained on."""
    shards = Path(tmp_path, "shards")
    shards.mkdir()
    schemas = {split: schema_of(split) for split in ("train", "validation", "test")}
    parts = [
        (split, column, extra)
        for split in schemas
        for column in ("a", "b")
        for extra in ("", " ORDER BY 1", f" AND {split} = 1")
    ]
    pairs = [
        (split, " ".join(("SELECT", column, "FROM t WHERE", column, ">", str(n), extra)), n)
        for n, (split, column, extra) in enumerate(parts)
    ]
    made_rows = [
        row(
            Content(
                task="sql_to_ibis", variant="original", dialect="duckdb", input=sql, target=f"{n}"
            ),
            msgspec.structs.replace(
                made("", schema=schemas[split]).origin, structure=hashed(sql_structure(sql))
            ),
        )
        for split, sql, n in pairs
    ]
    shard_path(tmp_path, 0).write_bytes(b"".join(map(encode, made_rows)))
    empty = Counts(shard=0, kind="query", roots=0, rows={}, rejected={})
    counts_path(tmp_path, 0).write_bytes(msgspec.json.encode(empty))
    evaluation = hashed(sql_structure("SELECT z FROM q WHERE z > 7 AND w = 2"))
    assemble(CONFIG, tmp_path, 1, contaminated={evaluation: "an evaluation"})
    found: dict[str, set[str]] = {}
    for path in (tmp_path / "dataset").glob("*/*.jsonl"):
        for line in path.read_text().splitlines():
            structure = hashed(sql_structure(json.loads(line)["input"]))
            found.setdefault(structure, set()).add(path.name.partition("-")[0])
    assert found
    assert all(len(splits) == 1 for splits in found.values())
    assert evaluation not in found


def test_what_differs_in_literals_alone_is_near() -> None:
    seen = NearDuplicates()
    query = "SELECT city, sum(price) FROM sales WHERE day > DATE '{}' GROUP BY city LIMIT {}"
    assert seen.add("g", query.format("2024-01-01", 3))
    assert not seen.add("g", query.format("2023-05-01", 10))
    assert seen.add("other", query.format("2024-01-01", 3))
    assert seen.add("g", query.replace("sum", "max").replace("price", "rate"))


# Files.


def test_both_formats_hold_the_same(folder: Path, manifest: DatasetManifest) -> None:
    for file in manifest.files:
        path = folder / "dataset" / file.path
        assert hashlib.sha256(path.read_bytes()).hexdigest() == file.sha256
        if path.suffix == ".jsonl":
            lines = [json.loads(line) for line in path.read_bytes().splitlines()]
            assert pq.read_table(path.with_suffix(".parquet")).to_pylist() == lines
            assert file.rows == len(lines)


def test_datasets_loads_it(folder: Path, manifest: DatasetManifest, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    where = str(folder / "dataset")
    loaded = datasets.load_dataset(where, "sql_to_ibis", cache_dir=str(tmp_path))
    assert {split: len(part) for split, part in loaded.items()} == manifest.counts["sql_to_ibis"]
    assert datasets.get_dataset_config_names(where) == sorted(TASKS)


def test_the_card_says_what_the_manifest_says(folder: Path, manifest: DatasetManifest) -> None:
    card = (folder / "dataset" / "README.md").read_text()
    assert f"{manifest.rows:,} examples of 6 tasks" in card
    assert card.count("config_name") == 6


def test_assembling_again_gives_the_same_bytes(folder: Path, manifest: DatasetManifest) -> None:
    before = [file.sha256 for file in manifest.files]
    assert [file.sha256 for file in assemble(CONFIG, folder, CONFIG.shards).files] == before


def test_made_and_kept_out_add_up(folder: Path, manifest: DatasetManifest) -> None:
    kept_out = Counter({"": 0})
    for reason, count in manifest.kept_out.items():
        kept_out[reason.partition(":")[0]] += count
    for task, count in manifest.made.items():
        assert sum(manifest.counts[task].values()) + kept_out[task] == count


# Reading.


def test_a_row_is_found_by_the_beginning_of_its_id(folder: Path, rows: list[Row]) -> None:
    assert find_row(folder / "dataset", rows[5].id[:12])[1] == rows[5]
    with pytest.raises(IbertError, match="IB953"):
        find_row(folder / "dataset", "nothing")


def test_a_sample_is_of_all_rows(folder: Path, rows: list[Row]) -> None:
    sample = sample_rows(folder / "dataset", 40, seed=1)
    assert len({one.id for one in sample}) == 40
    assert sample == sample_rows(folder / "dataset", 40, seed=1)
    assert sample != sample_rows(folder / "dataset", 40, seed=2)


def test_without_a_manifest_there_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(IbertError, match="IB403"):
        read_dataset_manifest(tmp_path)


def test_lines_are_rows(folder: Path) -> None:
    for line in shard_path(folder, 0).read_bytes().splitlines():
        assert decode(line).id == decode(line).content.id


# Views.


@pytest.mark.parametrize("view", VIEWS)
def test_views_hold_every_row(
    folder: Path, manifest: DatasetManifest, tmp_path: Path, view: str
) -> None:
    counts = write_view(folder / "dataset", view, tmp_path)
    assert sum(counts.values()) == manifest.rows
    for line in (tmp_path / "train.jsonl").read_bytes().splitlines():
        values = json.loads(line)
        messages = values.get("messages") or values["prompt"] + values["completion"]
        assert [message["role"] for message in messages] == ["system", "user", "assistant"]
        assert all(message["content"] for message in messages)


def test_the_page_shows_all_tasks(folder: Path, manifest: DatasetManifest) -> None:
    page = page_of(folder / "dataset")
    assert [section.title for section in page.sections][-1] == "Examples"
    assert len(page.sections[-1].parts) == 2 * len(TASKS)


def run_cli(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ibert", "data", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


def test_a_fresh_process_proves_a_sample_again(
    folder: Path, manifest: DatasetManifest, tmp_path: Path
) -> None:
    copy = tmp_path / "dataset"
    shutil.copytree(folder / "dataset", copy)  # the files alone: no shard, no plan
    done = run_cli("validate", str(copy), "--sample", "12", "--format", "json")
    assert (done.returncode, json.loads(done.stdout)["hold"]) == (0, 12)
    (path,) = copy.glob("code_completion/train-*.jsonl")
    rows_ = [json.loads(line) for line in path.read_text().splitlines()]
    for one in rows_:
        one["target"] = ".nothing()"
    path.write_text("".join(json.dumps(one) + "\n" for one in rows_))
    spoilt = run_cli("validate", str(copy), "--sample", "40")
    assert spoilt.returncode == 1
    assert "its content has the id" in spoilt.stderr


def test_the_command_line_shows_and_counts(
    folder: Path, rows: list[Row], manifest: DatasetManifest, tmp_path: Path
) -> None:
    where = str(folder / "dataset")
    shown = run_cli("show", rows[0].id, "--data", where)
    assert rows[0].content.target.rstrip() in shown.stdout
    page = tmp_path / "page.html"
    counted = run_cli("stats", where, "--html", str(page), "--format", "json")
    assert json.loads(counted.stdout)["counts"] == manifest.counts
    assert "Training data for Ibis" in page.read_text()
    missing = run_cli("show", "zzz", "--data", where)
    assert (missing.returncode, "IB953" in missing.stderr) == (2, True)
