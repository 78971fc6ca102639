"""Evaluation of engines: kept, judged again, gone on with, and compared."""

import json
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner
from dataset_rows import write_dataset, write_rows
from hypothesis import given
from hypothesis import strategies as st
from training_examples import write_examples

from ibert.cli.main import cli
from ibert.datagen.structure import is_held_out, structure
from ibert.diagnostics import IbertError
from ibert.evaluation.runs import record
from ibert.evaluation.runs.cases import HELD_OUT, TASKS, Case, make_cases
from ibert.evaluation.runs.comparison import compare
from ibert.evaluation.runs.figures import Figures
from ibert.evaluation.runs.given import read_cases
from ibert.evaluation.runs.posing import pose
from ibert.evaluation.runs.record import Generation
from ibert.evaluation.runs.running import judged, run_engine
from ibert.evaluation.runs.scoring import Scored
from ibert.evaluation.runs.statistics import mcnemar, pass_at, wilson
from ibert.model import Chat, Generated, GenerationSettings
from ibert.model.generation import Prompt

WRONG = "Use `Table.nothing`."


@dataclass
class Scripted:
    """Answers questions by a list of who is right when; keeps how often it was asked."""

    cases: list[Case]
    right: dict[str, list[str]]  # the name of a case: what it is answered with, in each round
    fills_in: bool = False
    asked: list[str] = field(default_factory=list)

    def generate(
        self, prompts: Sequence[Prompt], settings: GenerationSettings
    ) -> list[list[Generated]]:
        return [self._answers(prompt, settings.candidates) for prompt in prompts]

    def _answers(self, prompt: Prompt, count: int) -> list[Generated]:
        assert isinstance(prompt, Chat)
        [case] = [
            case
            for case in self.cases
            if any(one.content.endswith(case.input["question"]) for one in prompt.messages)
        ]
        self.asked.append(case.name)
        number = sum(one.role == "assistant" for one in prompt.messages)
        answers = self.right.get(case.name, [])
        text = answers[number] if number < len(answers) else WRONG
        texts = [WRONG if text == "second" else text] * count
        if text == "second":
            texts[1] = case.reference
        texts = [case.reference if text == "right" else text for text in texts]
        return [Generated(text=text, prompt_tokens=5, tokens=2) for text in texts]


def silent(what: str) -> nullcontext[None]:
    return nullcontext()


def run(folder: Path, backend: Scripted, **options: object) -> Figures:
    found = run_engine(
        folder, ["qa"], engine="model", model=backend, limit=4, progress=silent, **options
    )
    assert found is not None
    return found


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return make_cases(["qa"], limit=4)


@pytest.fixture(scope="module")
def ran(cases: list[Case], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Figures]:
    """A run with two answers for each case, of which some are right at once, later or never."""
    one, two, three, _ = (case.name for case in cases)
    backend = Scripted(cases, {one: ["right"], two: ["second"], three: [WRONG, "right"]})
    folder = tmp_path_factory.mktemp("runs") / "run"
    settings = GenerationSettings(candidates=2, temperature=0.5)
    return folder, run(folder, backend, generation=settings, refine=2)


def test_shares_refinement_and_several_answers_are_counted(ran: tuple[Path, Figures]) -> None:
    total = ran[1].total
    assert (total.right.count, total.first.count, total.cases) == (3, 2, 4)
    assert total.gain == 0.25
    assert {k: one.value for k, one in total.pass_at.items()} == {1: 0.375, 2: 0.5}
    assert total.pass_at[1].low <= 0.375 <= total.pass_at[1].high
    assert (total.right.low, total.right.high) == (wilson(3, 4).low, wilson(3, 4).high)


def test_the_oracle_is_right_and_silence_is_not(ran: tuple[Path, Figures]) -> None:
    figures = ran[1]
    assert (figures.total.oracle.share, figures.total.empty.share) == (1.0, 0.0)
    assert figures.unsound == ()


def test_generations_are_judged_again_alike(ran: tuple[Path, Figures]) -> None:
    folder, figures = ran
    (folder / record.FIGURES).unlink()
    assert judged(folder, progress=silent) == figures
    read = record.read(folder / record.FIGURES, Figures)
    assert read == figures


