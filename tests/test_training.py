"""Training: the data plane, the loop's invariants, checkpoints, the command; on a tiny model."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from dataset_rows import rows, write_dataset, write_rows

from ibert.cli.main import cli
from ibert.datagen.example import Context, Example, Input, Meta, Target, content_id, encode
from ibert.datagen.factory.row import TASKS
from ibert.datagen.structure import is_held_out
from ibert.diagnostics import IbertError
from ibert.training import checkpoints, read_config, read_rows, split
from ibert.training.card import card
from ibert.training.config import (
    Adapter,
    Checkpoints,
    Data,
    Evaluation,
    Optimisation,
    Sampling,
    Scratch,
    TrainingConfig,
)
from ibert.training.encoding import IGNORED, packed
from ibert.training.encoding import encode as tokenise
from ibert.training.execution import spread
from ibert.training.mixture import Mixture
from ibert.training.plan import plan
from ibert.training.runs import read_run

os.environ.setdefault("OMP_NUM_THREADS", "1")
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
)
SHAPE = Scratch(vocabulary=400, hidden=32, intermediate=64, layers=2, heads=2)
META = Meta(
    template="t",
    variation="v",
    features=[],
    source="test",
    difficulty="easy",
    verdict="VERIFIED",
    rows=1,
    ordered=False,
    verifier_version=1,
)


def example(sql: str, code: str) -> Example:
    context, source, target = Context({}), Input(sql), Target(code)
    facts = {"task": "sql_to_ibis", "dialect": "duckdb", "backend": "duckdb"}
    found = content_id(**facts, context=context, source=source, target=target)
    return Example(
        **facts,
        id=found,
        ibis_version="12",
        context=context,
        input=source,
        target=target,
        meta=META,
    )


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Write forty examples, of as many structures."""
    path = tmp_path_factory.mktemp("data") / "train.jsonl"
    columns = ["user_id", "name", "country", "age", "plan"]
    names = [columns[: i % 5 + 1] + columns[4 - i // 8 :] for i in range(40)]
    rows = [
        example(
            f"SELECT {', '.join(some)} FROM users" + f" LIMIT {i}" * (i % 2),  # noqa: S608
            f"expr = users.select({some!r})" + f".limit({i})" * (i % 2),
        )
        for i, some in enumerate(names)
    ]
    path.write_bytes(b"".join(map(encode, rows)))
    return path


def config(data: Path, changes: dict | None = None) -> TrainingConfig:
    optimisation = Optimisation(learning_rate=1e-2, batch_size=2, steps=4, warmup=0.0)
    base = TrainingConfig(
        data=Data(files=(str(data),), prompt="bare", max_length=256, held_out=0.2),
        scratch=SHAPE,
        optimisation=optimisation,
        checkpoints=Checkpoints(every=2),
        evaluation=Evaluation(cases=1, tokens=4),
        device="cpu",
    )
    return msgspec.structs.replace(base, **(changes or {}))


@pytest.fixture(scope="module")
def plane(data, tmp_path_factory):
    return plan(config(data), tmp_path_factory.mktemp("tokenizer"))


# The data plane.


def test_what_is_learned_is_exactly_the_answer(plane, data):
    tokenizer = plane.tokenization.tokenizer
    answers = {row.id: row.answer for row in read_rows([data])}
    for row in plane.encoding.rows:
        learned = [label for label in row.labels if label != IGNORED]
        assert tokenizer.decode(learned) == f"{answers[row.id]}<|im_end|>"
        assert len(row.labels) == len(row.tokens)


def test_rows_of_all_six_tasks_are_read(tmp_path):
    found = list(read_rows([write_rows(tmp_path / "rows.jsonl")]))
    for one, row in zip(found, rows(), strict=True):
        assert one.task == row.content.task
        assert row.content.input.strip() in one.prompt("task").messages[-1].content
        assert one.answer.strip() == row.content.target.strip()
    judged = [one.task for one in found if one.case is not None]
    assert sorted(judged) == sorted(TASKS)


def test_of_the_folder_of_a_dataset_the_split_for_training_is_read(tmp_path):
    found = read_rows([write_dataset(tmp_path / "dataset")])
    assert [one.task for one in found] == [task for task in TASKS if task != "qa"]


def test_evaluations_ask_rows_of_every_task(tmp_path):
    found = list(read_rows([write_rows(tmp_path / "rows.jsonl")]))
    many = [one for one in found if one.task == "qa"] * 9 + found
    assert {one.task for one in spread(many, 6)} == set(TASKS)
    assert [len(spread(many, number)) for number in (1, 8, 99)] == [1, 8, 15]


def test_rows_that_are_too_long_are_counted(plane, data):
    rows = list(read_rows([data]))
    limit = sorted(len(row.tokens) for row in plane.encoding.rows)[len(rows) // 3]
    encoding = tokenise(rows, plane.tokenization, style="bare", max_length=limit)
    assert len(encoding.rows) + encoding.dropped["sql_to_ibis"] == len(rows)
    assert max(len(row.tokens) for row in encoding.rows) <= limit


def test_the_digest_is_of_the_tokens(plane, data):
    rows = list(read_rows([data]))
    whole, less = (
        tokenise(some, plane.tokenization, style="bare", max_length=256).digest
        for some in (rows, rows[:-1])
    )
    again = tokenise(rows, plane.tokenization, style="bare", max_length=256).digest
    assert whole == again != less


def test_structures_are_held_out_whole(data):
    learned, kept = split(read_rows([data]), 0.3)
    assert learned
    assert kept
    assert not {row.group for row in learned} & {row.group for row in kept}


def test_packing_loses_nothing():
    lengths = [5, 9, 2, 7, 7, 1, 3]
    bins = packed(lengths, range(7), 10)
    assert sorted(index for one in bins for index in one) == list(range(7))
    assert all(sum(lengths[index] for index in one) <= 10 for one in bins)


def test_tasks_are_drawn_by_weight_and_each_row_equally_often():
    tasks = ["qa"] * 30 + ["sql_to_ibis"] * 10
    mixture = Mixture(tasks, Sampling(weights={"sql_to_ibis": 3.0}), seed=4)
    assert mixture.quotas == {"qa": 20, "sql_to_ibis": 20}
    drawn = [index for epoch in range(6) for index in mixture.epoch(epoch)]
    counts = [drawn.count(index) for index in range(40)]
    assert set(counts[:30]) == {4}
    assert set(counts[30:]) == {12}
    assert mixture.epoch(0) != mixture.epoch(1)
    assert Mixture(tasks, Sampling(weights={"sql_to_ibis": 3.0}), seed=4).epoch(5) == drawn[-40:]


@pytest.mark.parametrize(
    ("weights", "hint"), [({"sql2ibis": 1.0}, "did you mean"), ({"sql_to_ibis": 0.0}, "")]
)
def test_weights_that_mean_nothing_are_refused(weights, hint):
    with pytest.raises(IbertError, match="IB911") as refused:
        Mixture(["sql_to_ibis"] * 3, Sampling(weights=weights), seed=0)
    assert hint in str(refused.value)


# The configuration.


@pytest.mark.parametrize("name", ["grpo", "lora", "qlora", "tiny"])
def test_shipped_configurations_can_be_read(name):
    read = read_config(Path(__file__).parent.parent / "configs" / f"{name}.toml")
    assert (read.scratch is None) == (name != "tiny")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "model = 'x'\n[data]\nfiles = ['a']\nmax_lenght = 3\n",
            "3?.*4:1.*did you mean 'max_length'",
        ),
        ("model = 'x'\n[data]\nfiles = []\n", "files"),
        ("[data]\nfiles = ['a']\n", "one of the two"),
        ("model = 'x'\n[data\n", "no TOML"),
        ("[data]\nfiles = ['a']\n[scratch]\nvocabulary = 99\n", "4:1.*scratch.vocabulary: .* 265"),
        ("model = 'x'\n[data]\nfiles = ['a']\npacking = 3\n", "data.packing: expected `bool`"),
        ("model = 'x'\nsteps = 3\n[data]\nfiles = ['a']\n", "a configuration has no 'steps'"),
    ],
)
def test_configurations_are_read_strictly(tmp_path, text, said):
    path = tmp_path / "a.toml"
    path.write_text(text)
    with pytest.raises(IbertError, match=f"(?s){said}") as refused:
        read_config(path)
    assert refused.value.diagnostics[0].code == "IB910"


