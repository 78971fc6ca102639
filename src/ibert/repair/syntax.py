"""Repairs of syntax: brackets, quotes, commas, signs; each is a change of tokens."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator
from typing import NamedTuple

from ibert.repair.fault import Candidate

_TOKEN = re.compile(
    r"(?P<string>(?:[rbfu]{0,2})(?:\"\"\".*?\"\"\"|'''.*?'''|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'))"
    r"|(?P<comment>\#[^\n]*)|(?P<name>\w+)|(?P<sign><>|&&|\|\||!=|==|<=|>=|:=|->|\*\*|//|[^\w\s])"
    r"|(?P<blank>\s+)",
    re.DOTALL | re.IGNORECASE,
)
_CLOSING = {"(": ")", "[": "]", "{": "}"}
# Signs of other languages; the typographic ones come from text that was pasted.
_SIGNS = {
    **{"<>": "!=", "&&": "&", "||": "|", "!": "~"},
    **dict.fromkeys("\u201c\u201d", '"'),
    **dict.fromkeys("\u2018\u2019", "'"),
    **{"\uff1b": ";", "\uff0c": ",", "\uff08": "(", "\uff09": ")"},
}
_EDGE = re.compile(r"\b|(?<=[^\w\s])|(?=[^\w\s])|$")  # where a text can begin or end
_PLACES = 120  # where a bracket is tried
_WINDOW = 400  # characters around an error in which tokens are changed


class Token(NamedTuple):
    """A piece of text."""

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.start + len(self.text)


def syntax_repairs(text: str, error: SyntaxError) -> Iterator[Candidate]:
    """Change tokens of code that does not parse, near where that shows."""
    place = _offset(text, error)
    tokens = [
        Token(found.lastgroup or "", found[0], found.start())
        for found in _TOKEN.finditer(text)
        if found.lastgroup != "blank"
    ]
    yield from _signs(text, tokens)
    yield from _brackets(text, tokens)
    near = [token for token in tokens if abs(token.start - place) <= _WINDOW]
    yield from _quotes(text, error)
    yield from _equals(text, near)
    yield from _commas(text, near, place)
    yield from _superfluous(text, near)
    yield from _colons(text, error)


def _offset(text: str, error: SyntaxError) -> int:
    lines = text.splitlines(keepends=True)
    line = min(max(error.lineno or 1, 1), len(lines) or 1)
    return sum(map(len, lines[: line - 1])) + max((error.offset or 1) - 1, 0)


def _put(text: str, start: int, end: int, new: str) -> str:
    return text[:start] + new + text[end:]


def _signs(text: str, tokens: list[Token]) -> Iterator[Candidate]:
    """Write signs of other languages as Python's, all at once."""
    parts, done = [], 0
    for token in tokens:
        if token.kind == "sign" and token.text in _SIGNS:
            parts += [text[done : token.start], _SIGNS[token.text]]
            done = token.end
    if parts:
        yield Candidate("".join([*parts, text[done:]]), "signs are written as Python's", 0.4)


def _brackets(text: str, tokens: list[Token]) -> Iterator[Candidate]:
    """Close what is open, leave out what closes nothing, and match what does not."""
    stack: list[Token] = []
    for token in (one for one in tokens if one.kind == "sign"):
        if token.text in _CLOSING:
            stack.append(token)
        elif token.text in _CLOSING.values():
            if stack and _CLOSING[stack[-1].text] == token.text:
                stack.pop()
                continue
            if stack:
                wanted = _CLOSING[stack[-1].text]
                title = f"{wanted!r} closes {stack[-1].text!r}"
                yield Candidate(_put(text, token.start, token.end, wanted), title, 0.5)
                yield from _closed(text, tokens, stack[-1], token.start)
            alike = [one for one in tokens if one.text == token.text and one.start <= token.start]
            for rank, one in enumerate(alike[::-1][:_PLACES]):
                title = f"{token.text!r} closes nothing"
                cost = 0.6 + 0.01 * rank
                yield Candidate(_put(text, one.start, one.end, ""), title, cost)
            return
    for token in reversed(stack):
        yield from _closed(text, tokens, token, len(text))


def _closed(text: str, tokens: list[Token], opening: Token, limit: int) -> Iterator[Candidate]:
    """Close a bracket after each of the tokens that may be its last, latest on its line first."""
    closing = _CLOSING[opening.text]
    title = f"{opening.text!r} is closed"
    inside = [
        token for token in tokens if opening.end <= token.start < limit and token.kind != "comment"
    ]
    ends = [opening.end, *(token.end for token in inside)]
    heads = [token.start for token in inside if _begins_line(text, token.start)]
    for place in sorted({*ends, *heads})[:_PLACES]:
        if place in heads or _is_end(text, place):
            yield Candidate(_put(text, place, place, closing), title, 0.5 + _distance(text, place))


