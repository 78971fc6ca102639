"""Whether two Ibis expressions are the same, whatever numbers Ibis gave their parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ibis.expr.operations as ops
import ibis.expr.types as ir

from ibert.translator.decompilation.functions import signature

# What Ibis numbers anew each time it is built.
_NUMBERED = {ops.SelfReference: ("identifier",), ops.ScalarParameter: ("counter",)}


def same(left: ir.Expr, right: ir.Expr) -> bool:
    """Whether two expressions are built in the same way from the same tables.

    Views and parameters are the same where they stand in the same places, tables in memory where
    they hold the same rows, functions where they are declared alike.

    Examples
    --------
    >>> import ibis
    >>> t = ibis.table({"x": "int64"}, name="t")
    >>> t.view().equals(t.view()), same(t.view(), t.view()), same(t.x + 1, t.x + 2)
    (False, True, False)
    """
    return _Comparison().same(left.op(), right.op())


def plain(op: ops.Node) -> ops.Node:
    """Give an operation without the name that Ibis gives it anyway.

    Ibis names nothing twice, and names what it unnests.
    """
    while isinstance(op, ops.Alias):
        given = {op.arg.name, op.arg.arg.name} if isinstance(op.arg, ops.Unnest) else {op.arg.name}
        if op.name not in given:
            break
        op = op.arg
    return op


class _Comparison:
    """What has been found of two expressions so far."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], bool] = {}
        self._numbers: dict[tuple[type, Any], Any] = {}
        self._taken: dict[tuple[type, Any], Any] = {}

    def same(self, left: Any, right: Any) -> bool:
        if isinstance(left, ops.Node) and isinstance(right, ops.Node):
            left, right = plain(left), plain(right)
            pair = (id(left), id(right))
            if pair not in self._known:
                self._known[pair] = self._nodes(left, right)
            return self._known[pair]
        if isinstance(left, float) and isinstance(right, float):
            return left == right or (left != left and right != right)
        if type(left) is not type(right):
            return False
        if isinstance(left, tuple):
            return len(left) == len(right) and all(map(self.same, left, right))
        if isinstance(left, Mapping):
            return self.same(tuple(left.items()), tuple(right.items()))
        return bool(left == right)

    def _nodes(self, left: ops.Node, right: ops.Node) -> bool:
        if isinstance(left, ops.ScalarUDF | ops.AggUDF):
            if not isinstance(right, ops.ScalarUDF | ops.AggUDF):
                return False
            alike = signature(left) == signature(right)
            return alike and self.same(left.__args__, right.__args__)
        if type(left) is not type(right):
            return False
        if isinstance(left, ops.InMemoryTable):
            schema = left.schema
            return bool(
                schema == right.schema
                and left.data.to_pyarrow(schema).equals(right.data.to_pyarrow(schema))
            )
        labels = left.__argnames__
        numbered = _NUMBERED.get(type(left), ())
        for label, one, other in zip(labels, left.__args__, right.__args__, strict=True):
            if label in numbered:
                if not self._numbered(type(left), one, other):
                    return False
            elif not self.same(one, other):
                return False
        return True

    def _numbered(self, kind: type, one: Any, other: Any) -> bool:
        forth = self._numbers.setdefault((kind, one), other)
        back = self._taken.setdefault((kind, other), one)
        return bool(forth == other and back == one)
