"""YAML and JSON text as plain Python values, each with its place in the text.

Scalars follow the core schema of YAML 1.2: `true`, `null` and numbers are read, everything else
(`yes`, `2024-01-01`, `12:30:00`) stays a string. What a data file has no use for is refused with
its place: duplicate keys, keys that are not strings, tags, anchors, aliases and merge keys, several
documents in one file.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ibert.diagnostics import Diagnostic, IbertError, Span, collected
from ibert.document_readers import (
    Builder,
    Lines,
    Place,
    Steps,
    malformed,
    read_json,
    read_yaml,
)


class Document:
    r"""A value read from YAML or JSON text that knows where each of its parts stands.

    Parameters
    ----------
    value
        The value: dicts, lists, strings, numbers, booleans and None.
    source
        The name of the file, for diagnostics.

    Examples
    --------
    >>> document = load("tables:\n  orders: {id: int64}\n", "shop.yaml")
    >>> document.value
    {'tables': {'orders': {'id': 'int64'}}}
    >>> document.span("tables", "orders", "id")
    Span(line=2, column=16, end_line=2, end_column=21)
    """

    def __init__(self, value: Any, source: str, text: str, places: dict[Steps, Place]) -> None:
        self.value = value
        self.source = source
        self._lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self._places = places

    def span(self, *path: str | int) -> Span:
        """Give the place of the value at a path.

        Raises
        ------
        KeyError
            If there is no such path.

        Examples
        --------
        >>> load("[1, [2, 33]]", "a.json").span(1, 1)
        Span(line=1, column=9, end_line=1, end_column=11)
        """
        return self._places[path].value

    def key_span(self, *path: str | int) -> Span:
        r"""Give the place of the key of the value at a path; of the value itself in a list.

        Raises
        ------
        KeyError
            If there is no such path.

        Examples
        --------
        >>> load("a:\n  b: 1", "a.yaml").key_span("a", "b")
        Span(line=2, column=3, end_line=2, end_column=4)
        """
        place = self._places[path]
        return place.key or place.value

    def offset_span(self, path: Steps, start: int, end: int) -> Span:
        r"""Give the place of the characters `start` to `end` of the string at a path.

        Exact in literal blocks (`|`) and in scalars of one line without escapes; the place of the
        whole scalar in the others (folded blocks, escapes, several lines of flow text).

        Raises
        ------
        KeyError
            If there is no such path.

        Examples
        --------
        >>> load("sql: |\n  SELECT\n  $x\n", "a.yaml").offset_span(("sql",), 7, 9)
        Span(line=3, column=3, end_line=3, end_column=5)
        """
        span = self.span(*path)
        text = self.value
        for step in path:
            text = text[step]
        line, column = self._origin(text, span)
        if not line:
            return span
        return Span(*_advance(line, column, text[:start]), *_advance(line, column, text[:end]))

    def _origin(self, text: str, span: Span) -> tuple[int, int]:
        """Where the first character of a scalar's text stands: (0, 0) if the text was transformed.

        For a block the column is the one of its indentation, which each of its lines begins with.
        """
        head = self._lines[span.line - 1][span.column - 1 :]
        if head.startswith("|"):
            skipped = len(text) - len(text.lstrip("\n"))
            first = text[skipped:].split("\n", 1)[0]
            line = self._lines[span.line + skipped] if first else ""
            return (span.line + 1, len(line) - len(first) + 1) if line.endswith(first) else (0, 0)
        for quote in ("", '"', "'"):
            if span.end_line == span.line and head.startswith(f"{quote}{text}{quote}"):
                return span.line, span.column + len(quote)
        return 0, 0


def _advance(line: int, column: int, text: str) -> tuple[int, int]:
    """Where one stands after a text whose lines all begin at a column."""
    return line + text.count("\n"), column + len(text) - (text.rfind("\n") + 1)


def load(text: str, source: str) -> Document:
    r"""Read a YAML or JSON text.

    Parameters
    ----------
    text
        The text.
    source
        The name of the file; JSON if it ends in `.json`, YAML otherwise.

    Raises
    ------
    IbertError
        IB002 for each place that is not well-formed or not plain data.

    Examples
    --------
    >>> load("on: yes\nsince: 2024-01-01\nlimit: 1e3", "a.yaml").value
    {'on': 'yes', 'since': '2024-01-01', 'limit': 1000.0}
    >>> load("a: 1\na: 2", "a.yaml")
    Traceback (most recent call last):
    ibert.diagnostics.IbertError: a.yaml:2:1: IB002 duplicate key 'a'
    """
    text = text.removeprefix("\ufeff")
    with collected() as found:
        builder = Builder(source, found)
        read = read_json if source.lower().endswith(".json") else read_yaml
        read(text, builder)
    return Document(builder.value, source, text, builder.places)


def load_path(path: str | Path) -> Document:
    """Read a YAML or JSON file.

    Raises
    ------
    IbertError
        IB001 if the file cannot be read, IB002 for each place that is not well-formed.

    Examples
    --------
    >>> load_path("nowhere.yaml")
    Traceback (most recent call last):
    ibert.diagnostics.IbertError: nowhere.yaml: IB001 No such file or directory
    """
    return load(read_text(path), str(path))


def read_text(path: str | Path) -> str:
    """Read a file that holds UTF-8 text.

    Raises
    ------
    IbertError
        IB001 if the file cannot be read, IB002 if it is not UTF-8.

    Examples
    --------
    >>> read_text("nowhere.sql")
    Traceback (most recent call last):
    ibert.diagnostics.IbertError: nowhere.sql: IB001 No such file or directory
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        reason = error.strerror or str(error)
        raise IbertError([Diagnostic(code="IB001", message=reason, source=str(path))]) from error
    return decode(data, str(path))


def read_input(name: str) -> tuple[str, str | None]:
    """Read a file, or stdin where the name is `-`; give its text, and the name if it is a file.

    Raises
    ------
    IbertError
        It cannot be read, or is not text in UTF-8.
    """
    if name == "-":
        return decode(sys.stdin.buffer.read(), "stdin"), None
    return read_text(name), name


def decode(data: bytes, source: str) -> str:
    r"""Read UTF-8 text.

    Raises
    ------
    IbertError
        IB002 if it is not UTF-8.

    Examples
    --------
    >>> decode(b"caf\xe9", "stdin")
    Traceback (most recent call last):
    ibert.diagnostics.IbertError: stdin:1:4: IB002 not UTF-8: unexpected end of data
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode("utf-8")
        raise malformed(
            f"not UTF-8: {error.reason}",
            source,
            Lines(before).span(len(before), len(before) + 1),
        ) from error
