"""Typed Ibis values: Python syntax with the type that DuckDB gives it and the one Ibis declares."""

from __future__ import annotations

import ast
import json
import keyword
from collections.abc import Mapping, Sequence
from functools import reduce
from typing import TYPE_CHECKING, Any, NamedTuple

from ibert.translator.datatypes import (
    BIGINT,
    BOOLEAN,
    INTEGER,
    INTEGERS,
    INTERVAL,
    NULL,
    UNKNOWN,
    VARCHAR,
    Type,
    common,
)

if TYPE_CHECKING:
    from ibert.translator.relations import Relation

LOAD = ast.Load()
MISSING = object()


class Slot:
    """The rows that a field is read from: one per FROM, projection or aggregation of a query."""

    __slots__ = ()


class FieldNode(ast.expr):
    """A column of the rows of a slot; how it is spelled depends on where it is used."""

    _fields = ()

    def __init__(self, slot: Slot, name: str) -> None:
        super().__init__()
        self.slot = slot
        self.name = name


class RelationNode(ast.expr):
    """A table expression inside a value."""

    _fields = ()

    def __init__(self, relation: Relation) -> None:
        super().__init__()
        self.relation = relation


class KeyNode(FieldNode):
    """A column where Ibis also takes its name."""


class RowsNode(FieldNode):
    """The rows of a slot themselves: what `count()` is called on."""

    def __init__(self, slot: Slot) -> None:
        super().__init__(slot, "")


class ColumnNode(ast.expr):
    """A column of a table expression inside a value."""

    _fields = ()

    def __init__(self, relation: Relation, name: str) -> None:
        super().__init__()
        self.relation = relation
        self.name = name


class FunctionNode(ast.expr):
    """A function of DuckDB that the code declares as a builtin UDF."""

    _fields = ()

    def __init__(self, function: Builtin) -> None:
        super().__init__()
        self.function = function


class Builtin(NamedTuple):
    """The declaration of a function of DuckDB.

    Parameters
    ----------
    name
        Its name in DuckDB.
    arity
        How many arguments it takes.
    returns
        The type that Ibis declares for its result.
    aggregate
        Whether it is an aggregate function.
    filtered
        Whether it is an aggregate function with a filter.
    """

    name: str
    arity: int
    returns: Type
    aggregate: bool = False
    filtered: bool = False


class Value:
    """A value of an Ibis expression.

    Parameters
    ----------
    node
        Its Python syntax.
    type
        The type DuckDB gives it.
    declared
        The type Ibis declares for it, where that is another one.
    uses
        The slots whose fields it reads.
    eager
        The slots whose fields cannot be written with `_` in it: Ibis would not wait for them.
    literal
        The Python value of a literal.
    required
        Whether Ibis declares that it is never NULL.
    """

    __slots__ = ("_declared", "eager", "literal", "node", "required", "type", "uses")

    def __init__(
        self,
        node: ast.expr,
        type: Type,  # noqa: A002
        declared: Type | None = None,
        uses: frozenset[Slot] = frozenset(),
        eager: frozenset[Slot] = frozenset(),
        literal: Any = MISSING,
        required: bool = False,
    ) -> None:
        self.node = node
        self.type = type
        self._declared = declared
        self.uses = uses
        self.eager = eager
        self.literal = literal
        self.required = required

    @property
    def declared(self) -> Type:
        """The type that Ibis declares."""
        return self._declared or self.type

    @property
    def is_literal(self) -> bool:
        """Whether it is a Python literal."""
        return self.literal is not MISSING

    @property
    def is_null(self) -> bool:
        """Whether it is NULL, with or without a type."""
        return self.literal is None or _is_null_call(self.node)

    @property
    def is_field(self) -> bool:
        """Whether it is a plain column."""
        return type(self.node) is FieldNode

    @property
    def name(self) -> str | None:
        """The name of the column, if it is a plain one."""
        return self.node.name if isinstance(self.node, FieldNode | KeyNode) else None

    def typed(self, type: Type, declared: Type | None = None) -> Value:  # noqa: A002
        """Give the same syntax with other types."""
        return Value(self.node, type, declared, self.uses, self.eager, self.literal)

    def __repr__(self) -> str:
        return f"<{type(self.node).__name__}: {self.type.name}>"


def _is_null_call(node: ast.expr) -> bool:
    match node:
        case ast.Call(func=ast.Attribute(value=ast.Name(id="ibis"), attr="null")):
            return True
    return False


Argument = Value | str | int | float | bool | None | ast.expr | list | tuple  # type: ignore[type-arg]


def field(
    slot: Slot,
    name: str,
    type: Type,  # noqa: A002
    declared: Type | None = None,
    required: bool = False,
) -> Value:
    """Give a column of the rows of a slot."""
    node = FieldNode(slot, name)
    return Value(node, type, declared, frozenset([slot]), required=required)


