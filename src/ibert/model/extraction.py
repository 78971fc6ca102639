r"""The code in an answer: models wrap it in fences, prose, sessions and thoughts.

The answer is read as Markdown. Of several pieces of code the last that defines `expr` counts, or
else the last that parses; code that was cut off, or does not parse, is none.
"""

from __future__ import annotations

import ast
import doctest
from collections.abc import Callable, Iterator
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.token import Token

from ibert.diagnostics import IbertError

Language = Literal["python", "sql", "text"]

_THOUGHT, _END_OF_THOUGHT = "<think>", "</think>"
_ENDS = ("<|im_end|>", "<|endoftext|>")  # which some servers leave in
_OF_CODE = (ast.Call, ast.Attribute, ast.Assign, ast.Subscript)
_MARKDOWN = MarkdownIt("commonmark")


def extract(answer: str, language: Language, dialect: str = "duckdb") -> str | None:
    r"""Find the code in a model's answer; None if it holds none.

    Parameters
    ----------
    answer
        What the model wrote.
    language
        `python`, `sql`, or `text` for an answer that is meant as a whole.
    dialect
        Of SQL.

    Examples
    --------
    >>> extract("Sure!\n```python\nexpr = t.limit(3)\n```\nThis takes 3 rows.", "python")
    'expr = t.limit(3)'
    >>> extract("I cannot do that.", "python") is None
    True
    """
    answer = answer.rpartition(_END_OF_THOUGHT)[2].replace("\r\n", "\n").strip()
    for end in _ENDS:
        answer = answer.removesuffix(end).rstrip()
    if answer.startswith(_THOUGHT):  # it was cut off before the answer
        return None
    if language == "text":
        return _only_fence(answer) or answer or None
    parses = _is_python if language == "python" else _reads_as(dialect)
    for pieces in (_whole(answer), _blocks(answer), _lines(answer, parses), _inline(answer)):
        found = [piece for piece in map(_unprompted, pieces) if parses(piece)]
        if found:
            return next((one for one in reversed(found) if _defines_expr(one)), found[-1])
    return None


def _whole(answer: str) -> Iterator[str]:
    yield answer


def _blocks(answer: str) -> Iterator[str]:
    """Give the blocks of code, wherever they stand."""
    for token in _MARKDOWN.parse(answer):
        if token.type in ("fence", "code_block"):
            yield token.content.strip("\n")


def _lines(answer: str, parses: Callable[[str], bool]) -> Iterator[str]:
    """Give the longest run of lines that is code, in prose without fences."""
    if any(token.type == "fence" for token in _MARKDOWN.parse(answer)):
        return
    lines = answer.splitlines()[:200]
    for length in range(len(lines) - 1, 0, -1):
        for start in range(len(lines) - length + 1):
            piece = "\n".join(lines[start : start + length]).strip("\n")
            if parses(piece):
                yield piece
                return


def _inline(answer: str) -> Iterator[str]:
    """Give the code within paragraphs."""
    for token in _MARKDOWN.parse(answer):
        yield from (child.content for child in token.children or () if child.type == "code_inline")


def _only_fence(answer: str) -> str | None:
    """Give what a fence around the whole answer holds."""
    match _MARKDOWN.parse(answer):
        case [Token(type="fence") as fence]:
            return fence.content.strip("\n")
    return None


def _unprompted(piece: str) -> str:
    """Give the statements of an interactive session; other code as it is."""
    if not piece.lstrip().startswith(">>>"):
        return piece
    try:
        examples = doctest.DocTestParser().get_examples(piece)
    except ValueError:  # prompts that are not indented alike
        return piece
    return "".join(example.source for example in examples).rstrip("\n")


def _is_python(piece: str) -> bool:
    """Whether a piece is Python that does something: a word of prose is a name, too."""
    try:
        module = ast.parse(piece)
    except (SyntaxError, ValueError, RecursionError):
        return False
    return any(isinstance(node, _OF_CODE) for node in ast.walk(module))


def _reads_as(dialect: str) -> Callable[[str], bool]:
    from ibert.sql.parse import parse_query

    def is_query(piece: str) -> bool:
        try:
            parse_query(piece, dialect)
        except IbertError:
            return False
        return True

    return is_query


def _defines_expr(piece: str) -> bool:
    try:
        body = ast.parse(piece).body
    except (SyntaxError, ValueError):
        return False
    targets = [node.targets for node in body if isinstance(node, ast.Assign)]
    names = [one.id for group in targets for one in group if isinstance(one, ast.Name)]
    return "expr" in names
