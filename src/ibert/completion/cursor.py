"""Find what stands at a cursor in code that is not finished, as syntax."""

from __future__ import annotations

import ast
import io
import textwrap
import tokenize
from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

PLACE = "cursor_is_here__"  # the name that stands at the cursor

_OPEN = {"(": ")", "[": "]", "{": "}"}
_QUOTES = ('"', "'", '"""', "'''")
# What makes a statement of one that ends at the cursor: before the brackets close, and after.
_ENDINGS = (
    ("", ""),
    ("", ":\n    pass"),
    (" else None", ""),
    (" in ()", ""),
    (": None", ""),
    ("", " import a"),
    ("", "(): pass"),
    ("", "\ndef a(): pass"),
)
_ATTEMPTS = 40  # places where the statement may begin, and mistakes above it, that are tried


class Cursor(NamedTuple):
    """The unfinished statement that a cursor stands in.

    Attributes
    ----------
    start
        Where what was typed of the token at the cursor begins: an offset in the code.
    typed
        What was typed of it; the text of the string where it is one.
    quote
        The quote that opens the string at the cursor; empty where there is none.
    closing
        What closes the brackets that are open.
    ending
        What the statement needs after them.
    path
        The nodes from the placeholder at the cursor to its statement.
    earlier
        The statements that run before it, in order.
    """

    start: int
    typed: str
    quote: str
    closing: str
    ending: str
    path: tuple[ast.AST, ...]
    earlier: tuple[ast.stmt, ...]


class _Tokens(NamedTuple):
    tokens: list[tokenize.TokenInfo]
    in_string: bool


def locate(code: str, offset: int) -> Cursor | None:
    r"""Read the code before a cursor; None where nothing can be completed: a comment, a number.

    Examples
    --------
    >>> cursor = locate("u = t.filter(t.x > 3)\nu.sele", 28)
    >>> cursor.typed, ast.unparse(cursor.path[0]), [ast.unparse(one) for one in cursor.earlier]
    ('sele', 'u.cursor_is_here__', ['u = t.filter(t.x > 3)'])
    """
    for start in _beginnings(code[:offset]):
        found = _read(code, start, offset)
        if isinstance(found, Cursor) or found is None:
            return found
    return None


def _beginnings(text: str) -> Iterator[int]:
    """Yield where the statement at the end of text may begin: unindented lines, last first."""
    end, tried = len(text), 0
    while end >= 0 and tried < _ATTEMPTS:
        start = text.rfind("\n", 0, end) + 1
        if start == len(text) or text[start] not in " \t\r\n#)]}":
            tried += 1
            yield start
        end = start - 1
        if start == 0:
            return


def _read(code: str, start: int, offset: int) -> Cursor | bool | None:
    """Read from the line at `start` to the cursor; False where that is no statement."""
    region = code[start:offset]
    quote, scanned = _scanned(region)
    if scanned is None:
        return False
    tokens = [item for item in scanned.tokens if item.string]
    opened = _open_brackets(tokens)
    if opened is None:
        return False
    last = tokens[-1] if tokens else None
    starts = _line_starts(region)
    typed, cut = "", len(region)
    if quote:
        assert last is not None
        cut = starts[last.start[0] - 1] + last.start[1]
        body = region[cut:]
        if not body.startswith(quote):  # a prefix: bytes, raw or formatted
            return None
        typed = body[len(quote) :]
    elif last is not None and starts[last.end[0] - 1] + last.end[1] == len(region):
        if last.type in (tokenize.NUMBER, tokenize.STRING, tokenize.COMMENT):
            return None
        if last.type == tokenize.NAME:
            typed, cut = last.string, starts[last.start[0] - 1] + last.start[1]
    begin = _statement_start(tokens, starts, cut)
    stem = region[begin:cut]
    closing = "".join(reversed(opened))
    indent = " " * (begin - (region.rfind("\n", 0, begin) + 1))
    stands = [f'"{PLACE}"'] if quote else [PLACE, f"{PLACE}=None"]
    for stand_in, (inside, after) in product(stands, _ENDINGS):
        whole = textwrap.indent(after, indent).removeprefix(indent)
        filled = f"{indent}{stem}{stand_in}{inside}{closing}{whole}"
        if _parsed(textwrap.dedent(filled)) is None:
            continue
        module = _module(code[: start + begin - len(indent)], filled)
        path = _path(module) if module is not None else ()
        if module is not None and path:
            earlier = tuple(_before(module.body, path))
            return Cursor(start + cut, typed, quote, inside + closing, after, path, earlier)
    return False


