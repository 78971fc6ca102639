"""Names for columns that the author did not name."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sqlglot import exp

_LONGEST = 40


def invented(node: exp.Expr) -> str:
    """Make a name for an expression out of its function and its columns.

    Examples
    --------
    >>> import sqlglot
    >>> [invented(sqlglot.parse_one(sql)) for sql in ("sum(t.x)", "count(*)", "a + b")]
    ['sum_x', 'count', 'a_b']
    """
    words = []
    for part in node.walk(bfs=False):
        if isinstance(part, exp.Query):
            break
        if isinstance(part, exp.Anonymous):
            words.append(part.name)
        elif isinstance(part, exp.Func) and not isinstance(
            part, exp.Connector | exp.Case | exp.Cast
        ):
            words.append(part.sql_name())
        elif isinstance(part, exp.Column):
            words.append(part.name)
    text = re.sub(r"\W+", "_", "_".join(word.lower() for word in words if word)).strip("_")
    if not text or not text[0].isalpha():
        return "value"
    return text if len(text) <= _LONGEST else text[:_LONGEST].rstrip("_")


def unique(name: str, taken: Iterable[str]) -> str:
    """Add a number to a name that is taken; DuckDB does not tell names apart by their case.

    Examples
    --------
    >>> unique("id", {"ID", "id_2"})
    'id_3'
    """
    folded = {other.casefold() for other in taken}
    candidate, number = name, 2
    while candidate.casefold() in folded:
        candidate, number = f"{name}_{number}", number + 1
    return candidate
