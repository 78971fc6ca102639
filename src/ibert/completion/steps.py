"""Whole next steps of a query: what follows a grouping, and joins on keys that both sides have."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ibis.expr.types as ir
from ibis.expr.types.groupby import GroupedTable

from ibert.completion.candidates import quoted
from ibert.completion.scope import Scope
from ibert.completion.vocabulary import shared_keys

_SUMMED = 2  # columns of numbers that a grouping is followed by the sums of
_KEY = ("_id", "id", "_key")  # how keys end


def steps(scope: Scope, holder: Any) -> Iterator[tuple[str, str]]:
    """Yield calls that may follow a value: the method, and the whole step.

    Examples
    --------
    >>> import ibis
    >>> from ibert.completion.cursor import locate
    >>> from ibert.catalog import Catalog
    >>> from ibert.interpreter import Interpreter
    >>> cursor = locate("t.group_by('g').", 16)
    >>> scope = Scope(cursor, Interpreter(Catalog.from_any({"t": {"g": "string", "x": "int8"}})))
    >>> list(steps(scope, scope.value(cursor.path[0].value)))
    [('agg', 'agg(n=_.count(), x_sum=_.x.sum())')]
    """
    if isinstance(holder, GroupedTable):
        yield "agg", f"agg({', '.join(_aggregates(holder))})"
    elif isinstance(holder, ir.Table):
        for name, table in scope.names.items():
            if isinstance(table, ir.Table) and not table.equals(holder):
                keys = [key for key in shared_keys(holder, table) if key.endswith(_KEY)]
                for key in keys[:1]:
                    yield "join", f"join({name}, {quoted(key)})"


def _aggregates(grouped: GroupedTable) -> Iterator[str]:
    keys = {group.name for group in grouped.groupings}
    yield "n=_.count()"
    summed = (
        name
        for name, dtype in grouped.table.schema.items()
        if dtype.is_numeric() and name not in keys and name.isidentifier()
        if not name.endswith(_KEY)
    )
    for _, name in zip(range(_SUMMED), summed, strict=False):
        yield f"{name}_sum=_.{name}.sum()"
