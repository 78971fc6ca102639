"""Cases for engines: inputs of the six tasks, each with a reference answer.

They are made from the templates whose structure is held out, and from the questions about Ibis.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import random
import tempfile
import tokenize
import tomllib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache
from importlib.resources import files
from itertools import count, islice
from pathlib import Path
from string import Template as Text

import msgspec

from ibert import fixtures
from ibert.answers import choose
from ibert.catalog import Catalog
from ibert.datagen.mutation.faults import FAULTS, mutants
from ibert.datagen.mutation.sample import Sample
from ibert.datagen.sql2ibis import load_templates, render
from ibert.datagen.sql2ibis.render import Pair
from ibert.datagen.structure import is_held_out, structure
from ibert.diagnostics import IbertError
from ibert.evaluation.qa import QUESTIONS
from ibert.sandbox import Failure, FailureKind, Profile
from ibert.tasks.documentation import document
from ibert.tasks.sql_to_ibis import sql_to_ibis
from ibert.verifier import Verifier

HELD_OUT = 0.05  # of the structures: what training holds out if nothing else is said


class Case(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One input of a task.

    Parameters
    ----------
    id
        A hash of what follows but the name.
    task
        The task.
    name
        Where it is from, for people.
    features
        What it is about, the most telling first.
    difficulty
        `easy`, `medium` or `hard`; empty where nobody said.
    input
        What is given, by name.
    tables
        Those that the input is about.
    reference
        An answer that is right.
    wanted
        Names of which an answer gives one, for questions.
    sql
        The query that a right answer equals, for tasks whose input does not say it.
    """

    id: str
    task: str
    name: str
    features: tuple[str, ...]
    difficulty: str
    input: dict[str, str]
    tables: dict[str, dict[str, str]]
    reference: str
    wanted: tuple[str, ...] = ()
    sql: str = ""

    @property
    def catalog(self) -> Catalog:
        """Its tables."""
        return Catalog.from_dict(self.tables)


def make_cases(tasks: Iterable[str], *, limit: int = 20, seed: int = 0) -> list[Case]:
    """Make cases of tasks, so many of each at most.

    Parameters
    ----------
    tasks
        Which.
    limit
        How many of each.
    seed
        Chooses among them, and where faults and gaps are.

    Examples
    --------
    >>> [case] = make_cases(["qa"], limit=1)
    >>> sorted(case.input)
    ['question']
    """
    pairs, found = _Remembered(_pairs(seed)), []
    for task in tasks:
        dice = random.Random(f"{seed} {task}")
        found += list(islice(_MAKERS[task](pairs, dice), limit))
    return found


class _Remembered(Iterable[Pair]):
    """Pairs that are made once, as far as somebody asks for them."""

    def __init__(self, pairs: Iterator[Pair]) -> None:
        self._pairs = pairs
        self._made: list[Pair] = []

    def __iter__(self) -> Iterator[Pair]:
        for number in count():
            if number == len(self._made):
                self._made += islice(self._pairs, 1)
            if number == len(self._made):
                return
            yield self._made[number]


def case_of(task: str, name: str, **parts: object) -> Case:
    """Make a case of its parts: see `Case`."""
    given = {"features": (), "difficulty": "", "tables": {}, **parts}
    content = msgspec.json.encode([task, given], order="sorted")
    id_ = hashlib.sha256(content).hexdigest()[:16]
    return msgspec.convert({"id": id_, "task": task, "name": name, **given}, Case)


def _case(task: str, name: str, source: Pair | None, **parts: object) -> Case:
    if source is None:
        return case_of(task, name, **parts)
    template = source.template
    known = {"features": template.features, "difficulty": template.difficulty}
    return case_of(task, name, **{**known, "tables": dict(_schemas(source.tables)), **parts})


def _schemas(tables: Iterable[str]) -> Iterator[tuple[str, dict[str, str]]]:
    schemas = _catalog().to_dict()
    yield from ((table, schemas[table]) for table in tables)


@cache
def _catalog() -> Catalog:
    return Catalog.from_ddl(fixtures.SCHEMA_SQL)


def _pairs(seed: int) -> Iterator[Pair]:
    """Yield a pair of a held-out structure from each template that has one, in a seeded order."""
    templates = [one for one in load_templates(catalog=_catalog()) if one.dialect == "duckdb"]
    random.Random(seed).shuffle(templates)
    for template in templates:
        for variation in template.variations:
            values = {name: value.sql for name, value in variation.params.items()}
            sql = Text(template.sql).substitute(values)
            if is_held_out(structure(sql, "").sql, HELD_OUT):
                with contextlib.suppress(IbertError):  # alone, it may leave out a table
                    yield from render([replace(template, variations=(variation,))])
                    break


