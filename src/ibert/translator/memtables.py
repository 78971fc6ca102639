"""Rows of constants as a memtable: values as Python has them, with a schema."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Sequence
from decimal import Decimal

from ibert.translator.datatypes import INTEGERS, UNKNOWN, Type
from ibert.translator.functions.constructors import python_constant
from ibert.translator.joins import ancestors
from ibert.translator.relations import Column, Relation, ValueRelation
from ibert.translator.syntax import calls
from ibert.translator.values import LOAD, Value, constant, function

_EXACT_IN_A_FLOAT = 2**53
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?")


def is_from_memory(relation: Relation | None) -> bool:
    """Whether rows are, among others, those of a memtable."""
    return relation is not None and any(
        isinstance(item, ValueRelation) and calls(item.value, "memtable")
        for item in ancestors(relation)
    )


def memtable(names: list[str], kinds: list[Type], rows: list[list[Value]]) -> Relation | None:
    """Give rows as a memtable; None if one of them holds what a memtable cannot.

    Examples
    --------
    >>> from ibert.translator.datatypes import INTEGER
    >>> from ibert.translator.values import literal
    >>> ast.unparse(memtable(["a"], [INTEGER], [[literal(1, INTEGER)]]).value.node)
    "ibis.memtable([(1,)], schema={'a': 'int32'})"
    """
    cells = [[stored(value, kind) for value, kind in zip(row, kinds, strict=True)] for row in rows]
    if any(cell is None for row in cells for cell in row):
        return None
    if not all(map(_is_exact, zip(*cells, strict=True))):
        return None
    tuples: list[ast.expr] = [
        ast.Tuple(elts=[cell for cell in row if cell is not None], ctx=LOAD) for row in cells
    ]
    schema = ast.Dict(
        keys=[constant(name) for name in names], values=[constant(kind.dtype) for kind in kinds]
    )
    table = function(
        "memtable",
        ast.List(elts=tuples, ctx=LOAD),
        type=UNKNOWN,
        schema=Value(schema, UNKNOWN),
    )
    return ValueRelation(table, {n: Column(k, k) for n, k in zip(names, kinds, strict=True)})


def _is_exact(cells: Sequence[ast.expr | None]) -> bool:
    """Whether no integer of a column loses digits: beside None they pass through floats."""
    values = [ast.literal_eval(cell) for cell in cells if cell is not None]
    large = any(isinstance(part, int) and abs(part) > _EXACT_IN_A_FLOAT for part in values)
    return not large or None not in values


def stored(value: Value, kind: Type) -> ast.expr | None:
    """Give a constant as a memtable with a column of some type takes it.

    Examples
    --------
    >>> from ibert.translator.datatypes import DOUBLE, INTEGER, decimal
    >>> from ibert.translator.values import cast, literal
    >>> one = literal(1, INTEGER)
    >>> [ast.unparse(stored(one, kind)) for kind in (INTEGER, DOUBLE, decimal(12, 2))]
    ['1', '1.0', "'1.00'"]
    """
    found = _python_value(value, kind)
    return None if found is None else found[0]


def _python_value(value: Value, kind: Type) -> tuple[ast.expr] | None:
    node = _bare(value.node)
    if value.is_null or _is_null(node):
        return (ast.Constant(value=None),) if kind.name in _RULES or kind.is_list else None
    if kind.is_list:
        return _list(value, kind)
    rule = _RULES.get(kind.name)
    if rule is None or not _is_constant(node):
        return None
    made = rule(ast.literal_eval(node), value.type, kind)
    return None if made is None else (constant(made),)


def _bare(node: ast.expr) -> ast.expr:
    """Give what casts and constructors of Ibis are called with; several casts are not undone."""
    targets = []
    while True:
        match node:
            case ast.Call(
                func=ast.Attribute(value=inner, attr="cast"), args=[ast.Constant(value=str(target))]
            ):
                targets.append(target)
                node = inner
            case _:
                break
    if len(targets) > 1 and not all(target.startswith(("int", "uint")) for target in targets):
        return node if _is_null(node) else ast.Name(id="")
    match node:
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id="ibis"), attr="literal" | "date" | "timestamp"),
            args=[inner, *_],
            keywords=[],
        ):
            return inner
    return node


def _is_null(node: ast.expr) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="ibis"), attr="null")):
            return True
    return False


def _is_constant(node: ast.expr) -> bool:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        node = node.operand
    return isinstance(node, ast.Constant)


def _integer(constant_: object, given: Type, kind: Type) -> object:
    is_integer = isinstance(constant_, int) and not isinstance(constant_, bool)
    return constant_ if given.is_integer and is_integer else None


def _text(constant_: object, given: Type, kind: Type) -> object:
    return constant_ if given == kind and isinstance(constant_, str) else None


def _boolean(constant_: object, given: Type, kind: Type) -> object:
    return constant_ if given == kind and isinstance(constant_, bool) else None


def _double(constant_: object, given: Type, kind: Type) -> object:
    if given.is_decimal and _decimal(constant_, given, given) is None:
        return None
    if not (given.is_decimal or given.is_integer or given == kind) or isinstance(constant_, bool):
        return None
    try:
        number = float(str(constant_))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _decimal(constant_: object, given: Type, kind: Type) -> object:
    if not (given.is_decimal or given.is_integer) or isinstance(constant_, bool):
        return None
    precision, scale = kind.args
    try:
        number = Decimal(str(constant_))
    except ArithmeticError:
        return None
    text = f"{number:.{scale}f}" if number.is_finite() else ""
    if (
        not text
        or Decimal(text) != number
        or len(text.lstrip("-").replace(".", "")) > precision + 1
    ):
        return None
    return text


def _date(constant_: object, given: Type, kind: Type) -> object:
    is_date = isinstance(constant_, str) and _DATE.fullmatch(constant_) is not None
    return constant_ if given == kind and is_date else None


def _timestamp(constant_: object, given: Type, kind: Type) -> object:
    is_instant = isinstance(constant_, str) and _TIMESTAMP.fullmatch(constant_) is not None
    return constant_ if given == kind and is_instant else None


_RULES = {
    **dict.fromkeys((name for name, (bits, _) in INTEGERS.items() if bits <= 64), _integer),
    "varchar": _text,
    "boolean": _boolean,
    "double": _double,
    "decimal": _decimal,
    "date": _date,
    "timestamp": _timestamp,
}
_ELEMENTS = ("tinyint", "smallint", "integer", "bigint", "varchar", "boolean")


def _list(value: Value, kind: Type) -> tuple[ast.expr] | None:
    """Give a list of integers, texts or truth values."""
    inner = python_constant(value)
    if kind.name != "list" or kind.element.name not in _ELEMENTS or not isinstance(inner, ast.List):
        return None
    same = value.type == kind or (value.type.is_list and value.type.element.is_integer)
    plain = all(_is_constant(part) for part in inner.elts)
    return (inner,) if same and plain and kind.element.is_integer is _numbers(inner) else None


def _numbers(node: ast.List) -> bool:
    values = [ast.literal_eval(part) for part in node.elts]
    present = [part for part in values if part is not None]
    return all(isinstance(part, int) and not isinstance(part, bool) for part in present)
