"""How far an answer comes, by the verifier; needs no torch.

`python -m ibert.training.grading FD PARENT` grades answers for a trainer, which may kill it at any
time: what a model writes is read here and run in the sandbox's processes, never in the trainer.
"""

from __future__ import annotations

import doctest
import enum
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import msgspec
from sqlglot import exp

from ibert import fixtures
from ibert.answers.claims import examples_in
from ibert.catalog import Catalog
from ibert.compilation import target_of
from ibert.diagnostics import IbertError
from ibert.evaluation.runs.cases import Case, case_of
from ibert.evaluation.runs.posing import Posed, pose
from ibert.model.extraction import extract
from ibert.model.prompts import task_prompt
from ibert.sandbox import Code, Profile, channel
from ibert.sandbox.database import TABLE_FUNCTIONS
from ibert.sandbox.kernel import libc
from ibert.sandbox.policy import PolicyError, check
from ibert.sql import parse_query
from ibert.tasks.code_completion import filled
from ibert.verdict import Status, Verdict
from ibert.verifier import Verifier

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
# What failed, by the code of the first diagnostic; otherwise it parses, and no more.
_OF_CODES = {
    "IB301": Grade.UNUSABLE,
    "IB304": Grade.LIMIT,
    "IB307": Grade.LIMIT,
    "IB308": Grade.EXPLOIT,
}
# Of docstrings: the example fails, a claim is not so, the style has a fault.
_OF_DOCSTRINGS = {"IB856": Grade.PARSES, "IB858": Grade.RUNS, "IB857": Grade.COLUMNS}
# Of a task whose answers are SQL, it is the other side that fails with these.
_OF_SQL = {
    "IB301": Grade.PARSES,
    "IB302": Grade.UNUSABLE,
    "IB303": Grade.UNUSABLE,
    "IB304": Grade.LIMIT,
    "IB307": Grade.LIMIT,
    "IB308": Grade.UNUSABLE,
}


class Submission(msgspec.Struct, frozen=True):
    """An answer to a case.

    Parameters
    ----------
    case
        What was asked.
    answer
        What a model wrote.
    """

    case: Case
    answer: str


class Grader(AbstractContextManager["Grader"]):
    """Grades answers of all tasks; a context manager.

    Code over the fixture tables runs on these, and on other rows in them. For all else rows are
    made, and kept until another case comes.

    Parameters
    ----------
    seeds
        Of the rows in the fixture tables.

    Examples
    --------
    >>> answers = ["users.select('country')", "users.filter(_.age > 30).select('country')"]
    >>> case = translation("SELECT country FROM users WHERE age > 30")
    >>> with Grader() as grader:
    ...     [grader.grade(Submission(case, answer)).value for answer in answers]
    ['columns', 'equal']
    """

    def __init__(self, seeds: Sequence[int] = SEEDS) -> None:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            witnesses = []
            for seed in seeds:
                place = folder / str(seed)
                place.mkdir()
                witnesses.append(fixtures.write_databases(place, seed))
            self._verifier = stack.enter_context(Verifier(witnesses))
            self._fixtures = Catalog.from_ddl(fixtures.SCHEMA_SQL).to_dict().items()
            self._posed: tuple[str, Posed] | None = None
            self._case = stack.enter_context(ExitStack())
            self._resources = stack.pop_all()

    def __exit__(self, *exception: object) -> None:
        self._resources.close()

    def grade(self, submission: Submission) -> Grade:
        """Say how far an answer comes."""
        case = submission.case
        answer = _extracted(case, submission.answer)
        if answer is None or not answer.strip():
            return Grade.NO_CODE
        if _reaches_out(case, answer):
            return Grade.EXPLOIT
        try:
            return self._judged(case, answer)
        except IbertError:  # of the case: what is wrong with an answer is in its verdict
            return Grade.UNUSABLE

    def _judged(self, case: Case, answer: str) -> Grade:
        if case.task in _BY_QUERY and case.tables.items() <= self._fixtures:
            sql, dialect, code = _BY_QUERY[case.task](case, answer)
            return grade_of(self._verifier.verify(sql, code, dialect=dialect), case.task)
        posed = self._open(case)
        grade = grade_of(posed.score(answer), case.task)
        if case.task == "qa" and grade is Grade.PARSES and posed.problem.judge(answer).verified:
            return Grade.RUNS  # its example does, but it is about something else
        return grade

    def _open(self, case: Case) -> Posed:
        """Give what judges the answers to a case; a model's answers to one follow each other."""
        if self._posed is None or self._posed[0] != case.id:
            self._posed = None
            self._case.close()
            self._posed = case.id, self._case.enter_context(pose(case))
        return self._posed[1]