# The loop.


def trained(path: Path, folder: Path, changes: dict | None = None) -> Path:
    """Train, and give the folder."""
    from ibert.training.run import train

    train(config(path, changes), folder)
    return folder


def weights(folder: Path) -> dict:
    from safetensors.torch import load_file

    return load_file(folder / "final" / "model.safetensors")


def losses(folder: Path) -> list[dict]:
    lines = map(json.loads, (folder / "metrics.jsonl").read_text().splitlines())
    return [line for line in lines if line["kind"] == "train" and "loss" in line]


def step_of(size: int, accumulation: int) -> Optimisation:
    return Optimisation(
        learning_rate=1e-2, batch_size=size, accumulation=accumulation, steps=2, warmup=0.0
    )


@pytest.fixture(scope="module")
def whole_run(data, tmp_path_factory):
    return trained(data, tmp_path_factory.mktemp("run") / "whole")


def test_accumulated_batches_are_one_batch(data, tmp_path):
    import torch

    one = trained(data, tmp_path / "one", {"optimisation": step_of(8, 1)})
    many = trained(data, tmp_path / "many", {"optimisation": step_of(1, 8)})
    first, second = weights(one), weights(many)
    for before, after in zip(losses(one), losses(many), strict=True):
        assert before["tokens/sql_to_ibis"] == after["tokens/sql_to_ibis"]
        assert before["loss"] == pytest.approx(after["loss"], abs=1e-4)
        assert before["grad_norm"] == pytest.approx(after["grad_norm"], rel=1e-3)
    for name in first:
        torch.testing.assert_close(first[name], second[name], rtol=1e-3, atol=1e-3)


