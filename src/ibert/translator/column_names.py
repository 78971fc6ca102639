"""The names of the columns of derived tables."""

from __future__ import annotations

from sqlglot import exp

from ibert.translator.refusal import Refusal
from ibert.translator.scope import Label


def told_apart(labels: tuple[Label, ...]) -> tuple[Label, ...]:
    """Give columns of a derived table names of their own, as DuckDB does: `a`, `a_1`.

    Examples
    --------
    >>> [label for label, _ in told_apart((Label("a", "a"), Label("A", "a_2"), Label("b", "b")))]
    ['a', 'A_1', 'b']
    """
    taken: set[str] = set()
    made = []
    for label, name in labels:
        candidate, number = label, 1
        while candidate.casefold() in taken:
            candidate, number = f"{label}_{number}", number + 1
        taken.add(candidate.casefold())
        made.append(Label(candidate, name))
    return tuple(made)


def relabelled(labels: tuple[Label, ...], node: exp.Expr) -> tuple[Label, ...]:
    """Give columns the names that an alias lists: `t(a, b)`."""
    names = [column.name for column in node.args["alias"].columns] if node.args.get("alias") else []
    if len(names) > len(labels):
        raise Refusal(f"{len(names)} names for {len(labels)} columns", node, code="IB503")
    renamed = [Label(new, label.name) for new, label in zip(names, labels, strict=False)]
    return (*renamed, *labels[len(names) :])


def with_names(node: exp.Expr, names: list[str]) -> exp.Expr:
    """Give the columns of a query the names that are listed for them outside."""
    inner = node
    while isinstance(inner, exp.Subquery | exp.SetOperation):
        inner = inner.this
    if not names or not isinstance(inner, exp.Select):
        return node
    if any(item.is_star or item.find(exp.Columns) for item in inner.expressions):
        return node
    read = {column.name.casefold() for column in node.find_all(exp.Column) if not column.table}
    for name, item in zip(names, list(inner.expressions), strict=False):
        if isinstance(item, exp.Alias) and item.alias.casefold() in read:
            continue
        value = item.this if isinstance(item, exp.Alias) else item
        alias = exp.to_identifier(name, quoted=True)
        item.replace(exp.Alias(this=value.copy(), alias=alias))
    return node