def literal(value: Any, type: Type, declared: Type | None = None) -> Value:  # noqa: A002
    """Give a literal; it is written bare wherever Ibis takes Python values."""
    return Value(constant(value), type, declared, literal=value)


def key(value: Value) -> Value:
    """Give a value for an argument that takes the names of columns."""
    if type(value.node) is not FieldNode:
        return value
    node = KeyNode(value.node.slot, value.node.name)
    return Value(node, value.type, value.declared, value.uses, value.eager)


def column_of(relation: Relation, name: str) -> Value:
    """Give a column of a relation that is not the one at hand: of a subquery."""
    column = relation.columns[name]
    return Value(ColumnNode(relation, name), column.type, column.declared)


def constant(value: Any) -> ast.expr:
    """Write a Python value."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value < 0:
        return ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=-value))
    return ast.Constant(value=value)


def name(text: str) -> ast.Name:
    """Write a variable."""
    return ast.Name(id=text, ctx=LOAD)


def dotted(path: str) -> ast.expr:
    """Write a dotted name."""
    first, *rest = path.split(".")
    node: ast.expr = name(first)
    for part in rest:
        node = ast.Attribute(value=node, attr=part, ctx=LOAD)
    return node


def as_expression(value: Value) -> Value:
    """Give a value on which methods can be called: a literal becomes `ibis.literal`."""
    if not value.is_literal:
        return value
    if value.literal is None:
        return null(value.type)
    arguments: list[ast.expr] = [value.node]
    return Value(
        ast.Call(func=dotted("ibis.literal"), args=arguments, keywords=[]),
        value.type,
        value.declared,
    )


def typed_literal(value: Value) -> Value:
    """Give a literal of its type, where a Python value alone would be declared as another."""
    if not value.is_literal or value.is_null or value.type.dtype is None:
        return as_expression(value)
    call = ast.Call(
        func=dotted("ibis.literal"), args=[value.node, constant(value.type.dtype)], keywords=[]
    )
    return Value(call, value.type)


def null(kind: Type) -> Value:
    """Give NULL of a type."""
    dtype = kind.closest.dtype
    if kind in (NULL, UNKNOWN) or dtype is None:
        return Value(ast.Call(func=dotted("ibis.null"), args=[], keywords=[]), kind, NULL)
    call_node = ast.Call(func=dotted("ibis.null"), args=[constant(dtype)], keywords=[])
    return Value(call_node, kind, kind.closest)


def argument(thing: Argument) -> tuple[ast.expr, frozenset[Slot], frozenset[Slot]]:
    """Write an argument; give it with the slots it uses and those it cannot wait for."""
    if isinstance(thing, Value):
        return thing.node, thing.uses, thing.eager
    if isinstance(thing, ast.expr):
        return thing, frozenset(), frozenset()
    if isinstance(thing, list | tuple):
        parts = [argument(part) for part in thing]
        nodes = [node for node, _, _ in parts]
        listed: ast.expr = (
            ast.List(elts=nodes, ctx=LOAD)
            if isinstance(thing, list)
            else ast.Tuple(elts=nodes, ctx=LOAD)
        )
        return listed, _union(uses for _, uses, _ in parts), _union(eager for *_, eager in parts)
    return constant(thing), frozenset(), frozenset()


def _union(sets: Any) -> frozenset[Slot]:
    return frozenset().union(*sets)


def call(
    function: ast.expr,
    arguments: tuple[Argument, ...],
    keywords: Mapping[str, Argument],
    type: Type,  # noqa: A002
    declared: Type | None = None,
    base: Value | None = None,
) -> Value:
    """Write a call; `base` is the value whose method it is."""
    parts = [argument(part) for part in arguments]
    named = {key: argument(part) for key, part in keywords.items()}
    inner = [*parts, *named.values()]
    uses = _union(uses for _, uses, _ in inner)
    eager = _union(eager for *_, eager in inner)
    if base is not None:
        if not base.uses:
            eager |= uses
        uses |= base.uses
        eager |= base.eager
    node = ast.Call(
        func=function,
        args=[part for part, _, _ in parts],
        keywords=[
            ast.keyword(arg=key, value=part) if is_keyword(key) else _unpacked(key, part)
            for key, (part, _, _) in named.items()
        ],
    )
    return Value(node, type, declared, uses, eager)


def _unpacked(key: str, value: ast.expr) -> ast.keyword:
    return ast.keyword(arg=None, value=ast.Dict(keys=[constant(key)], values=[value]))


def is_keyword(text: str) -> bool:
    """Whether a name can be written as a keyword argument."""
    return text.isidentifier() and not keyword.iskeyword(text)


def method(
    base: Value,
    method_name: str,
    *arguments: Argument,
    type: Type,  # noqa: A002
    declared: Type | None = None,
    **keywords: Argument,
) -> Value:
    """Write `base.method_name(…)`; keywords that are None are left out."""
    base = as_expression(base)
    return call(
        ast.Attribute(value=base.node, attr=method_name, ctx=LOAD),
        arguments,
        {key: value for key, value in keywords.items() if value is not None},
        type,
        declared,
        base,
    )


def attribute(base: Value, attr: str, type: Type, declared: Type | None = None) -> Value:  # noqa: A002
    """Write `base.attr`."""
    base = as_expression(base)
    node = ast.Attribute(value=base.node, attr=attr, ctx=LOAD)
    return Value(node, type, declared, base.uses, base.eager)


def function(
    path: str,
    *arguments: Argument,
    type: Type,  # noqa: A002
    declared: Type | None = None,
    **keywords: Argument,
) -> Value:
    """Write `ibis.path(…)`; keywords that are None are left out."""
    kept = {key: value for key, value in keywords.items() if value is not None}
    return call(dotted(f"ibis.{path}"), arguments, kept, type, declared)


def builtin(
    function_name: str,
    *arguments: Argument,
    type: Type,  # noqa: A002
    declared: Type | None = None,
    aggregate: bool = False,
    where: Value | None = None,
) -> Value:
    """Write a call of a function of DuckDB that is declared in the code."""
    returns = declared or type.closest
    annotated = returns if returns.dtype else UNKNOWN
    declaration = Builtin(function_name, len(arguments), annotated, aggregate, where is not None)
    keywords = {} if where is None else {"where": where}
    return call(FunctionNode(declaration), arguments, keywords, type, returns)


COMPARISONS: dict[str, type[ast.cmpop]] = {
    "==": ast.Eq,
    "!=": ast.NotEq,
    "<": ast.Lt,
    "<=": ast.LtE,
    ">": ast.Gt,
    ">=": ast.GtE,
}
_OPERATORS: dict[str, type[ast.operator]] = {
    "+": ast.Add,
    "-": ast.Sub,
    "*": ast.Mult,
    "/": ast.Div,
    "//": ast.FloorDiv,
    "%": ast.Mod,
    "**": ast.Pow,
    "&": ast.BitAnd,
    "|": ast.BitOr,
    "^": ast.BitXor,
    "<<": ast.LShift,
    ">>": ast.RShift,
}


def operator(
    symbol: str,
    left: Value,
    right: Value,
    type: Type,  # noqa: A002
    declared: Type | None = None,
) -> Value:
    """Write `left symbol right`; of two literals the left becomes an Ibis expression."""
    if (left.is_literal and right.is_literal) or left.is_null:
        left = as_expression(left)
    if right.is_null:
        right = as_expression(right)
    uses, eager = left.uses | right.uses, left.eager | right.eager
    if symbol in COMPARISONS:
        node: ast.expr = ast.Compare(
            left=left.node, ops=[COMPARISONS[symbol]()], comparators=[right.node]
        )
        return Value(node, BOOLEAN, None, uses, eager)
    if not left.uses and not left.is_literal:
        eager |= right.uses
    node = ast.BinOp(left=left.node, op=_OPERATORS[symbol](), right=right.node)
    return Value(node, type, declared, uses, eager)


def unary(symbol: str, operand: Value, type: Type | None = None) -> Value:  # noqa: A002
    """Write `-operand` or `~operand`."""
    operand = as_expression(operand)
    symbols: dict[str, ast.unaryop] = {"-": ast.USub(), "~": ast.Invert()}
    node = ast.UnaryOp(op=symbols[symbol], operand=operand.node)
    declared = operand.declared if type is None else None
    return Value(node, type or operand.type, declared, operand.uses, operand.eager)


def subscript(base: Value, index: Argument, type: Type, declared: Type | None = None) -> Value:  # noqa: A002
    """Write `base[index]`."""
    base = as_expression(base)
    node, uses, eager = argument(index)
    if not base.uses:
        eager |= uses
    written = ast.Subscript(value=base.node, slice=node, ctx=LOAD)
    return Value(written, type, declared, base.uses | uses, base.eager | eager)


_OPPOSITES = {"isnull": "notnull", "notnull": "isnull", "isin": "notin", "notin": "isin"}


def invert(operand: Value) -> Value:
    """Write NOT: two of them cancel out, and some methods have an opposite."""
    node = operand.node
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert):
        return Value(node.operand, BOOLEAN, None, operand.uses, operand.eager)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        opposite = _OPPOSITES.get(node.func.attr)
        if opposite is not None:
            function = ast.Attribute(value=node.func.value, attr=opposite, ctx=LOAD)
            call_node = ast.Call(func=function, args=node.args, keywords=node.keywords)
            return Value(call_node, BOOLEAN, None, operand.uses, operand.eager)
    return unary("~", operand, BOOLEAN)


def common_type(values: Sequence[Value]) -> Type:
    """Give the type of what is one of some values; constants adapt to what stands beside them.

    Examples
    --------
    >>> from ibert.translator.datatypes import INTEGER, TINYINT
    >>> common_type([Value(name("x"), TINYINT), literal(1, INTEGER)]).name
    'tinyint'
    >>> common_type([Value(name("x"), INTEGER), literal("1", VARCHAR)]).name
    'integer'
    """
    firm = [value for value in values if not (value.is_literal and value.type == VARCHAR)]
    own = reduce(common, (value.type for value in firm if not _is_whole_constant(value)), NULL)
    types = [own]
    for value in firm:
        if _is_whole_constant(value) and not (own.is_integer and _holds(own, value.literal)):
            types.append(value.type)
    found = reduce(common, types)
    return VARCHAR if found == NULL and len(firm) < len(values) else found


def adapted(value: Value, other: Value) -> Type:
    """Give the type that a value has beside another one: an integer constant takes that one's."""
    fits = _is_whole_constant(value) and not _is_whole_constant(other) and other.type.is_integer
    return other.type if fits and _holds(other.type, value.literal) else value.type


