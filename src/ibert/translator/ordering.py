"""ORDER BY: what its keys mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from sqlglot import exp

from ibert.translator import calls, stars
from ibert.translator.refusal import Refusal
from ibert.translator.scope import Scope
from ibert.translator.syntax import signature
from ibert.translator.values import (
    Value,
)


class Item(NamedTuple):
    """A column of the output: the name that SQL has for it, whether it was chosen, its value."""

    label: str
    chosen: bool
    value: Value


@dataclass
class Sort:
    """A sort key: a column of the output, or a value over the rows that are projected."""

    position: int | None
    value: Value | None
    descending: bool
    nulls_first: bool

    def of(self, value: Value) -> Value:
        """Give it as an argument of `order_by`."""
        return calls.directed(value, self.descending, self.nulls_first)


def given(sort: Sort) -> Value:
    """Give the value of a key that is no column of the output."""
    assert sort.value is not None
    return sort.value


def sorts_of(node: exp.Expr, items: list[Item], scope: Scope) -> list[Sort]:
    """Find what the keys of ORDER BY mean."""
    order = node.args.get("order")
    sorts: list[Sort] = []
    for part in _sort_keys(order, scope):
        descending = bool(part.args.get("desc"))
        nulls_first = bool(part.args.get("nulls_first"))
        inner = part.this
        if part.args.get("with_fill"):
            raise Refusal("ORDER BY … WITH FILL", part)
        if (
            isinstance(inner, exp.Var | exp.Column)
            and inner.name.upper() == "ALL"
            and not any(item.label.upper() == "ALL" for item in items)
        ):
            sorts += [Sort(i, None, descending, nulls_first) for i in range(len(items))]
            continue
        position, value = sorted_by(inner, items, scope)
        if value is not None and not value.uses and value.is_literal:
            continue
        sorts.append(Sort(position, value, descending, nulls_first))
    return _without_repeats(sorts, items)


def _sort_keys(order: exp.Expr | None, scope: Scope) -> list[exp.Expr]:
    keys = order.expressions if order is not None else []
    return [copy for key_ in keys for copy in stars.each(key_, scope)]


def sorted_by(node: exp.Expr, items: list[Item], scope: Scope) -> tuple[int | None, Value | None]:
    """Give what a key is: the position of a column of the output, or a value."""
    node = node.unnest()
    if isinstance(node, exp.Literal) and not node.is_string and node.name.isdigit():
        position = int(node.name)
        if not 1 <= position <= len(items):
            raise Refusal(
                f"ORDER BY {position}: there are {len(items)} columns", node, code="IB503"
            )
        return position - 1, None
    if isinstance(node, exp.Column) and not node.table:
        folded = node.name.casefold()
        for index, item in enumerate(items):
            if item.chosen and item.label.casefold() == folded:
                return index, None
    value = scope.value(node)
    mark = signature(value.node)
    for index, item in enumerate(items):
        if signature(item.value.node) == mark:
            return index, None
    return None, value


def _without_repeats(sorts: list[Sort], items: list[Item]) -> list[Sort]:
    """Leave out keys that were there before: Ibis takes no key twice."""
    seen, kept = set(), []
    for sort in sorts:
        value = items[sort.position].value if sort.position is not None else given(sort)
        mark = signature(value.node)
        if mark not in seen:
            seen.add(mark)
            kept.append(sort)
    return kept


def value_of(sort: Sort, items: list[Item]) -> Value:
    """Give what a key sorts by."""
    return items[sort.position].value if sort.position is not None else given(sort)
