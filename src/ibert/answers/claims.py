"""What a text about Ibis claims: names that have to exist, and an example that has to run."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator
from functools import cache

import ibis
import ibis.selectors
from markdown_it import MarkdownIt

from ibert.api_index.introspection import public_classes

_MARKDOWN = MarkdownIt("commonmark")
_PYTHON = ("", "py", "python", "python3")
_OTHERS = ("df", "np", "pd", "pl", "spark", "datetime")  # whose methods are not those of Ibis
_LANGUAGE_TYPES = (str, list, dict, tuple, set, int, float)  # whose methods code calls, too


def examples_in(text: str) -> list[str]:
    r"""Give the blocks of Python code in Markdown.

    Examples
    --------
    >>> examples_in("Use it:\n```python\nt.count()\n```\n```sql\nSELECT 1\n```")
    ['t.count()']
    """
    return [
        token.content.strip("\n")
        for token in _MARKDOWN.parse(text)
        if token.type == "code_block"
        or (token.type == "fence" and token.info.strip().lower() in _PYTHON)
    ]


def names_in(text: str) -> list[str]:
    """Give the names of Ibis that a text mentions in code: `ibis.desc`, `Table.filter`, `.sum()`.

    A name without an owner counts where it is called.

    Examples
    --------
    >>> names_in("Use `Table.filter`, or `t.where(...)`: a column `x` is no name of Ibis.")
    ['Table.filter', '.where()']
    """
    return list(dict.fromkeys([*_named(_inline(text)), *_named(examples_in(text))]))


def invented(text: str) -> list[str]:
    """Give the names in a text that the installed Ibis does not have.

    What an example calls is left to running it, as are the methods of what is no Ibis.

    Examples
    --------
    >>> invented("`Table.filter` keeps rows, `Table.where` does not, nor `t.keep_rows(1)`.")
    ['Table.where', '.keep_rows()']
    >>> invented("It is what `df.merge(other)` is in pandas.")
    []
    """
    shown = [name for name in _named(examples_in(text)) if not name.startswith(".")]
    names = dict.fromkeys([*_named(_inline(text)), *shown])
    return [name for name in names if not _exists(name)]


def _named(pieces: Iterable[str]) -> Iterator[str]:
    """Yield the names of Ibis in pieces of code."""
    for piece in pieces:
        try:
            module = ast.parse(piece.strip().lstrip("."))
        except (SyntaxError, ValueError, RecursionError):
            continue
        yield from _names(module, is_method=piece.strip().startswith("."))


def _inline(text: str) -> Iterator[str]:
    for token in _MARKDOWN.parse(text):
        yield from (child.content for child in token.children or () if child.type == "code_inline")


def _names(module: ast.Module, *, is_method: bool) -> Iterator[str]:
    """Yield names with their owners, and methods that are called of what is not told."""
    owners = _owners()
    called = {node.func for node in ast.walk(module) if isinstance(node, ast.Call)}
    for node in ast.walk(module):
        if isinstance(node, ast.Attribute):
            whole = ast.unparse(node)
            if whole.partition(".")[0] in owners and whole.replace(".", "").isidentifier():
                yield whole
            elif node in called and whole.partition(".")[0] not in _OTHERS:
                yield f".{node.attr}()"
        elif is_method and isinstance(node, ast.Name) and node in called:
            yield f".{node.id}()"


def _exists(name: str) -> bool:
    if name.startswith("."):
        return name[1:-2] in _methods()
    first, *rest = name.split(".")
    value = _owners()[first]
    for part in rest:
        if not hasattr(value, part):
            return False
        value = getattr(value, part)
    return True


@cache
def _owners() -> dict[str, object]:
    selectors = ibis.selectors
    return {**public_classes(), "ibis": ibis, "s": selectors, "selectors": selectors}


@cache
def _methods() -> frozenset[str]:
    """Give the names of everything that is called on something."""
    owners = (*_owners().values(), *_LANGUAGE_TYPES, builtins)
    return frozenset(name for owner in owners for name in dir(owner) if name[0] != "_")