def test_packed_rows_do_not_see_each_other(plane):
    import torch

    from ibert.training.scratch import new_model
    from ibert.training.supervised import Batches

    model = new_model(plane.tokenization.tokenizer, SHAPE, length=600, seed=3).eval()
    with torch.no_grad():  # random weights hardly attend: scaled up, they do
        for weight in model.parameters():
            if weight.dim() > 1:
                weight.mul_(8)
    batches = Batches(plane.encoding.rows, ["sql_to_ibis"], plane.tokenization.padding)

    def likelihood(items: list[dict], *, parted: bool = True) -> float:
        batch = batches(items)
        batch.pop("task_ids")
        if not parted:
            batch.pop("position_ids")
        labels = batch.pop("labels")
        with torch.no_grad():
            logits = model(**batch, use_cache=False).logits[:, :-1].log_softmax(-1)
        learned = labels[:, 1:] != IGNORED
        chosen = logits.gather(-1, labels[:, 1:].clamp(min=0)[..., None])[..., 0]
        return float(chosen[learned].double().sum())

    alone = likelihood([{"rows": [index]} for index in range(4)])
    together = likelihood([{"rows": [0, 1, 2, 3]}])
    assert together == pytest.approx(alone, abs=1e-3)
    assert likelihood([{"rows": [0, 1, 2, 3]}], parted=False) != pytest.approx(alone, abs=1e-1)


def test_a_run_that_goes_on_is_the_run_that_was_not_interrupted(whole_run, data, tmp_path):
    import torch

    from ibert.training.run import AUTO, train

    again = tmp_path / "again"
    shutil.copytree(whole_run, again)
    shutil.rmtree(again / "checkpoint-4")
    shutil.rmtree(again / "final")
    result = train(config(data), again, resume=AUTO)
    assert result.steps == 4
    first, second = weights(whole_run), weights(again)
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_an_adapter_is_trained(data, whole_run, tmp_path):
    changes = {
        "scratch": None,
        "model": str(whole_run / "final"),
        "adapter": Adapter(rank=4, alpha=8, dropout=0.0),
        "data": Data(files=(str(data),), prompt="bare", max_length=256, packing=True),
        "optimisation": step_of(1, 1),
    }
    folder = trained(data, tmp_path / "lora", changes)
    assert (folder / "final" / "adapter_model.safetensors").is_file()
    assert not (folder / "final" / "model.safetensors").exists()


def test_a_folder_with_a_run_is_not_written_over(data, whole_run):
    with pytest.raises(IbertError, match=r"IB912.*holds a run already"):
        trained(data, whole_run)


def test_a_run_on_all_tasks_tells_losses_and_answers_by_task_and_stops_in_time(tmp_path):
    share, structures = 0.2, list(map(str, range(99)))
    files = [
        write_rows(
            tmp_path / f"{held}.jsonl",
            rows(next(one for one in structures if is_held_out(one, share) is held)),
        )
        for held in (False, True)
    ]
    changes = {
        "data": Data(files=tuple(map(str, files)), prompt="bare", max_length=900, held_out=share),
        "evaluation": Evaluation(every=1, cases=6, tokens=4, patience=2),
    }
    folder = trained(files[0], tmp_path / "run", changes)
    run = read_run(folder)
    assert [one.step for one in run.evaluations] == [0, 1, 2]
    assert all(set(one.tasks) == set(TASKS) for one in run.evaluations)
    result = json.loads((folder / "result.json").read_text())
    assert (result["stopped_early"], result["steps"], result["cases"]) == (True, 2, 6)
    assert result["tasks"] == dict.fromkeys(TASKS, 0.0)
    assert {
        one["task"] for one in json.loads((folder / "samples" / "000002.json").read_text())
    } == {*TASKS}
    first = losses(folder)[0]
    parts = [
        (first[f"tokens/{task}"], first[f"loss/{task}"])
        for task in TASKS
        if f"loss/{task}" in first
    ]
    assert sum(n * loss for n, loss in parts) / sum(n for n, _ in parts) == pytest.approx(
        first["loss"], abs=1e-4
    )
    text = card(folder, run, "all", "model")
    assert f"| step | all | {' | '.join(sorted(TASKS))} |" in text
    listed = CliRunner().invoke(cli, ["runs", "--folder", str(tmp_path)], env={"COLUMNS": "200"})
    assert "error_resolution 0.0%" in listed.stdout


