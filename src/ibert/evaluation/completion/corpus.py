"""Real Ibis code that completion is counted and measured on, and the cuts through it."""

from __future__ import annotations

import ast
import hashlib
import io
import keyword
import tokenize
from collections.abc import Iterable, Iterator
from functools import cache
from string import Template as Text
from typing import NamedTuple

from ibert import fixtures
from ibert.api_index import api_index
from ibert.api_index.introspection import public_classes
from ibert.catalog import Catalog
from ibert.completion.candidates import quoted
from ibert.completion.vocabulary import parameters, type_names
from ibert.datagen.sql2ibis import load_templates
from ibert.datagen.sql2ibis.module import as_module
from ibert.interpreter import UNKNOWN, Reading, read

VARIATIONS = 4  # of each template


class Source(NamedTuple):
    """A piece of code; what is alike has one name."""

    name: str
    code: str
    catalog: Catalog


class Cut(NamedTuple):
    """A place in code before a token, and the token that stands there.

    Attributes
    ----------
    source
        The code.
    offset
        Where the token begins; of a string, where its text begins.
    token
        The token; a string in double quotes.
    known
        Whether what it names exists before it: in the code, in the catalog, in Ibis or in Python.
    """

    source: Source
    offset: int
    token: str
    known: bool


def sources() -> list[Source]:
    """Give the examples of Ibis' documentation, and code of the templates."""
    return [*_doctests(), *_templates()]


def _doctests() -> Iterator[Source]:
    empty = Catalog({})
    for entry in api_index():
        code = "\n".join(example.source for example in entry.examples)
        if code:
            yield Source(entry.path, code, empty)


def _templates() -> Iterator[Source]:
    catalog = Catalog.from_ddl(fixtures.SCHEMA_SQL)
    for template in load_templates(catalog=catalog):
        step = max(1, len(template.variations) // VARIATIONS)
        for variation in template.variations[::step][:VARIATIONS]:
            values = {name: value.ibis for name, value in variation.params.items()}
            code = as_module(Text(template.ibis).substitute(values), template.context)
            yield Source(template.name, code, catalog)


def fold_of(source: Source, folds: int) -> int:
    """Give the part of the code that a source is in: all of one name are in one."""
    digest = hashlib.sha256(source.name.encode()).digest()
    return int.from_bytes(digest[:4]) % folds


def cuts(found: Iterable[Source]) -> Iterator[Cut]:
    """Yield a cut before each name and string of statements that can be read, each asked once."""
    asked: set[str] = set()
    for source in found:
        try:
            reading = read(source.code, source.catalog)
        except SyntaxError:
            continue
        bad = {id(problem.node) for problem in reading.problems}
        for statement in reading.module.body:
            text = ast.unparse(statement)
            if text in asked or not _is_read(statement, reading, bad):
                continue
            asked.add(text)
            yield from _cuts_in(source, statement)


def _is_read(statement: ast.stmt, reading: Reading, bad: set[int]) -> bool:
    """Whether a statement has a value that is known, or imports."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return True
    value = getattr(statement, "value", None)
    if not isinstance(value, ast.expr) or any(id(node) in bad for node in ast.walk(statement)):
        return False
    return reading.values.get(value, UNKNOWN) is not UNKNOWN


def _cuts_in(source: Source, statement: ast.stmt) -> Iterator[Cut]:
    lines = [0]
    for line in io.StringIO(source.code):
        lines.append(lines[-1] + len(line))
    earlier: set[str] = set(_words_of_catalog(source.catalog))
    first, last = statement.lineno, statement.end_lineno or statement.lineno
    for item in tokenize.generate_tokens(io.StringIO(source.code).readline):
        if item.type not in (tokenize.NAME, tokenize.STRING):
            continue
        offset = lines[item.start[0] - 1] + item.start[1]
        name = item.string
        if item.type == tokenize.STRING:
            if item.string[0] not in "\"'" or item.string[:3] in ('"""', "'''"):
                continue
            offset += 1
            name = ast.literal_eval(item.string)
        known = name in earlier or name in _words_of_ibis() or keyword.iskeyword(name)
        earlier.add(name)
        if first <= item.start[0] <= last:
            yield Cut(source, offset, quoted(name) if item.type == tokenize.STRING else name, known)


def _words_of_catalog(catalog: Catalog) -> Iterator[str]:
    for name, schema in catalog.tables.items():
        yield name
        yield from schema


@cache
def _words_of_ibis() -> frozenset[str]:
    """Give the names that Ibis has, and the texts that its parameters take."""
    found = {"_", "ibis", "s", "selectors", *type_names()}
    for entry in api_index():
        found |= {entry.name, *(item.name.lstrip("*") for item in entry.parameters)}
    for kind in public_classes().values():
        for name in dir(kind):
            for item in parameters(getattr(kind, name)):
                found.update(item.options)
    return frozenset(found)
