"""What a rule is: a code, the syntax it looks at, and a function that judges one node."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from ibert.checker.code import Code
from ibert.diagnostics import Fix


class Finding(NamedTuple):
    """A node at fault.

    Parameters
    ----------
    node
        What is underlined.
    message
        What is wrong, in one line.
    hint
        What to do about it.
    fix
        The edits that do it.
    """

    node: ast.AST
    message: str
    hint: str | None = None
    fix: Fix | None = None


# mypy has no word for "a function whose first argument is one of these classes".
Judge = Callable[..., Iterator[Finding]]


@dataclasses.dataclass(frozen=True)
class Rule:
    """A rule; its documentation is the docstring of its function.

    Parameters
    ----------
    code
        A key of `ibert.diagnostics.CODES`.
    nodes
        The classes of syntax that it judges.
    judge
        Gives what is wrong with one node.
    """

    code: str
    nodes: tuple[type[ast.AST], ...]
    judge: Judge

    def __call__(self, node: ast.AST, code: Code) -> Iterator[Finding]:
        """Judge one node."""
        return self.judge(node, code)

    @property
    def name(self) -> str:
        """A name in words with hyphens."""
        return self.judge.__name__.replace("_", "-")

    @property
    def documentation(self) -> str:
        """Say what it is about, in Markdown."""
        return inspect.getdoc(self.judge) or ""

    @property
    def examples(self) -> dict[str, str]:
        """The code after `Bad:` and `Good:` in its documentation."""
        return dict(re.findall(r"^(Bad|Good): `(.+)`$", self.documentation, re.MULTILINE))


def rule(code: str, *nodes: type[ast.AST]) -> Callable[[Judge], Rule]:
    """Make a function a rule about nodes of some classes."""

    def made(judge: Judge) -> Rule:
        return Rule(code, nodes, judge)

    return made
