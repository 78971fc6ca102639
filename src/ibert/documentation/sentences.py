"""What an expression does, in sentences: a summary, its steps, and what its columns are."""

from __future__ import annotations

from collections.abc import Iterator

import ibis.expr.operations as ops

from ibert.documentation.knowledge import listed
from ibert.documentation.nullability import never_null, null_reason
from ibert.documentation.phrases import Phrases, pivoted

SUMMARY = 72  # characters that a summary may have
_VERBS: dict[type[ops.Node], str] = {ops.Sum: "Sum", ops.Count: "Count", ops.CountStar: "Count"}
_JOINS = {
    "inner": "{} is joined with {}{}",
    "left": "{} is joined with {}{}; rows without a match are kept",
    "right": "{} is joined with {}{}; rows of the latter without a match are kept",
    "outer": "{} is joined with {}{}; rows of both without a match are kept",
    "semi": "Only rows of {} are kept that have a match in {}{}",
    "anti": "Only rows of {} are kept that have no match in {}{}",
    "cross": "Every row of {} is combined with every row of {}{}",
    "asof": "Each row of {} is joined with the nearest row of {}{}",
    "any_inner": "{} is joined with one matching row of {}{}",
    "any_left": "{} is joined with at most one matching row of {}{}",
}
_SETS: dict[type[ops.Node], str] = {
    ops.Union: "The rows of {} and {} are put together",
    ops.Intersection: "Only the rows of {} that are in {}, too, are kept",
    ops.Difference: "Only the rows of {} that are not in {} are kept",
}
_SET_SUMMARIES: dict[type[ops.Node], str] = {
    ops.Union: "Put the rows of {} and {} together.",
    ops.Intersection: "Keep the rows that both {} and {} have.",
    ops.Difference: "Keep the rows of {} that {} lacks.",
}
_SAME = (
    *(ops.Sort, ops.Limit, ops.SelfReference, ops.JoinReference),
    *(ops.Filter, ops.DropNull, ops.Distinct),
)


