"""Cases that were made elsewhere: rows of datasets, examples, and the cases of other runs."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from functools import singledispatch
from pathlib import Path
from typing import Any

from ibert.datagen.example import Example, read_examples
from ibert.datagen.factory.reading import holds_rows, read_rows, rows_in
from ibert.datagen.factory.row import Content, Origin, Row, catalog_of
from ibert.diagnostics import Diagnostic, IbertError
from ibert.evaluation.runs import record
from ibert.evaluation.runs.cases import Case, case_of

TEST = "test"  # the split of a dataset that engines are put before
# The questions whose answers show an example; of others nothing tells whether they are right.
WITH_EXAMPLE = ("what", "phrase")

BY_ROOT = ("code_completion", "error_resolution")  # judged by the query that they come from


def read_cases(path: Path) -> tuple[list[Case], int]:
    """Read cases, and say of how many rows nothing tells whether an answer is right.

    Parameters
    ----------
    path
        A file of cases, of rows of `ibert data generate-all` or of examples of
        `ibert data generate`; or the folder of a dataset, of which the split `test` is read.

    Raises
    ------
    IbertError
        The file cannot be read, or a line is none of these.
    """
    if path.is_dir():
        return _parted(row for split, row in read_rows(path) if split == TEST)
    if holds_rows(path):
        return _parted(rows_in(path))
    if _holds_examples(path):
        return _parted(example for _, example in read_examples(path))
    try:
        return record.read_lines(path, Case), 0
    except IbertError as error:
        message = "neither cases, nor rows of a dataset, nor examples"
        hint = "`ibert data generate-all` makes a dataset, `ibert eval engines` cases.jsonl"
        diagnostic = Diagnostic(code="IB930", message=message, source=str(path), hint=hint)
        raise IbertError([diagnostic]) from error


def _parted(sources: Iterable[Row | Example]) -> tuple[list[Case], int]:
    found = [case_from(one) for one in sources]
    cases = [case for case in found if case is not None]
    # Rows of one origin follow each other; hashes do not, so the first ones are as if drawn.
    return sorted(cases, key=lambda case: case.id), len(found) - len(cases)


def _holds_examples(path: Path) -> bool:
    problems: list[Any] = []
    return next(read_examples(path, problems), None) is not None and not problems


@singledispatch
def case_from(source: Any) -> Case | None:
    """Make the case of a row or an example; None where nothing tells whether an answer is right.

    Examples
    --------
    >>> from ibert.datagen.factory.row import row
    >>> origin = Origin(source="api", name="ibis.expr.types.Table.count",
    ...     licence="Apache-2.0", root="", structure="", code_structure="", schema="", database="")
    >>> asked = {"task": "qa", "input": "How many rows?", "target": "`Table.count()`"}
    >>> case_from(row(Content(**asked, variant="what"), origin)).wanted
    ('ibis.expr.types.Table.count',)
    >>> case_from(row(Content(**asked, variant="support"), origin)) is None
    True
    """
    raise TypeError(type(source).__name__)


@case_from.register
def _(source: Row) -> Case | None:
    content, origin = source.content, source.origin
    if content.task == "qa" and content.variant not in WITH_EXAMPLE:
        return None
    if content.task in BY_ROOT and not origin.sql:  # of a dataset that does not say it yet
        return None
    return case_of(
        content.task,
        origin.name,
        features=tuple(filter(None, (content.variant, *origin.features))),
        difficulty=origin.difficulty,
        tables=catalog_of(content.tables).to_dict(),
        reference=content.target,
        **_PARTS[content.task](content, origin),
    )


@case_from.register
def _(source: Example) -> Case | None:
    return case_of(
        source.task,
        source.meta.template,
        features=tuple(source.meta.features),
        difficulty=source.meta.difficulty,
        tables={name: one.schema for name, one in source.context.tables.items()},
        input={"sql": source.input.sql, "dialect": source.dialect},
        reference=source.target.ibis,
    )


def _query(content: Content, _: Origin) -> dict[str, Any]:
    return {"input": {"sql": content.input, "dialect": content.dialect}}


def _code(content: Content, _: Origin) -> dict[str, Any]:
    return {"input": {"code": content.input, "dialect": content.dialect}}


def _gap(content: Content, origin: Origin) -> dict[str, Any]:
    return {"input": {"before": content.input, "after": content.suffix}, "sql": origin.sql}


def _fault(content: Content, origin: Origin) -> dict[str, Any]:
    return {"input": {"code": content.input, "error": content.error}, "sql": origin.sql}


def _question(content: Content, origin: Origin) -> dict[str, Any]:
    return {"input": {"question": content.input}, "wanted": (origin.name,)}


def _function(content: Content, _: Origin) -> dict[str, Any]:
    name = list(_functions(content.input))[-1]
    return {"input": {"code": content.input, "function": name, "style": content.variant}}


def _functions(code: str) -> Iterator[str]:
    yield from (node.name for node in ast.parse(code).body if isinstance(node, ast.FunctionDef))


_PARTS: dict[str, Callable[[Content, Origin], dict[str, Any]]] = {
    "sql_to_ibis": _query,
    "ibis_to_sql": _code,
    "code_completion": _gap,
    "error_resolution": _fault,
    "qa": _question,
    "documentation": _function,
}
