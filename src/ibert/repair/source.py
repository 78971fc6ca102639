"""The text of code by the nodes of its syntax: what is changed is text, so all else stays."""

from __future__ import annotations

import ast
import io
from collections.abc import Iterable, Iterator

# Of what binds less tightly than `&` and `|`.
_LOOSE = (ast.BoolOp, ast.Compare, ast.IfExp, ast.Lambda, ast.NamedExpr)
_TIGHT = (
    *(ast.Name, ast.Attribute, ast.Call, ast.Subscript, ast.Constant, ast.List, ast.Tuple),
    *(ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp, ast.JoinedStr),
)

Piece = tuple[int, int, str]  # characters from, to, and what takes their place


class Source:
    """Code with the places of its nodes.

    Examples
    --------
    >>> text = "expr = (a > 1) and b  # why"
    >>> source = Source(text, ast.parse(text))
    >>> both = source.module.body[0].value
    >>> source.operand(both.values[0]), source.outer(both.values[0])
    ('(a > 1)', (7, 14))
    """

    def __init__(self, text: str, module: ast.Module) -> None:
        self.text = text
        self.module = module
        self._lines = list(io.StringIO(text, newline=""))
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line))
        self.parents = {
            child: node for node in ast.walk(module) for child in ast.iter_child_nodes(node)
        }

    def start(self, node: ast.AST) -> int:
        """Where a node begins."""
        return self._offset(node.lineno, node.col_offset)  # type: ignore[attr-defined]

    def end(self, node: ast.AST) -> int:
        """Where a node ends."""
        return self._offset(node.end_lineno, node.end_col_offset)  # type: ignore[attr-defined]

    def _offset(self, line: int, column: int) -> int:
        """Count characters; Python's columns are bytes."""
        text = self._lines[line - 1] if line <= len(self._lines) else ""
        before = column if text.isascii() else len(text.encode()[:column].decode())
        return self._starts[line - 1] + before

    def of(self, node: ast.AST) -> str:
        """Give the text of a node."""
        return self.text[self.start(node) : self.end(node)]

    def outer(self, node: ast.AST) -> tuple[int, int]:
        """Where a node begins and ends with the parentheses that are its own."""
        start, end = self.start(node), self.end(node)
        while True:
            before, after = self._before(start), self._after(end)
            if not (self.text[before : before + 1] == "(" and self.text[after : after + 1] == ")"):
                return start, end
            if self._is_of_parent(node, before):
                return start, end
            start, end = before, after + 1

    def _is_of_parent(self, node: ast.AST, before: int) -> bool:
        """Whether a parenthesis before a node opens the arguments of a call, a tuple or a class."""
        parent = self.parents.get(node)
        if isinstance(parent, ast.Call) and node is not parent.func:
            opening = self.text.find("(", self.outer(parent.func)[1])
            return before <= opening
        if isinstance(parent, ast.keyword | ast.Starred | ast.GeneratorExp):
            return self.text[self.start(parent) : self.start(node)].count("(") == 0
        return isinstance(parent, ast.Tuple) and before <= self.start(parent)

    def _before(self, place: int) -> int:
        place -= 1
        while place >= 0 and self.text[place].isspace():
            place -= 1
        return max(place, 0)

    def _after(self, place: int) -> int:
        while place < len(self.text) and self.text[place].isspace():
            place += 1
        return place

    def operand(self, node: ast.expr) -> str:
        """Give the text of a node as an operand of `&`, `|` or `~`."""
        text = self.of(node)
        loose = isinstance(node, _LOOSE) or (
            isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
        )
        return f"({text})" if loose else text

    def receiver(self, node: ast.expr) -> str:
        """Give the text of a node as what a method is called on."""
        text = self.of(node)
        return text if isinstance(node, _TIGHT) and not _is_number(node) else f"({text})"

    def enclosed(self, node: ast.expr) -> str:
        """Give the text of a node, with the parentheses that a method called on it needs."""
        start, end = self.outer(node)
        has_own = start < self.start(node)
        return self.text[start:end] if has_own else self.receiver(node)

    def replaced(self, *pieces: Piece) -> str:
        """Give the code with other text in places that do not overlap."""
        parts, done = [], 0
        for start, end, text in sorted(pieces):
            parts += [self.text[done:start], text]
            done = max(done, end)
        return "".join([*parts, self.text[done:]])

    def with_node(self, node: ast.AST, text: str) -> str:
        """Give the code with other text in the place of a node."""
        return self.replaced((self.start(node), self.end(node), text))

    def with_argument(self, call: ast.Call, text: str, *, first: bool = False) -> str:
        """Give the code with one more positional argument of a call, at the end or at first."""
        if call.args and not first:
            place = self.outer(call.args[-1])[1]
            return self.replaced((place, place, f", {text}"))
        place = self.text.find("(", self.outer(call.func)[1]) + 1
        comma = ", " if call.args or call.keywords else ""
        return self.replaced((place, place, f"{text}{comma}"))

    def with_keyword(self, call: ast.Call, text: str) -> str:
        """Give the code with one more keyword argument of a call."""
        if not call.args and not call.keywords:
            return self.with_argument(call, text)
        places = [self.outer(node)[1] for node in call.args]
        places += [self.outer(item.value)[1] for item in call.keywords]
        place = max(places)
        return self.replaced((place, place, f", {text}"))

    def without_argument(self, call: ast.Call, argument: ast.AST) -> str:
        """Give the code with an argument of a call left out, with its comma."""
        start, end = self.argument(argument)
        after = self._after(end)
        before = self._before(start)
        if self.text[after : after + 1] == ",":
            rest = self.text[after + 1 :]
            end = after + 1 + len(rest) - len(rest.lstrip(" "))
        elif self.text[before] == ",":
            start = before
        return self.replaced((start, end, ""))

    def argument(self, argument: ast.AST) -> tuple[int, int]:
        """Where an argument, with its name, begins and ends."""
        if isinstance(argument, ast.keyword):
            return self.start(argument), self.outer(argument.value)[1]
        return self.outer(argument)

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield what a node stands in, innermost first."""
        while (parent := self.parents.get(node)) is not None:
            yield parent
            node = parent

    def statement(self, node: ast.AST) -> ast.AST:
        """Give the statement that a node stands in."""
        return next(
            (one for one in (node, *self.above(node)) if isinstance(one, ast.stmt)), self.module
        )


def joined(texts: Iterable[str]) -> str:
    """Write a list of arguments."""
    return ", ".join(texts)


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float)
