"""The engine `model` in all six tasks: asked, judged as the compiler is, and told what is wrong."""

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from recorded import Recorded
from tiny_checkpoint import write_checkpoint

import ibert
from ibert.answers.claims import invented
from ibert.cli.main import cli
from ibert.diagnostics import IbertError
from ibert.documentation import Documenter, Source
from ibert.model import FillIn, ModelSettings
from ibert.model.local import LocalModel, load

DATA = Path(__file__).with_name("data")
CASES = yaml.safe_load((DATA / "engines.yaml").read_text())
SHOP = {"orders": {"id": "!int64", "status": "string"}}
DDL = "CREATE TABLE orders (id BIGINT NOT NULL, status VARCHAR)"
RUN = {
    "sql_to_ibis": lambda text, **options: ibert.sql_to_ibis(text, SHOP, **options),
    "ibis_to_sql": lambda text, **options: ibert.ibis_to_sql(text, SHOP, **options),
    "error_resolution": lambda text, **options: ibert.fix(text, SHOP, **options),
    "code_completion": lambda text, **options: ibert.complete(text, None, SHOP, **options),
    "qa": ibert.ask,
    "documentation": lambda text, **options: ibert.document(text, "big", SHOP, **options),
}
COMMANDS = {
    "sql_to_ibis": ["to-ibis", "-"],
    "ibis_to_sql": ["to-sql", "-"],
    "error_resolution": ["fix", "-"],
    "code_completion": ["complete", "-"],
    "qa": ["ask", "-"],
    "documentation": ["document", "-"],
}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    corpus = [one["answer"] for case in CASES for one in case["rounds"]]
    return write_checkpoint(tmp_path_factory.mktemp("tiny"), corpus, vocabulary=600)


