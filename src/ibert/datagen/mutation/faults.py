"""Mutation operators for code: faults as people make them, each made in code that is right."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Callable, Iterator
from functools import cache
from importlib.resources import files
from typing import Any

import ibis.expr.types as ir
from ibis.expr.types.groupby import GroupedTable

from ibert.datagen.mutation.sample import Sample
from ibert.repair.fault import table_of
from ibert.repair.source import joined

_KEPT = {"ibis", "_", "con", "expr"}  # names that every program has
_REDUCTIONS = ("sum", "mean", "min", "max", "nunique")
_FREE = ("mutate", "agg", "aggregate", "select", "rename")  # their keywords are names of columns


Operator = Callable[[Sample], Iterator[str]]
FAULTS: dict[str, Operator] = {}


def _fault(operator: Operator) -> Operator:
    FAULTS[operator.__name__.strip("_")] = operator
    return operator


@cache
def _table(*path: str) -> dict[str, list[str]]:
    text = files("ibert.datagen.mutation").joinpath("faults.toml").read_text(encoding="utf-8")
    found: Any = tomllib.loads(text)
    for step in path:
        found = found[step]
    return dict(found)


# Names.


@_fault
def _misspelt_column(code: Sample) -> Iterator[str]:
    for node in code.columns():
        if len(node.attr) > 2:
            yield code.with_attribute(node, code.typo(node.attr))


@_fault
def _misspelt_column_text(code: Sample) -> Iterator[str]:
    for node, name in code.texts():
        if len(name) > 2:
            yield code.source.with_node(node, f'"{code.typo(name)}"')


@_fault
def _column_in_camel_case(code: Sample) -> Iterator[str]:
    for node in code.columns():
        head, *rest = node.attr.split("_")
        name = head + "".join(word.capitalize() for word in rest) if rest else head.capitalize()
        yield code.with_attribute(node, name)


@_fault
def _column_in_upper_case(code: Sample) -> Iterator[str]:
    for node, name in code.texts():
        yield code.source.with_node(node, f'"{name.upper()}"')


@_fault
def _misspelt_table_method(code: Sample) -> Iterator[str]:
    for node in code.methods():
        if table_of(code.reading.values.get(node.func.value)) is not None:  # type: ignore[attr-defined]
            yield code.with_attribute(node.func, code.typo(node.func.attr))  # type: ignore[attr-defined, arg-type]


@_fault
def _misspelt_value_method(code: Sample) -> Iterator[str]:
    for node in code.methods():
        assert isinstance(node.func, ast.Attribute)
        if isinstance(code.known.value(node.func.value), ir.Value) and len(node.func.attr) > 2:
            yield code.with_attribute(node.func, code.typo(node.func.attr))


@_fault
def _misspelt_function(code: Sample) -> Iterator[str]:
    for node in code.methods():
        match node.func:
            case ast.Attribute(value=ast.Name(id="ibis"), attr=name):
                yield code.with_attribute(node.func, code.typo(name))


@_fault
def _misspelt_variable(code: Sample) -> Iterator[str]:
    for node in code.nodes(ast.Name):
        if isinstance(node.ctx, ast.Load) and node.id not in _KEPT and len(node.id) > 2:
            yield code.source.with_node(node, code.typo(node.id))


@_fault
def _misspelt_table(code: Sample) -> Iterator[str]:
    for node in code.methods("table"):
        match node.args:
            case [ast.Constant(value=str(name)) as given]:
                yield code.source.with_node(given, f'"{code.typo(name)}"')


@_fault
def _misspelt_argument(code: Sample) -> Iterator[str]:
    for item in _keywords(code):
        assert item.arg is not None
        start = code.source.start(item)
        yield code.source.replaced((start, start + len(item.arg), code.typo(item.arg)))


def _keywords(code: Sample) -> Iterator[ast.keyword]:
    for call in code.nodes(ast.Call):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if name not in _FREE:
            yield from (item for item in call.keywords if item.arg is not None)


@_fault
def _argument_of_another_tool(code: Sample) -> Iterator[str]:
    for item in _keywords(code):
        assert item.arg is not None
        for name in _table("keywords").get(item.arg, ()):
            start = code.source.start(item)
            yield code.source.replaced((start, start + len(item.arg), name))


# Other tools.


def _spelling(vocabulary: str) -> Operator:
    def operator(code: Sample) -> Iterator[str]:
        for node in code.methods(*_table("methods", vocabulary)):
            assert isinstance(node.func, ast.Attribute)
            for name in _table("methods", vocabulary)[node.func.attr]:
                yield code.with_attribute(node.func, name)

    operator.__name__ = f"method_of_{vocabulary}"
    return operator


for _vocabulary in ("pandas", "polars", "pyspark", "dplyr", "older_ibis", "sql"):
    _fault(_spelling(_vocabulary))


@_fault
def _with_column(code: Sample) -> Iterator[str]:
    for call in code.methods("mutate"):
        match call:
            case ast.Call(func=ast.Attribute() as func, args=[], keywords=[item]) if item.arg:
                end = code.source.end(func)
                inner = code.source.text[slice(*code.source.outer(item.value))]
                text = f'withColumn("{item.arg}", {inner})'
                piece = (end - len("mutate"), code.source.end(call), text)
                yield code.source.replaced(piece)


@_fault
def _sort_values_descending(code: Sample) -> Iterator[str]:
    for call in code.methods("order_by"):
        match call:
            case ast.Call(func=ast.Attribute() as func, args=[ast.Call(args=[column]) as order]):
                if isinstance(order.func, ast.Attribute) and order.func.attr == "desc":
                    end = code.source.end(func)
                    text = f"sort_values({code.source.of(column)}, ascending=False)"
                    piece = (end - len("order_by"), code.source.end(call), text)
                    yield code.source.replaced(piece)


@_fault
def _descending_as_text(code: Sample) -> Iterator[str]:
    for call in code.methods("desc"):
        match call.args:
            case [ast.Constant(value=str(name))]:
                yield code.source.with_node(call, f'"-{name}"')
                yield code.source.with_node(call, f'"{name} desc"')


def _deferred_columns(code: Sample) -> Iterator[ast.Attribute]:
    for node in code.columns():
        if isinstance(node.value, ast.Name) and node.value.id == "_":
            yield node


@_fault
def _bare_column(code: Sample) -> Iterator[str]:
    for node in _deferred_columns(code):
        if node.attr not in code.reading.names:
            yield code.source.with_node(node, node.attr)


@_fault
def _column_of_a_function(code: Sample) -> Iterator[str]:
    for node in _deferred_columns(code):
        for name in ("col", "F.col", "pl.col"):
            yield code.source.with_node(node, f'{name}("{node.attr}")')


@_fault
def _accessor(code: Sample) -> Iterator[str]:
    for accessor, methods in _table("accessors").items():
        for call in code.methods(*methods):
            assert isinstance(call.func, ast.Attribute)
            if isinstance(code.known.value(call.func.value), ir.Value):
                yield code.with_attribute(call.func, f"{accessor}.{call.func.attr}")


@_fault
def _function_of_python(code: Sample) -> Iterator[str]:
    names = {"length": "len", "sum": "sum", "max": "max", "min": "min", "abs": "abs"}
    for call in code.methods(*names, "round", "cast"):
        assert isinstance(call.func, ast.Attribute)
        inner, name = code.source.of(call.func.value), call.func.attr
        if isinstance(code.known.value(call.func.value), ir.Value):
            match name, call.args:
                case "round", [digits]:
                    text = f"round({inner}, {code.source.of(digits)})"
                case "cast", [ast.Constant(value="int64" | "float64" | "string" as dtype)]:
                    text = (
                        f"{ {'int64': 'int', 'float64': 'float', 'string': 'str'}[dtype] }({inner})"
                    )
                case _, [] if name in names:
                    text = f"{names[name]}({inner})"
                case _:
                    continue
            yield code.source.with_node(call, text)


@_fault
def _conditional_of_python(code: Sample) -> Iterator[str]:
    for call in code.methods("ifelse"):
        match call:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="ibis")), args=[test, yes, no]):
                parts = [code.source.text[slice(*code.source.outer(x))] for x in (yes, test, no)]
                yield code.source.with_node(call, f"({parts[0]} if {parts[1]} else {parts[2]})")


# Operators.


def _connected(code: Sample, kind: type[ast.operator], word: str) -> Iterator[str]:
    for node in code.nodes(ast.BinOp):
        if isinstance(node.op, kind):
            start = code.source.outer(node.left)[1]
            end = code.source.outer(node.right)[0]
            sign = "&" if kind is ast.BitAnd else "|"
            between = code.source.text[start:end].replace(sign, word)
            yield code.source.replaced((start, end, between))


@_fault
def _and_for_ampersand(code: Sample) -> Iterator[str]:
    yield from _connected(code, ast.BitAnd, "and")


@_fault
def _or_for_bar(code: Sample) -> Iterator[str]:
    yield from _connected(code, ast.BitOr, "or")


@_fault
def _not_for_tilde(code: Sample) -> Iterator[str]:
    for node in code.nodes(ast.UnaryOp):
        if isinstance(node.op, ast.Invert):
            inner = code.source.text[slice(*code.source.outer(node.operand))]
            yield code.source.with_node(node, f"(not {inner})")


@_fault
def _in_for_isin(code: Sample) -> Iterator[str]:
    for call in code.methods("isin", "notin"):
        assert isinstance(call.func, ast.Attribute)
        if call.args and isinstance(call.args[0], ast.List | ast.Tuple):
            word = "in" if call.func.attr == "isin" else "not in"
            inner, group = code.source.of(call.func.value), code.source.of(call.args[0])
            yield code.source.with_node(call, f"({inner} {word} {group})")


@_fault
def _is_none(code: Sample) -> Iterator[str]:
    for call in code.methods("isnull", "notnull"):
        assert isinstance(call.func, ast.Attribute)
        word = "is" if call.func.attr == "isnull" else "is not"
        yield code.source.with_node(call, f"({code.source.of(call.func.value)} {word} None)")


@_fault
def _chained_comparison(code: Sample) -> Iterator[str]:
    for call in code.methods("between"):
        assert isinstance(call.func, ast.Attribute)
        if len(call.args) == 2:
            low, high = map(code.source.of, call.args)
            text = f"({low} <= {code.source.of(call.func.value)} <= {high})"
            yield code.source.with_node(call, text)


@_fault
def _missing_parentheses(code: Sample) -> Iterator[str]:
    for node in code.nodes(ast.BinOp):
        if isinstance(node.op, ast.BitAnd | ast.BitOr):
            pieces = [
                (*code.source.outer(side), code.source.of(side))
                for side in (node.left, node.right)
                if isinstance(side, ast.Compare)
            ]
            if pieces:
                yield code.source.replaced(*pieces)


@_fault
def _doubled_sign(code: Sample) -> Iterator[str]:
    for node in code.nodes(ast.BinOp):
        if isinstance(node.op, ast.BitAnd | ast.BitOr):
            sign = "&" if isinstance(node.op, ast.BitAnd) else "|"
            place = code.source.text.find(sign, code.source.outer(node.left)[1])
            yield code.source.replaced((place, place, sign))


@_fault
def _unequal_of_sql(code: Sample) -> Iterator[str]:
    for node in code.nodes(ast.Compare):
        if isinstance(node.ops[0], ast.NotEq):
            place = code.source.text.find("!=", code.source.end(node.left))
            yield code.source.replaced((place, place + 2, "<>"))


@_fault
def _assignment_for_comparison(code: Sample) -> Iterator[str]:
    for node in code.nodes(ast.Compare):
        if isinstance(node.ops[0], ast.Eq):
            place = code.source.text.find("==", code.source.end(node.left))
            yield code.source.replaced((place, place + 2, "="))


# Types.


@_fault
def _number_as_text(code: Sample) -> Iterator[str]:
    for node in code.nodes(ast.Compare):
        right = node.comparators[0]
        if isinstance(right, ast.Constant) and isinstance(right.value, int | float):
            yield code.source.with_node(right, f'"{code.source.of(right)}"')


@_fault
def _missing_cast(code: Sample) -> Iterator[str]:
    yield from _without_call(code, "cast")


def _without_call(code: Sample, method: str) -> Iterator[str]:
    for call in code.methods(method):
        assert isinstance(call.func, ast.Attribute)
        start = code.source.outer(call.func.value)[1]
        yield code.source.replaced((start, code.source.end(call), ""))


def _valued(code: Sample, methods: tuple[str, ...], table: str) -> Iterator[str]:
    for call in code.methods(*methods):
        for node in (*call.args, *(item.value for item in call.keywords)):
            if isinstance(node, ast.Constant):
                for value in _table(table).get(str(node.value), ()):
                    yield code.source.with_node(node, f'"{value}"')


@_fault
def _unknown_type(code: Sample) -> Iterator[str]:
    yield from _valued(code, ("cast", "try_cast", "literal"), "dtypes")


@_fault
def _unknown_join(code: Sample) -> Iterator[str]:
    yield from _valued(code, ("join",), "joins")


@_fault
def _unknown_unit(code: Sample) -> Iterator[str]:
    yield from _valued(code, ("truncate", "delta", "bucket"), "units")


@_fault
def _number_for_interval(code: Sample) -> Iterator[str]:
    for call in code.methods("interval"):
        match call.keywords:
            case [ast.keyword(arg="days", value=ast.Constant(value=int()) as days)]:
                yield code.source.with_node(call, code.source.of(days))


# Columns and aggregates.


@_fault
def _reduction_twice(code: Sample) -> Iterator[str]:
    for call in code.methods(*_REDUCTIONS):
        if not call.args and isinstance(code.known.value(call), ir.Scalar):
            assert isinstance(call.func, ast.Attribute)
            end = code.source.end(call)
            yield code.source.replaced((end, end, f".{call.func.attr}()"))


@_fault
def _missing_reduction(code: Sample) -> Iterator[str]:
    for call in code.methods("agg", "aggregate"):
        for item in call.keywords:
            match item.value:
                case ast.Call(func=ast.Attribute(value=inner, attr=name), args=[], keywords=[]):
                    if name in _REDUCTIONS and isinstance(code.known.value(inner), ir.Column):
                        start = code.source.outer(inner)[1]
                        yield code.source.replaced((start, code.source.end(item.value), ""))


def _without_texts(code: Sample, method: str) -> Iterator[str]:
    for call in code.methods(method):
        if len(call.args) > 1:
            for node in call.args:
                if isinstance(node, ast.Constant):
                    yield code.source.without_argument(call, node)


@_fault
def _column_not_selected(code: Sample) -> Iterator[str]:
    yield from _without_texts(code, "select")


@_fault
def _column_not_grouped_by(code: Sample) -> Iterator[str]:
    yield from _without_texts(code, "group_by")


@_fault
def _uncalled_method(code: Sample) -> Iterator[str]:
    for call in code.methods():
        assert isinstance(call.func, ast.Attribute)
        if not call.args and not call.keywords and isinstance(code.known.value(call), ir.Value):
            yield code.source.replaced((code.source.end(call.func), code.source.end(call), ""))


@_fault
def _method_of_a_column(code: Sample) -> Iterator[str]:
    for call in code.methods("filter", "select", "group_by", "mutate", "agg", "order_by", "join"):
        assert isinstance(call.func, ast.Attribute)
        table = code.reading.values.get(call.func.value)
        if isinstance(table, ir.Table) and isinstance(call.func.value, ast.Name):
            end = code.source.end(call.func.value)
            yield code.source.replaced((end, end, f".{table.columns[0]}"))


@_fault
def _filtered_groups(code: Sample) -> Iterator[str]:
    for call in code.methods("having"):
        assert isinstance(call.func, ast.Attribute)
        if isinstance(code.reading.values.get(call.func.value), GroupedTable):
            yield code.with_attribute(call.func, "filter")


# Relations.


@_fault
def _column_of_another_relation(code: Sample) -> Iterator[str]:
    for node in _deferred_columns(code):
        line = code.source.statement(node).lineno  # type: ignore[attr-defined]
        for other in code.nodes(ast.Name):
            table = code.reading.values.get(other)
            is_before = isinstance(other.ctx, ast.Store) and other.lineno < line
            if is_before and isinstance(table, ir.Table) and node.attr in table.columns:
                yield code.source.with_node(node.value, other.id)


@_fault
def _colliding_names(code: Sample) -> Iterator[str]:
    for call in code.methods("join", "left_join", "outer_join", "cross_join"):
        named = [item for item in call.keywords if item.arg == "rname"]
        if not named and isinstance(code.reading.values.get(call), ir.Table):
            yield code.source.with_keyword(call, 'rname="{name}"')


@_fault
def _missing_view(code: Sample) -> Iterator[str]:
    yield from _without_call(code, "view")


@_fault
def _missing_as_scalar(code: Sample) -> Iterator[str]:
    yield from _without_call(code, "as_scalar")


@_fault
def _unequal_schemas(code: Sample) -> Iterator[str]:
    for call in code.methods("union", "intersect", "difference"):
        for node in call.args[:1]:
            table = code.reading.values.get(node)
            if isinstance(table, ir.Table) and len(table.columns) > 1:
                end = code.source.outer(node)[1]
                last = table.columns[-1]
                yield code.source.replaced((end, end, f'.rename({last}_2="{last}")'))


@_fault
def _unordered_range(code: Sample) -> Iterator[str]:
    for call in code.methods("window", "range_window", "trailing_range_window"):
        for item in call.keywords:
            if item.arg == "order_by":
                yield code.source.without_argument(call, item)


# Arguments and imports.


@_fault
def _arguments_in_another_order(code: Sample) -> Iterator[str]:
    for call in code.methods():
        if len(call.args) >= 2:
            one, other = (code.source.outer(node) for node in call.args[:2])
            text = code.source.text
            pieces = ((*one, text[slice(*other)]), (*other, text[slice(*one)]))
            yield code.source.replaced(*pieces)


@_fault
def _values_without_list(code: Sample) -> Iterator[str]:
    for call in code.methods("isin", "notin"):
        match call.args:
            case [ast.List(elts=[_, _, *_] as elements) | ast.Tuple(elts=[_, _, *_] as elements)]:
                inner = joined(map(code.source.of, elements))
                yield code.source.with_node(call.args[0], inner)


@_fault
def _missing_import(code: Sample) -> Iterator[str]:
    for node in code.source.module.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {item.asname or item.name for item in node.names}
            if not names <= {"ibis", "_"}:
                yield code.source.replaced((code.source.start(node), code.source.end(node) + 1, ""))


@_fault
def _misspelt_import(code: Sample) -> Iterator[str]:
    for node in code.nodes(ast.ImportFrom, ast.Import):
        for item in node.names:
            if len(item.name) > 2:
                start = code.source.start(item)
                yield code.source.replaced((start, start + len(item.name), code.typo(item.name)))


# Syntax.


def _without_character(code: Sample, characters: str) -> Iterator[str]:
    text = code.source.text
    places = [i for i, character in enumerate(text) if character in characters]
    code.dice.shuffle(places)
    for place in places[:8]:
        yield text[:place] + text[place + 1 :]


@_fault
def _missing_bracket(code: Sample) -> Iterator[str]:
    yield from _without_character(code, ")]}")


@_fault
def _missing_quote(code: Sample) -> Iterator[str]:
    yield from _without_character(code, "\"'")


@_fault
def _missing_comma(code: Sample) -> Iterator[str]:
    yield from _without_character(code, ",")


@_fault
def _superfluous_bracket(code: Sample) -> Iterator[str]:
    for call in code.nodes(ast.Call):
        end = code.source.end(call)
        yield code.source.replaced((end, end, ")"))


@_fault
def _wrong_bracket(code: Sample) -> Iterator[str]:
    for call in code.nodes(ast.Call):
        end = code.source.end(call)
        yield code.source.replaced((end - 1, end, "]"))


def mutants(code: Sample, kind: str) -> list[str]:
    """Make all mutants of a kind of fault, in a random order.

    Examples
    --------
    >>> from ibert.catalog import Catalog
    >>> catalog = Catalog.from_any({"t": {"total": "int64"}})
    >>> mutants(Sample("t.filter(_.total.between(1, 3))", catalog, ""), "chained_comparison")
    ['t.filter((1 <= _.total <= 3))']
    """
    found = [text for text in dict.fromkeys(FAULTS[kind](code)) if text != code.source.text]
    code.dice.shuffle(found)
    return found
