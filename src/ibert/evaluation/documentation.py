"""How many functions over tables get a docstring that is valid, with an example that runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from ibert.catalog import Catalog
from ibert.diagnostics import IbertError
from ibert.documentation import Documenter, Source
from ibert.documents import read_text
from ibert.evaluation.suites import Suite
from ibert.tasks.documentation import TASK
from ibert.tasks.sql_to_ibis import sql_to_ibis

STYLES = ("numpy", "google", "sphinx")

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Function:
    """A function to document, in its module."""

    name: str
    suite: str
    source: Source
    function: str


class Fault(msgspec.Struct, frozen=True):
    """Why a docstring does not count."""

    case: str
    style: str
    reason: str


class Documented(msgspec.Struct, frozen=True, kw_only=True):
    """What came out.

    Parameters
    ----------
    name
        The task.
    cases
        How many functions there were.
    valid
        Of how many the docstrings of all styles pass their validator, and their examples run.
    doctests
        How many docstrings have an example that ran, over all styles.
    rows
        Of how many functions the example shows rows.
    styles
        How many docstrings of a style are valid.
    refused
        How many functions cannot be told without running them.
    faults
        What is wrong with the others.
    """

    name: str
    cases: int
    valid: int
    doctests: int
    rows: int
    styles: dict[str, int]
    refused: int
    faults: tuple[Fault, ...]


def functions_of_suite(suite: Suite) -> Iterator[Function]:
    """Give the queries of a suite as functions over its tables, as `ibert to-ibis` writes them."""
    for case in suite.cases:
        try:
            answer = sql_to_ibis(
                case.sql, suite.catalog, dialect=case.dialect, verify=False, form="function"
            )
            source = Source(answer.code, suite.catalog)
        except IbertError:
            continue  # what is not translated is no function
        if any(item.name == "query" for item in source.functions()):
            yield Function(case.name, suite.name, source, "query")


def functions_of_file(path: Path, catalog: Catalog | None = None) -> Iterator[Function]:
    """Give the functions over tables of a file."""
    source = Source(read_text(path), catalog, str(path))
    for function in source.functions():
        yield Function(function.name, path.stem, source, function.name)


def document_all(functions: Iterable[Function], *, progress: Progress | None = None) -> Documented:
    """Document functions in each style, and count."""
    cases = list(functions)
    styles = dict.fromkeys(STYLES, 0)
    valid = doctests = rows = refused = 0
    faults: list[Fault] = []
    with Documenter() as documenter:
        for number, case in enumerate(cases, 1):
            try:
                function = case.source.function(case.function)
                made = documenter.documents(case.source, function, list(STYLES))
            except IbertError as error:
                refused += 1
                faults.append(Fault(case.name, "", str(error.diagnostics[0])))
                continue
            finally:
                if progress is not None:
                    progress(number, len(cases))
            valid += not any(docstring.findings for docstring in made)
            rows += made[0].rows > 0
            for style, docstring in zip(STYLES, made, strict=True):
                doctests += docstring.ran
                styles[style] += not docstring.findings
                faults += [Fault(case.name, style, str(one)) for one in docstring.findings]
    return Documented(
        name=TASK,
        cases=len(cases),
        valid=valid,
        doctests=doctests,
        rows=rows,
        styles=styles,
        refused=refused,
        faults=tuple(faults),
    )
