"""Where the parts of a statement stand in the text that the user wrote."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sqlglot import Token, exp

from ibert.diagnostics import Diagnostic, Span
from ibert.sql.script import Script


class Statement(NamedTuple):
    """A statement of a script.

    Parameters
    ----------
    script
        The script.
    node
        The statement as its dialect reads it.
    text
        The text of the script.
    tokens
        The statement in it.
    is_translated
        Whether what is translated is another tree: the one of the text in DuckDB's dialect.
    """

    script: Script
    node: exp.Expr
    text: str
    tokens: list[Token]
    is_translated: bool

    def place(self, node: exp.Expr | None) -> Span:
        """Find a node, or what is around it; the beginning of the statement where neither is."""
        for part in _outwards(node):
            original = _counterpart(part, self.node) if self.is_translated else part
            span = self.script.node_span(original) if original is not None else None
            if span is not None:
                return span
        return self.script.span(self.tokens[:1])

    def remark(self, node: exp.Expr, message: str) -> Diagnostic:
        """Note at its place what there is to say of a part of another dialect."""
        hint = "cast it to a DECIMAL first"
        return Diagnostic(
            code="IB510",
            message=message,
            source=self.script.source,
            span=self.place(node),
            hint=hint,
        )


def _outwards(node: exp.Expr | None) -> Iterator[exp.Expr]:
    """Yield a node and those around it, but not the whole statement."""
    while node is not None:
        if node.parent is None and isinstance(node, exp.Query | exp.DML | exp.DDL):
            return
        yield node
        node = node.parent


def _counterpart(node: exp.Expr, tree: exp.Expr) -> exp.Expr | None:
    """Find the first node of the same kind and name in another tree."""
    name = node.name.casefold()
    for part in tree.find_all(type(node)):
        if type(part) is type(node) and part.name.casefold() == name:
            return part
    return None