def _scanned(text: str) -> tuple[str, _Tokens | None]:
    """Give the tokens of text, and the quote that closes the string that it ends in."""
    found = _tokens(text)
    if found is None or not found.in_string:
        return "", found
    for quote in _QUOTES:
        closed = _tokens(text + quote)
        if closed is not None and not closed.in_string:
            last = [item for item in closed.tokens if item.string.strip()][-1:]
            if last and last[0].type == tokenize.STRING:
                return quote, closed
    return "", None


def _tokens(text: str) -> _Tokens | None:
    """Give the tokens of text that may end anywhere, and whether it ends in a string."""
    tokens: list[tokenize.TokenInfo] = []
    try:
        for item in tokenize.generate_tokens(io.StringIO(text).readline):
            if item.type == tokenize.ERRORTOKEN and item.string[:1] in "\"'":
                return _Tokens(tokens, in_string=True)
            tokens.append(item)
    except tokenize.TokenError as error:
        return _Tokens(tokens, in_string="string" in str(error.args[0]))
    except (SyntaxError, ValueError):
        return None
    return _Tokens(tokens, in_string=False)


def _open_brackets(tokens: list[tokenize.TokenInfo]) -> list[str] | None:
    """Give what would close the brackets that are open; None where one closes that is not."""
    opened: list[str] = []
    for item in tokens:
        if item.type != tokenize.OP:
            continue
        if item.string in _OPEN:
            opened.append(_OPEN[item.string])
        elif item.string in _OPEN.values() and (not opened or opened.pop() != item.string):
            return None
    return opened


def _line_starts(text: str) -> list[int]:
    starts = [0]
    for line in io.StringIO(text):
        starts.append(starts[-1] + len(line))
    return starts


_LAYOUT = (tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.COMMENT)


def _statement_start(tokens: list[tokenize.TokenInfo], starts: list[int], cut: int) -> int:
    """Give where the last logical line begins."""
    begin: int | None = None
    for item in tokens:
        at = starts[item.start[0] - 1] + item.start[1]
        if item.type == tokenize.NEWLINE and item.string:
            begin = None
        elif item.type not in _LAYOUT and item.type != tokenize.NEWLINE and begin is None:
            begin = min(at, cut)
    return cut if begin is None else begin


def _parsed(text: str) -> ast.Module | None:
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _module(above: str, filled: str) -> ast.Module | None:
    """Parse the statement with what is above it, without the lines there that are no Python."""
    lines = above.splitlines()
    for _ in range(_ATTEMPTS):
        try:
            return ast.parse("\n".join([*lines, filled]))
        except SyntaxError as error:
            line = min((error.lineno or 1) - 1, len(lines) - 1)
            while line >= 0 and lines[line].strip() in ("", "pass"):
                line -= 1
            if line < 0:
                break
            text = lines[line]
            lines[line] = text[: len(text) - len(text.lstrip())] + "pass"
        except (ValueError, RecursionError, MemoryError):
            break
    return _parsed(textwrap.dedent(filled))


def _path(module: ast.Module) -> tuple[ast.AST, ...]:
    """Give the nodes from the placeholder up to its statement, and the blocks around it."""
    for root in reversed(module.body):
        found = _path_in(root)
        if found:
            return tuple(found)
    return ()


_NAMING = ("id", "attr", "arg", "name", "module", "value")


def _path_in(node: ast.AST) -> list[ast.AST]:
    for child in ast.iter_child_nodes(node):
        below = _path_in(child)
        if below:
            return [*below, node]
    named = (getattr(node, field, None) for field in _NAMING)
    return [node] if any(isinstance(name, str) and name == PLACE for name in named) else []


def _before(body: list[ast.stmt], path: tuple[ast.AST, ...]) -> Iterator[ast.stmt]:
    """Yield what runs before the statement at the cursor, from the blocks around it too."""
    around = {id(node) for node in path}
    for statement in body:
        if id(statement) not in around:
            yield statement
            continue
        if isinstance(statement, ast.For):
            header = ast.For(statement.target, statement.iter, [ast.Pass()], [])
            yield ast.copy_location(header, statement)
        for field in ("body", "orelse", "handlers", "finalbody"):
            inner = getattr(statement, field, None)
            if isinstance(inner, list) and any(id(item) in around for item in inner):
                yield from _before(inner, path)
        return