@pytest.fixture(scope="module")
def tiny(checkpoint: Path) -> LocalModel:
    return load(ModelSettings(model=str(checkpoint), device="cpu"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["task"])
def test_a_task_is_refined_until_its_judge_is_content(case: dict) -> None:
    rounds = case["rounds"]
    backend = Recorded([[one["answer"]] for one in rounds])
    answer = RUN[case["task"]](case["input"], engine="model", model=backend, refine=9)
    attempts = answer.verdict.evidence.attempts
    assert [one.status.value for one in attempts] == [one["status"] for one in rounds]
    assert (answer.task, answer.engine) == (case["task"], "model")
    assert (answer.costs.rounds, answer.costs.tokens) == (len(rounds), 3 * len(rounds))
    asked = [prompt.messages[-1].content for prompt in backend.asked]
    assert all(text in asked[0] for text in (case["input"], *case.get("asked", [])))
    for given, told in zip(rounds, asked[1:], strict=False):
        assert [text for text in given["told"] if text not in told] == []
    if "code" in case:
        assert answer.code == case["code"]


@pytest.mark.parametrize("task", RUN)
def test_a_tiny_model_answers_every_task(task: str, tiny: LocalModel) -> None:
    [case] = [case for case in CASES if case["task"] == task]
    settings = ibert.model.GenerationSettings(max_new_tokens=8)
    answer = RUN[task](case["input"], engine="model", model=tiny, refine=1, generation=settings)
    assert answer.verdict.status is ibert.Status.FAILED
    assert answer.costs.rounds == 2
    assert answer.costs.tokens <= 16


@pytest.mark.parametrize("task", COMMANDS)
def test_every_command_asks_a_local_model(task: str, checkpoint: Path, tmp_path: Path) -> None:
    [case] = [case for case in CASES if case["task"] == task]
    tables = tmp_path / "shop.sql"
    tables.write_text(DDL)
    catalog = [] if task == "qa" else ["--catalog", str(tables)]
    options = ["--engine", "model", "--model", str(checkpoint), "--max-new-tokens", "8"]
    result = CliRunner().invoke(cli, [*COMMANDS[task], *catalog, *options], input=case["input"])
    assert result.exit_code == 1, result.output
    assert "1 round, " in result.stderr


@pytest.mark.parametrize("task", COMMANDS)
def test_every_command_stops_without_weights(
    task: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    [case] = [case for case in CASES if case["task"] == task]
    tables = tmp_path / "shop.sql"
    tables.write_text(DDL)
    catalog = [] if task == "qa" else ["--catalog", str(tables)]
    with pytest.raises(IbertError) as raised:
        CliRunner().invoke(
            cli,
            [*COMMANDS[task], *catalog, "--engine", "model"],
            input=case["input"],
            catch_exceptions=False,
        )
    [diagnostic] = raised.value.diagnostics
    assert "is not on this machine" in diagnostic.message
    assert diagnostic.hint == "ibert model pull Qwen/Qwen2.5-Coder-1.5B-Instruct"


def test_a_tiny_model_is_evaluated(checkpoint: Path, tmp_path: Path) -> None:
    options = ["--engine", "model", "--model", str(checkpoint), "--max-new-tokens", "8"]
    drawn = ["--candidates", "2", "--temperature", "1", "--refine", "1"]
    command = ["eval", "engines", "--tasks", "qa,code_completion", "--limit", "1"]
    result = CliRunner().invoke(
        cli, [*command, *options, *drawn, "--out", str(tmp_path), "--format", "json"]
    )
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert (found["engine"], found["cases"]) == (str(checkpoint), 2)
    assert (found["total"]["right"]["count"], found["total"]["oracle"]["count"]) == (0, 2)
    assert set(found["total"]["pass_at"]) == {"1", "2"}
    assert 0 < found["tokens"] <= 2 * 2 * 2 * 8
    run = json.loads((tmp_path / "run.json").read_text())
    assert set(run["prompts"]) == {"qa", "code_completion"}
    assert (run["fills_in"], run["place"]) == (True, "cpu, float32")


def test_options_of_models_are_refused_for_the_compiler() -> None:
    result = CliRunner().invoke(cli, ["ask", "how to filter", "--refine", "2"])
    assert result.exit_code == 2
    assert "--refine is for --engine model" in result.stderr
    with pytest.raises(IbertError, match="the compiler asks no model"):
        ibert.ask("how to filter", refine=2)
    with pytest.raises(IbertError, match="refine is -1"):
        ibert.ask("how to filter", engine="model", refine=-1)


def test_a_model_that_fills_in_is_given_the_gap_and_then_told() -> None:
    backend = Recorded([["filtr(_.id > 3)"], ["filter(_.id > 3)"]], fills_in=True)
    answer = ibert.complete(
        "expr = orders.\nexpr.limit(3)\n", (1, 15), SHOP, engine="model", model=backend, refine=1
    )
    first, second = backend.asked
    assert first == FillIn("expr = orders.", "\nexpr.limit(3)\n")
    assert "<CURSOR>" in second.messages[-3].content
    assert second.messages[-2].content == "filtr(_.id > 3)"
    assert answer.code == "expr = orders.filter(_.id > 3)\nexpr.limit(3)\n"
    assert [one.text for one in answer.completions] == ["filter(_.id > 3)"]


def test_code_that_runs_is_not_asked_about() -> None:
    backend = Recorded([])
    answer = ibert.fix("expr = orders.limit(3)", SHOP, engine="model", model=backend)
    assert answer.verdict.verified
    assert backend.asked == []


def test_a_repair_that_is_not_proved_is_not_written(tmp_path: Path, checkpoint: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("expr = orders.limitt(3)\n")
    functions = tmp_path / "functions.py"
    functions.write_text("def big(orders):\n    return orders.filter(orders.id > 5)\n")
    before = [broken.read_text(), functions.read_text()]
    options = ["--engine", "model", "--model", str(checkpoint), "--max-new-tokens", "8"]
    for command in (["fix", str(broken)], ["document", str(functions)]):
        result = CliRunner().invoke(cli, [*command, "--apply", *options])
        assert result.exit_code == 1, result.output
    assert [broken.read_text(), functions.read_text()] == before


def test_what_the_same_question_would_give_again_is_not_asked() -> None:
    backend = Recorded([["SELECT 1"]] * 9)
    answer = ibert.ibis_to_sql("orders.select('id')", SHOP, engine="model", model=backend, refine=8)
    assert answer.costs.rounds == 2


def test_a_dialect_that_nothing_reads_is_refused() -> None:
    with pytest.raises(IbertError, match=r"a model's SQL for .* cannot be read"):
        ibert.ibis_to_sql(
            "orders.select('id')", SHOP, dialect="flink", engine="model", model=Recorded([])
        )


def test_answers_of_the_compiler_invent_nothing() -> None:
    questions = ("How do I count distinct users per day?", "rank rows in a group", "np.where")
    assert [invented(ibert.ask(question).code) for question in questions] == [[], [], []]


def test_docstrings_of_the_documenter_claim_what_is_so() -> None:
    source = Source((DATA / "documented.py").read_text())
    with Documenter() as documenter:
        for function in source.functions()[:6]:
            assert documenter.document(source, function).findings == ()