class Sentences:
    """Says what an expression does.

    Examples
    --------
    >>> import ibis
    >>> t = ibis.table({"g": "string", "x": "int64"}, name="t")
    >>> expr = t.filter(t.x > 1).group_by("g").agg(total=t.x.sum())
    >>> sentences = Sentences(Phrases({}))
    >>> sentences.summary(expr.op())
    'Sum `x` per `g` where `x` is greater than 1.'
    >>> for sentence in sentences.steps(expr.op()):
    ...     print(sentence)
    Only rows of `t` where `x` is greater than 1 are kept.
    The rows are grouped by `g`.
    """

    def __init__(self, phrases: Phrases) -> None:
        self.phrases = phrases
        self._shown: set[str] = set()  # columns that the result has

    # The summary.

    def summary(self, op: ops.Node) -> str:
        """Give one sentence in the imperative."""
        found = next(text for text in self._summaries(op) if len(text) <= SUMMARY)
        return found[0].upper() + found[1:]

    def _summaries(self, op: ops.Node) -> Iterator[str]:
        """Give summaries, those that say most first, and one that is short for certain at last."""
        if isinstance(op, ops.Relation):
            yield from self._of_relation(op)
            yield "Compute a table."
            return
        tables = self._bases(op)
        of = f" of {listed(tables)}" if tables else ""
        each = "" if op.shape.is_scalar() else " for each row"
        yield f"Compute {self.phrases.figure(op)}{of}{each}."
        yield f"Compute {self.phrases.figure(op)}{each}."
        yield f"Compute a value{each}{of}."
        yield f"Compute a value{each}."

    def _of_relation(self, op: ops.Relation) -> Iterator[str]:
        of = self.name(op)
        match op:
            case ops.Filter(parent=ops.Aggregate() as parent, predicates=predicates):
                said = " and ".join(map(self.phrases._part, predicates))
                counted = next(self._of_aggregate(parent)).removesuffix(".")
                yield f"{counted}, keeping those where {said}."
                yield from self._of_aggregate(parent)
            case ops.Limit(parent=ops.Sort(keys=(key,)) as parent, n=n) if n is not None:
                end = "smallest" if key.ascending else "largest"
                rows = "row" if n == 1 else self._count(n)
                what = f"with the {end} {self.phrases.value(key.arg)}"
                yield f"Take the {rows} {what} of {self.name(parent.parent)}."
                yield f"Take the {rows} {what}."
            case ops.Limit(n=n) if n is not None and not isinstance(op.parent, ops.Sort):
                yield f"Take at most {self._count(n)} of {of}."
            case ops.Aggregate():
                yield from self._of_aggregate(op)
            case ops.Filter(predicates=predicates):
                said = " and ".join(map(self.phrases._part, predicates))
                yield f"Keep the rows of {of} where {said}."
                yield f"Keep the rows where {said}."
                columns = self._columns(predicates)
                if columns:
                    yield f"Keep rows of {of} by {columns}."
                yield f"Filter the rows of {of}."
                yield "Filter the rows."
            case ops.Project():
                yield from self._of_projection(op)
            case ops.Distinct():
                yield f"Remove the duplicate rows of {of}."
            case ops.Union() | ops.Intersection() | ops.Difference():
                sides = self.name(op.left), self.name(op.right)
                yield _SET_SUMMARIES[type(op)].format(*sides)
            case ops.JoinChain():
                yield from self._of_join(op)
            case ops.DropNull():
                subset = op.subset
                if subset is not None:
                    named = [self.phrases.name(part.name) for part in subset]
                    every = listed(named, "or" if op.how == "any" else "and")
                    yield f"Leave out the rows of {of} with NULL in {every}."
                yield f"Leave out rows of {of} that have NULL."
            case ops.FillNull():
                yield f"Replace the NULLs of {of}."
            case ops.Sort(parent=ops.UnboundTable()):
                yield f"Sort the rows of {of}."
            case ops.UnboundTable():
                yield f"Give {of} as it is."
        inner = getattr(op, "parent", None)
        if isinstance(inner, ops.Relation):
            yield from self._of_relation(inner)

    def _of_aggregate(self, op: ops.Aggregate) -> Iterator[str]:
        by = self.phrases.names(op.groups)
        per = f" per {by}" if op.groups else ""
        of = self.name(op.parent)
        where = self._filtered(op.parent)
        metrics = list(op.metrics.items())
        if not metrics and not op.groups:
            yield f"Compute figures over all rows of {of}{where}."
            yield f"Compute figures over all rows of {of}."
        elif not metrics:
            yield f"List the distinct {by} of {of}{where}."
            yield f"List the distinct {by}."
        elif len(metrics) == 1:
            label, metric = metrics[0]
            inner = metric.arg if isinstance(metric, ops.Alias) else metric
            verb = _VERBS.get(type(inner), "Compute")
            what = self.phrases.figure(inner)
            if isinstance(inner, ops.Sum) and isinstance(inner.arg, ops.Field):
                what = what.replace("the sum of ", "")
            elif isinstance(inner, ops.CountStar):
                what = what.replace("the number of rows", "the rows")
                yield f"Count {what} of {of}{per}{where}."
            elif verb != "Compute":
                verb = "Compute"
            yield f"{verb} {what}{per}{where}."
            yield f"{verb} {what}{per}."
            yield f"Compute {self.phrases.name(label)}{per}."
        names = self.phrases.names(op.metrics)
        yield f"Compute {names}{per}{where}."
        yield f"Compute {names}{per}."
        yield f"Compute {len(metrics)} figures{per}."
        yield "Compute figures of groups of rows."

    def _of_projection(self, op: ops.Project) -> Iterator[str]:
        of = self.name(op.parent)
        new = [name for name, value in op.values.items() if not isinstance(value, ops.Field)]
        renamed = [
            name
            for name, value in op.values.items()
            if isinstance(value, ops.Field) and value.name != name
        ]
        where = self._filtered(op.parent)
        if new:
            parent = op.parent.parent if isinstance(op.parent, ops.Sort) else op.parent
            if isinstance(parent, ops.Aggregate):
                yield from self._of_aggregate(parent)
            yield f"Compute {self.phrases.names(new)} for the rows of {of}{where}."
            yield f"Compute {self.phrases.names(new)} for the rows of {of}."
            yield f"Compute {len(new)} columns for the rows of {of}."
        elif renamed:
            yield f"Select and rename columns of {of}{where}."
        elif isinstance(op.parent, ops.UnboundTable | ops.Filter):
            yield f"Select {self.phrases.names(op.values)} of {of}{where}."
            yield f"Select columns of {of}{where}."

    def _of_join(self, op: ops.JoinChain) -> Iterator[str]:
        names = [self.name(op.first), *(self.name(link.table) for link in op.rest)]
        if len(op.rest) == 1 and op.rest[0].how in ("semi", "anti"):
            way = "with" if op.rest[0].how == "semi" else "without"
            yield f"Keep the rows of {names[0]} {way} a match in {names[1]}."
        if len(set(names)) == len(names):
            yield f"Join {names[0]} with {listed(names[1:])}."
        if len(set(names)) == 1 and len(names) == 2:
            yield f"Join {names[0]} with itself."
        yield f"Join {len(names)} tables."

    def _filtered(self, op: ops.Relation) -> str:
        """Say the conditions of a filter right below."""
        if not isinstance(op, ops.Filter):
            return ""
        return f" where {' and '.join(map(self.phrases._part, op.predicates))}"

    def _columns(self, predicates: tuple[ops.Node, ...]) -> str:
        names = {
            field.name: None
            for part in predicates
            for field in part.find(ops.Field, filter=ops.Value)
        }
        return self.phrases.names(names) if names else ""

    # Relations by name.

    def name(self, op: ops.Relation) -> str:
        """Call a relation by the tables that it is made of."""
        return listed(self._bases(op)) or "the rows"

    def _bases(self, op: ops.Node) -> list[str]:
        tables = _rows_from(op) if isinstance(op, ops.Relation) else op.find(ops.UnboundTable)
        return [f"`{name}`" for name in sorted({table.name for table in tables})]

    # The steps.

    def steps(self, op: ops.Node) -> Iterator[str]:
        """Give a sentence for each step, in the order in which they are taken."""
        seen: set[ops.Node] = set()
        said: set[str] = set()
        self._shown = set(op.schema.names) if isinstance(op, ops.Relation) else set[str]()
        for sentence in self._steps(op, seen):
            if sentence not in said:
                said.add(sentence)
                yield sentence

    def _steps(self, op: ops.Node, seen: set[ops.Node]) -> Iterator[str]:
        if op in seen:
            return
        seen.add(op)
        if isinstance(op, ops.JoinChain):
            yield from self._steps(op.first, seen)
            for link in op.rest:
                yield from self._steps(link.table, seen)
        else:
            for child in op.__children__:
                yield from self._steps(child, seen)
        if isinstance(op, ops.Relation):
            yield from self._said(op)

    def _said(self, op: ops.Relation) -> Iterator[str]:
        rows = self._rows(op)
        match op:
            case ops.Filter(predicates=predicates):
                said = " and ".join(map(self.phrases._part, predicates))
                yield f"Only {rows} where {said} are kept."
            case ops.JoinChain():
                left = self.name(op.first)
                for link in op.rest:
                    right = self.name(link.table)
                    on = self._on(link)
                    right = "itself" if right == left else right
                    text = _JOINS.get(link.how)
                    if text is not None:
                        sentence = text.format(left, right, on)
                        yield f"{sentence[0].upper()}{sentence[1:]}."
                    left = "the result"
            case ops.Aggregate(groups=groups) if groups:
                yield f"{self._subject(op)} grouped by {self.phrases.names(groups)}."
                for name, metric in op.metrics.items():
                    if name not in self._shown and "(" not in name:
                        yield f"{self.phrases.name(name)} is {self.phrases.figure(metric)}."
            case ops.Sort(keys=keys):
                said = listed([self._key(key) for key in keys])
                yield f"The rows are sorted by {said}."
            case ops.Limit(n=n, offset=offset):
                skipped = offset not in (0, None)
                after = f" after the first {self.phrases.number(offset)}" if skipped else ""
                if n is not None:
                    verb = "is" if n == 1 else "are"
                    yield f"At most {self._count(n)} {verb} taken{after}."
                elif skipped:
                    yield f"The first {self.phrases.number(offset)} rows are left out."
            case ops.Distinct():
                yield "Duplicate rows are left out."
            case ops.Union() | ops.Intersection() | ops.Difference():
                left, right = self.name(op.left), self.name(op.right)
                right = "another part of it" if right == left else right
                distinct = ", without duplicates" if op.distinct else ""
                yield _SETS[type(op)].format(left, right) + distinct + "."
            case ops.DropNull(how=how, subset=subset):
                columns = "any column" if how == "any" else "all columns"
                if subset is not None:
                    names = [self.phrases.name(part.name) for part in subset]
                    columns = listed(names, "or" if how == "any" else "and")
                yield f"Rows with NULL in {columns} are left out."
            case ops.FillNull(replacements=ops.Literal(value=value)):
                yield f"NULL is replaced by {self.phrases._literal(value)}."
            case ops.Sample(fraction=fraction):
                yield f"A random sample of the rows is taken, a fraction of {fraction!r}."
            case ops.Project(values=values):
                turned = {
                    column.name: None
                    for value in values.values()
                    for piece in pivoted(value)
                    for column in piece.find(ops.Field, filter=ops.Value)
                }
                if turned:
                    yield f"Each row becomes one row for each of {self.phrases.names(turned)}."
                    return
                for name, value in values.items():
                    if not isinstance(value, ops.Field) and name not in self._shown:
                        yield f"{self.phrases.name(name)} is {self.phrases.value(value)}."
                if any(value.find(ops.Unnest, filter=ops.Value) for value in values.values()):
                    yield "There is a row for each element of the arrays."

    def _count(self, n: object) -> str:
        return "1 row" if n == 1 else f"{self.phrases.number(n)} rows"

    def _rows(self, op: ops.Relation) -> str:
        parent = getattr(op, "parent", None)
        return f"rows of {self.name(parent)}" if isinstance(parent, ops.UnboundTable) else "rows"

    def _subject(self, op: ops.Aggregate) -> str:
        if isinstance(op.parent, ops.UnboundTable):
            return f"The rows of {self.name(op.parent)} are"
        return "The rows are"

    def _key(self, key: ops.SortKey) -> str:
        way = "" if key.ascending else " from the largest"
        nulls = ", NULL first" if key.nulls_first else ""
        return f"{self.phrases.value(key.arg)}{way}{nulls}"

    def _on(self, link: ops.JoinLink) -> str:
        """Say the keys of a join."""
        said = []
        for part in link.predicates:
            match part:
                case ops.Equals(left=ops.Field(name=left), right=ops.Field(name=right)) if (
                    left == right
                ):
                    said.append(f"on {self.phrases.name(left)}")
                case ops.Literal(value=True):
                    continue
                case _:
                    said.append(f"where {self._qualified(part)}")
        return f" {' and '.join(said)}" if said else ""

    def _qualified(self, part: ops.Node) -> str:
        """Say a condition on two tables, with the tables that the columns are of."""
        match part:
            case ops.Comparison(left=ops.Field() as left, right=ops.Field() as right):
                words = self.phrases.compared(part)
                sides = [
                    f"{self.phrases.name(side.name)} of {self.name(side.rel)}"
                    for side in (left, right)
                ]
                if words is not None:
                    return f"{sides[0]} {words} {sides[1]}"
        return self.phrases.predicate(part)

    # The columns.

    def column(self, relation: ops.Relation, name: str) -> str | None:
        """Say what a computed column is; None for one that is passed on."""
        value: ops.Node = ops.Field(relation, name)
        while isinstance(value, ops.Field):
            relation, name = value.rel, value.name
            if isinstance(relation, _SAME):
                value = ops.Field(relation.parent, name)
            elif isinstance(relation, ops.Aggregate | ops.Project | ops.JoinChain):
                value = relation.values[name]
                value = value.arg if isinstance(value, ops.Alias) else value
            else:
                return None
        return self.phrases.figure(value)

    def nulls(self, relation: ops.Relation) -> Iterator[str]:
        """Say which columns cannot be NULL, and which can be in any case."""
        fields = {name: ops.Field(relation, name) for name in relation.schema.names}
        never = [name for name, value in fields.items() if never_null(value)]
        if never and len(never) == len(fields) > 1:
            yield "No column is ever NULL."
        elif never:
            verb = "is" if len(never) == 1 else "are"
            yield f"{_capital(self.phrases.names(never))} {verb} never NULL."
        reasons: dict[str, list[str]] = {}
        for name, value in fields.items():
            reason = null_reason(value)
            if reason and name not in never:
                reasons.setdefault(reason, []).append(name)
        for reason, names in reasons.items():
            verb = "is" if len(names) == 1 else "are"
            yield f"{_capital(self.phrases.names(names))} {verb} NULL {reason}."


def _rows_from(op: ops.Relation) -> Iterator[ops.UnboundTable]:
    """Yield the tables whose rows a relation has, without those that it only looks into."""
    if isinstance(op, ops.UnboundTable):
        yield op
    elif isinstance(op, ops.JoinChain):
        yield from _rows_from(op.first)
        for link in op.rest:
            if link.how not in ("semi", "anti"):
                yield from _rows_from(link.table)
    else:
        for child in op.__children__:
            if isinstance(child, ops.Relation):
                yield from _rows_from(child)


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
