"""Examples of documentation, and questions: a root's function, and what is found out about it."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from ibert.api_index import Entry, api_index
from ibert.datagen.factory.root import Root, Tally
from ibert.datagen.factory.row import Content, Row
from ibert.diagnostics import IbertError
from ibert.documentation import Documenter, Source
from ibert.documentation.description import describe
from ibert.repair.source import Source as Text
from ibert.tasks.sql_to_ibis import sql_to_ibis

DOCUMENTATION, QA = "documentation", "qa"
SHARE = 0.2  # of roots: what is said of the others would differ in names alone
COLUMNS_SHARE = 0.15
STYLES = ("numpy", "google", "sphinx")
_HEAD = "def query("
# How a question begins whose answer is code that does what a docstring says.
_ASKED = (
    "How do I {} in Ibis?",
    "With Ibis, how can I {}?",
    "Write Ibis code to {}.",
    "What is the Ibis way to {}?",
)


def descriptions(root: Root, documenter: Documenter, tally: Tally) -> Iterator[Row]:
    """Yield the function of a root with its docstrings, and a question that the root answers."""
    chance = root.chance(DOCUMENTATION)
    if chance.random() < COLUMNS_SHARE:
        yield _columns_asked(root)
    if chance.random() >= SHARE:
        return
    try:
        answer = sql_to_ibis(
            root.sql, root.catalog, dialect=root.dialect, verify=False, form="function"
        )
        name = _name(root)
        code = answer.code.replace(_HEAD, f"def {name}(", 1)
        source = Source(code, root.catalog)
        styles = chance.sample(STYLES, 2)
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
    description = describe(found[0].inference)
    summary = description.summary.rstrip(".")
    if "`" in summary:
        question = chance.choice(_ASKED).format(summary[:1].lower() + summary[1:])
        yield from _answered(root, f"{question} {description.extended}".rstrip())


def _name(root: Root) -> str:
    """Name a function by what it does to which tables."""
    tables = "_and_".join(table.name.casefold().replace(" ", "_") for table in root.tables[:2])
    shapes = (("group", "summary"), ("window", "ranking"), ("where", "selection"), ("join", "rows"))
    shape = next((name for key, name in shapes if key in root.features), "view")
    return f"{tables}_{shape}"


def _columns_asked(root: Root) -> Row:
    """Ask what columns the code gives."""
    columns = root.program.expr.as_table().schema().items()
    said = "\n".join(f"- `{name}`: {dtype}" for name, dtype in columns)
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