def translation(sql: str, dialect: str = "duckdb") -> Case:
    """Make the case of a query on the fixture tables."""
    return case_of("sql_to_ibis", "query", input={"sql": sql, "dialect": dialect}, reference="")


# The query that code has to give the rows of, its dialect, and the code with an answer in it.
_BY_QUERY: dict[str, Callable[[Case, str], tuple[str, str, str]]] = {
    "sql_to_ibis": lambda case, text: (case.input["sql"], case.input["dialect"], text),
    "error_resolution": lambda case, text: (case.sql, "duckdb", text),
    "code_completion": lambda case, text: (
        case.sql,
        "duckdb",
        filled(case.input["before"], text, case.input["after"]),
    ),
}


def _extracted(case: Case, answer: str) -> str | None:
    language = task_prompt(case.task).language
    if language != "sql":
        return extract(answer, language)
    return extract(answer, language, target_of(case.input["dialect"]).read_as)


def _reaches_out(case: Case, answer: str) -> bool:
    """Whether an answer reaches for what is outside its tables, where no verdict says so."""
    match case.task:
        case "ibis_to_sql":
            query = parse_query(answer, target_of(case.input["dialect"]).read_as)
            return any(map(_is_file, query.find_all(exp.Table)))
        case "qa":
            return any(map(_is_refused, examples_in(answer)[-1:]))
        case "documentation":
            return _is_refused("".join(_doctests(answer)))
    return False


def _is_file(table: exp.Table) -> bool:
    """Whether a table is a file, or a function that is not of its arguments alone."""
    if isinstance(table.this, exp.Func):
        name = table.this.name or table.this.sql_name()
        return name.casefold() not in TABLE_FUNCTIONS
    return "/" in table.name or Path(table.name).suffix in (".csv", ".json", ".parquet")


def _is_refused(code: str) -> bool:
    try:
        check(Code(code, Profile.OWN, None))
    except PolicyError:
        return True
    except SyntaxError:
        return False
    return False


def _doctests(text: str) -> list[str]:
    try:
        return [one.source for one in doctest.DocTestParser().get_examples(text)]
    except ValueError:  # prompts that are not indented alike
        return []


def grade_of(verdict: Verdict, task: str = "sql_to_ibis") -> Grade:
    """Say how far an answer comes that has this verdict.

    Examples
    --------
    >>> grade_of(Verdict(status=Status.VERIFIED))
    <Grade.EQUAL: 'equal'>
    """
    if verdict.verified:
        return Grade.EQUAL
    if verdict.status is Status.FAILED:
        codes = [one.code for one in verdict.diagnostics]
        if task == "documentation":
            return next(grade for code, grade in _OF_DOCSTRINGS.items() if code in codes)
        known = _OF_SQL if task == "ibis_to_sql" else _OF_CODES
        return known.get(codes[0], Grade.PARSES)
    if task == "ibis_to_sql" and verdict.evidence.sql is None:
        return Grade.PARSES  # DuckDB cannot run SQL of this dialect
    difference = verdict.evidence.difference
    # Without a difference nothing is proved, as where both results are empty.
    return Grade.RUNS if difference and difference.kind not in _SHAPED else Grade.COLUMNS


def main() -> None:
    """Grade what comes over a socket until the other side hangs up."""
    _, descriptor, parent = sys.argv
    libc.end_with_parent(int(parent), signal.SIGKILL)
    with socket.socket(fileno=int(descriptor)) as connection, Grader() as grader:
        # Warms the sandbox, and proves that it works here.
        easy = Submission(translation("SELECT user_id FROM users"), "users.select('user_id')")
        grade = grader.grade(easy)
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