# Checkpoints.


@pytest.fixture
def run(whole_run, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(whole_run, copy)
    return copy


def test_a_whole_checkpoint_is_found(run):
    assert checkpoints.newest_whole(run) == run / "checkpoint-4"


def files_of(run: Path) -> list[str]:
    return sorted(path.name for path in (run / "checkpoint-4").iterdir())


def test_what_is_missing_or_cut_off_is_put_aside(run):
    for name in files_of(run):
        for spoil in ("remove", "cut"):
            path = run / "checkpoint-4" / name
            kept = path.read_bytes()
            if spoil == "remove":
                path.unlink()
            else:
                path.write_bytes(kept[: len(kept) // 2])
            assert checkpoints.newest_whole(run) == run / "checkpoint-2", (name, spoil)
            (aside,) = run.glob("torn-checkpoint-4.*")
            aside.rename(run / "checkpoint-4")
            path.write_bytes(kept)
            assert checkpoints.problem_with(run / "checkpoint-4") is None


@pytest.mark.parametrize(
    "changes",
    [
        {"scratch": msgspec.structs.replace(SHAPE, hidden=64)},
        {"optimisation": step_of(4, 1)},
        {"seed": 1},
        {"data": Data(files=("DATA",), prompt="task", max_length=900, held_out=0.2)},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_checkpoint_of_another_run_is_refused(run, data, changes):
    from ibert.training.run import AUTO, train

    if "data" in changes:
        changes = {"data": msgspec.structs.replace(changes["data"], files=(str(data),))}
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    with pytest.raises(IbertError, match=r"IB912.*changed since"):
        train(config(data, changes), run, resume=AUTO)
    assert {path: path.read_bytes() for path in before} == before
    with pytest.raises(IbertError, match=r"IB912.*there is no such folder"):
        train(config(data), run, resume=run / "checkpoint-9")


# The command.


def test_a_dry_run_needs_no_torch_and_shows_what_is_learned(tmp_path):
    data = write_rows(tmp_path / "rows.jsonl")
    path = tmp_path / "tiny.toml"
    path.write_text(
        f"[data]\nfiles = ['{data}']\nprompt = 'bare'\nmax_length = 100\nheld_out = 0.0\n"
        "[scratch]\nvocabulary = 420\n[sampling.weights]\nqa = 3.0\n[optimisation]\nepochs = 2\n"
    )
    code = (
        "import sys\nsys.modules['torch'] = None\n"
        "from ibert.cli.main import cli\n"
        f"cli(['train', '--from-scratch', {str(path)!r}, '--dry-run'])"
    )
    environment = {**os.environ, "FORCE_COLOR": "1", "COLUMNS": "160"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, env=environment
    )
    assert done.returncode == 0, done.stderr
    coloured = "".join(re.findall(r"\x1b\[32m(.*?)\x1b\[0m", done.stdout, re.DOTALL))
    assert "SELECT country FROM users WHERE age > 30<|im_end|>" in coloured
    assert "<|im_start|>" not in coloured
    shown = re.sub(r"\x1b\[[\d;]*m", "", done.stdout)
    cut = [line.split() for line in shown.splitlines()]
    table = {
        cells[0]: cells[1:] for cells in cut if cells and cells[0] in TASKS and len(cells) == 8
    }
    planned = plan(read_config(path), tmp_path / "tokenizer")
    found, drawn = planned.snapshot, planned.mixture.repeats(2)
    assert set(table) == set(TASKS)
    assert drawn["qa"] == 2 * drawn["error_resolution"] > 0
    assert found.dropped == {"documentation": 1}
    whole = sum(found.tokens[task] * drawn.get(task, 0) for task in found.rows)
    for task, cells in table.items():
        tokens, each = found.tokens.get(task, 0), drawn.get(task, 0)
        wanted = [found.rows.get(task, 0), tokens, found.learned.get(task, 0)]
        assert cells[:3] == list(map(str, wanted))
        assert cells[-3:-1] == [str(found.dropped.get(task, 0)), f"{each:g}"]
        assert cells[-1].startswith(f"{tokens * each / whole:.0%}/")
