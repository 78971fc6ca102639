"""Idioms of other tools and of older Ibis: expressions, and what they are in Ibis."""

from __future__ import annotations

import ast
import io
import tokenize
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from ibert.repair.fault import Candidate, Fault
from ibert.repair.source import Source, joined

_COST = 0.4
_SPACED = {",": ", ", "&": " & ", "-": " - "}
_LATER = 0.3  # for each meaning after the first

Bound = dict[str, Any]  # what the letters of an idiom stand for: a node, or a list of nodes


class Idiom(NamedTuple):
    """An expression of another vocabulary, and those of Ibis that mean the same."""

    vocabulary: str
    pattern: ast.expr
    meanings: tuple[str, ...]


@cache
def idioms() -> tuple[Idiom, ...]:
    """Read the table."""
    text = files("ibert.repair").joinpath("idioms.toml").read_text(encoding="utf-8")
    return tuple(
        Idiom(vocabulary, ast.parse(pattern, mode="eval").body, tuple(meanings))
        for vocabulary, rows in tomllib.loads(text).items()
        for pattern, meanings in rows.items()
    )


def idiom(fault: Fault) -> Iterator[Candidate]:
    """Say in Ibis what is said as another tool says it, where the error names it or stands."""
    name = fault.parts.get("name")
    source = fault.source
    around = [fault.region, *source.above(fault.region)]
    nodes = dict.fromkeys([*fault.nodes(ast.expr), *(n for n in around if isinstance(n, ast.expr))])
    for node in nodes:
        for entry in _by_head().get(_head(node), ()):
            bound: Bound = {}
            if name and name not in _names(entry.pattern):
                continue
            if not _matches(entry.pattern, node, bound):
                continue
            for rank, meaning in enumerate(entry.meanings):
                text = _written(meaning, bound, source)
                if text is not None:
                    title = f"{entry.vocabulary} says {ast.unparse(entry.pattern)}, Ibis {meaning}"
                    yield Candidate(
                        _placed(source, node, meaning, bound, text), title, _COST + _LATER * rank
                    )


def _placed(source: Source, node: ast.AST, meaning: str, bound: Bound, text: str) -> str:
    """Put the text in; what it begins with stays where it was, with the layout after it."""
    first = bound.get("X")
    if first is not None and meaning.startswith("X.") and source.start(first) == source.start(node):
        place = source.outer(first)[1]
        rest = source.text[place : source.end(node)]
        blank = rest[: len(rest) - len(rest.lstrip())]
        piece = (place, source.end(node), blank + text.removeprefix(source.receiver(first)))
        return source.replaced(piece)
    return source.with_node(node, text)


@cache
def _by_head() -> dict[str, list[Idiom]]:
    found: dict[str, list[Idiom]] = {}
    for entry in idioms():
        found.setdefault(_head(entry.pattern), []).append(entry)
    return found


def _head(node: ast.AST) -> str:
    """Give the name that an expression applies last."""
    match node:
        case ast.Call(func=func):
            return f"{_head(func)}()"
        case ast.Attribute(attr=attr):
            return f".{attr}"
        case ast.Name(id=name):
            return name
        case _:
            return type(node).__name__


@cache
def _names(pattern: ast.expr) -> frozenset[str]:
    """Give the names and arguments that an idiom is made of."""
    found = set()
    for node in ast.walk(pattern):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.keyword(arg=str(name)):
                found.add(name)
    return frozenset(found)


def _is_letter(name: str) -> bool:
    return len(name) == 1 and name.isupper() and name != "F"


def _matches(pattern: Any, node: Any, bound: Bound) -> bool:
    match pattern:
        case ast.Name(id=name) if _is_letter(name):
            if not isinstance(node, ast.expr) or isinstance(node, ast.Starred):
                return False
            known = bound.setdefault(name, node)
            return known is node or ast.dump(known) == ast.dump(node)
        case ast.Call():
            return isinstance(node, ast.Call) and _matches_call(pattern, node, bound)
        case ast.AST():
            return type(pattern) is type(node) and all(
                _matches(getattr(pattern, field), getattr(node, field), bound)
                for field in pattern._fields
                if field not in ("ctx", "kind")
            )
        case list():
            return (
                isinstance(node, list)
                and len(pattern) == len(node)
                and all(_matches(a, b, bound) for a, b in zip(pattern, node, strict=True))
            )
        case _:
            return bool(pattern == node)


def _matches_call(pattern: ast.Call, node: ast.Call, bound: Bound) -> bool:
    if not _matches(pattern.func, node.func, bound):
        return False
    wanted, given = list(pattern.args), list(node.args)
    if wanted and isinstance(wanted[-1], ast.Starred):
        rest = wanted.pop()
        assert isinstance(rest, ast.Starred)
        assert isinstance(rest.value, ast.Name)
        bound[rest.value.id] = given[len(wanted) :]
        given = given[: len(wanted)]
    if len(wanted) != len(given) or not _matches(wanted, given, bound):
        return False
    named = {item.arg: item for item in node.keywords}
    for item in pattern.keywords:
        if item.arg is not None:
            found = named.pop(item.arg, None)
            if found is None or not _matches(item.value, found.value, bound):
                return False
    spread = next((item.value for item in pattern.keywords if item.arg is None), None)
    if isinstance(spread, ast.Name):
        bound[spread.id] = list(named.values())
        return True
    return not named


def _written(meaning: str, bound: Mapping[str, Any], source: Source) -> str | None:
    """Write a meaning out; None where a text that is no name has to become one."""
    tokens = list(tokenize.generate_tokens(io.StringIO(meaning).readline))
    parts: list[str] = []
    for i, token in enumerate(tokens):
        following = tokens[i + 1].string if i + 1 < len(tokens) else ""
        found = bound.get(token.string) if _is_letter(token.string) else None
        if found is None:
            parts.append(_SPACED.get(token.string, token.string))
        elif isinstance(found, list):
            parts[-1:] = [joined(source.text[slice(*source.argument(one))] for one in found)]
        elif following == "=" or (parts and parts[-1] == "."):
            if not (isinstance(found, ast.Constant) and str(found.value).isidentifier()):
                return None
            parts.append(str(found.value))
        elif parts and parts[-1] == "*":
            if not isinstance(found, ast.List):
                return None
            parts[-1:] = [joined(map(source.of, found.elts))]
        else:
            parts.append(source.receiver(found) if following in (".", "-") else source.of(found))
    return "".join(_without_gaps(parts)).strip()


def _without_gaps(parts: list[str]) -> Iterator[str]:
    """Leave out the commas beside arguments that there are none of."""
    for i, part in enumerate(parts):
        is_comma = part == ", "
        if not (is_comma and ("" in parts[i + 1 : i + 2] or "" in parts[i - 1 : i])):
            yield part
