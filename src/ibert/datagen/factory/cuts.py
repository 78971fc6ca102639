"""Examples of completion: a root's code with a part of it taken out."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import NamedTuple

import ibis.expr.types as ir

from ibert.datagen.factory.root import Root
from ibert.datagen.factory.row import Content, Row
from ibert.datagen.factory.telling import told_of
from ibert.repair.source import Source

TASK = "code_completion"
SHORTEST = 3  # characters of what is taken out
COMMENTED = 0.6  # the share of code above which its purpose is said


class Cut(NamedTuple):
    """A part of code that is taken out, from one offset to another."""

    variant: str
    start: int
    end: int
    whole: bool = False  # nothing is left that says what it might be


def completions(root: Root) -> Iterator[Row]:
    """Yield one cut of each sort: the rest of the code, an expression, a step of a chain, a token.

    The whole ran, and every part that is taken out has a value of a known type. Above some of it a
    comment says what it does.
    """
    place, comment = _start(root), told_of(root.program).comment()
    for variant, find in _SORTS.items():
        chance = root.chance(f"{TASK} {variant}")
        above = comment if chance.random() < COMMENTED else ""
        found = [
            cut
            for cut in find(root)
            if cut.end - cut.start >= SHORTEST and cut.start >= place and (above or not cut.whole)
        ]
        if found:
            cut = chance.choice(found)
            yield root.row(
                Content(
                    task=TASK,
                    variant=cut.variant,
                    tables=root.tables,
                    input=root.code[:place] + above + root.code[place : cut.start],
                    suffix=root.code[cut.end :],
                    target=root.code[cut.start : cut.end],
                )
            )


def _start(root: Root) -> int:
    """Find the first statement that does more than to import, declare or read something."""
    source = _source(root)
    for node in source.module.body:
        match node:
            case ast.Import() | ast.ImportFrom() | ast.FunctionDef():
                continue
            case ast.Assign(targets=[ast.Name()], value=value) if _reads(value):
                continue
        return source.start(node)
    return 0


def _rest(root: Root) -> Iterator[Cut]:
    """Cut behind each step of a chain: what is left is to be written."""
    for cut in _steps(root):
        yield Cut("prefix", cut.start, len(root.code.rstrip()))


def _steps(root: Root) -> Iterator[Cut]:
    source = _source(root)
    for node, value in root.program.reading.values.items():
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            receiver = root.program.reading.values.get(node.func.value)
            if isinstance(value, ir.Table) and isinstance(receiver, ir.Expr):
                yield Cut("next_step", source.outer(node.func.value)[1], source.end(node))


def _expressions(root: Root) -> Iterator[Cut]:
    source = _source(root)
    for node, value in root.program.reading.values.items():
        if isinstance(value, ir.Expr) and not isinstance(node, ast.Name) and not _reads(node):
            is_whole = isinstance(source.parents.get(node), ast.Assign)
            yield Cut("fim", *source.outer(node), is_whole)


def _tokens(root: Root) -> Iterator[Cut]:
    """Cut the names and strings after the tables are read."""
    lines = list(accumulate(map(len, io.StringIO(root.code)), initial=0))
    first = max((n.end_lineno or 0 for n in ast.parse(root.code).body[:-1]), default=0)
    for item in tokenize.generate_tokens(io.StringIO(root.code).readline):
        if item.type in (tokenize.NAME, tokenize.STRING) and item.start[0] > first:
            start = lines[item.start[0] - 1] + item.start[1]
            if root.code[:start].count("\n") == item.start[0] - 1:
                yield Cut("token", start, start + len(item.string))


def _reads(node: ast.AST) -> bool:
    """Tell whether an expression is `con.table(name)`, which the tables in scope give away."""
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "con.table"


def _source(root: Root) -> Source:
    return Source(root.code, root.program.reading.module)


_SORTS: dict[str, Callable[[Root], Iterator[Cut]]] = {
    "prefix": _rest,
    "fim": _expressions,
    "next_step": _steps,
    "token": _tokens,
}
