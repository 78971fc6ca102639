"""Write relations as Python code: variables, method chains, imports, declarations."""

from __future__ import annotations

import ast
import builtins
import copy
import functools
import keyword
import re
from collections.abc import Iterable, Mapping, Sequence

from ibert.translator.declarations import OPERATORS, declaration
from ibert.translator.relations import (
    Aggregate,
    Join,
    Relation,
    SetOperation,
    Step,
    TableRelation,
    ValueRelation,
    View,
)
from ibert.translator.survey import Survey
from ibert.translator.values import (
    LOAD,
    Builtin,
    ColumnNode,
    FieldNode,
    FunctionNode,
    KeyNode,
    RelationNode,
    RowsNode,
    Slot,
    Value,
    as_expression,
    constant,
    dotted,
    enclosed,
    is_keyword,
    name,
)

RESULT = "expr"
RESERVED = {
    *("con", "ibis", "_", "s", "dt", RESULT),
    *(*keyword.kwlist, *keyword.softkwlist, *dir(builtins)),
}

# What a relation is called that its author gave no name.
_LABELS = {
    "filter": "filtered",
    "order_by": "sorted_rows",
    "limit": "limited",
    "select": "selected",
    "mutate": "extended",
    "distinct": "distinct_rows",
    "unnest": "unnested",
    "view": "again",
}
_NAMES_TAKEN = {"select", "order_by", "drop", "group_by", "rename", "unnest", "drop_null"}

# Keyword arguments that a method has for itself.
_OWN_KEYWORDS = {
    "select": {"self", "exprs"},
    "mutate": {"self", "exprs"},
    "agg": {"self", "metrics", "by", "having"},
    "group_by": {"self", "by", "key_exprs"},
}


@functools.cache
def attributes_of_tables() -> frozenset[str]:
    """Give the names that are no columns when they follow the dot of a table or of `_`."""
    from ibis.expr.types import Table
    from ibis.expr.types.joins import Join as IbisJoin

    return frozenset({*dir(Table), *dir(IbisJoin)})


class Module:
    """The parts of a program, before they are put together in one form or another.

    Attributes
    ----------
    tables
        The variables of tables, with the tables.
    declarations
        The functions that it declares.
    functions
        Their names in DuckDB.
    body
        The statements that give names to intermediate results.
    earlier
        The expressions of the relations that were wanted besides the last one.
    result
        The last expression.
    heading
        The comments above it.
    """

    def __init__(self) -> None:
        self.tables: dict[str, TableRelation] = {}
        self.declarations: list[ast.stmt] = []
        self.functions: list[str] = []
        self.body: list[ast.stmt] = []
        self.earlier: list[ast.expr] = []
        self.result: ast.expr = ast.Constant(value=None)
        self.heading: list[str] = []


def emit(relation: Relation, taken: Iterable[str] = (), earlier: Sequence[Relation] = ()) -> Module:
    """Write a relation as the parts of a program.

    Parameters
    ----------
    relation
        What the program gives.
    taken
        Names that it must not use.
    earlier
        Relations that are written before, whether they are used or not.
    """
    return _Emitter(taken).emit([*earlier, relation])