def test_the_report_shows_the_worst_first(ran: tuple[Path, Figures]) -> None:
    folder, _ = ran
    text = (folder / record.REPORT).read_text()
    assert "75.0% of 4 cases" in text
    assert "Ibis has no Table.nothing" not in text.partition("<details>")[0]
    assert text.count("<details>") == 1
    assert [f"attempt {n}, round {(n + 1) // 2}: FAILED" in text for n in range(1, 7)] == [True] * 6


def test_a_run_that_was_killed_goes_on(cases: list[Case], tmp_path: Path) -> None:
    right = {case.name: ["right"] for case in cases}
    whole, first = tmp_path / "whole", Scripted(cases, right)
    one_by_one = GenerationSettings(batch_size=1)
    run(whole, first, generation=one_by_one)
    torn = tmp_path / "torn"
    torn.mkdir()
    for name in (record.RUN, record.CASES):
        (torn / name).write_bytes((whole / name).read_bytes())
    lines = (whole / record.GENERATIONS).read_bytes().splitlines(keepends=True)
    (torn / record.GENERATIONS).write_bytes(lines[0] + lines[1][:20])
    second = Scripted(cases, right)
    found = run(torn, second, generation=one_by_one)
    assert (len(first.asked), len(second.asked)) == (4, 3)
    assert found.total.right.count == 4
    texts = [_texts(folder / record.GENERATIONS) for folder in (whole, torn)]
    assert texts[0] == texts[1]


def _texts(path: Path) -> list[tuple[str, tuple[tuple[Generated, ...], ...]]]:
    return [(one.case, one.rounds) for one in record.read_lines(path, Generation)]


def test_a_folder_with_another_run_is_left_alone(ran: tuple[Path, Figures]) -> None:
    folder, _ = ran
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(IbertError, match="IB931"):
        run(folder, Scripted([], {}), refine=1)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_generating_and_judging_are_apart(cases: list[Case], tmp_path: Path) -> None:
    backend = Scripted(cases, {cases[0].name: ["right"]})
    made = run_engine(
        tmp_path, ["qa"], engine="model", model=backend, limit=2, judge=False, progress=silent
    )
    assert made is None
    assert not (tmp_path / record.SCORED).exists()
    result = CliRunner().invoke(cli, ["eval", "score", str(tmp_path), "--format", "json"])
    found = json.loads(result.stdout)
    assert (found["name"], found["cases"], found["total"]["right"]["count"]) == ("engines", 2, 1)


