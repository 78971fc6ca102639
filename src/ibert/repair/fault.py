"""A fault: code, what it raises and where, and what is known of the values around that place."""

from __future__ import annotations

import ast
import contextlib
import difflib
import itertools
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import ibis.expr.types as ir
from ibis.common.deferred import Deferred
from ibis.common.exceptions import IntegrityError
from ibis.expr.types.groupby import GroupedTable

from ibert.interpreter import UNKNOWN, Reading
from ibert.repair.source import Source

NEAREST = 6  # names that are tried for one that is not there
LEAST_LIKE = 0.5  # how like a name has to be


class Candidate(NamedTuple):
    """Changed code, what was changed, and how far from what was meant that may be."""

    text: str
    title: str
    cost: float


class Fault:
    """What is wrong with code.

    Attributes
    ----------
    source
        The code.
    reading
        The values of its parts.
    region
        The syntax that raised.
    exception, message
        What was raised.
    parts
        The named parts of the message.
    """

    def __init__(
        self,
        source: Source,
        reading: Reading,
        region: ast.AST,
        exception: str,
        message: str,
        parts: Mapping[str, str] | None = None,
    ) -> None:
        self.source = source
        self.reading = reading
        self.region = region
        self.exception = exception
        self.message = message
        self.parts = dict(parts or {})

    def matched(self, parts: Mapping[str, str]) -> Fault:
        """Give the same fault with the parts of its message."""
        return Fault(self.source, self.reading, self.region, self.exception, self.message, parts)

    def at(self, region: ast.AST) -> Fault:
        """Give the same fault for another part of the code."""
        return Fault(self.source, self.reading, region, self.exception, self.message, self.parts)

    def nodes(self, *kinds: type[ast.AST]) -> Iterator[Any]:
        """Yield the nodes of some kinds in what raised."""
        for node in ast.walk(self.region):
            if isinstance(node, kinds):
                yield node

    def value(self, node: ast.AST) -> Any:
        """Give the value of a node; a deferred one is bound to the tables around it."""
        value = self.reading.values.get(node, UNKNOWN)
        if not isinstance(value, Deferred):
            return value
        if isinstance(node, ast.Name):
            return next(self.tables(node), value)
        for table in self.tables(node):
            if (bound := _bound(table, value)) is not UNKNOWN:
                return bound
        return value

    def tables(self, node: ast.AST) -> Iterator[ir.Table]:
        """Yield the tables that a node's names can be of, nearest first."""
        inner = node
        for outer in self.source.above(node):
            if isinstance(outer, ast.Call) and inner is not outer.func:
                yield from self._tables_of_call(outer)
            inner = outer

    def _tables_of_call(self, call: ast.Call) -> Iterator[ir.Table]:
        if isinstance(call.func, ast.Attribute):
            receiver = table_of(self.reading.values.get(call.func.value))
            if receiver is not None:
                yield receiver
                for node in call.args:
                    other = table_of(self.reading.values.get(node))
                    if other is not None:
                        yield other

    def columns(self, node: ast.AST) -> list[str]:
        """Give the names of the columns of the tables around a node, nearest first."""
        return list(
            dict.fromkeys(itertools.chain.from_iterable(t.columns for t in self.tables(node)))
        )

    def assigned(self, name: str, before: ast.AST) -> ast.expr | None:
        """Find what a name was given last before a node."""
        line = getattr(before, "lineno", 0)
        found = None
        for node in ast.walk(self.source.module):
            match node:
                case ast.Assign(targets=[ast.Name(id=target)], value=value):
                    if target == name and node.lineno <= line and value is not before:
                        found = value
        return found


def table_of(value: Any) -> ir.Table | None:
    """Give a table, or the table that is grouped; None for a join whose columns have one name."""
    if isinstance(value, ir.Join):
        with contextlib.suppress(IntegrityError):
            return value if value.columns else None
        return None
    if isinstance(value, ir.Table):
        return value
    return value.table.to_expr() if isinstance(value, GroupedTable) else None


def likeness(name: str, other: str) -> float:
    """Tell how like two names are, from 0 to 1, whatever their case and underscores.

    Examples
    --------
    >>> likeness("userId", "user_id"), round(likeness("totl", "total"), 2)
    (0.98, 0.89)
    """
    exact = difflib.SequenceMatcher(None, name, other, autojunk=False).ratio()
    one, two = (text.casefold().replace("_", "") for text in (name, other))
    folded = difflib.SequenceMatcher(None, one, two, autojunk=False).ratio()
    if sorted(one) == sorted(two):
        folded = max(folded, 0.9)  # letters in another order
    return float(max(exact, folded - 0.02))


def nearest(name: str, known: Iterable[str]) -> list[tuple[str, float]]:
    """Give the names that are most like one, with what it costs to mean them."""
    ranked = sorted(((likeness(name, other), other) for other in set(known)), reverse=True)
    return [(other, 0.3 + 3 * (1 - like)) for like, other in ranked[:NEAREST] if like >= LEAST_LIKE]


def _bound(table: ir.Table, value: Deferred) -> Any:
    try:
        (found,) = table.bind(value)
    except Exception:  # noqa: BLE001  whatever Ibis raises, the value is not known
        return UNKNOWN
    return found