def _is_whole_constant(value: Value) -> bool:
    return value.is_literal and not value.is_null and value.type in (INTEGER, BIGINT)


def _holds(kind: Type, number: int) -> bool:
    bits, signed = INTEGERS[kind.name]
    lowest = -(1 << (bits - 1)) if signed else 0
    return lowest <= number < lowest + (1 << bits)


def is_null(value: Value) -> Value:
    """Write IS NULL; of a negation as of its operand: Ibis writes no parentheses."""
    match value.node:
        case ast.UnaryOp(op=ast.Invert(), operand=operand):
            value = Value(operand, BOOLEAN, None, value.uses, value.eager)
        case ast.Call(func=ast.Attribute(value=base, attr="notin"), args=arguments):
            isin = ast.Attribute(value=base, attr="isin", ctx=LOAD)
            node = ast.Call(func=isin, args=arguments, keywords=[])
            value = Value(node, BOOLEAN, None, value.uses, value.eager)
    return method(value, "isnull", type=BOOLEAN)


_LOGIC = (ast.BitAnd, ast.BitOr, ast.BitXor)


def enclosed(value: Value, *methods: str, logic: bool = False) -> Value:
    """Keep an operand together where Ibis writes no parentheses: a negation, or some methods."""
    match value.node:
        case ast.UnaryOp(op=ast.Invert()):
            loose = True
        case ast.BinOp(op=op):
            loose = logic and isinstance(op, _LOGIC)
        case ast.Compare():
            loose = "==" in methods
        case ast.Call(func=ast.Attribute(attr=called)):
            loose = called in methods or called == "notin"
        case _:
            loose = False
    return function("coalesce", value, type=value.type, declared=value.declared) if loose else value