class _Emitter:
    def __init__(self, taken: Iterable[str]) -> None:
        self._module = Module()
        self._taken = {*RESERVED, *taken}
        self._variables: dict[Relation, str] = {}
        self._tables: dict[tuple[str, str | None], str] = {}
        self._functions: dict[Builtin, str] = {}
        self._survey = Survey()
        self._last: Relation | None = None
        # How a field of a slot is written: as the attribute of a variable, or of `_`.
        self._slots: dict[Slot, str] = {}

    def emit(self, relations: Sequence[Relation]) -> Module:
        self._last = relations[-1]
        for relation in relations:
            self._survey.visit(relation, {})
        for table in self._table_relations():
            self._table(table)
        *self._module.earlier, self._module.result = map(self._relation, relations)
        if relations[-1] not in self._survey.named:
            self._module.heading = relations[-1].heading
        return self._module

    def _table_relations(self) -> list[TableRelation]:
        return [rel for rel in self._survey.seen if isinstance(rel, TableRelation)]

    def _unique(self, label: str) -> str:
        base = re.sub(r"\W", "_", label) or "table"
        if base[0].isdigit():
            base = f"_{base}"
        candidate, number = base, 2
        if candidate in self._taken and candidate in RESERVED:
            candidate = f"{base}_"
        while candidate in self._taken:
            candidate = f"{base}_{number}"
            number += 1
        self._taken.add(candidate)
        return candidate

    def _table(self, relation: TableRelation) -> str:
        where = (relation.table, relation.database)
        if where not in self._tables:
            variable = self._unique(relation.table)
            self._tables[where] = variable
            self._module.tables[variable] = relation
        self._variables[relation] = self._tables[where]
        return self._tables[where]

    def _relation(self, relation: Relation) -> ast.expr:
        for part in reversed(self._unwritten(relation)):
            self._statement(part)
        return self._statement(relation)

    def _unwritten(self, relation: Relation) -> list[Relation]:
        """Give what is written before a relation, so that chains of any length can be."""
        found: list[Relation] = []
        while relation not in self._variables and relation.inputs:
            relation = relation.inputs[0]
            if relation in self._survey.named:
                found.append(relation)
        return found

    def _statement(self, relation: Relation) -> ast.expr:
        """Write a relation, as a statement of its own if it has a name."""
        if relation in self._variables:
            return name(self._variables[relation])
        slots = dict(self._slots)
        node = self._written(relation)
        self._slots = slots  # what is around it may have the same rows
        if relation not in self._survey.named:
            return node
        if isinstance(node, ast.Name):
            self._variables[relation] = node.id
            return node
        variable = self._unique(relation.label or self._label(relation))
        self._variables[relation] = variable
        statement = ast.Assign(targets=[ast.Name(id=variable, ctx=ast.Store())], value=node)
        statement.comments = relation.heading  # type: ignore[attr-defined]
        self._module.body.append(statement)
        return name(variable)

    def _label(self, relation: Relation) -> str:
        match relation:
            case Join():
                return "joined"
            case Aggregate():
                return "grouped"
            case SetOperation():
                return "combined"
            case Step():
                return _LABELS.get(relation.method, relation.method)
        return "rows"

    def _written(self, relation: Relation) -> ast.expr:
        match relation:
            case TableRelation():
                return name(self._table(relation))
            case ValueRelation():
                return self._value(relation.value)
            case Step():
                return self._step(relation)
            case Aggregate():
                return self._aggregate(relation)
            case Join():
                return self._join(relation)
            case SetOperation():
                return self._set_operation(relation)
        raise TypeError(f"not a relation: {relation!r}")

    def _enter(self, owner: Relation, parent: Relation) -> ast.expr:
        """Write the input of a step, and decide how its fields are written."""
        node = self._relation(parent)
        variable = node.id if isinstance(node, ast.Name) else "_"
        self._slots[parent.slot] = variable if owner in self._survey.explicit else "_"
        return node

    def _step(self, step: Step) -> ast.expr:
        if not step.method:
            # What it says about columns goes where the rows come from.
            is_named = step in self._survey.named
            (step if is_named else step.parent).heading.extend(step.comments)
        base = self._enter(step, step.parent)
        if not step.method or (isinstance(step, View) and not step.needed):
            return base
        arguments = [
            _noted(self._argument(value, step.method), step.notes, i, value.name)
            for i, value in enumerate(step.arguments)
        ]
        if step.method == "order_by" and not step.notes:
            arguments = _same_order(arguments)
        keywords = self._keywords(step.method, step.keywords, arguments)
        _note(keywords, step.notes)
        return self._call(base, step.method, arguments, keywords, step)

    def _keywords(
        self, method: str, values: dict[str, Value], arguments: list[ast.expr]
    ) -> list[ast.keyword]:
        """Write values by name: as keywords, in a dict where a name is no identifier.

        What a keyword would mean for the method itself becomes a positional argument, and so does a
        single value whose name is no identifier.
        """
        own = _OWN_KEYWORDS.get(method)
        if own is None:
            return [
                ast.keyword(arg=label, value=self._named(value, method))
                for label, value in values.items()
            ]
        single = len(values) == 1 and not is_keyword(next(iter(values)))
        if single or not own.isdisjoint(values):
            arguments += [self._renamed(label, value) for label, value in values.items()]
            return []
        keywords: list[ast.keyword] = []
        for label, value in values.items():
            node = self._named(value, method)
            if is_keyword(label):
                keywords.append(ast.keyword(arg=label, value=node))
                continue
            if not keywords or keywords[-1].arg is not None:
                keywords.append(ast.keyword(arg=None, value=ast.Dict(keys=[], values=[])))
            unpacked = keywords[-1].value
            assert isinstance(unpacked, ast.Dict)
            unpacked.keys.append(constant(label))
            unpacked.values.append(node)
        return keywords

    def _named(self, value: Value, method: str) -> ast.expr:
        """Write a value behind its name: a plain column by the name that it had."""
        if method in _NAMES_TAKEN and value.is_field:
            return constant(value.name)
        return self._value(value)

    def _renamed(self, label: str, value: Value) -> ast.expr:
        node = self._value(as_expression(value))
        function = ast.Attribute(value=node, attr="name", ctx=LOAD)
        return ast.Call(func=function, args=[constant(label)], keywords=[])

    def _aggregate(self, relation: Aggregate) -> ast.expr:
        base = self._enter(relation, relation.parent)
        if relation.keys:
            is_distinct = not relation.metrics and not relation.having
            method = "select" if is_distinct else "group_by"
            arguments: list[ast.expr] = []
            renamed: dict[str, Value] = {}
            for label, value in relation.keys.items():
                if value.name == label and not renamed:
                    arguments.append(constant(label))
                else:  # a bare text would be taken for a column
                    is_text = isinstance(value.literal, str)
                    renamed[label] = as_expression(value) if is_text else value
            keywords = self._keywords(method, renamed, arguments)
            if renamed or list(relation.keys) != list(relation.parent.columns) or not is_distinct:
                base = self._call(base, method, arguments, keywords)
            if is_distinct:
                return self._call(base, "distinct", [], [], relation)
        if relation.having:
            having = [self._value(value) for value in relation.having]
            base = self._call(base, "having", having, [])
        arguments = []
        keywords = self._keywords("agg", relation.metrics, arguments)
        _note(keywords, relation.notes)
        if not relation.keys and len(arguments) > 1:
            arguments = [ast.List(elts=arguments, ctx=LOAD)]
        return self._call(base, "agg", arguments, keywords, relation)

    def _join(self, join: Join) -> ast.expr:
        left = self._relation(join.left)
        right = self._relation(join.right)
        explicit = join in self._survey.explicit
        for side, node in ((join.left, left), (join.right, right)):
            variable = node.id if isinstance(node, ast.Name) else "_"
            self._slots[side.slot] = variable if explicit else "_"
        conditions = self._conditions(join)
        method = f"{join.how}_join" if join.how in _JOIN_METHODS else "join"
        keywords = []
        if join.how in ("positional",):
            keywords.append(ast.keyword(arg="how", value=constant(join.how)))
        if join.on is not None:
            keywords.append(ast.keyword(arg="on", value=self._value(join.on)))
            if conditions:
                keywords.append(ast.keyword(arg="predicates", value=conditions[0]))
                conditions = []
        if join.suffix != "{name}_right":
            keywords.append(ast.keyword(arg="rname", value=constant(join.suffix)))
        return self._call(left, method, [right, *conditions], keywords, join)

    def _conditions(self, join: Join) -> list[ast.expr]:
        nodes: list[ast.expr] = []
        for left, right in join.keys:
            if left.name and left.name == right.name:
                nodes.append(constant(left.name))
            else:
                pair = [self._key(left), self._key(right)]
                nodes.append(ast.Tuple(elts=pair, ctx=LOAD))
        nodes += [self._value(predicate) for predicate in join.predicates]
        if not nodes:
            return []
        if len(nodes) == 1 and not isinstance(nodes[0], ast.Tuple):
            return nodes
        return [ast.List(elts=nodes, ctx=LOAD)]

    def _key(self, value: Value) -> ast.expr:
        if value.is_field:
            return constant(value.name)
        return self._value(enclosed(value, "identical_to"))

    def _set_operation(self, relation: SetOperation) -> ast.expr:
        first, *rest = [self._relation(member) for member in relation.members]
        default = relation.method != "union"
        keywords = []
        if relation.distinct != default:
            keywords.append(ast.keyword(arg="distinct", value=constant(relation.distinct)))
        return self._call(first, relation.method, rest, keywords, relation)

    def _call(
        self,
        base: ast.expr,
        method: str,
        arguments: Sequence[ast.expr],
        keywords: Sequence[ast.keyword],
        relation: Relation | None = None,
    ) -> ast.expr:
        call = ast.Call(
            func=ast.Attribute(value=base, attr=method, ctx=LOAD),
            args=list(arguments),
            keywords=list(keywords),
        )
        comments = [] if relation is None else relation.comments
        if relation is not None and relation not in self._survey.named:
            comments = comments if relation is self._last else relation.heading + comments
        if comments:
            call.comments = comments  # type: ignore[attr-defined]
        return call

    def _argument(self, value: Value, method: str) -> ast.expr:
        if method in _NAMES_TAKEN and value.name is not None:
            return constant(value.name)
        if method == "order_by":
            return self._sort_key(value)
        return self._value(value)

    def _sort_key(self, value: Value) -> ast.expr:
        """Write a sort key: `ibis.desc("x")` for a plain column."""
        match value.node:
            case ast.Call(
                func=ast.Attribute(value=FieldNode(name=column), attr="asc" | "desc" as order)
            ) if column:
                return ast.Call(
                    func=dotted(f"ibis.{order}"),
                    args=[constant(column)],
                    keywords=value.node.keywords,
                )
        return self._value(value)

    def _value(self, value: Value) -> ast.expr:
        return self._node(value.node)

    def _node(self, node: ast.expr) -> ast.expr:
        match node:
            case ast.Constant() | ast.Name():
                return node
            case KeyNode() if self._slots.get(node.slot) == "_":
                return constant(node.name)
            case RowsNode():
                return name(self._slots[node.slot])
            case FieldNode():
                return self._column(name(self._slots[node.slot]), node.name)
            case ColumnNode():
                return self._column(self._relation(node.relation), node.name)
            case RelationNode():
                return self._relation(node.relation)
            case FunctionNode():
                return name(self._declare(node.function))
            case ast.Call():
                return ast.Call(
                    func=self._node(node.func),
                    args=[self._node(part) for part in node.args],
                    keywords=[
                        ast.keyword(arg=part.arg, value=self._node(part.value))
                        for part in node.keywords
                    ],
                )
            case ast.Attribute():
                return ast.Attribute(value=self._node(node.value), attr=node.attr, ctx=LOAD)
            case ast.BinOp():
                return ast.BinOp(
                    left=self._node(node.left), op=node.op, right=self._node(node.right)
                )
            case ast.Compare():
                return ast.Compare(
                    left=self._node(node.left),
                    ops=node.ops,
                    comparators=[self._node(part) for part in node.comparators],
                )
            case ast.UnaryOp():
                return ast.UnaryOp(op=node.op, operand=self._node(node.operand))
            case ast.List():
                return ast.List(elts=[self._node(part) for part in node.elts], ctx=LOAD)
            case ast.Tuple():
                return ast.Tuple(elts=[self._node(part) for part in node.elts], ctx=LOAD)
            case ast.Subscript():
                return ast.Subscript(
                    value=self._node(node.value), slice=self._node(node.slice), ctx=LOAD
                )
            case ast.Slice():
                return ast.Slice(
                    lower=self._node(node.lower) if node.lower else None,
                    upper=self._node(node.upper) if node.upper else None,
                )
            case ast.Dict():
                return ast.Dict(
                    keys=[self._node(part) for part in node.keys if part is not None],
                    values=[self._node(part) for part in node.values],
                )
            case ast.Lambda():
                return ast.Lambda(args=node.args, body=self._node(node.body))
        raise TypeError(f"not a value: {node!r}")

    def _column(self, base: ast.expr, column: str) -> ast.expr:
        plain = is_keyword(column) and not column.startswith("_")
        if plain and column not in attributes_of_tables():
            return ast.Attribute(value=base, attr=column, ctx=LOAD)
        return ast.Subscript(value=base, slice=constant(column), ctx=LOAD)

    def _declare(self, function: Builtin) -> str:
        if function not in self._functions:
            variable = self._unique(OPERATORS.get(function.name, function.name))
            self._functions[function] = variable
            self._module.functions.append(function.name)
            self._module.declarations.append(declaration(variable, function))
        return self._functions[function]


