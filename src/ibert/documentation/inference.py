"""Find the columns and types that a function needs, by trying them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import combinations, product
from typing import Any

import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.types as ir

from ibert.catalog import Catalog
from ibert.documentation.knowledge import candidates, column_named_by, hinted, kinds
from ibert.documentation.marks import marked
from ibert.documentation.source import Parameter, Source, TableFunction
from ibert.documentation.trials import Bench, Columns, Trial

_TRIALS = 600  # after which a function is given up
_VALUES = 60  # combinations of values that are tried

Place = tuple[str, str]  # table and column


@dataclass(frozen=True)
class Requirement:
    """What a function needs of a column.

    Attributes
    ----------
    table, name
        The column.
    types
        The types with which the function builds, all else being equal; with a catalog, its own.
    errors
        What is raised for each other type that was tried, by the name of the exception.
    absent
        The name of the exception that is raised where the column is missing.
    linked
        Columns whose types have to go with this one's.
    given
        Whether a catalog says the type.
    alternatives
        Other tables in which the column may be instead.
    """

    table: str
    name: str
    types: frozenset[dt.DataType]
    errors: Mapping[str, frozenset[dt.DataType]]
    absent: str
    linked: tuple[Place, ...] = ()
    given: bool = False
    alternatives: tuple[str, ...] = ()


@dataclass(frozen=True)
class Inference:
    """What is known of a function.

    Attributes
    ----------
    columns
        The columns of its tables, as they were chosen or as the catalog has them.
    values
        Its parameters that are no tables, as they were chosen; those with a default have that.
    requirements
        The columns that it needs, in the order in which it asks for them.
    trial
        What it gives for these.
    varied
        What it gives where one column, or columns that go together, have another type.
    marks
        Parameters, by the values and names of columns that stand for them above.
    example
        Columns and values in which nothing stands for parameters.
    """

    function: TableFunction
    columns: Columns
    values: Mapping[str, ast.expr]
    requirements: tuple[Requirement, ...]
    trial: Trial
    varied: Mapping[tuple[Place, ...], Mapping[dt.DataType, Trial]] = field(repr=False)
    bench: Bench = field(repr=False)
    marks: Mapping[Any, str]
    example: tuple[Columns, Mapping[str, ast.expr]]


def infer(source: Source, function: TableFunction) -> Inference:
    r"""Find out what a function needs.

    Raises
    ------
    IbertError
        IB853 if it cannot be read without running it, IB854 if nothing that is tried makes it
        build, IB104 if the catalog lacks one of its tables.

    Examples
    --------
    >>> source = Source("def f(t):\n    return t.filter(t.x > 1).select('y')")
    >>> found = infer(source, source.function("f"))
    >>> [(one.name, len(one.types) > 8) for one in found.requirements]
    [('x', False), ('y', True)]
    """
    source.check(function)
    return _Inferrer(source, function).infer()


class _Inferrer:
    def __init__(self, source: Source, function: TableFunction) -> None:
        self.source = source
        self.function = function
        self.bench = Bench(function)
        self.ambiguous: dict[Place, list[str]] = {}

    def infer(self) -> Inference:
        columns, fixed = self._known_columns()
        failed: Trial | None = None
        for values in self._values():
            found, trial = self._fixpoint(columns, values, fixed)
            if trial.result is not None:
                self._settled(trial)
                return self._described(found, values, trial, fixed)
            if failed is None or trial.progress > failed.progress:
                failed = trial
        assert failed is not None
        raise self._failure(failed, fixed)

    def _known_columns(self) -> tuple[dict[str, dict[str, dt.DataType]], bool]:
        catalog = self.source.catalog
        names = [item.name for item in self.function.tables]
        if catalog is None:
            return {name: {} for name in names}, False
        return {name: dict(self._of_catalog(catalog, name)) for name in names}, True

    def _of_catalog(self, catalog: Catalog, name: str) -> Iterator[tuple[str, dt.DataType]]:
        yield from catalog[name].items()

    def _values(self) -> Iterator[dict[str, ast.expr]]:
        """Give values to the parameters without a default: combinations, the likeliest first."""
        options = [self._options(item) for item in self.function.values if item.default is None]
        names = [item.name for item in self.function.values if item.default is None]
        ranked = sorted(
            product(*[list(enumerate(part)) for part in options]),
            key=lambda chosen: sum(rank for rank, _ in chosen),
        )
        for chosen in ranked[:_VALUES]:
            yield dict(zip(names, [node for _, node in chosen], strict=True))

    def _options(self, item: Parameter) -> list[ast.expr]:
        literal = _literals(item.annotation)
        if literal:
            return literal
        texts = candidates(item.annotation)
        if texts is None:
            message = f"what {item.name}: {item.annotation} may be is not known"
            hint = "give the parameter a default"
            raise self.source.error("IB853", message, self.function.node, hint)
        found: list[ast.expr] = []
        for text in texts:
            if text == "CONSTANT":
                found += [ast.Constant(value) for value in self._compared(item.name)]
            else:
                named = text.replace("NAME", repr(_value_name(item.name)))
                found.append(ast.parse(named, mode="eval").body)
        return found

    def _compared(self, name: str) -> list[str]:
        """Give the texts that a parameter is compared with."""
        found: dict[str, None] = {}
        for node in ast.walk(self.function.module):
            match node:
                case ast.Compare(left=ast.Name(id=left), comparators=sides) if left == name:
                    for side in sides:
                        for part in ast.walk(side):
                            if isinstance(part, ast.Constant) and isinstance(part.value, str):
                                found[part.value] = None
        return list(found)

    def _fixpoint(
        self, columns: dict[str, dict[str, dt.DataType]], values: dict[str, ast.expr], fixed: bool
    ) -> tuple[dict[str, dict[str, dt.DataType]], Trial]:
        trial = self.bench.run(columns, values)
        while trial.problem is not None and not fixed and self.bench.count < _TRIALS:
            step = self._better(columns, values, trial)
            if step is None:
                break
            columns, trial = step
        return columns, trial

    def _better(
        self, columns: dict[str, dict[str, dt.DataType]], values: dict[str, ast.expr], trial: Trial
    ) -> tuple[dict[str, dict[str, dt.DataType]], Trial] | None:
        """Add a column or change a type such that the function gets further."""
        tried = []
        moves = self._additions(columns, trial)
        for name, tables in moves:
            for places in ([[table] for table in tables], [tables]):
                for chosen in places:
                    changed = columns
                    for table in chosen:
                        changed = _with(changed, table, name, hinted(name) or dt.int64)
                    after = self.bench.run(changed, values)
                    if after.said != trial.said:
                        move = after.problem is None, after.progress, changed, after, chosen
                        tried.append(move)
                if tried:
                    best = max(tried, key=lambda move: move[:2])
                    if len(best[4]) < len(tables):
                        others = [one for one in tables if one not in best[4]]
                        self.ambiguous[best[4][0], name] = others
                    return best[2], best[3]
        return self._retyped(columns, values, trial)

    def _additions(self, columns: Columns, trial: Trial) -> list[tuple[str, list[str]]]:
        """Give the columns that the exception says are missing, and where they might be."""
        assert trial.problem is not None
        said = str(trial.problem.error)
        holder = getattr(trial.problem.error, "obj", None)
        found = []
        for name in dict.fromkeys(trial.texts()):
            missing = [table for table in trial.tables if name not in columns[table]]
            if repr(name) in said and missing and not _is_value(holder):
                found.append((name, missing))
        return found

    def _retyped(
        self, columns: dict[str, dict[str, dt.DataType]], values: dict[str, ast.expr], trial: Trial
    ) -> tuple[dict[str, dict[str, dt.DataType]], Trial] | None:
        every = [(table, name) for table, schema in columns.items() for name in schema]
        suspects = [place for place in trial.suspects if place in every]
        groups: list[list[tuple[Place, ...]]] = [
            [(place,) for place in suspects],
            list(combinations(suspects, 2)),
            [(place,) for place in every if place not in suspects],
        ]
        for group in groups:
            tried = []
            for places in group:
                for kind in kinds():
                    if all(columns[table][name] == kind.dtype for table, name in places):
                        continue
                    changed = columns
                    for table, name in places:
                        changed = _with(changed, table, name, kind.dtype)
                    after = self.bench.run(changed, values)
                    further = after.fault != trial.fault and after.progress >= trial.progress
                    if after.problem is None or after.progress > trial.progress or further:
                        tried.append((after.problem is None, after.progress, changed, after))
            if tried:
                best = max(tried, key=lambda move: move[:2])
                return best[2], best[3]
        return None

    def _settled(self, trial: Trial) -> None:
        if (test := trial.undecided) is not None:
            place = test if hasattr(test, "lineno") else self.function.node
            raise self.source.error("IB853", "this cannot be told without running it", place)

    def _failure(self, trial: Trial, fixed: bool) -> Exception:
        if trial.problem is None:
            message = f"what {self.function.name} gives cannot be told without running it"
            hint = "it has to return an Ibis expression made of its parameters alone"
            return self.source.error("IB853", message, self.function.node, hint)
        error = trial.problem.error
        said = f"{type(error).__name__}: {error}".partition("\n")[0]
        where = "on this catalog" if fixed else "whatever columns and types its tables have"
        told = None if fixed else "describe the tables with a catalog"
        message = f"{self.function.name} does not build {where}: {said}"
        return self.source.error("IB854", message, trial.problem.node, told)

    def _described(
        self,
        columns: dict[str, dict[str, dt.DataType]],
        values: dict[str, ast.expr],
        trial: Trial,
        fixed: bool,
    ) -> Inference:
        if not fixed:
            columns, trial = self._friendlier(columns, values, trial, _linked(trial, columns))
        example = columns, values
        columns, values, trial, marks = marked(self.function, self.bench, columns, values, trial)
        groups = _linked(trial, columns)
        varied: dict[tuple[Place, ...], dict[dt.DataType, Trial]] = {}
        needed = self._needed(columns, values)
        requirements = []
        errors: Mapping[str, frozenset[dt.DataType]]
        for place, absent in needed.items():
            group = next(found for found in groups if place in found)
            if fixed:
                types, errors = frozenset([columns[place[0]][place[1]]]), {}
            else:
                if group not in varied:
                    varied[group] = self._variations(columns, values, group)
                types, errors = _judged(varied[group])
            linked = tuple(other for other in group if other != place)
            requirements.append(
                Requirement(
                    *place,
                    types,
                    errors,
                    absent,
                    linked,
                    fixed,
                    self._alternatives(columns, values, place),
                )
            )
        shown = {
            group: {kind: one for kind, one in trials.items() if one.result is not None}
            for group, trials in varied.items()
        }
        return Inference(
            self.function,
            columns,
            values,
            tuple(requirements),
            trial,
            shown,
            self.bench,
            marks,
            example,
        )

    def _friendlier(
        self,
        columns: dict[str, dict[str, dt.DataType]],
        values: dict[str, ast.expr],
        trial: Trial,
        groups: list[tuple[Place, ...]],
    ) -> tuple[dict[str, dict[str, dt.DataType]], Trial]:
        """Take for each column the type that suits an example best."""
        for group in groups:
            hints = [kind for _, name in group if (kind := hinted(name)) is not None]
            builds = {
                kind: one
                for kind, one in self._variations(columns, values, group).items()
                if one.result is not None
            }
            every = len(builds) == len(kinds())
            order = [*hints, *([dt.string] if every else []), *builds]
            chosen = next((kind for kind in order if kind in builds), None)
            if chosen is not None:
                for table, name in group:
                    columns = _with(columns, table, name, chosen)
                trial = builds[chosen]
        return columns, trial

    def _variations(
        self, columns: Columns, values: dict[str, ast.expr], group: tuple[Place, ...]
    ) -> dict[dt.DataType, Trial]:
        found = {}
        for kind in kinds():
            changed = {table: dict(schema) for table, schema in columns.items()}
            for table, name in group:
                changed = _with(changed, table, name, kind.dtype)
            found[kind.dtype] = self.bench.run(changed, values)
        return found

    def _needed(
        self, columns: dict[str, dict[str, dt.DataType]], values: dict[str, ast.expr]
    ) -> dict[Place, str]:
        """Give the columns without which the function raises, and what."""
        found = {}
        for table, schema in columns.items():
            for name in schema:
                fewer = {key: kind for key, kind in schema.items() if key != name}
                trial = self.bench.run({**columns, table: fewer}, values)
                if trial.problem is not None:
                    found[table, name] = type(trial.problem.error).__name__
        return found

    def _alternatives(
        self, columns: dict[str, dict[str, dt.DataType]], values: dict[str, ast.expr], place: Place
    ) -> tuple[str, ...]:
        """Give the tables where a column could be as well."""
        table, name = place
        found = []
        for other in self.ambiguous.get(place, ()):
            fewer = {key: kind for key, kind in columns[table].items() if key != name}
            moved = _with({**columns, table: fewer}, other, name, columns[table][name])
            if self.bench.run(moved, values).result is not None:
                found.append(other)
        return tuple(found)


def _with(
    columns: Mapping[str, Mapping[str, dt.DataType]], table: str, name: str, kind: dt.DataType
) -> dict[str, dict[str, dt.DataType]]:
    changed = {key: dict(schema) for key, schema in columns.items()}
    changed[table][name] = kind
    return changed


def _is_value(holder: object) -> bool:
    return isinstance(holder, ir.Value)


def _value_name(parameter: str) -> str:
    """Give the column that a parameter may name: `day_column` names `day`."""
    for suffix in ("_column", "_col", "_name"):
        if parameter.endswith(suffix):
            return parameter.removesuffix(suffix)
    return column_named_by(parameter)


def _literals(annotation: str | None) -> list[ast.expr]:
    """Give the values of an annotation such as `Literal["day", "month"]`."""
    if annotation is None:
        return []
    try:
        node = ast.parse(annotation, mode="eval").body
    except SyntaxError:
        return []
    match node:
        case ast.Subscript(value=ast.Name(id="Literal") | ast.Attribute(attr="Literal")):
            parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
            return list(parts)
    return []


def _linked(
    trial: Trial, columns: Mapping[str, Mapping[str, dt.DataType]]
) -> list[tuple[Place, ...]]:
    """Put columns together that are compared with one another, or combined row by row."""
    every = [(table, name) for table, schema in columns.items() for name in schema]
    group = {place: {place} for place in every}
    assert trial.result is not None
    for node in trial.result.op().find((ops.Comparison, ops.Set, ops.InSubquery, ops.Coalesce)):
        for together in _together(node):
            merged = set[Place]().union(*(group[place] for place in together if place in group))
            for place in merged:
                group[place] = merged
    found: list[tuple[Place, ...]] = []
    for place in every:
        members = tuple(other for other in every if other in group[place])
        if members not in found:
            found.append(members)
    return found


def _together(node: ops.Node) -> Iterator[list[Place]]:
    match node:
        case ops.Set():
            for name in node.left.schema.names:
                yield [*_origin(node.left, name), *_origin(node.right, name)]
        case ops.InSubquery():
            column = node.rel.schema.names[0]
            yield [*_plain(node.needle), *_origin(node.rel, column)]
        case ops.Coalesce():
            yield [place for part in node.arg for place in _plain(part)]
        case ops.Comparison(left=left, right=right):
            yield [*_plain(left), *_plain(right)]


def _plain(value: ops.Node) -> Iterator[Place]:
    """Give the column of a table that a value is, unchanged."""
    match value:
        case ops.Field(rel=rel, name=name):
            yield from _origin(rel, name)
        case ops.Alias(arg=inner) | ops.Min(arg=inner) | ops.Max(arg=inner):
            yield from _plain(inner)


def _origin(relation: ops.Relation, name: str) -> Iterator[Place]:
    if isinstance(relation, ops.UnboundTable):
        yield relation.name, name
    elif isinstance(relation, ops.SelfReference):
        yield from _origin(relation.parent, name)
    elif isinstance(relation, ops.Set):
        yield from _origin(relation.left, name)
        yield from _origin(relation.right, name)
    elif (value := relation.values.get(name)) is not None:
        yield from _plain(value)


def _judged(
    trials: Mapping[dt.DataType, Trial],
) -> tuple[frozenset[dt.DataType], dict[str, frozenset[dt.DataType]]]:
    """Tell types that build from those that raise, by what they raise."""
    types = frozenset(kind for kind, trial in trials.items() if trial.result is not None)
    errors: dict[str, set[dt.DataType]] = {}
    for kind, trial in trials.items():
        if trial.problem is not None:
            errors.setdefault(type(trial.problem.error).__name__, set()).add(kind)
    return types, {name: frozenset(kinds_) for name, kinds_ in errors.items()}
