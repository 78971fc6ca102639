"""Change code in places and leave all else, comments and layout too, as it was."""

from __future__ import annotations

import ast
import difflib
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


def _lines(text: str) -> list[str]:
    """Split where Python's parser does, with the ends of the lines."""
    return list(io.StringIO(text, newline=""))


def _characters(line: str, offset: int) -> int:
    """Count the characters in so many bytes of UTF-8."""
    return len(line.encode()[:offset].decode())