def _begins_line(text: str, place: int) -> bool:
    return not text[text.rfind("\n", 0, place) + 1 : place].strip()


def _is_end(text: str, place: int) -> bool:
    """Whether an expression can end in a place."""
    before = text[place - 1 : place]
    return before.isalnum() or before in "_)]}\"'("


def _distance(text: str, place: int) -> float:
    """Tell how unlikely a bracket is to end in a place: it ends lines, and before commas."""
    after = text[place:].lstrip(" ")
    if not after or after.startswith("\n"):
        return 0.0
    if after[0] in ",)]}":
        return 0.05
    return 0.15 if after[0] in ".&|+-*/=<>" else 0.3


def _quotes(text: str, error: SyntaxError) -> Iterator[Candidate]:
    """Open or close a text on a line that has an odd number of quotes."""
    lines = text.splitlines(keepends=True)
    index = (error.lineno or 1) - 1
    for i in dict.fromkeys((index, index - 1)):
        for quote in "\"'" if 0 <= i < len(lines) else "":
            if lines[i].count(quote) % 2:
                start = sum(map(len, lines[:i]))
                for found in _EDGE.finditer(lines[i].rstrip()):
                    line = _put(lines[i], found.start(), found.start(), quote)
                    place = start + found.start()
                    title = "a text stands between quotes"
                    yield Candidate(_put(text, place, place, quote), title, _doubt(line))


def _doubt(line: str) -> float:
    """Tell how unlikely the texts of a line are: most hold words, not code."""
    texts = [found[0][1:-1] for found in _TOKEN.finditer(line) if found.lastgroup == "string"]
    odd = [text for text in texts if text[:1] in " ,()=." or text[-1:] in " ,(=."]
    return 0.5 + 0.4 * len(odd) + 0.002 * sum(map(len, texts))


def _equals(text: str, tokens: list[Token]) -> Iterator[Candidate]:
    """Write `==` for `=` where values are compared, and `=` for `==` where one is named."""
    for token in tokens:
        if token.text == "=":
            title = "values are compared with =="
            yield Candidate(_put(text, token.start, token.end, "=="), title, 0.5)
        elif token.text == "==":
            title = "a name is given with ="
            yield Candidate(_put(text, token.start, token.end, "="), title, 0.8)


def _commas(text: str, tokens: list[Token], place: int) -> Iterator[Candidate]:
    """Put a comma, or a dot, between two values that follow one another."""
    for one, other in itertools.pairwise(tokens):
        ends = one.kind in ("name", "string") or one.text in _CLOSING.values()
        starts = other.kind in ("name", "string") or other.text in "~-(["
        if ends and starts and one.end <= other.start and other.text not in ("for", "if", "in"):
            near = min(abs(one.end - place), abs(other.start - place)) / 200
            yield Candidate(
                _put(text, one.end, one.end, ","), "a comma separates values", 0.5 + near
            )
            if other.kind == "name":
                yield Candidate(
                    _put(text, one.end, other.start, "."), "a dot comes before a name", 0.6 + near
                )


def _superfluous(text: str, tokens: list[Token]) -> Iterator[Candidate]:
    """Leave out a sign near the error."""
    for one, other in itertools.pairwise(tokens):
        doubled = one.text == other.text and one.text in (",", ".", "=")
        if doubled or (one.text in "([," and other.text == ",") or one.text in "?$`;":
            end = other if doubled or other.text == "," else one
            yield Candidate(_put(text, end.start, end.end, ""), f"{end.text!r} is left out", 0.6)


def _colons(text: str, error: SyntaxError) -> Iterator[Candidate]:
    """End the head of a block with a colon."""
    lines = text.splitlines(keepends=True)
    index = (error.lineno or 1) - 1
    if 0 <= index < len(lines):
        line = lines[index].rstrip()
        if re.match(r"\s*(def|if|for|while|else|elif|with|class)\b", line) and line[-1:] != ":":
            end = sum(map(len, lines[:index])) + len(line)
            yield Candidate(_put(text, end, end, ":"), "a block begins with a colon", 0.5)
        if line != line.lstrip() and "indent" in (error.msg or ""):
            start = sum(map(len, lines[:index]))
            indent = len(line) - len(line.lstrip())
            title = "a line is not indented"
            yield Candidate(_put(text, start, start + indent, ""), title, 0.5)


def parses(text: str) -> SyntaxError | None:
    """Give what is wrong with the syntax of code, if anything is.

    Examples
    --------
    >>> parses("a = (1") is None, parses("a = (1)") is None
    (False, True)
    """
    try:
        ast.parse(text)
    except SyntaxError as error:
        return error
    return None
