"""What a docstring says of a function, whatever its style: text by section."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.types as ir
from ibis.expr.schema import Schema

from ibert.documentation.inference import Inference, Place, Requirement
from ibert.documentation.knowledge import described, exactly, kinds, listed
from ibert.documentation.marks import stands_for
from ibert.documentation.phrases import Phrases
from ibert.documentation.sentences import Sentences
from ibert.documentation.source import Parameter

_TABLE = "ibis.Table"
# Further columns that tables are given, to see which columns a function passes on.
_PROBES = ("int64", "string", "timestamp", "boolean", "macaddr")


class Entry(NamedTuple):
    """A parameter, a result or an exception: a text, a list, and a text after it."""

    name: str
    type: str
    text: str
    items: tuple[str, ...] = ()
    after: str = ""


class Description(NamedTuple):
    """The sections of a docstring; code stands in single backticks."""

    summary: str
    extended: str
    parameters: tuple[Entry, ...]
    result: Entry
    raised: tuple[Entry, ...]


def describe(inference: Inference) -> Description:
    """Say what is known of a function."""
    return _Describer(inference).describe()


class _Describer:
    def __init__(self, inference: Inference) -> None:
        self.inference = inference
        self.function = inference.function
        assert inference.trial.result is not None
        self.result: ir.Expr = inference.trial.result
        self.phrases = Phrases(inference.marks)
        self.sentences = Sentences(self.phrases)
        self.passed, self.selected, self.closed = _passed_on(inference)

    def describe(self) -> Description:
        op = self.result.op()
        summary = self.sentences.summary(op)
        steps = list(self.sentences.steps(op))
        if len(steps) == 1 and _says_the_same(summary, op):
            steps = []
        return Description(
            summary=summary,
            extended=" ".join([*steps, *self._decided()]),
            parameters=tuple(map(self._parameter, self.function.parameters)),
            result=self._result(),
            raised=tuple(self._raised()),
        )

    def _decided(self) -> Iterator[str]:
        """Say for which values all this holds, of parameters that nothing can stand for."""
        marks = self.inference.marks
        names = [
            item
            for item in self.function.values
            if (item in _deciding(self.inference) or stands_for(marks, item.name) is None)
            and _is_used(self.function.node, item.name)
        ]
        if names:
            values = [f"`{item.name}={ast.unparse(self._current(item))}`" for item in names]
            yield f"All this is for {listed(values)}."

    def _current(self, item: Parameter) -> ast.expr:
        node = self.inference.example[1].get(item.name, item.default)
        assert node is not None
        return node

    # Parameters.

    def _parameter(self, item: Parameter) -> Entry:
        if item.is_table:
            return self._table(item)
        annotation = item.annotation or _type_of(self._current(item))
        if item.default is not None:
            annotation += f", default {ast.unparse(item.default)}"
        return Entry(item.name, annotation, self._role(item))

    def _table(self, item: Parameter) -> Entry:
        needed = [one for one in self.inference.requirements if one.table == item.name]
        kind = item.annotation or _TABLE
        if not needed:
            others = [f"`{one.name}`" for one in self.function.tables if one is not item]
            same = item.name in self.closed and others
            text = f"A table with the same columns as {listed(others)}." if same else "Any table."
            return Entry(item.name, kind, text)
        what = "Needs this column:" if len(needed) == 1 else "Needs these columns:"
        return Entry(item.name, kind, what, tuple(map(self._requirement, needed)))

    def _requirement(self, one: Requirement) -> str:
        kind = self._types(one)
        elsewhere = [f"`{table}`" for table in one.alternatives]
        place = f", here or in {listed(elsewhere, 'or')}" if elsewhere else ""
        linked = [self._place(other, one.table) for other in one.linked]
        as_well = f", comparable with {listed(linked)}" if linked and len(one.types) > 1 else ""
        name = self.phrases.name(one.name)
        shown = f"what {name} names" if one.name in self.inference.marks else name
        return f"{shown}: {kind}{as_well}{place}"

    def _types(self, one: Requirement) -> str:
        if one.given:
            (kind,) = one.types
            return str(kind).removeprefix("!")
        return described(set(one.types))

    def _place(self, place: Place, here: str) -> str:
        table, name = place
        return self.phrases.name(name) + ("" if table == here else f" of `{table}`")

    def _role(self, item: Parameter) -> str:
        """Say what a value is used for, as far as the expression shows it."""
        mark = stands_for(self.inference.marks, item.name)
        op = self.result.op()
        if item in _deciding(self.inference):
            return "Decides on what is done."
        if mark is None:
            used = _is_used(self.function.node, item.name)
            return "Used to make the result." if used else "Not used."
        if any(one.name == mark for one in self.inference.requirements):
            tables = [f"`{one.table}`" for one in self.inference.requirements if one.name == mark]
            several = isinstance(self._current(item), ast.List | ast.Tuple)
            what = "Names of columns" if several else "The name of a column"
            return f"{what} of {listed(tables)}."
        for node in op.find(ops.Limit):
            if mark in (node.n, node.offset):
                return (
                    "How many rows are taken at most."
                    if mark == node.n
                    else "How many rows are left out at the start."
                )
        for comparison in op.find((ops.Comparison, ops.Between)):
            values = [part for part in comparison.__args__ if isinstance(part, ops.Value)]
            if any(isinstance(part, ops.Literal) and part.value == mark for part in values):
                other = [part for part in values if not isinstance(part, ops.Literal)]
                if other:
                    return f"Compared with {self.phrases.value(other[0])}."
        if isinstance(mark, str) and any(mark in name for name in self._output().names):
            return "Part of the names of columns of the result."
        return "Used to compute the result."

    # The result.

    def _output(self) -> Schema:
        if isinstance(self.result, ir.Table):
            return self.result.schema()
        return self.result.as_table().schema()

    def _result(self) -> Entry:
        returns = self.function.node.returns
        annotation = ast.unparse(returns).strip("'\"") if returns is not None else None
        if not isinstance(self.result, ir.Table):
            kind = "Scalar" if isinstance(self.result, ir.Scalar) else "Column"
            figure = self.phrases.figure(self.result.op())
            of = self._type("", None)
            of = of if of.startswith(("the type", "a type")) else f"the type {of}"
            text = f"{figure[0].upper()}{figure[1:]}, of {of}."
            return Entry("", annotation or f"ibis.{kind}", text)
        op = self.result.op()
        names = [
            name
            for name in self._output().names
            if not any(_is_passed(op, name, table) for table in self.passed)
        ]
        return Entry(
            "",
            annotation or _TABLE,
            self._opening(op, bool(names)),
            tuple(self._column(op, name) for name in names),
            " ".join(self.sentences.nulls(op)),
        )

    def _opening(self, op: ops.Relation, more: bool) -> str:
        tables = [f"`{table}`" for table in self.passed]
        if self.closed:
            tables = tables[:1]  # they have the same columns
        if tables:
            kept = {name for name in self._output().names for t in self.passed
                    if _is_passed(op, name, t)}  # fmt: skip
            needed = [one.name for one in self.inference.requirements if one.table in self.passed]
            gone = [name for name in dict.fromkeys(needed) if name not in kept]
            but = f" but {self.phrases.names(gone)}" if gone else ""
            text = f"All columns of {listed(tables)}{but}" + (", and:" if more else ".")
        else:
            text = f"{_rows_of(op, self.phrases)} with the columns:"
        if self.selected:
            chosen = listed([f"`{table}`" for table in self.selected])
            other = "Other columns of {} can be among them, too: their types decide."
            text = (
                f"{other.format(chosen)} {text}"
                if more or tables
                else (f"Columns that are made of those of {chosen}: their types decide which.")
            )
        return text

    def _column(self, op: ops.Relation, name: str) -> str:
        said = self.sentences.column(op, name)
        meaning = f": {said}" if said else ""
        return f"{self.phrases.name(name)} ({self._type(name, op)}){meaning}"

    def _type(self, name: str, op: ops.Relation | None) -> str:
        """Say the type of a column; None: of the value that is the result."""
        index = 0 if op is None else self._output().names.index(name)
        own = _typed(self.result, index)
        found, by = {own}, []
        rare = {kind.dtype for kind in kinds() if kind.rare}
        for places, trials in self.inference.varied.items():
            results = {
                kind: _typed(trial.result, index)
                for kind, trial in trials.items()
                if trial.result is not None and kind not in rare
            }
            if len(set(results.values())) > 1:
                found |= set(results.values())
                by.append((places, results))
        if len(found) == 1 or not by:
            return _plain(own)
        inputs = listed([self._place(places[0], "") for places, _ in by])
        if len(self.function.tables) == 1:
            inputs = listed([self.phrases.name(places[0][1]) for places, _ in by])
        if len(by) == 1 and all(kind == one for kind, one in by[0][1].items()):
            return f"the type of {inputs}"
        plain = dict.fromkeys(_family(kind) for kind in found)
        if len(plain) > 3:
            return f"a type that depends on that of {inputs}"
        return f"{listed(_ordered(plain), 'or')}, by the type of {inputs}"

    # Exceptions.

    def _raised(self) -> Iterator[Entry]:
        found: dict[str, list[str]] = {}
        missing: dict[tuple[str, str], list[str]] = {}
        for one in self.inference.requirements:
            if one.alternatives:
                tables = listed([f"`{one.table}`", *(f"`{t}`" for t in one.alternatives)], "nor")
                said = f"neither {tables} has {self._a_column([one.name])}"
                found.setdefault(one.absent, []).append(said)
            else:
                missing.setdefault((one.absent, one.table), []).append(one.name)
        for (error, table), names in missing.items():
            found.setdefault(error, []).append(f"`{table}` lacks {self._a_column(names)}")
        for error, said in (*self._wrong_types(), *self._refusals()):
            found.setdefault(error, []).append(said)
        for error in sorted(found):
            yield Entry("", error, f"If {', or if '.join(found[error])}.")

    def _a_column(self, names: list[str]) -> str:
        own = [self.phrases.name(name) for name in names if name not in self.inference.marks]
        marks = [self.phrases.name(name) for name in names if name in self.inference.marks]
        said = [f"the column {listed(own, 'or')}"] if own else []
        said += [f"the column that {mark} names" for mark in marks]
        return " or ".join(said)

    def _wrong_types(self) -> Iterator[tuple[str, str]]:
        said = set()
        for one in self.inference.requirements:
            places = ((one.table, one.name), *one.linked)
            key = frozenset(places)
            if one.given or not one.errors or key in said:
                continue
            said.add(key)
            several = len(self.function.tables) > 1
            names = listed([self._place(place, "" if several else place[0]) for place in places])
            verb = "is" if len(places) == 1 else "are"
            for error, types in one.errors.items():
                wrong = exactly(set(types))
                if wrong is not None:
                    yield error, f"{names} {verb} {wrong}"

    def _refusals(self) -> Iterator[tuple[str, str]]:
        """Find exceptions that the function raises itself, by values that it does not know."""
        for item in self.function.values:
            known = _compared(self.function.node, item.name)
            if not known:
                continue
            columns, values = self.inference.example
            given = {**values, item.name: ast.Constant("no such value")}
            trial = self.inference.bench.run(columns, given)
            if trial.problem is not None and isinstance(trial.problem.node, ast.Raise):
                texts = ", ".join(map(repr, known))
                yield type(trial.problem.error).__name__, f"`{item.name}` is none of {texts}"


def _typed(result: ir.Expr | None, index: int) -> dt.DataType:
    assert result is not None
    table = result if isinstance(result, ir.Table) else result.as_table()
    types = list(table.schema().types)
    kind: dt.DataType = types[index] if index < len(types) else dt.null
    return kind.copy(nullable=True)


def _plain(kind: dt.DataType) -> str:
    return str(kind).removeprefix("!")


def _family(kind: dt.DataType) -> str:
    return "decimal" if isinstance(kind, dt.Decimal) else _plain(kind)


def _ordered(names: Iterable[str]) -> list[str]:
    """Put types in the usual order."""
    order = [_family(kind.dtype) for kind in kinds()]
    return sorted(
        names, key=lambda name: (order.index(name) if name in order else len(order), name)
    )


def _type_of(node: ast.expr) -> str:
    """Name the type of a value by its syntax."""
    match node:
        case ast.Constant(value=None):
            return "object"
        case ast.Constant(value=value):
            return type(value).__name__
        case ast.List():
            return "list"
        case ast.Tuple():
            return "tuple"
        case ast.Dict():
            return "dict"
        case ast.Call(func=function):
            return ast.unparse(function)
    return "object"


def _is_used(function: ast.FunctionDef, name: str) -> bool:
    return any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(function))


def _deciding(inference: Inference) -> list[Parameter]:
    """Give the parameters that conditions of the code are about."""
    names: set[str] = set()
    for node in ast.walk(inference.function.node):
        if isinstance(node, ast.If | ast.IfExp):
            names |= {part.id for part in ast.walk(node.test) if isinstance(part, ast.Name)}
    return [item for item in inference.function.values if item.name in names]


def _compared(function: ast.FunctionDef, name: str) -> list[str]:
    found: dict[str, None] = {}
    for node in ast.walk(function):
        match node:
            case ast.Compare(left=ast.Name(id=left), comparators=sides) if left == name:
                for side in sides:
                    for part in ast.walk(side):
                        if isinstance(part, ast.Constant) and isinstance(part.value, str):
                            found[part.value] = None
    return list(found)


def _rows_of(op: ops.Node, phrases: Phrases) -> str:
    """Say what the rows of a relation are."""
    match op:
        case ops.Aggregate(groups=groups):
            return f"A row for each {phrases.names(groups)}," if groups else "A single row"
        case ops.Sort(parent=parent):
            return _rows_of(parent, phrases)
        case (
            ops.Project(parent=ops.Sort(parent=ops.Aggregate() as parent))
            | ops.Project(parent=ops.Aggregate() as parent)
        ):
            renamed = set(parent.groups) - set(op.values)
            return "A table" if renamed else _rows_of(parent, phrases)
    return "A table"


def _says_the_same(summary: str, op: ops.Node) -> bool:
    """Whether a summary says all that the only step does."""
    plain = isinstance(op, ops.Distinct | ops.Set | ops.DropNull)
    return plain or (isinstance(op, ops.Filter) and " where " in summary)


def _is_passed(op: ops.Relation, name: str, table: str) -> bool:
    """Whether a column is one of a table, under its own name."""
    value: ops.Node = ops.Field(op, name)
    while isinstance(value, ops.Field):
        relation = value.rel
        if isinstance(relation, ops.UnboundTable):
            return bool(relation.name == table and value.name == name)
        inner = relation.values.get(value.name)
        if inner is None:
            return False
        value = inner
    return False


def _passed_on(inference: Inference) -> tuple[list[str], list[str], set[str]]:
    """Find tables that are passed on whole, those chosen from by type, and those of fixed columns.

    Each table gets further columns of several types, to see what becomes of them.
    """
    passed, selected, closed = [], [], set()
    for item in inference.function.tables:
        probes = {f"more {item.name} {kind}": dt.dtype(kind) for kind in _PROBES}
        wider = {**inference.columns, item.name: {**inference.columns[item.name], **probes}}
        result = inference.bench.run(wider, inference.values).result
        if result is None:
            closed.add(item.name)
            wider = {name: {**schema, **probes} for name, schema in inference.columns.items()}
            result = inference.bench.run(wider, inference.values).result
        if not isinstance(result, ir.Table):
            continue
        schema = result.schema()
        whole = [name for name, kind in probes.items() if schema.get(name) == kind]
        if len(whole) == len(probes):
            passed.append(item.name)
        elif any("more " in name for name in schema.names):
            selected.append(item.name)
    return passed, selected, closed