def _translations(pairs: Iterable[Pair], _: random.Random) -> Iterator[Case]:
    for pair in pairs:
        given = {"sql": pair.sql, "dialect": "duckdb"}
        yield _case("sql_to_ibis", pair.template.name, pair, input=given, reference=pair.ibis)


def _compilations(pairs: Iterable[Pair], _: random.Random) -> Iterator[Case]:
    for pair in pairs:
        given = {"code": pair.ibis, "dialect": "duckdb"}
        yield _case("ibis_to_sql", pair.template.name, pair, input=given, reference=pair.sql)


def _gaps(pairs: Iterable[Pair], dice: random.Random) -> Iterator[Case]:
    """Cut a name of a method or a string out of the last statement of code."""
    for pair in pairs:
        places = list(_tokens(pair.ibis))
        if places:
            start, end, feature = dice.choice(places)
            given = {"before": pair.ibis[:start], "after": pair.ibis[end:]}
            yield _case(
                "code_completion",
                pair.template.name,
                pair,
                features=(feature,),
                input=given,
                reference=pair.ibis[start:end],
                sql=pair.sql,
            )


def _tokens(code: str) -> Iterator[tuple[int, int, str]]:
    """Yield where methods and strings stand in what `expr` is made of."""
    begin = code.rindex("expr = ")
    lines = [0]
    for line in io.StringIO(code):
        lines.append(lines[-1] + len(line))
    before = ""
    for item in tokenize.generate_tokens(io.StringIO(code).readline):
        start, end = (lines[row - 1] + column for row, column in (item.start, item.end))
        if start > begin:
            if item.type == tokenize.STRING:
                yield start, end, "string"
            elif item.type == tokenize.NAME and before == ".":
                yield start, end, "attribute"
        before = item.string


def _faults(pairs: Iterable[Pair], dice: random.Random) -> Iterator[Case]:
    """Put a fault into code; the error is the one that running it raised."""
    kinds = list(FAULTS)
    with tempfile.TemporaryDirectory() as folder:
        paths = [fixtures.write_databases(Path(folder))]
        with Verifier(paths, profile=Profile.OWN) as verifier:
            for number, pair in enumerate(pairs):
                sample = Sample(pair.ibis, _catalog(), str(dice.random()))
                rotated = kinds[number % len(kinds) :] + kinds[: number % len(kinds)]
                found = next(_raising(sample, rotated, verifier.execute), None)
                if found is not None:
                    kind, code, error = found
                    yield _case(
                        "error_resolution",
                        pair.template.name,
                        pair,
                        features=(kind,),
                        input={"code": code, "error": error},
                        reference=pair.ibis,
                        sql=pair.sql,
                    )


def _raising(
    sample: Sample, kinds: Iterable[str], execute: Callable[[str], object]
) -> Iterator[tuple[str, str, str]]:
    for kind in kinds:
        for code in mutants(sample, kind)[:2]:
            outcome = execute(code)
            if isinstance(outcome, Failure) and outcome.kind is FailureKind.RAISED:
                yield kind, code, f"{outcome.exception}: {outcome.message}"


def _questions(_: Iterable[Pair], dice: random.Random) -> Iterator[Case]:
    """Take the questions to whose answer there is an example."""
    text = files("ibert.evaluation").joinpath(QUESTIONS).read_text(encoding="utf-8")
    questions = list(tomllib.loads(text).items())
    dice.shuffle(questions)
    for question, names in questions:
        for name in names:
            example = choose({name: 1.0})
            if example is not None:
                reference = f"Use `{name}`.\n\n```python\n{example.module.rstrip()}\n```"
                given = {"question": question}
                yield _case("qa", question, None, input=given, reference=reference, wanted=names)
                break


def _functions(pairs: Iterable[Pair], _: random.Random) -> Iterator[Case]:
    """Take queries as functions; the reference is what the compiler documents them with."""
    for pair in pairs:
        tables = dict(_schemas(pair.tables))
        try:
            code = sql_to_ibis(pair.sql, tables, form="function", verify=False).code
            answer = document(code, "query", tables)
        except IbertError:
            continue
        if answer.verdict.verified:
            given = {"code": code, "function": "query", "style": "numpy"}
            reference = answer.code.rstrip("\n")
            yield _case("documentation", pair.template.name, pair, input=given, reference=reference)


_MAKERS: dict[str, Callable[[Iterable[Pair], random.Random], Iterator[Case]]] = {
    "sql_to_ibis": _translations,
    "ibis_to_sql": _compilations,
    "code_completion": _gaps,
    "error_resolution": _faults,
    "qa": _questions,
    "documentation": _functions,
}
TASKS = tuple(_MAKERS)
