"""Several processes that train together: what one writes, and that they learn what one would."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from accelerate.commands.config.config_args import ClusterConfig, load_config_from_file
from accelerate.commands.launch import _validate_launch_command, launch_command_parser
from training_examples import write_examples

from ibert.diagnostics import IbertError
from ibert.training import checkpoints
from ibert.training.grpo import reinforcement_trainer

ROOT = Path(__file__).parent.parent
FSDP = ROOT / "configs" / "fsdp.yaml"
CONFIG = """
device = "cpu"
[data]
files = ["{examples}"]
prompt = "bare"
max_length = 200
held_out = 0.3
[scratch]
vocabulary = 400
hidden = 32
intermediate = 64
layers = 2
heads = 2
[optimisation]
learning_rate = 1e-2
batch_size = 2
accumulation = {accumulation}
steps = 4
warmup = 0.0
[checkpoints]
every = 2
[evaluation]
every = 2
cases = 2
tokens = 8
"""
ALONE = [sys.executable]
TOGETHER = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes=2"]


def trained(folder: Path, launched: list[str], accumulation: int) -> Path:
    """Train as a command does, and give the folder."""
    examples = write_examples(folder / "train.jsonl", range(20, 50), (">", "<", ">=", "<="))
    config = folder / f"{accumulation}.toml"
    config.write_text(CONFIG.format(examples=examples, accumulation=accumulation))
    run = folder / f"run {accumulation}"
    command = [*launched, "-m", "ibert", "train", "--from-scratch", config, "--out", run]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("4 steps in") == 1
    assert done.stderr.count("step 1 of 4") == 1
    return run


def lines(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def figures(line: dict) -> dict[str, float]:
    names = ("step", "loss", "loss/sql_to_ibis", "tokens", "grad_norm", "accuracy", "cases")
    return {name: line[name] for name in names if name in line}


@pytest.mark.slow
def test_two_processes_learn_what_one_does_and_one_of_them_writes(tmp_path: Path) -> None:
    together, alone = trained(tmp_path, TOGETHER, 1), trained(tmp_path, ALONE, 2)
    first, second = ([figures(line) for line in lines(run)] for run in (together, alone))
    assert first == [pytest.approx(line, rel=1e-5) for line in second]
    assert [line.get("loss", 0) > 0 for line in first].count(True) == 4
    for step in (2, 4):
        folder = together / f"checkpoint-{step}"
        assert checkpoints.problem_with(folder) is None
        assert {"rng_state_0.pth", "rng_state_1.pth"} <= {path.name for path in folder.iterdir()}
    assert {path.name for path in together.iterdir()} == {path.name for path in alone.iterdir()}


def test_accelerate_reads_the_configuration_for_several_gpus() -> None:
    config = load_config_from_file(str(FSDP))
    assert isinstance(config, ClusterConfig)
    assert (config.distributed_type.value, config.mixed_precision) == ("FSDP", "bf16")
    command = FSDP.read_text().splitlines()[1].removeprefix("# accelerate launch ").split()
    given = launch_command_parser().parse_args(command)
    given.config_file = str(FSDP)
    found, *_ = _validate_launch_command(given)
    assert (found.use_fsdp, found.fsdp_version, found.num_processes) == (True, 2, 2)
    for name, value in config.fsdp_config.items():  # each is an option, and reaches it
        assert str(getattr(found, name)).lower() == str(value).lower(), name
    assert (found.module, found.training_script) == (True, "ibert")
    assert found.training_script_args == ["train", "configs/lora.toml"]


def test_rewards_are_for_one_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(IbertError, match="IB910 rewards are learned in one process"):
        reinforcement_trainer(
            None, None, tmp_path, None, on_log=print, on_evaluate=lambda *_: False
        )
