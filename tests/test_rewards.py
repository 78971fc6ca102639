"""Rewards: grades by the verifier, from judges that may be killed at any time."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from dataset_rows import rows

from ibert.diagnostics import Diagnostic
from ibert.evaluation.runs.given import case_from
from ibert.sandbox import SandboxError
from ibert.training.grading import REWARDS, Grade, Grader, Submission, grade_of, translation
from ibert.training.rewards import Graders, Judge
from ibert.verdict import Status, Verdict

CASES = yaml.safe_load(Path(__file__).with_name("data").joinpath("grades.yaml").read_text())
GRADED = yaml.safe_load(
    Path(__file__).with_name("data").joinpath("grades_of_tasks.yaml").read_text()
)
SQL = "SELECT country FROM users WHERE age > 30"
RIGHT = Submission(translation(SQL), "users.filter(_.age > 30).select('country')")
OF_TASKS = {case.task: case for row in rows() if (case := case_from(row))}


def test_answers_are_graded_and_counted() -> None:
    submissions = [
        Submission(translation(case.get("sql", SQL)), case["answer"])
        for case in CASES
        for _ in "ab"
    ]
    wanted = [Grade(case["grade"]) for case in CASES for _ in "ab"]
    with Graders() as graders:
        grades = graders.grades(submissions)
        assert grades == wanted
        assert graders.counts == Counter(wanted)


def test_a_judge_that_is_late_or_lost_is_replaced() -> None:
    with Judge() as judge:
        assert judge.grade(RIGHT, 60) is Grade.EQUAL
        first = judge.pid
        assert judge.grade(RIGHT, 0.0001) is Grade.KILLED
        assert judge.pid is None
        with pytest.raises(ProcessLookupError):
            os.kill(first, 0)
        assert judge.grade(RIGHT, 60) is Grade.EQUAL
        os.kill(judge.pid, signal.SIGKILL)
        assert judge.grade(RIGHT, 60) is Grade.LOST


@pytest.fixture(scope="module")
def grader() -> Iterator[Grader]:
    with Grader() as grader:
        yield grader


@pytest.mark.parametrize("task", OF_TASKS)
def test_answers_of_every_task_are_graded(task: str, grader: Grader) -> None:
    case = OF_TASKS[task]
    graded = {answer: grade for grade, answers in GRADED[task].items() for answer in answers}
    graded[case.reference] = Grade.EQUAL
    found = {answer: grader.grade(Submission(case, answer)) for answer in graded}
    assert found == graded
    assert Grade.EXPLOIT in graded.values()


ENDS = """
import os, signal
from ibert.training.grading import Submission, translation
from ibert.training.rewards import Graders
with Graders() as graders:
    graders.grades([Submission(translation("SELECT country FROM users"), "users")])
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_judges_end_with_the_trainer() -> None:
    process = subprocess.Popen([sys.executable, "-c", ENDS])
    assert process.wait(timeout=180) == -signal.SIGKILL
    until = time.monotonic() + 30
    while children := judges_of(process.pid):
        assert time.monotonic() < until, children
        time.sleep(0.1)


def judges_of(trainer: int) -> list[str]:
    """Give the commands of the judges that were started by a process."""
    commands = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            commands.append(path.read_bytes().replace(b"\0", b" ").decode().strip())
    return [one for one in commands if "training.grading" in one and one.endswith(str(trainer))]


def test_judges_that_do_not_start_stop_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ibert.training.rewards._MODULE", "ibert.training.nothing")
    with Graders() as graders, pytest.raises(SandboxError, match=r"cannot be judged: .*nothing"):
        graders.grades([RIGHT])


def test_the_better_answer_has_the_greater_reward() -> None:
    ranked = [Grade.EXPLOIT, Grade.NO_CODE, Grade.PARSES, Grade.RUNS, Grade.COLUMNS, Grade.EQUAL]
    rewards = [REWARDS[grade] for grade in ranked]
    assert rewards == sorted(set(rewards))
    assert set(REWARDS) == set(Grade)


@pytest.mark.parametrize("code", ["IB301", "IB302", "IB303", "IB304", "IB307", "IB308"])
def test_every_failure_has_a_grade(code: str) -> None:
    failed = Diagnostic(code=code, message="it failed")
    grade_of(Verdict(status=Status.FAILED, diagnostics=(failed,)))
