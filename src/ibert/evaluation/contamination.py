"""What training data must not hold: the structures and the questions of the evaluations."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from importlib.resources import files
from pathlib import Path

from ibert.database import connect
from ibert.datagen.factory.gates import asked
from ibert.datagen.factory.row import hashed
from ibert.datagen.structure import sql_structure
from ibert.diagnostics import IbertError
from ibert.evaluation.benchmarks import TPCDS, TPCH, fill
from ibert.evaluation.qa import QUESTIONS, UNANSWERABLE
from ibert.evaluation.suites import read_cases


def contaminated(cases: Iterable[Path] = ()) -> dict[str, str]:
    """Give the structures and questions of all evaluations, with the names of their cases.

    The suites that are made of the templates are none of them: those are training data.

    Parameters
    ----------
    cases
        Further files of cases: JSON lists of `{"id": …, "sql": …}`.

    Raises
    ------
    IbertError
        The extension of a benchmark is missing, or a file of cases cannot be read.
    """
    found: dict[str, str] = {}
    for name, sql in (*_benchmarks(), *_of_files(cases)):
        try:
            found.setdefault(hashed(sql_structure(sql)), name)
        except IbertError:
            continue  # no query: nothing of it can be in training data
    for question in _questions():
        found.setdefault(asked(question), f"qa: {question}")
    return found


def _benchmarks() -> Iterator[tuple[str, str]]:
    for benchmark in (TPCH, TPCDS):
        with connect(":memory:") as con:
            for name, sql in fill(con, benchmark, benchmark.smallest).items():
                yield f"{benchmark.extension} {name}", sql


def _of_files(paths: Iterable[Path]) -> Iterator[tuple[str, str]]:
    for path in paths:
        for row in read_cases(path):
            yield f"{path.stem} {row.id}", row.sql


def _questions() -> Iterator[str]:
    folder = files("ibert.evaluation")
    yield from tomllib.loads(folder.joinpath(QUESTIONS).read_text(encoding="utf-8"))
    yield from folder.joinpath(UNANSWERABLE).read_text(encoding="utf-8").splitlines()
