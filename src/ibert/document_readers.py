"""The readers behind `ibert.documents`: they hand the parts of a text to a builder, with places."""

from __future__ import annotations

import bisect
import json
import math
import re
from collections.abc import Iterator
from itertools import accumulate
from typing import Any, NamedTuple

import yaml

from ibert.diagnostics import Diagnostic, IbertError, Span

# Far more than any catalog or template needs, far less than Python's recursion limit.
MAX_DEPTH = 100

_CONSTANTS: dict[str, bool | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
# The patterns of the core schema, YAML 1.2.2 section 10.3.2.
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_JSON_SPACE = re.compile(r"[ \t\n\r]*")

# The keys and indexes that lead to a value.
Steps = tuple[str | int, ...]


class Lines:
    r"""The lines of a text: turns offsets in it into places.

    Examples
    --------
    >>> Lines("a\nbc").span(2, 4)
    Span(line=2, column=1, end_line=2, end_column=3)
    """

    def __init__(self, text: str) -> None:
        lengths = (len(line) for line in text.split("\n"))
        self._starts = [0, *accumulate(length + 1 for length in lengths)]

    def span(self, start: int, end: int) -> Span:
        """Give the place of `text[start:end]`."""
        return Span(*self._place(start), *self._place(end))

    def _place(self, offset: int) -> tuple[int, int]:
        line = bisect.bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1


class Place(NamedTuple):
    """Where a value stands, and its key if it is in a mapping."""

    value: Span
    key: Span | None


def malformed(message: str, source: str, span: Span | None, hint: str | None = None) -> IbertError:
    """Make the error for a place that is not well-formed."""
    diagnostic = Diagnostic(code="IB002", message=message, source=source, span=span, hint=hint)
    return IbertError([diagnostic])


class _Frame(NamedTuple):
    """An open mapping or sequence."""

    container: dict[str, Any] | list[Any]
    path: Steps
    pending: list[tuple[str, Span]]  # the key whose value comes next, if it was read


class Builder:
    """Puts a value together from the parts that a reader hands over in the order of the text."""

    def __init__(self, source: str, found: list[Diagnostic]) -> None:
        self.value: Any = None
        self.places: dict[Steps, Place] = {(): Place(Span(1, 1), None)}
        self.source = source
        self._found = found
        self._last = Span(1, 1)
        self._stack: list[_Frame] = []

    def refuse(self, message: str, span: Span, hint: str | None = None) -> None:
        """Note a place that is not well-formed, and go on."""
        self._found += malformed(message, self.source, span, hint).diagnostics

    def scalar(self, value: object, span: Span) -> None:
        """Take a scalar: a key where one is due, a value elsewhere."""
        if self._wants_key():
            self._key(value, span)
        else:
            self._add(value, span)

    def open(self, container: dict[str, Any] | list[Any], span: Span) -> None:
        """Begin a mapping or a sequence."""
        if self._wants_key():
            raise malformed("a key must be a string", self.source, span)
        if len(self._stack) == MAX_DEPTH:
            raise malformed(f"nested more than {MAX_DEPTH} deep", self.source, span)
        self._stack.append(_Frame(container, self._add(container, span), []))

    def close(self, end: Span | None) -> None:
        """End the innermost mapping or sequence; `end` is None if nothing marks its end."""
        frame = self._stack.pop()
        if end is None:
            end = self._last
        start, key = self.places[frame.path]
        span = Span(start.line, start.column, end.end_line, end.end_column)
        self.places[frame.path] = Place(span, key)
        self._last = span

    def _wants_key(self) -> bool:
        if not self._stack:
            return False
        frame = self._stack[-1]
        return isinstance(frame.container, dict) and not frame.pending

    def _key(self, key: object, span: Span) -> None:
        frame = self._stack[-1]
        if not isinstance(key, str):
            self.refuse("a key must be a string", span, "put it in quotes")
        elif key in frame.container:
            self.refuse(f"duplicate key {key!r}", span)
        frame.pending.append((str(key), span))

    def _add(self, value: object, span: Span) -> Steps:
        key_span = None
        path: Steps = ()
        if not self._stack:
            self.value = value
        else:
            frame = self._stack[-1]
            if isinstance(frame.container, list):
                path = (*frame.path, len(frame.container))
                frame.container.append(value)
            else:
                key, key_span = frame.pending.pop()
                path = (*frame.path, key)
                frame.container[key] = value
        self.places[path] = Place(span, key_span)
        self._last = span
        return path


def read_yaml(text: str, builder: Builder) -> None:
    """Hand the events of a YAML text to a builder."""
    documents = 0
    for event in _yaml_events(text, builder):
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                builder.refuse("more than one document", _event_span(event))
                return
        elif isinstance(event, yaml.NodeEvent):
            _read_node(event, builder)
        elif isinstance(event, yaml.CollectionEndEvent):
            # A block collection has no closing mark: its end event stands at whatever comes next.
            span = _event_span(event)
            marked = (span.line, span.column) != (span.end_line, span.end_column)
            builder.close(span if marked else None)


def _read_node(event: yaml.NodeEvent, builder: Builder) -> None:
    span = _event_span(event)
    if isinstance(event, yaml.AliasEvent) or event.anchor:
        builder.refuse("anchors and aliases are not read", span, "write the value out")
    if getattr(event, "tag", None):
        builder.refuse("tags are not read", span, "put a value that begins with ! in quotes")
    if isinstance(event, yaml.MappingStartEvent):
        builder.open({}, span)
    elif isinstance(event, yaml.SequenceStartEvent):
        builder.open([], span)
    else:
        builder.scalar(_scalar(event, span, builder), span)


def _scalar(event: yaml.NodeEvent, span: Span, builder: Builder) -> str | float | bool | None:
    """Read a scalar by the core schema; an alias, which is refused, as None."""
    if not isinstance(event, yaml.ScalarEvent):
        return None
    text: str = event.value
    if not event.implicit[0]:  # quoted, or a block
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if text == "<<":
        builder.refuse("merge keys are not read", span, "write the keys out")
    if _INT.fullmatch(text):
        try:
            return int(text, 0 if text[1:2] in ("o", "x") else 10)
        except ValueError:  # Python's limit on the digits of an int
            builder.refuse("a number with too many digits", span)
    if _NOT_FINITE.fullmatch(text):
        return float(text.replace(".", ""))
    return float(text) if _FLOAT.fullmatch(text) else text


def _yaml_events(text: str, builder: Builder) -> Iterator[yaml.Event]:
    """Yield the events of a YAML text, up to the first place that is not well-formed."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        yield from yaml.parse(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        message = ", ".join(part for part in (error.context, error.problem) if part)
        builder.refuse(message, Span(*_point(error.problem_mark)))
    except yaml.reader.ReaderError as error:
        # libyaml counts bytes here and PyYAML characters, but both stop at the first of its kind.
        offset = text.index(chr(error.character))
        builder.refuse(error.reason, Lines(text).span(offset, offset + 1))
    except UnicodeEncodeError as error:
        builder.refuse(error.reason, Lines(text).span(error.start, error.end))


def _event_span(event: yaml.Event) -> Span:
    return Span(*_point(event.start_mark), *_point(event.end_mark))


def _point(mark: Any) -> tuple[int, int]:
    return mark.line + 1, mark.column + 1


def read_json(text: str, builder: Builder) -> None:
    """Hand the parts of a JSON text to a builder."""
    try:
        json.loads(text, parse_int=str)
    except json.JSONDecodeError as error:
        raise malformed(error.msg, builder.source, Span(error.lineno, error.colno)) from error
    except RecursionError as error:
        raise malformed("nested too deeply", builder.source, None) from error
    _JsonReader(text, builder).read(0)


class _JsonReader:
    """Walks a JSON text that is known to be well-formed, for the places of its parts."""

    def __init__(self, text: str, builder: Builder) -> None:
        self._text = text
        self._builder = builder
        self._lines = Lines(text)
        self._decoder = json.JSONDecoder()

    def read(self, start: int) -> int:
        """Read the value that begins at an offset or after the space there; give where it ends."""
        start = self._skip(start)
        opening = self._text[start]
        if opening in "{[":
            return self._read_members(start, "}" if opening == "{" else "]")
        try:
            value, end = self._decoder.raw_decode(self._text, start)
        except ValueError as error:  # Python's limit on the digits of an int
            span = self._lines.span(start, start + 1)
            message = "a number with too many digits"
            raise malformed(message, self._builder.source, span) from error
        span = self._lines.span(start, end)
        if isinstance(value, float) and not math.isfinite(value):
            self._builder.refuse("a number that JSON does not have", span)
        self._builder.scalar(value, span)
        return end

    def _read_members(self, start: int, closing: str) -> int:
        self._builder.open({} if closing == "}" else [], self._lines.span(start, start + 1))
        position = self._skip(start + 1)
        while self._text[position] != closing:
            # Commas and colons tell nothing that the builder does not know.
            position = self._skip(self.read(position + (self._text[position] in ",:")))
        self._builder.close(self._lines.span(position, position + 1))
        return position + 1

    def _skip(self, position: int) -> int:
        match = _JSON_SPACE.match(self._text, position)
        return match.end() if match else position
