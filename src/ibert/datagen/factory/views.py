"""Rows as models are trained on them: a conversation, or a prompt and its completion."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from ibert.datagen.factory.reading import read_rows
from ibert.datagen.factory.row import Content, Row
from ibert.files import written_whole
from ibert.model.prompts import described, task_prompt
from ibert.tasks.code_completion import MARK

Message = dict[str, str]


def chat(row: Row) -> list[Message]:
    """Give a row as messages, with the prompt that models are asked with.

    Examples
    --------
    >>> from ibert.datagen.factory.row import Origin, row
    >>> origin = Origin(source="api", name="Table.count", licence="Apache-2.0", root="",
    ...     structure="", code_structure="", schema="", database="")
    >>> one = row(Content(task="qa", input="How many rows?", target="`Table.count()`"), origin)
    >>> [message["role"] for message in chat(one)]
    ['system', 'user', 'assistant']
    """
    content = row.content
    prompt = task_prompt(content.task)
    asked = prompt.chat(fields(content)).messages
    messages = [asked[0], asked[-1]]  # the examples between them are for models without training
    found = [{"role": str(one.role), "content": one.content} for one in messages]
    return [*found, {"role": "assistant", "content": answer(content)}]


def prompt_completion(row: Row) -> dict[str, list[Message]]:
    """Give a row as what is said to a model, and what it should say."""
    messages = chat(row)
    return {"prompt": messages[:-1], "completion": messages[-1:]}


VIEWS: dict[str, Callable[[Row], dict[str, Any]]] = {
    "chat": lambda row: {"messages": chat(row)},
    "prompt-completion": prompt_completion,
}


def write_view(dataset: Path, view: str, output: Path) -> dict[str, int]:
    """Write a dataset in a view: one file of JSON lines for each split; give their lines.

    Parameters
    ----------
    dataset
        The folder of a dataset.
    view
        A key of `VIEWS`.
    output
        The folder to write to.
    """
    counts: dict[str, int] = {}
    for split in ("train", "validation", "test"):
        with written_whole(output / f"{split}.jsonl") as file:
            for line in _lines(dataset, view, split):
                file.write(line)
                counts[split] = counts.get(split, 0) + 1
    return counts


def _lines(dataset: Path, view: str, wanted: str) -> Iterator[bytes]:
    for split, row in read_rows(dataset):
        if split == wanted:
            values = {"id": row.id, "task": row.content.task, **VIEWS[view](row)}
            yield msgspec.json.encode(values) + b"\n"


def fields(content: Content) -> dict[str, str]:
    """Give what the prompt of a task asks for."""
    schemas = {table.name: {c.name: c.type for c in table.columns} for table in content.tables}
    tables = described(schemas) if schemas else "-"
    match content.task:
        case "sql_to_ibis":
            return {"tables": tables, "dialect": content.dialect, "sql": content.input}
        case "ibis_to_sql":
            return {"tables": tables, "dialect": content.dialect, "code": content.input}
        case "code_completion":
            return {"tables": tables, "code": f"{content.input}{MARK}{content.suffix}"}
        case "error_resolution":
            return {"tables": tables, "error": content.error, "code": content.input}
        case "documentation":
            return {"style": content.variant, "code": content.input}
    question = f"{content.input}\n\nTables:\n{tables}" if schemas else content.input
    return {"sources": "-", "question": question}


def answer(content: Content) -> str:
    """Give the target as a model says it."""
    language = task_prompt(content.task).language
    return content.target if language == "text" else content.target.strip()
