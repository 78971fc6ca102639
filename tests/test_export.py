"""What a run gives away: adapters, merged models, and their cards."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from tiny_checkpoint import write_checkpoint
from training_examples import example, write_examples
from wandb_file import records

from ibert.cli.main import cli
from ibert.diagnostics import IbertError
from ibert.model import Chat, GenerationSettings, Message, ModelSettings
from ibert.model.local import load
from ibert.training import read_config
from ibert.training.export import TOLERANCES, export, export_merged
from ibert.training.run import train
from ibert.training.runs import read_run

ADAPTED = """
model = "{model}"
device = "cpu"
wandb = "ibert"
[data]
files = ["{examples}"]
held_out = 0.5
prompt = "bare"
max_length = 512
[adapter]
rank = 4
alpha = 64
dropout = 0.0
[optimisation]
learning_rate = 0.05
warmup = 0.0
batch_size = 2
steps = 3
[evaluation]
cases = 2
tokens = 8
"""
SQL = example(30).input.sql


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LoRA run on a tiny checkpoint, mirrored offline."""
    folder = tmp_path_factory.mktemp("export")
    corpus = [text for age in range(20, 60) for text in (example(age).target.ibis, SQL)]
    model = write_checkpoint(folder, corpus, vocabulary=420)
    # Held out are whole structures.
    examples = write_examples(folder / "train.jsonl", range(20, 24), (">", "<", ">=", "<="))
    path = folder / "config.toml"
    path.write_text(ADAPTED.format(model=model, examples=examples))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("WANDB_MODE", "offline")
        train(read_config(path), folder / "run")
    return folder / "run"


def answers(settings: ModelSettings) -> list:
    prompt = Chat((Message("user", SQL),))
    return load(settings).generate([prompt], GenerationSettings(max_new_tokens=16))


def test_a_merged_model_answers_as_the_adapter_does(run: Path, tmp_path: Path) -> None:
    closeness = export_merged(run, tmp_path / "merged")
    assert closeness.difference < 1e-5
    assert closeness.agreeing == 1
    base = read_run(run).config.model
    adapter = export(run, tmp_path / "adapter")
    adapted = answers(ModelSettings(model=base, adapter=str(adapter), device="cpu"))
    assert answers(ModelSettings(model=str(tmp_path / "merged"), device="cpu")) == adapted
    assert answers(ModelSettings(model=base, device="cpu")) != adapted


def test_a_merged_model_that_answers_otherwise_is_refused(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TOLERANCES, "bfloat16", 1e-9)
    with pytest.raises(IbertError, match="IB914 the merged model in bfloat16 does not answer"):
        export_merged(run, tmp_path / "merged", dtype="bfloat16")
    assert list(tmp_path.iterdir()) == []


def test_the_card_says_what_the_record_says(run: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["model", "export", str(run), "--out", str(tmp_path / "a")])
    assert result.stdout.strip() == str(tmp_path / "a")
    text = (tmp_path / "a" / "README.md").read_text()
    found = read_run(run)
    assert found.facts.data in text
    assert found.facts.versions["torch"] in text
    assert f"| loss | {found.figures['loss']:.4f} |" in text
    assert '"learning_rate": 0.05' in text
    assert "| sql_to_ibis | 12 |" in text
    base = Path(found.config.model)
    assert f'"model": "{base.name}"' in text
    adapter = json.loads((tmp_path / "a" / "adapter_config.json").read_text())
    assert adapter["base_model_name_or_path"] == base.name
    merged = CliRunner().invoke(
        cli, ["model", "export", str(run), "--merged", "--out", str(tmp_path / "m")]
    )
    assert "of the likeliest tokens are the same" in merged.stderr
    assert "convert_hf_to_gguf.py" in (tmp_path / "m" / "README.md").read_text()


def test_what_is_there_is_not_written_over(run: Path, tmp_path: Path) -> None:
    with pytest.raises(IbertError, match=r"IB914 .* is there already"):
        export(run, tmp_path)
    with pytest.raises(IbertError, match="IB913 there is no run in"):
        export(tmp_path, tmp_path / "out")


def test_a_run_is_mirrored_with_its_artifacts(run: Path) -> None:
    [file] = run.glob("wandb/offline-run-*/run-*.wandb")
    kept = [one.artifact for one in records(file) if one.HasField("artifact")]
    assert {one.type for one in kept} >= {"record", "data", "adapter"}
    names = {entry.path for one in kept for entry in one.manifest.contents}
    assert {"metrics.jsonl", "snapshot.json", "final/adapter_model.safetensors"} <= names
