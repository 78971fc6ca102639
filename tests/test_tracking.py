"""The record of runs, its mirror in Weights & Biases, and what `ibert runs` reads of it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from wandb_file import records

from ibert.cli.main import cli
from ibert.diagnostics import IbertError
from ibert.files import written_whole
from ibert.training.config import Data, Optimisation, TrainingConfig
from ibert.training.runs import CONFIG, RESULT, differences, read_runs
from ibert.training.tracking import (
    RECORD,
    Facts,
    Line,
    Mirror,
    Record,
    facts,
    read_record,
    write_facts,
)

CONFIGURED = TrainingConfig(data=Data(files=("train.jsonl",)), model="./tiny", wandb="ibert")


class Sample(msgspec.Struct):
    id: str
    answer: str
    status: str


def write_run(
    folder: Path, *, rate: float, scores: dict[int, float], finished: bool = True
) -> None:
    folder.mkdir(parents=True)
    optimisation = Optimisation(learning_rate=rate)
    config = msgspec.structs.replace(CONFIGURED, optimisation=optimisation)
    for name, value in [(CONFIG, config), (RESULT, {})][: 1 + finished]:
        with written_whole(folder / name) as file:
            file.write(msgspec.json.encode(value))
    write_facts(folder, Facts(started=rate, data="d" * 64, git="a" * 40, versions={}))
    with Record(folder / RECORD) as record:
        for step, score in scores.items():
            record.add("train", step, {"loss": 1 / (step + 1), "loss/qa": 0.5, "lr": rate})
            record.add("evaluation", step, {"accuracy": score, "cases": 10})


KILLED = """
import os, signal, sys
from pathlib import Path
from ibert.training.tracking import Record
with Record(Path(sys.argv[1])) as record:
    for step in range(1, 200):
        record.add("train", step, {"loss": 1 / step})
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_process_that_is_killed_loses_no_line(tmp_path: Path) -> None:
    path = tmp_path / RECORD
    process = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False, timeout=60)
    assert process.returncode == -signal.SIGKILL
    lines = list(read_record(path))
    assert [line.step for line in lines] == list(range(1, 200))
    assert lines[-1].figures == {"loss": 1 / 199}


def test_a_run_that_goes_on_cuts_off_half_a_line_and_has_the_last_word(tmp_path: Path) -> None:
    path = tmp_path / RECORD
    with Record(path) as record:
        for step in (1, 2, 3):
            record.add("train", step, {"loss": 9.0})
    with path.open("ab") as file:
        file.write(b'{"kind":"train","step":4,"lo')
    with Record(path) as record:
        for step in (3, 4):
            record.add("train", step, {"loss": float(step)})
    assert list(read_record(path)) == [
        Line("train", 1, {"loss": 9.0}),
        Line("train", 2, {"loss": 9.0}),
        Line("train", 3, {"loss": 3.0}),
        Line("train", 4, {"loss": 4.0}),
    ]


def kept_in(file: Path) -> list:
    """Give the records of a run; the last comes a moment after the run is finished."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        kept = list(records(file))
        if kept and kept[-1].HasField("exit"):
            return kept
        time.sleep(0.1)
    pytest.fail("the run is not finished")


def test_the_mirror_holds_what_the_record_holds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    found = facts("the digest")
    with (
        Mirror("ibert", tmp_path, CONFIGURED, found) as mirror,
        Record(tmp_path / RECORD, mirror) as record,
    ):
        record.add("train", 1, {"loss": 0.5, "loss/qa": 0.25})
        record.add("evaluation", 2, {"accuracy": 0.75})
        mirror.show_samples(2, [Sample("1", "expr = t", "VERIFIED")])
        mirror.keep("record", [tmp_path / RECORD])
    [file] = tmp_path.glob("wandb/offline-run-*/run-*.wandb")
    kept = kept_in(file)
    [run] = [one.run for one in kept if one.HasField("run")]
    assert (run.project, run.display_name) == ("ibert", tmp_path.name)
    said = {update.key: json.loads(update.value_json) for update in run.config.update}
    assert (said["data"], said["git"]) == ("the digest", found.git)
    assert said["versions"] == found.versions
    assert said["config"] == json.loads(msgspec.json.encode(CONFIGURED))
    rows = [
        {".".join(item.nested_key): json.loads(item.value_json) for item in one.history.item}
        for one in kept
        if one.HasField("history")
    ]
    figures = [{k: v for k, v in row.items() if "/" in k or k == "global_step"} for row in rows]
    assert figures == [
        {"global_step": 1, "train/loss": 0.5, "train/loss/qa": 0.25},
        {"global_step": 2, "evaluation/accuracy": 0.75},
        {"global_step": 2},
    ]
    table = file.parent / "files" / rows[2]["samples.path"]
    assert json.loads(table.read_text()) == {
        "columns": ["id", "answer", "status"],
        "data": [["1", "expr = t", "VERIFIED"]],
    }
    artifacts = [one.artifact for one in kept if one.HasField("artifact")]
    names = [entry.path for one in artifacts for entry in one.manifest.contents]
    assert RECORD in names


def test_a_mirror_without_a_key_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("NETRC", os.devnull)
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    with pytest.raises(IbertError, match=r"IB904 .*takes no run") as raised:
        Mirror("ibert", tmp_path, CONFIGURED, facts("x"))
    assert "WANDB_MODE=offline" in raised.value.diagnostics[0].hint


def test_runs_are_listed_and_compared(tmp_path: Path) -> None:
    write_run(tmp_path / "b", rate=1e-4, scores={0: 0.1, 50: 0.6, 100: 0.5})
    write_run(tmp_path / "a", rate=3e-4, scores={0: 0.1, 50: 0.4}, finished=False)
    (tmp_path / "no run").mkdir()
    first, second = read_runs(tmp_path)
    assert (first.name, first.step, first.best.step, first.best.accuracy) == ("b", 100, 50, 0.6)
    assert (second.name, second.finished) == ("a", False)
    assert first.figures == {"loss": 1 / 101, "loss/qa": 0.5}
    assert differences(first, second) == {"optimisation.learning_rate": (1e-4, 3e-4)}
    options = ["runs", "--folder", str(tmp_path)]
    listed = CliRunner().invoke(cli, options, env={"COLUMNS": "200"})
    assert "60.0% at 50" in listed.stdout
    assert "50 (not finished)" in listed.stdout
    told = json.loads(CliRunner().invoke(cli, [*options, "a", "b", "--format", "json"]).stdout)
    assert told["differences"] == {"optimisation.learning_rate": [3e-4, 1e-4]}
    assert [run["name"] for run in told["runs"]] == ["a", "b"]


def test_a_run_that_is_not_there_is_refused(tmp_path: Path) -> None:
    write_run(tmp_path / "lora", rate=1e-4, scores={0: 0.1})
    with pytest.raises(IbertError, match="IB913 there is no run 'lara'") as raised:
        read_runs(tmp_path, ["lara"])
    assert raised.value.diagnostics[0].hint == "did you mean 'lora'?"
    with pytest.raises(IbertError, match="IB913 there is no folder"):
        read_runs(tmp_path / "nowhere")


def test_a_run_whose_configuration_is_torn_is_refused(tmp_path: Path) -> None:
    write_run(tmp_path / "lora", rate=1e-4, scores={0: 0.1})
    (tmp_path / "lora" / CONFIG).write_text("{")
    with pytest.raises(IbertError, match=r"IB913 the config\.json of .* cannot be read"):
        read_runs(tmp_path)