def _noted(
    node: ast.expr, notes: Mapping[int | str, list[str]], number: int, label: str | None
) -> ast.expr:
    """Give an argument the comments that are about it."""
    found = [line for key in (number, label or "") for line in notes.get(key, ())]
    if found:
        node = copy.copy(node)  # constants are shared
        node.comments = found  # type: ignore[attr-defined]
    return node


def _note(keywords: Iterable[ast.keyword], notes: Mapping[int | str, list[str]]) -> None:
    """Give keyword arguments the comments that are about them."""
    for part in keywords:
        if part.arg is not None and part.arg in notes:
            part.comments = notes[part.arg]  # type: ignore[attr-defined]


_FEWEST_ALIKE = 4


def _same_order(keys: list[ast.expr]) -> list[ast.expr]:
    """Write many sort keys that differ in their columns alone as a list comprehension."""
    alike = {_without_column(node) for node in keys}
    first = keys[0]
    if len(keys) < _FEWEST_ALIKE or len(alike) > 1 or None in alike:
        return keys
    assert isinstance(first, ast.Call)
    columns: list[ast.expr] = [node.args[0] for node in keys if isinstance(node, ast.Call)]
    loop = ast.comprehension(
        target=ast.Name(id="key", ctx=ast.Store()),
        iter=ast.Tuple(elts=columns, ctx=LOAD),
        ifs=[],
        is_async=0,
    )
    element = ast.Call(func=first.func, args=[name("key")], keywords=first.keywords)
    return [ast.ListComp(elt=element, generators=[loop])]


def _without_column(node: ast.expr) -> str | None:
    """Give the text of `ibis.desc("x", …)` without the column; None for anything else."""
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="ibis")), args=[ast.Constant()]):
            return ast.dump(node.func) + "".join(map(ast.dump, node.keywords))
    return None


_JOIN_METHODS = {"left", "right", "outer", "cross", "semi", "anti", "asof", "any_inner", "any_left"}
