"""Examples of questions about Ibis: from its own documentation, with code that ran."""

from __future__ import annotations

import ast
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

from ibert.answers import Found, answer_text, choose, find, rows_table, shown
from ibert.api_index import Entry, api_index
from ibert.datagen.factory.databases import Prover
from ibert.datagen.factory.root import Tally, is_lasting
from ibert.datagen.factory.row import Content, Origin, Row, hashed, row
from ibert.sandbox import Execution, Failure, Profile, Sandbox

TASK = "qa"
LICENCE = "Apache-2.0"  # of Ibis, whose documentation is quoted
SHOW_ROWS = ("what", "phrase", "gives", "template")  # the answers that show what their code gives
WORDS = 4  # of the description of a parameter: a shorter one says nothing


def questions(
    part: int, parts: int, prover: Prover, sandbox: Sandbox, tally: Tally
) -> Iterator[Row]:
    """Yield questions about every so many-th name of Ibis, with their answers."""
    for entry in list(api_index())[part::parts]:
        yield from _about(entry, prover, tally)
        yield from _parameters(entry)
        yield from _support(entry)
        yield from _doctests(entry, sandbox, tally)


def run(code: str, prover: Prover, sandbox: Sandbox, *, apart: bool) -> Execution | Failure:
    """Run code of iBERT's own on the tables, and what others wrote apart, in the sandbox."""
    if not apart:
        return prover.execute(code)
    return sandbox.run(code, profile=Profile.OWN, constants=None)


def _about(entry: Entry, prover: Prover, tally: Tally) -> Iterator[Row]:
    """Ask what a name does, and in words of one's own for what it does."""
    name = _short(entry)
    for asked in _forms()["named"]:
        found = [Found(name, entry, 1.0)]
        yield from _answered(entry, "what", asked.format(name), found, prover, tally)
    for phrase in _phrases().get(name, ()):
        is_verb = phrase.partition(" ")[0] in _forms()["verbs"]
        found = sorted(find(phrase, limit=5), key=lambda item: item.name != name)
        if not found or found[0].name != name:
            tally.reject(TASK, "other names fit the words better")
            continue
        for asked in _forms()["done" if is_verb else "had"]:
            question = asked.format(phrase)
            yield from _answered(entry, "phrase", question, found, prover, tally)


def _answered(
    entry: Entry, variant: str, question: str, found: list[Found], prover: Prover, tally: Tally
) -> Iterator[Row]:
    example = choose({item.name: item.score for item in found})
    if example is None:
        tally.reject(TASK, "no example on the fixture tables")
        return
    outcome = prover.execute(example.module)
    if isinstance(outcome, Failure):
        tally.reject(TASK, "the example fails")
        return
    told = [item for item in found if item is found[0] or item.name in example.names]
    answer = answer_text(told, example, shown(outcome))
    yield _row(entry, variant, question, answer, outcome.raw.table.num_rows)


def _parameters(entry: Entry) -> Iterator[Row]:
    name = _called(entry)
    for item in entry.parameters:
        if len((item.description or "").split()) < WORDS:
            continue
        default = f", by default `{item.default}`" if item.default is not None else ""
        kind = f" (`{item.annotation}`{default})" if item.annotation else ""
        answer = f"**`{item.name}`**{kind}: {item.description.strip()}"
        question = f"What is the parameter `{item.name}` of `{name}` in Ibis?"
        yield _row(entry, "parameter", question, _sourced(answer, entry))


def _support(entry: Entry) -> Iterator[Row]:
    if entry.backends and len(entry.operations) == 1:
        name = _called(entry)
        backends = ", ".join(entry.backends)
        answer = f"`{name}` builds `{entry.operations[0]}`. It compiles on: {backends}."
        question = f"On which SQL backends does `{name}` of Ibis work?"
        yield _row(entry, "support", question, _sourced(answer, entry))


def _doctests(entry: Entry, sandbox: Sandbox, tally: Tally) -> Iterator[Row]:
    """Ask what the examples of the documentation give, as far as they need nothing from outside."""
    before: list[str] = []
    for example in entry.examples:
        statements = ast.parse(example.source).body
        if not statements or not isinstance(statements[-1], ast.Expr):
            before.append(example.source)
            continue
        if not example.output or isinstance(statements[-1].value, ast.Name):
            continue
        code = "\n".join([*before, example.source])
        outcome = sandbox.run(code, profile=Profile.OWN, constants=None)
        if isinstance(outcome, Failure):
            tally.reject(TASK, f"a doctest fails ({outcome.exception or outcome.kind.value})")
            continue
        question = f"What does this Ibis code give?\n\n```python\n{code}\n```"
        answer = rows_table(shown(outcome))
        if not is_lasting(answer):
            tally.reject(TASK, "a doctest gives something else each time")
            continue
        yield _row(entry, "gives", question, _sourced(answer, entry), outcome.raw.table.num_rows)


def _sourced(answer: str, entry: Entry) -> str:
    return f"{answer}\n\nSources: `{entry.path}`\n"


def _called(entry: Entry) -> str:
    """Give the name for a question: methods of a backend are called on a connection."""
    return f"con.{entry.name}" if ".backends." in entry.path else _short(entry)


def _short(entry: Entry) -> str:
    """Give the name that people call an entry by: `Table.filter`, `ibis.literal`."""
    if entry.owner:
        return f"{entry.owner}.{entry.name}"
    return entry.spelling if entry.spelling in api_index() else entry.path


@cache
def _phrases() -> dict[str, list[str]]:
    """Give for each name what people want when they need it."""
    text = files("ibert.answers").joinpath("phrases.toml").read_text(encoding="utf-8")
    found: defaultdict[str, list[str]] = defaultdict(list)
    for topic in tomllib.loads(text).values():
        for name, phrases in topic.items():
            found[name] += phrases
    return dict(found)


@cache
def _forms() -> dict[str, list[str]]:
    """Give how questions are asked, and the verbs that tell one form from another."""
    text = files("ibert.datagen.factory").joinpath("questions.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _row(entry: Entry, variant: str, question: str, answer: str, rows: int = 0) -> Row:
    structure = hashed(f"api {entry.path}")
    origin = Origin(
        source="api",
        name=entry.path,
        licence=LICENCE,
        root=structure,
        structure=structure,
        code_structure="",
        schema="",
        database="fixtures:0",
        operations=entry.operations,
        difficulty="easy",
        rows=rows,
    )
    return row(Content(task=TASK, variant=variant, input=question, target=answer), origin)
