"""Change code in places and leave all else, comments and layout too, as it was."""

from __future__ import annotations

import ast
import difflib
import functools
import io
from collections.abc import Iterable

from ibert.diagnostics import Edit, Span


def span_of(node: ast.expr | ast.stmt, text: str) -> Span:
    """Give the place of a node in the text that it was parsed from, in characters.

    Examples
    --------
    >>> text = "é = f(x)"
    >>> span_of(ast.parse(text).body[0].value, text)
    Span(line=1, column=5, end_line=1, end_column=9)
    """
    lines = _lines(text)
    end_line, end_offset = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
    return Span(
        node.lineno,
        _characters(lines[node.lineno - 1], node.col_offset) + 1,
        end_line,
        _characters(lines[end_line - 1], end_offset) + 1,
    )


def text_of(node: ast.expr | ast.stmt, text: str) -> str:
    """Give the text of a node.

    Examples
    --------
    >>> text = "é = f( x )"
    >>> text_of(ast.parse(text).body[0].value, text)
    'f( x )'
    """
    last = (node.end_lineno or node.lineno) - 1
    *whole, end = _lines(text)[node.lineno - 1 : last + 1]
    lines = [*(line.encode() for line in whole), end.encode()[: node.end_col_offset]]
    return b"".join(lines)[node.col_offset :].decode()


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """Apply edits to the text that their spans are of.

    Raises
    ------
    ValueError
        Two of them overlap, or one lies outside of the text.

    Examples
    --------
    >>> apply_edits("a = b  # c", [Edit(Span(1, 5, 1, 6), "d"), Edit(Span(1, 1), "z = ")])
    'z = a = d  # c'
    """
    starts = [0]
    for line in _lines(text):
        starts.append(starts[-1] + len(line))
    placed = []
    for edit in edits:
        span = edit.span
        start = starts[span.line - 1] + span.column - 1
        end = start
        if span.end_line is not None and span.end_column is not None:
            end = starts[span.end_line - 1] + span.end_column - 1
        placed.append((start, end, edit.text))
    parts, done = [], 0
    for start, end, replacement in sorted(placed):
        if not done <= start <= end <= len(text):
            raise ValueError("edits overlap, or lie outside of the text")
        parts += [text[done:start], replacement]
        done = end
    return "".join([*parts, text[done:]])


def edits_between(old: str, new: str) -> tuple[Edit, ...]:
    r"""Give edits that make one text of another, each as small as its lines allow.

    Examples
    --------
    >>> edits_between("a = 1\nb = 23\n", "a = 1\nb = 24\n")
    (Edit(span=Span(line=2, column=6, end_line=2, end_column=7), text='4'),)
    """
    before, after = _lines(old), _lines(new)
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    edits = []
    for kind, start, end, first, last in matcher.get_opcodes():
        if kind != "equal":
            removed, added = "".join(before[start:end]), "".join(after[first:last])
            head = _shared(removed, added)
            tail = _shared(removed[head:][::-1], added[head:][::-1])
            span = Span(
                *_advanced(start + 1, removed[:head]),
                *_advanced(start + 1, removed[: len(removed) - tail]),
            )
            edits.append(Edit(span, added[head : len(added) - tail]))
    return tuple(edits)


def _shared(one: str, other: str) -> int:
    """Count the characters with which both begin."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))


def _advanced(line: int, text: str) -> tuple[int, int]:
    """Where one stands after text from the beginning of a line."""
    return line + text.count("\n"), len(text) - text.rfind("\n")


def unified_diff(old: str, new: str, source: str) -> str:
    r"""Show a change of a file as `diff -u` does.

    Examples
    --------
    >>> print(unified_diff("a\nb\n", "a\nc\n", "x.py"), end="")
    --- x.py
    +++ x.py
    @@ -1,2 +1,2 @@
     a
    -b
    +c
    """
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), source, source, lineterm="")
    return "".join(f"{line}\n" for line in lines)


@functools.lru_cache(maxsize=4)
def _lines(text: str) -> tuple[str, ...]:
    """Split where Python's parser does, with the ends of the lines."""
    return tuple(io.StringIO(text, newline=""))


def _characters(line: str, offset: int) -> int:
    """Count the characters in so many bytes of UTF-8."""
    return len(line.encode()[:offset].decode())