def lambda_of(parameters: Sequence[str], body: ast.expr) -> ast.Lambda:
    """Give the syntax of a lambda."""
    arguments = ast.arguments(
        posonlyargs=[],
        args=[ast.arg(arg=parameter) for parameter in parameters],
        kwonlyargs=[],
        kw_defaults=[],
        defaults=[],
    )
    return ast.Lambda(args=arguments, body=body)


def cast(value: Value, kind: Type) -> Value:
    """Write a cast, twice where Ibis would leave it out because it declares that type already."""
    if kind == INTERVAL != value.type and not value.is_null:
        return converted(value, kind)
    if kind.dtype is None and kind != UNKNOWN and not (kind.is_integer and value.type.is_integer):
        return converted(value, kind)
    if value.is_null:
        return null(kind)
    if kind.dtype is None or value.type == kind == value.declared:
        return value
    if value.declared.dtype == kind.dtype and value.type != kind and value.type.dtype:
        value = method(value, "cast", value.type.dtype, type=value.type)
    return method(value, "cast", kind.dtype, type=kind)


def converted(value: Value, kind: Type) -> Value:
    """Cast to a type that Ibis does not have, by a function of DuckDB that takes an example of it.

    Examples
    --------
    >>> from ibert.translator.datatypes import HUGEINT, INTEGER
    >>> value = converted(Value(name("x"), INTEGER), HUGEINT)
    >>> value.type.name, value.declared.dtype
    ('hugeint', 'int64')
    """
    example = builtin("from_json", "null", json.dumps(kind.sql), type=kind, declared=UNKNOWN)
    if value.is_null:
        value = Value(as_expression(value).node, NULL)
    return builtin("cast_to_type", value, example, type=kind, declared=kind.closest)
