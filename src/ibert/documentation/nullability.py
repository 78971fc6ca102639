"""Which columns can never be NULL, and which can be for a reason that the expression shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import ibis.expr.operations as ops

# Never NULL, whatever they are of.
_NEVER = (
    *(ops.CountStar, ops.Count, ops.CountDistinct, ops.CountDistinctStar, ops.ApproxCountDistinct),
    *(ops.RowNumber, ops.RankBase, ops.NTile, ops.PercentRank, ops.CumeDist),
    *(ops.IsNull, ops.NotNull, ops.ExistsSubquery),
)
# NULL only where an argument is.
_STRICT = (
    *(ops.Add, ops.Subtract, ops.Multiply, ops.Negate, ops.Abs, ops.Comparison, ops.And, ops.Or),
    *(ops.Not, ops.Between, ops.Lowercase, ops.Uppercase, ops.Strip, ops.StringLength),
    *(ops.ExtractDateField, ops.TimestampTruncate, ops.DateTruncate, ops.Date, ops.Round),
    *(ops.StringContains, ops.StartsWith, ops.EndsWith, ops.Alias),
)
_EMPTY = (ops.Sum, ops.Mean, ops.Min, ops.Max, ops.Median, ops.StandardDev, ops.Variance)
# Predicates that no row passes in which their operand is NULL.
_REJECTING = (
    *(ops.Equals, ops.NotEquals, ops.Greater, ops.GreaterEqual, ops.Less, ops.LessEqual),
    *(ops.NotNull, ops.Between, ops.StringContains, ops.StartsWith, ops.EndsWith, ops.InValues),
)
_LOST = {"left": "right", "right": "left", "outer": "both", "asof": "right", "any_left": "right"}


def never_null(value: ops.Node) -> bool:
    """Tell whether a value is NULL in no row, for certain.

    Examples
    --------
    >>> import ibis
    >>> t = ibis.table({"x": "int64", "y": "!int64"}, name="t")
    >>> kept = t.filter(t.x > 3)
    >>> [never_null(column.op()) for column in (t.x, t.y + 1, kept.x, t.x.isnull())]
    [False, True, True, True]
    """
    match value:
        case ops.Literal():
            return value.value is not None
        case ops.Field(rel=relation, name=name):
            return _kept(relation, name)
        case ops.Coalesce(arg=parts):
            return any(map(never_null, parts))
        case ops.WindowFunction(func=inner):
            return isinstance(inner, _NEVER)
        case ops.Cast(arg=inner):
            return never_null(inner)
        case ops.IfElse(true_expr=one, false_null_expr=other):
            return never_null(one) and never_null(other)
        case ops.SearchedCase(results=results, default=default):
            return all(map(never_null, [*results, default]))
    if isinstance(value, _NEVER):
        return True
    inputs = [part for part in value.__args__ if isinstance(part, ops.Value)]
    return isinstance(value, _STRICT) and bool(inputs) and all(map(never_null, inputs))


def _kept(relation: ops.Relation, name: str) -> bool:
    """Tell whether a column of a relation is never NULL."""
    match relation:
        case ops.UnboundTable():
            return not relation.schema[name].nullable
        case ops.Filter(parent=parent, predicates=predicates):
            return name in _rejected(predicates, parent) or _kept(parent, name)
        case ops.DropNull(parent=parent, how=how, subset=subset):
            named = {part.name for part in subset} if subset is not None else None
            return (how == "any" and (named is None or name in named)) or _kept(parent, name)
        case ops.Sort(parent=parent) | ops.Limit(parent=parent) | ops.Distinct(parent=parent):
            return _kept(parent, name)
        case ops.SelfReference(parent=parent) | ops.JoinReference(parent=parent):
            return _kept(parent, name)
        case ops.Union(left=left, right=right):
            return _kept(left, name) and _kept(right, name)
        case ops.Difference(left=left) | ops.Intersection(left=left):
            return _kept(left, name)
        case ops.JoinChain():
            return _kept_by_join(relation, relation.values[name])
        case ops.Aggregate(groups=groups, metrics=metrics):
            return never_null(groups[name] if name in groups else metrics[name])
        case ops.Project(values=values):
            return never_null(values[name])
    return False


def _kept_by_join(chain: ops.JoinChain, value: ops.Value) -> bool:
    if not isinstance(value, ops.Field):
        return False
    if value.rel in _unmatched(chain):
        return False
    required = {
        (part.rel, part.name)
        for link in chain.rest
        if link.how in ("inner", "semi") and not _unmatched(chain)
        for part in _operands(link.predicates)
    }
    return (value.rel, value.name) in required or _kept(value.rel, value.name)


def _unmatched(chain: ops.JoinChain) -> set[ops.Relation]:
    """Give the sides of a join that rows without a match have only NULL of."""
    found: set[ops.Relation] = set()
    before: list[ops.Relation] = [chain.first]
    for link in chain.rest:
        lost = _LOST.get(link.how, "")
        if lost in ("right", "both"):
            found.add(link.table)
        if lost in ("left", "both"):
            found |= set(before)
        before.append(link.table)
    return found


def _rejected(predicates: Iterable[ops.Node], parent: ops.Relation) -> set[str]:
    return {part.name for part in _operands(predicates) if part.rel == parent}


def _operands(predicates: Iterable[ops.Node]) -> Iterator[ops.Field]:
    """Give the columns whose NULL no row passes."""
    for predicate in predicates:
        if isinstance(predicate, ops.And):
            yield from _operands([predicate.left, predicate.right])
        elif isinstance(predicate, _REJECTING):
            parts = [part for part in predicate.__args__ if isinstance(part, ops.Field)]
            yield from parts
        elif isinstance(predicate, ops.Field):
            yield predicate


def null_reason(value: ops.Node) -> str | None:
    """Give the reason for which a value can be NULL even where its tables have no NULL.

    Examples
    --------
    >>> import ibis
    >>> t, u = (ibis.table({"k": "int64"}, name=name) for name in "tu")
    >>> joined = t.left_join(u, "k")
    >>> null_reason(joined.k_right.op()), null_reason(t.k.max().op())
    ('in rows without a match', 'if there are no rows')
    """
    match value:
        case ops.Field(rel=relation, name=name):
            return _lost(relation, name)
        case ops.Alias(arg=inner) | ops.Cast(arg=inner):
            return null_reason(inner)
        case ops.WindowFunction(func=ops.Lag(default=None) | ops.Lead(default=None)):
            way = "before" if isinstance(value.func, ops.Lag) else "after"
            return f"in rows that no row comes {way}"
    return "if there are no rows" if isinstance(value, _EMPTY) else None


def _lost(relation: ops.Relation, name: str) -> str | None:
    match relation:
        case ops.JoinReference():
            return None
        case ops.JoinChain():
            value = relation.values[name]
            if isinstance(value, ops.Field) and value.rel in _unmatched(relation):
                return "in rows without a match"
            return None
        case ops.Sort(parent=parent) | ops.Limit(parent=parent):
            return _lost(parent, name)
        case ops.Aggregate(groups=groups, metrics=metrics):
            if not groups:
                return null_reason(metrics[name])
            return _lost_group(groups.get(name))
        case ops.Project(values=values):
            return null_reason(values[name])
    return None


def _lost_group(value: ops.Node | None) -> str | None:
    return null_reason(value) if isinstance(value, ops.Field) else None
