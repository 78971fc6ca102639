"""How far an answer comes, by the verifier; needs no torch.

`python -m ibert.training.grading FD PARENT` grades answers for a trainer, which may kill it at any
time: what a model writes is read here and run in the sandbox's processes, never in the trainer.
"""

from __future__ import annotations

import enum
import signal
import socket
import sys
import tempfile
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import msgspec

from ibert import fixtures
from ibert.diagnostics import IbertError
from ibert.model.extraction import extract
from ibert.model.prompts import task_prompt
from ibert.sandbox import channel
from ibert.sandbox.kernel import libc
from ibert.verdict import Status, Verdict
from ibert.verifier import Verifier

TASK = "sql_to_ibis"  # whose answers are graded against a query
SEEDS = (0, 1)  # of the rows: evaluations know the first alone
LARGEST = 1 << 24  # bytes of a message
_SHAPED = ("rows", "order")  # differences between results with the right columns


class Grade(enum.StrEnum):
    """How far an answer comes."""

    EQUAL = "equal"
    COLUMNS = "columns"  # their names and types are right
    RUNS = "runs"
    PARSES = "parses"
    NO_CODE = "no_code"
    LIMIT = "limit"  # ran out of time or memory, or took its process down
    KILLED = "killed"  # could not be judged in time
    LOST = "lost"  # took the judge down
    EXPLOIT = "exploit"  # the sandbox's policy refuses it: no expression says such things
    UNUSABLE = "unusable"  # nothing is known: the query itself does not run


# What a model is given for it; None: nothing is learned from the answer.
REWARDS: dict[Grade, float | None] = {
    Grade.EQUAL: 1.0,
    Grade.COLUMNS: 0.5,
    Grade.RUNS: 0.3,
    Grade.PARSES: 0.1,
    Grade.NO_CODE: 0.0,
    Grade.LIMIT: 0.0,
    Grade.KILLED: 0.0,
    Grade.LOST: 0.0,
    Grade.EXPLOIT: -1.0,
    Grade.UNUSABLE: None,
}
_OF_CODES = {
    "IB301": Grade.UNUSABLE,
    "IB302": Grade.PARSES,
    "IB303": Grade.PARSES,
    "IB304": Grade.LIMIT,
    "IB307": Grade.LIMIT,
    "IB308": Grade.EXPLOIT,
}


class Submission(msgspec.Struct, frozen=True):
    """An answer to a query.

    Parameters
    ----------
    sql, dialect
        The query.
    answer
        What a model wrote.
    """

    sql: str
    dialect: str
    answer: str


_EASY = Submission("SELECT country FROM users", "duckdb", "users.select('country')")


class Grader(AbstractContextManager["Grader"]):
    """Grades answers on the fixture tables, and on other rows in them; a context manager.

    Examples
    --------
    >>> sql = "SELECT country FROM users WHERE age > 30"
    >>> answers = ["users.select('country')", "users.filter(_.age > 30).select('country')"]
    >>> with Grader() as grader:
    ...     [grader.grade(Submission(sql, "duckdb", answer)).value for answer in answers]
    ['columns', 'equal']
    """

    def __init__(self) -> None:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            witnesses = []
            for seed in SEEDS:
                place = folder / str(seed)
                place.mkdir()
                witnesses.append(fixtures.write_databases(place, seed))
            self._verifier = stack.enter_context(Verifier(witnesses))
            self._resources = stack.pop_all()

    def __exit__(self, *exception: object) -> None:
        self._resources.close()

    def grade(self, submission: Submission) -> Grade:
        """Say how far an answer comes."""
        code = extract(submission.answer, task_prompt(TASK).language)
        if code is None:
            return Grade.NO_CODE
        try:
            verdict = self._verifier.verify(submission.sql, code, dialect=submission.dialect)
        except IbertError:  # of the query
            return Grade.UNUSABLE
        return grade_of(verdict)


def grade_of(verdict: Verdict) -> Grade:
    """Say how far code comes that has this verdict.

    Examples
    --------
    >>> grade_of(Verdict(status=Status.VERIFIED))
    <Grade.EQUAL: 'equal'>
    """
    if verdict.verified:
        return Grade.EQUAL
    if verdict.status is Status.FAILED:
        return _OF_CODES[verdict.diagnostics[0].code]
    difference = verdict.evidence.difference
    # Without a difference nothing is proved, as where both results are empty.
    return Grade.RUNS if difference and difference.kind not in _SHAPED else Grade.COLUMNS


def main() -> None:
    """Grade what comes over a socket until the other side hangs up."""
    _, descriptor, parent = sys.argv
    libc.end_with_parent(int(parent), signal.SIGKILL)
    with socket.socket(fileno=int(descriptor)) as connection, Grader() as grader:
        # Warms the sandbox, and proves that it works here.
        grade = grader.grade(
            Submission("SELECT user_id FROM users", "duckdb", "users.select('user_id')")
        )
        if grade is not Grade.EQUAL:
            sys.exit(f"a right answer is graded {grade}")
        channel.send(connection, grade.encode())
        decoder = msgspec.msgpack.Decoder(Submission)
        while True:
            try:
                message = channel.receive(connection, limit=LARGEST)
            except channel.ClosedError:
                return
            channel.send(connection, grader.grade(decoder.decode(message)).encode())


if __name__ == "__main__":
    main()