def test_cases_may_be_given(ran: tuple[Path, Figures], tmp_path: Path) -> None:
    cases = ran[0] / record.CASES
    options = ["--cases", str(cases), "--tasks", "qa", "--limit", "2", "--no-judge"]
    result = CliRunner().invoke(cli, ["eval", "engines", *options, "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert cases.read_bytes().startswith((tmp_path / record.CASES).read_bytes())
    assert len(record.read_lines(tmp_path / record.GENERATIONS, Generation)) == 2


def test_a_reference_that_is_not_right_is_named(ran: tuple[Path, Figures], tmp_path: Path) -> None:
    folder, _ = ran
    for name in (record.RUN, record.GENERATIONS):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    first, *others = record.read_lines(folder / record.CASES, Case)
    broken = msgspec.structs.replace(first, reference=WRONG)
    record.write_lines(tmp_path / record.CASES, [broken, *others])
    result = CliRunner().invoke(cli, ["eval", "score", str(tmp_path)])
    assert result.exit_code == 1
    assert f"{first.name} is not sound: the reference: the answer names none of" in result.stderr


def test_runs_are_compared_case_by_case(ran: tuple[Path, Figures], tmp_path: Path) -> None:
    folder, _ = ran
    for name in (record.RUN, record.CASES):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    rows = record.read_lines(folder / record.SCORED, Scored)
    flipped = [
        msgspec.structs.replace(one, status="FAILED" if one.is_right else "VERIFIED")
        for one in rows
    ]
    record.write_lines(tmp_path / record.SCORED, flipped)
    found = compare(folder, tmp_path)
    assert (len(found.lost), len(found.won), found.p_value) == (3, 1, mcnemar(3, 1))
    result = CliRunner().invoke(cli, ["eval", "compare", str(folder), str(tmp_path)])
    assert result.exit_code == 0
    assert result.stdout.count("lost: qa ") == 3
    assert "p = 0.625" in result.stdout


def test_what_is_no_run_is_refused(tmp_path: Path, ran: tuple[Path, Figures]) -> None:
    with pytest.raises(IbertError, match="IB930"):
        judged(tmp_path, progress=silent)
    with pytest.raises(IbertError, match="IB930"):
        compare(ran[0], tmp_path)
    with pytest.raises(IbertError, match=r"IB932 no task 'q'.*\n.*did you mean 'qa'"):
        run_engine(tmp_path, ["q"], progress=silent)


def test_cases_are_those_of_held_out_structures() -> None:
    made = make_cases(["sql_to_ibis"], limit=3)
    assert [case.id for case in made] == [case.id for case in make_cases(["sql_to_ibis"], limit=3)]
    assert all(is_held_out(structure(case.input["sql"], "").sql, HELD_OUT) for case in made)
    assert len({case.id for case in made}) == 3


def test_options_without_a_command_are_those_of_engines(tmp_path: Path) -> None:
    command = ["eval", "--engine", "compiler", "--tasks", "q", "--out", str(tmp_path)]
    result = CliRunner().invoke(cli, command)
    assert isinstance(result.exception, IbertError)
    assert "no task 'q'" in str(result.exception)
    assert "ibis_sql" in CliRunner().invoke(cli, ["eval", "--help"]).stdout


@pytest.mark.slow
def test_the_compiler_answers_every_task(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        cli, ["eval", "engines", "--limit", "1", "--out", str(tmp_path), "--format", "json"]
    )
    found = json.loads(result.stdout)
    assert set(found["tasks"]) == set(TASKS)
    assert (found["total"]["oracle"]["count"], found["total"]["empty"]["count"]) == (6, 0)
    assert found["total"]["right"]["count"] >= 5
    assert (tmp_path / record.REPORT).stat().st_size > 1_000_000


@given(st.integers(1, 12), st.data())
def test_pass_at_k_is_the_share_of_draws_with_a_right_answer(of: int, data: st.DataObject) -> None:
    from itertools import combinations

    right = data.draw(st.integers(0, of))
    k = data.draw(st.integers(1, min(of, 5)))
    draws = list(combinations([True] * right + [False] * (of - right), k))
    assert pass_at(k, right, of) == pytest.approx(sum(map(any, draws)) / len(draws))


def test_more_answers_than_were_drawn_are_not_guessed() -> None:
    with pytest.raises(ValueError, match="pass@3 cannot be estimated from 2 answers"):
        pass_at(3, 1, 2)


def test_rows_of_a_dataset_are_cases_of_every_task(tmp_path: Path) -> None:
    cases, untold = read_cases(write_rows(tmp_path / "rows.jsonl"))
    assert {case.task for case in cases} == set(TASKS)
    assert untold == 1
    for case in cases:
        with pose(case) as posed:
            assert posed.score(case.reference).verified, case
            assert not posed.score("").verified, case


def test_examples_are_cases(tmp_path: Path) -> None:
    cases, untold = read_cases(write_examples(tmp_path / "train.jsonl", range(20, 23)))
    assert {case.input["sql"][-2:] for case in cases} == {"20", "21", "22"}
    assert (untold, cases[0].tables["users"]["country"]) == (0, "string")


def test_the_folder_of_a_dataset_gives_its_test_split(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "dataset")
    [case], untold = read_cases(folder)
    assert (case.input["question"], untold) == ("What does `Table.count` do?", 1)
    command = ["eval", "engines", "--cases", str(folder), "--no-judge", "--out"]
    result = CliRunner().invoke(cli, [*command, str(tmp_path / "run"), "--tasks", "qa"])
    assert result.exit_code == 0, result.output
    assert "1 rows are left out" in result.stderr
    result = CliRunner().invoke(cli, [*command, str(tmp_path / "no"), "--tasks", "sql_to_ibis"])
    assert "IB932 there are no cases of sql_to_ibis" in str(result.exception)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"task": "qa", "input": "a", "target": "b", "root": "c"}', "IB401 Expected"),
        ('{"id": 3}', "IB930 neither cases"),
        ("no JSON", "IB930 neither cases"),
    ],
)
def test_what_holds_no_cases_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "cases.jsonl"
    path.write_text(text)
    with pytest.raises(IbertError, match=said):
        read_cases(path)
