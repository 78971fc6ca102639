"""Learning from rewards: a small model that half knows one query, and the verifier."""

import inspect
import json
import shutil
from pathlib import Path
from statistics import mean

import msgspec
import pytest
from dataset_rows import write_rows
from training_examples import example, write_examples

from ibert.datagen.factory.row import TASKS
from ibert.diagnostics import IbertError
from ibert.model.tokenization import Tokenization
from ibert.training import read_config
from ibert.training.config import TrainingConfig
from ibert.training.grading import Grade
from ibert.training.plan import plan
from ibert.training.rows import row_of
from ibert.training.run import Result, train

HALF_KNOWS = """
[data]
files = ["{examples}"]
prompt = "bare"
max_length = 128
held_out = 0.0
[scratch]
vocabulary = 420
hidden = 64
intermediate = 128
layers = 2
heads = 4
[optimisation]
learning_rate = 5e-3
batch_size = 8
steps = 80
[evaluation]
cases = 1
tokens = 48
"""
REWARDED = """
model = "{model}"
device = "cpu"
[data]
files = ["{examples}"]
prompt = "bare"
max_length = 128
held_out = 0.0
[optimisation]
learning_rate = 1e-3
schedule = "constant"
warmup = 0.0
batch_size = 8
steps = 20
[reward]
candidates = 8
tokens = 48
judges = 1
[checkpoints]
every = 10
[evaluation]
cases = 1
tokens = 48
"""


OF_ALL = """
model = "{model}"
method = "grpo"
device = "cpu"
[data]
files = ["{data}"]
prompt = "bare"
max_length = 900
held_out = 0.0
[optimisation]
batch_size = 12
steps = 1
[reward]
candidates = 2
tokens = 6
judges = 1
[evaluation]
cases = 1
tokens = 4
"""


def config_of(
    folder: Path, text: str, *, method: str | None = None, **given: Path
) -> TrainingConfig:
    path = folder / "config.toml"
    path.write_text(text.format(**given))
    return read_config(path, method=method)


@pytest.fixture(scope="module")
def rewarded(tmp_path_factory: pytest.TempPathFactory) -> tuple[TrainingConfig, Path, Result]:
    """A model that was trained by rewards: how, where, and what came of it."""
    folder = tmp_path_factory.mktemp("grpo")
    examples = write_examples(folder / "many.jsonl", range(20, 60))
    train(config_of(folder, HALF_KNOWS, examples=examples), folder / "half")
    one = write_examples(folder / "one.jsonl", range(21, 22))
    model = folder / "half" / "final"
    config = config_of(folder, REWARDED, method="grpo", examples=one, model=model)
    return config, folder / "run", train(config, folder / "run")


def steps(run: Path) -> list[dict]:
    lines = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return [line for line in lines if "reward" in line]


@pytest.mark.slow
def test_rewards_rise_and_every_grade_is_counted(
    rewarded: tuple[TrainingConfig, Path, Result],
) -> None:
    _, run, result = rewarded
    logged = steps(run)
    rewards = [line["reward"] for line in logged]
    assert mean(rewards[10:]) > mean(rewards[:10])
    shares = [{grade: line[f"grades/{grade}"] for grade in Grade} for line in logged]
    assert all(sum(one.values()) == pytest.approx(1) for one in shares)
    counted = {grade.value: round(8 * sum(one[grade] for one in shares)) for grade in Grade}
    assert result.grades == {grade: count for grade, count in counted.items() if count}
    assert json.loads((run / "result.json").read_text())["grades"] == result.grades


@pytest.mark.slow
def test_a_run_that_goes_on_gives_what_one_without_a_break_gives(
    rewarded: tuple[TrainingConfig, Path, Result], tmp_path: Path
) -> None:
    config, run, _ = rewarded
    shutil.copytree(run / "checkpoint-10", tmp_path / "checkpoint-10")
    train(config, tmp_path, resume=Path("auto"))
    figures = ["step", "loss", "reward", "grad_norm", *(f"grades/{grade}" for grade in Grade)]
    without, after = (
        [[line[name] for name in figures] for line in logged]
        for logged in (steps(run)[10:], steps(tmp_path))
    )
    assert after == without
    weights = "final/model.safetensors"
    assert (run / weights).read_bytes() == (tmp_path / weights).read_bytes()


@pytest.mark.slow
def test_queries_are_asked_as_in_evaluations(
    rewarded: tuple[TrainingConfig, Path, Result],
) -> None:
    config, _, _ = rewarded
    tokens = Tokenization(Path(config.model))
    query = msgspec.structs.replace(example(21).input, sql="SELECT '<|im_end|>' AS a FROM users")
    chat = row_of(msgspec.structs.replace(example(21), input=query)).prompt("task")
    as_trl = tokens.tokenizer.apply_chat_template(
        conversation=[[msgspec.to_builtins(message) for message in chat.messages]],
        add_generation_prompt=True,
        return_dict=True,
        sanitize_control_tokens=True,
    )
    assert as_trl["input_ids"] == [tokens.prompt(chat)]


def test_trl_has_what_is_asked_of_it() -> None:
    trl = pytest.importorskip("trl")
    settings = inspect.signature(trl.GRPOConfig).parameters
    wanted = {"num_generations", "max_completion_length", "temperature", "beta"}
    assert {*wanted, "chat_template_kwargs", "shuffle_dataset", "remove_unused_columns"} <= {
        *settings
    }
    given = inspect.signature(trl.GRPOTrainer).parameters
    wanted = {"model", "reward_funcs", "args", "train_dataset", "processing_class"}
    assert {*wanted, "peft_config", "callbacks"} <= {*given}
    assert hasattr(trl.GRPOTrainer, "create_model_card")


@pytest.mark.slow
def test_answers_to_rows_of_every_task_are_rewarded(
    rewarded: tuple[TrainingConfig, Path, Result], tmp_path: Path
) -> None:
    config, _, _ = rewarded
    data = write_rows(tmp_path / "rows.jsonl")
    text = OF_ALL.format(model=config.model, data=data)
    path = tmp_path / "all.toml"
    path.write_text(text)
    planned = plan(read_config(path), tmp_path / "plan")
    assert planned.unjudged == {"qa": 1}
    asked = [planned.learned[index].task for rows in planned.sequences for index in rows]
    assert set(asked) == set(TASKS)
    result = train(read_config(path), tmp_path / "run")
    assert sum(result.grades.values()) == 2 * len(TASKS)
    [line] = steps(tmp_path / "run")[:1]
    assert sum(line[f"grades/{grade}"] for grade in Grade) == pytest.approx(1)


def test_a_step_has_whole_groups(tmp_path: Path) -> None:
    text = REWARDED.replace("candidates = 8", "candidates = 3")
    with pytest.raises(IbertError, match=r"IB910 a step has 8 answers") as raised:
        config_of(tmp_path, text, method="grpo", examples=tmp_path, model=tmp_path)
    assert raised.value.diagnostics[0].hint == "make batch_size * accumulation a multiple of 3"
