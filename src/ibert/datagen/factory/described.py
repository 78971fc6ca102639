"""Examples of documentation, and questions: a root's function, and what is found out about it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import ibis.expr.datatypes as dt

from ibert.api_index import Entry, api_index
from ibert.datagen.factory.root import Root, Tally
from ibert.datagen.factory.row import Content, Row
from ibert.datagen.factory.telling import Told, told_of
from ibert.diagnostics import IbertError
from ibert.documentation import Documenter, Source
from ibert.repair.source import Source as Text
from ibert.tasks.sql_to_ibis import sql_to_ibis

DOCUMENTATION, QA = "documentation", "qa"
SHARE = 0.35  # of roots: what is said of the others would differ in names alone
COLUMNS_SHARE, EXPLAINED_SHARE, ASKED_SHARE = 0.15, 0.45, 0.6
STYLES = ("numpy", "google", "sphinx")
_HEAD = "def query("
# How a question begins whose answer is code that does what a sentence says.
_ASKED = (
    "How do I {} in Ibis?",
    "With Ibis, how can I {}?",
    "Write Ibis code to {}.",
    "What is the Ibis way to {}?",
)
_WHAT = (
    "What does this Ibis code do?",
    "Explain this Ibis query.",
    "In plain words, what does this give?",
)


def descriptions(root: Root, documenter: Documenter, tally: Tally) -> Iterator[Row]:
    """Yield questions about a root and that it answers, and its function with its docstrings."""
    told = told_of(root.program)
    chance = root.chance(QA)
    if chance.random() < COLUMNS_SHARE:
        yield _columns_asked(root)
    if chance.random() < EXPLAINED_SHARE and told.is_useful:
        yield _explained(root, told, chance.choice(_WHAT))
    if chance.random() < ASKED_SHARE and told.is_task:
        yield from _answered(root, told.question(chance.choice(_ASKED)))
    if root.chance(DOCUMENTATION).random() < SHARE and told.is_sound:
        yield from _documented(root, documenter, tally)


def _documented(root: Root, documenter: Documenter, tally: Tally) -> Iterator[Row]:
    try:
        answer = sql_to_ibis(
            root.sql, root.catalog, dialect=root.dialect, verify=False, form="function"
        )
        name = _name(root)
        code = answer.code.replace(_HEAD, f"def {name}(", 1)
        source = Source(code, root.catalog)
        styles = root.chance(f"{DOCUMENTATION} styles").sample(STYLES, 2)
        found = documenter.documents(source, source.function(name), styles)
    except IbertError as error:
        tally.reject(DOCUMENTATION, error.diagnostics[0].code)
        return
    for style, docstring in zip(styles, found, strict=True):
        if docstring.findings or not docstring.ran:
            tally.reject(DOCUMENTATION, docstring.findings[0].code)
            continue
        yield root.row(
            Content(
                task=DOCUMENTATION,
                variant=style,
                tables=root.tables,
                input=code,
                target=docstring.text,
            )
        )


def _name(root: Root) -> str:
    """Name a function by what it does to which tables."""
    tables = "_and_".join(table.name.casefold().replace(" ", "_") for table in root.tables[:2])
    shapes = (("group", "summary"), ("window", "ranking"), ("where", "selection"), ("join", "rows"))
    shape = next((name for key, name in shapes if key in root.features), "view")
    return f"{tables}_{shape}"


def _columns_asked(root: Root) -> Row:
    """Ask what columns the code gives."""
    columns = root.program.expr.as_table().schema().items()
    said = "\n".join(column_said(name, dtype) for name, dtype in columns)
    code = root.code.rstrip()
    return root.row(
        Content(
            task=QA,
            variant="columns",
            tables=root.tables,
            input=f"Which columns does this Ibis code give?\n\n```python\n{code}\n```",
            target=f"The columns, with their types:\n\n{said}\n",
        )
    )


def column_said(name: str, dtype: dt.DataType) -> str:
    """Say a column and its type.

    Examples
    --------
    >>> column_said("a", dt.Int64(nullable=False))
    '- `a`: int64, never NULL'
    """
    never = "" if dtype.nullable else ", never NULL"
    return f"- `{name}`: {str(dtype).removeprefix('!')}{never}"


def _explained(root: Root, told: Told, question: str) -> Row:
    return root.row(
        Content(
            task=QA,
            variant="explained",
            tables=root.tables,
            input=f"{question}\n\n```python\n{root.code.rstrip()}\n```",
            target=told.text() + "\n",
        )
    )


def _answered(root: Root, question: str) -> Iterator[Row]:
    entries = list(_entries(root))
    if not entries:
        return
    used = [f"- `{name}`: {entry.summary.strip()}" for name, entry in entries if entry.summary]
    sources = ", ".join(f"`{entry.path}`" for _, entry in entries)
    parts = [f"```python\n{root.code.rstrip()}\n```", "It uses:\n" + "\n".join(used)]
    yield root.row(
        Content(
            task=QA,
            variant="how_to",
            tables=root.tables,
            input=question,
            target="\n\n".join([*parts, f"Sources: {sources}"]) + "\n",
        )
    )


def _entries(root: Root) -> Iterator[tuple[str, Entry]]:
    """Yield the methods that the code calls, in order, each once."""
    index, seen = api_index(), set[str]()
    values = root.program.reading.values
    source = Text(root.code, root.program.reading.module)
    calls = [node for node in values if isinstance(node, ast.Call)]
    for call in sorted(calls, key=source.end):
        if not isinstance(call.func, ast.Attribute):
            continue
        receiver = values.get(call.func.value)
        owners = [kind.__name__ for kind in type(receiver).__mro__]
        for name in (f"{owner}.{call.func.attr}" for owner in owners):
            entry = index.get(name)
            if entry is not None:
                if entry.path not in seen:
                    seen.add(entry.path)
                    yield name, entry
                break
