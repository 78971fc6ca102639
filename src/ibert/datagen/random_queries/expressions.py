"""Random SQL expressions, well-typed by construction, from tables of productions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache
from random import Random
from typing import NamedTuple

import ibis.expr.datatypes as types

from ibert.datagen.random_queries.productions import (
    AGGREGATES,
    ANY,
    COMMON,
    LITERALS,
    RARE,
    RARE_AGGREGATES,
    TESTS,
)

NUMBERS = ("int", "float", "decimal")
SCALARS = (*NUMBERS, "string", "bool", "date", "timestamp")
KINDS = (*SCALARS, "ints", "struct")

DRAWS = 6  # of productions, of which the first that has leaves is taken

_HOLE = re.compile(r"\$(\w+)")
_ATOM = re.compile(r"""[\w."]+|'[^']*'|"[^"]*"|\w+\."[^"]*"|"[^"]*"\.("[^"]*"|\w+)""")
_CALL = re.compile(r"\w*[(]")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")


class Leaf(NamedTuple):
    """A piece of SQL that can stand in an expression, and its kind."""

    sql: str
    kind: str


def kind_of(dtype: types.DataType) -> str:
    """Give the kind of a column's type.

    Examples
    --------
    >>> kind_of(types.dtype("uint8")), kind_of(types.dtype("array<int32>"))
    ('int', 'ints')
    """
    found = (kind for test, kind in _KINDS if isinstance(dtype, test))
    return next(found)


_KINDS: tuple[tuple[type[types.DataType], str], ...] = (
    (types.Boolean, "bool"),
    (types.Integer, "int"),
    (types.Floating, "float"),
    (types.Decimal, "decimal"),
    (types.String, "string"),
    (types.Date, "date"),
    (types.Timestamp, "timestamp"),
    (types.Array, "ints"),
    (types.Struct, "struct"),
)


def is_atomic(sql: str) -> bool:
    """Tell whether an expression needs no parentheses inside a larger one.

    Examples
    --------
    >>> is_atomic('t."a b"'), is_atomic("f(a + 1)"), is_atomic("(a) + (b)"), is_atomic("-1")
    (True, True, False, False)
    """
    if _ATOM.fullmatch(sql):
        return True
    if not _CALL.match(sql):
        return False
    depth = 0
    text = _QUOTED.sub("", sql)
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if not depth and character == ")":
            return place == len(text) - 1
    return False


@cache
def _needs(production: str) -> frozenset[str]:
    return frozenset(_HOLE.findall(production)) & frozenset(KINDS)


def _lines(*texts: str) -> list[str]:
    return [line for text in texts for line in text.strip().splitlines()]


_COMMON = {kind: _lines(COMMON[kind], ANY.replace("$0", f"${kind}")) for kind in KINDS}
_RARE = {kind: _lines(RARE[kind]) for kind in KINDS}
_AGGREGATES = {kind: _lines(text) for kind, text in AGGREGATES.items()}
_RARE_AGGREGATES = {kind: _lines(text) for kind, text in RARE_AGGREGATES.items()}


class Expressions:
    """Draws expressions over leaves.

    Parameters
    ----------
    rng
        Where the chance comes from.
    leaves
        What stands at the ends of expressions, beside literals: columns, aggregates, subqueries.
    spice
        The share of productions that are DuckDB's own.

    Examples
    --------
    >>> Expressions(Random(5), [Leaf("a", "int")], spice=0).make("bool", 1)
    'a IS DISTINCT FROM a'
    """

    def __init__(self, rng: Random, leaves: Iterable[Leaf], *, spice: float) -> None:
        self._rng = rng
        self._spice = spice
        self._leaves: dict[str, list[str]] = {}
        for leaf in leaves:
            self._leaves.setdefault(leaf.kind, []).append(leaf.sql)

    def kinds(self, among: Sequence[str] = KINDS) -> list[str]:
        """Give the kinds that there are leaves of; all of them if there are none."""
        return [kind for kind in among if kind in self._leaves] or list(among)

    def make(self, kind: str, depth: int) -> str:
        """Draw an expression of a kind, at most so many operations deep."""
        if kind == "number":
            kind = self._rng.choice(self.kinds(NUMBERS))
        if kind == "scalar":
            kind = self._rng.choice(self.kinds(SCALARS))
        if depth <= 0 or self._rng.random() < 0.2:
            return self.leaf(kind)
        rare = self._rng.random() < self._spice
        return self.fill(self._production((_RARE if rare else _COMMON)[kind]), depth)

    def leaf(self, kind: str) -> str:
        """Draw a leaf or, where there is none and now and then, a literal."""
        leaves = self._leaves.get(kind)
        if leaves and self._rng.random() < 0.94:
            return self._rng.choice(leaves)
        if kind == "bool" and not leaves and self._leaves:
            return f"({self.fill(self._production(TESTS), 0)})"
        return self._rng.choice(LITERALS[kind])

    def aggregate(self, kind: str, depth: int) -> str | None:
        """Draw an aggregate of a kind, or None if there is none."""
        rare = self._rng.random() < self._spice
        calls = (_RARE_AGGREGATES if rare else _AGGREGATES).get(kind) or _AGGREGATES.get(kind)
        return self.fill(self._production(calls), depth) if calls else None

    def _production(self, among: Sequence[str]) -> str:
        """Draw a production, preferably one that there are leaves for."""
        drawn = [self._rng.choice(among) for _ in range(DRAWS)]
        return next((one for one in drawn if self._leaves.keys() >= _needs(one)), drawn[0])

    def fill(self, production: str, depth: int) -> str:
        """Put expressions into a production's holes; the same one into its repeated ORDER BY."""

        def fill(hole: re.Match[str]) -> str:
            sql = self.make(hole[1], depth - 1)
            before, after = production[: hole.start()], production[hole.end() :]
            is_argument = before.endswith(("(", ", ")) and after.startswith((")", ","))
            return sql if is_argument or is_atomic(sql) else f"({sql})"

        if "ORDER BY" in production and production.count("DISTINCT"):
            repeated = _HOLE.search(production)
            return production.replace(repeated[0], fill(repeated)) if repeated else production
        return _HOLE.sub(fill, production)
