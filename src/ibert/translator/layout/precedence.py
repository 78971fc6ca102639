"""How tightly Python's expressions bind, and which parentheses follow from that.

The grammar asks for some parentheses (`(a + b) * c`); others are a formatter's choice, to let an
expression break over lines. The second kind follows ruff's formatter (its `needs_parentheses` and
`can_omit_optional_parentheses`).
"""

from __future__ import annotations

import ast
import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

# From the loosest to the tightest. `in` and its kin compare; `**` binds its right side less.
(
    TEST,
    OR,
    AND,
    NOT,
    COMPARISON,
    BIT_OR,
    BIT_XOR,
    BIT_AND,
    SHIFT,
    SUM,
    TERM,
    FACTOR,
    POWER,
    ATOM,
) = range(14)

_BINARY: dict[type[ast.operator], tuple[str, int]] = {
    ast.BitOr: ("|", BIT_OR),
    ast.BitXor: ("^", BIT_XOR),
    ast.BitAnd: ("&", BIT_AND),
    ast.LShift: ("<<", SHIFT),
    ast.RShift: (">>", SHIFT),
    ast.Add: ("+", SUM),
    ast.Sub: ("-", SUM),
    ast.Mult: ("*", TERM),
    ast.MatMult: ("@", TERM),
    ast.Div: ("/", TERM),
    ast.FloorDiv: ("//", TERM),
    ast.Mod: ("%", TERM),
    ast.Pow: ("**", POWER),
}
_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
    ast.Is: "is",
    ast.IsNot: "is not",
    ast.In: "in",
    ast.NotIn: "not in",
}
_BOOLEAN: dict[type[ast.boolop], tuple[str, int]] = {ast.And: ("and", AND), ast.Or: ("or", OR)}
_UNARY: dict[type[ast.unaryop], tuple[str, int]] = {
    ast.Invert: ("~", FACTOR),
    ast.UAdd: ("+", FACTOR),
    ast.USub: ("-", FACTOR),
    ast.Not: ("not ", NOT),
}
_LEVELS: dict[type[ast.expr], int] = {
    ast.Lambda: TEST,
    ast.IfExp: TEST,
    ast.Starred: TEST,
    ast.Compare: COMPARISON,
}

OPERATIONS = (ast.BinOp, ast.Compare, ast.BoolOp, ast.IfExp)
CHAINS = (ast.Attribute, ast.Call, ast.Subscript)
COMPREHENSIONS = (ast.ListComp, ast.GeneratorExp)
COLLECTIONS = (ast.List, ast.Tuple, ast.Set, ast.Dict, *COMPREHENSIONS)


class Operand(NamedTuple):
    """An operand, and whether it has to be in parentheses."""

    node: ast.expr
    parenthesized: bool


class Operator(NamedTuple):
    """An operator between two operands.

    `flat` is its text with the spaces that it has on one line; operators of one `level` are split
    together.
    """

    symbol: str
    flat: str
    level: int


class OptionalParentheses(enum.Enum):
    """When an expression that breaks over lines gets parentheses that no operator asks for."""

    NEVER = enum.auto()
    IF_SPLIT = enum.auto()
    IF_IT_FITS = enum.auto()


def level(node: ast.expr) -> int:
    """Tell how tightly an expression binds.

    Examples
    --------
    >>> level(ast.parse("a + b", mode="eval").body) == SUM
    True
    """
    if isinstance(node, ast.BinOp):
        return _BINARY[type(node.op)][1]
    if isinstance(node, ast.UnaryOp):
        return _UNARY[type(node.op)][1]
    if isinstance(node, ast.BoolOp):
        return _BOOLEAN[type(node.op)][1]
    if isinstance(node, ast.Constant):
        negative = isinstance(node.value, int | float) and node.value < 0
        return FACTOR if negative else ATOM
    return _LEVELS.get(type(node), ATOM)


def operand(node: ast.expr, least: int) -> Operand:
    """Put an operand where nothing may stand that binds less than `least`.

    Examples
    --------
    >>> operand(ast.parse("a | b", mode="eval").body, COMPARISON).parenthesized
    False
    >>> operand(ast.parse("a | b", mode="eval").body, BIT_AND).parenthesized
    True
    """
    return Operand(node, level(node) < least)


def root(node: ast.expr) -> Operand:
    """Put an expression in front of a dot, of arguments or of an index.

    Examples
    --------
    >>> root(ast.Constant(1)).parenthesized, root(ast.Constant("1")).parenthesized
    (True, False)
    """
    number = isinstance(node, ast.Constant) and type(node.value) in (int, float)
    return Operand(node, number or level(node) < ATOM)


def unary(node: ast.UnaryOp) -> tuple[str, Operand]:
    """Take apart an operation with one operand; the formatter sets a power in parentheses.

    Examples
    --------
    >>> symbol, part = unary(ast.parse("-2 ** x", mode="eval").body)
    >>> symbol, part.parenthesized
    ('-', True)
    """
    symbol, least = _UNARY[type(node.op)]
    found = level(node.operand)
    return symbol, Operand(node.operand, found < least or found == POWER)


def parts(node: ast.expr) -> Iterator[Operand | Operator]:
    """Take apart an operation into its operands and the operators between them.

    Examples
    --------
    >>> node = ast.parse("(a < b) == c ** 2", mode="eval").body
    >>> [part.symbol if isinstance(part, Operator) else part.parenthesized for part in parts(node)]
    [True, '==', False]
    """
    match node:
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            operands = operand(left, ATOM), operand(right, FACTOR)
            simple = all(not part.parenthesized and _is_simple(part.node) for part in operands)
            yield operands[0]
            yield Operator("**", "**" if simple else " ** ", POWER)
            yield operands[1]
        case ast.BinOp(left=left, op=op, right=right):
            symbol, least = _BINARY[type(op)]
            yield operand(left, least)
            yield _operator(symbol, least)
            yield operand(right, least + 1)
        case ast.Compare(left=left, ops=ops, comparators=comparators):
            yield operand(left, COMPARISON + 1)
            for comparison, right in zip(ops, comparators, strict=True):
                yield _operator(_COMPARISONS[type(comparison)], COMPARISON)
                yield operand(right, COMPARISON + 1)
        case ast.BoolOp(op=junction, values=[first, *values]):
            symbol, least = _BOOLEAN[type(junction)]
            yield operand(first, least + 1)
            for value in values:
                # The formatter splits `and` together with `or`.
                yield _operator(symbol, AND)
                yield operand(value, least + 1)
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield operand(body, OR)
            yield _operator("if", TEST)
            yield operand(test, OR)
            yield _operator("else", TEST)
            yield operand(orelse, TEST)
        case _:
            raise TypeError(f"{type(node).__name__} has no operators")


def _operator(symbol: str, level: int) -> Operator:
    return Operator(symbol, f" {symbol} ", level)


def _is_simple(node: ast.expr) -> bool:
    """Whether powers of a node are written without spaces, unless it is in parentheses."""
    if isinstance(node, ast.Attribute):
        return _is_simple(node.value)
    if isinstance(node, ast.UnaryOp):
        return not isinstance(node.op, ast.Not) and _is_simple(node.operand)
    if isinstance(node, ast.Constant):
        return node.value is None or isinstance(node.value, int | float)
    return isinstance(node, ast.Name)


def is_fluent(node: ast.expr) -> bool:
    """Whether a chain has two dots that follow a call, an index or parentheses.

    Examples
    --------
    >>> [is_fluent(ast.parse(code, mode="eval").body) for code in ("a.b().c()", "a.b().c().d")]
    [False, True]
    """
    dots = 0
    while isinstance(node, CHAINS):
        inner = node.func if isinstance(node, ast.Call) else node.value
        parenthesized = root(inner).parenthesized
        if isinstance(node, ast.Attribute):
            dots += parenthesized or isinstance(inner, ast.Call | ast.Subscript)
        if parenthesized:
            break
        node = inner
    return dots >= 2


def optional_parentheses(node: ast.expr) -> OptionalParentheses:
    """Tell when a value gets parentheses to break over lines.

    Examples
    --------
    >>> nodes = [ast.parse(code, mode="eval").body for code in ("a + b", "f(a)", "[a]")]
    >>> [optional_parentheses(node).name for node in nodes]
    ['IF_SPLIT', 'IF_IT_FITS', 'NEVER']
    """
    while not isinstance(node, OPERATIONS + COLLECTIONS):
        if is_fluent(node):
            return OptionalParentheses.IF_SPLIT
        if isinstance(node, ast.UnaryOp):
            part = unary(node)[1]
        elif isinstance(node, CHAINS):
            part = root(node.func if isinstance(node, ast.Call) else node.value)
        elif isinstance(node, ast.Lambda | ast.Starred | ast.Slice):
            return OptionalParentheses.IF_SPLIT
        else:
            return OptionalParentheses.IF_IT_FITS
        if part.parenthesized:
            return OptionalParentheses.NEVER
        node = part.node
    return (
        OptionalParentheses.NEVER if isinstance(node, COLLECTIONS) else OptionalParentheses.IF_SPLIT
    )


def breaks_in_brackets(node: ast.expr) -> bool:
    """Whether an operation may break in its own brackets, without parentheses around all of it.

    It may if at most one operator of the loosest level is in it and brackets begin or end it.

    Examples
    --------
    >>> codes = ("a + f(b)", "a + f(b) + c", "a + f(b) * c", "f(a).b(c)")
    >>> [breaks_in_brackets(ast.parse(code, mode="eval").body) for code in codes]
    [True, False, False, True]
    """
    survey = _Survey()
    survey.inside(node)
    if not survey.brackets or survey.count > 1:
        return False
    if survey.loosest >= ATOM:
        return True
    return _is_bracketed(survey.last) or _is_bracketed(survey.first)


@dataclass
class _Survey:
    """The loosest operators of an expression, and what it begins and ends with.

    Attributes count as the tightest operators; `first` stays None behind a sign.
    """

    loosest: int = ATOM + 1
    count: int = 0
    brackets: bool = False
    first: Operand | None = None
    last: Operand | None = None
    begun: bool = False

    def see(self, part: Operand) -> None:
        self.last = part
        if part.parenthesized:
            self.brackets = True
        else:
            self.inside(part.node)
        self.begin(part)

    def begin(self, part: Operand | None) -> None:
        if not self.begun:
            self.first, self.begun = part, True

    def add(self, level: int) -> None:
        if level < self.loosest:
            self.loosest, self.count = level, 0
        self.count += level == self.loosest

    def links(self, node: ast.Attribute | ast.Call | ast.Subscript) -> Operand:
        """Look at the links of a chain, and give its root."""
        while True:
            part = root(node.func if isinstance(node, ast.Call) else node.value)
            if not isinstance(node, ast.Attribute):
                self.brackets = True
            elif part.parenthesized or _own_brackets(part.node) is not None:
                self.add(ATOM)
            if part.parenthesized or not isinstance(part.node, CHAINS):
                return part
            node = part.node

    def inside(self, node: ast.expr) -> None:
        match node:
            case _ if isinstance(node, COLLECTIONS):
                self.brackets = True
            case ast.Call() | ast.Subscript() | ast.Attribute():
                self.see(self.links(node))
                self.last = Operand(node, parenthesized=False)
            case ast.UnaryOp(op=op):
                if isinstance(op, ast.Invert):
                    self.add(FACTOR)
                self.begin(None)
                self.see(unary(node)[1])
            case ast.Lambda(body=inner) | ast.Starred(value=inner):
                self.begin(None)
                self.see(operand(inner, TEST))
            case ast.BinOp() | ast.Compare() | ast.BoolOp() | ast.IfExp():
                for part in parts(node):
                    if isinstance(part, Operator):
                        self.add(part.level)
                    else:
                        self.see(part)


def _own_brackets(node: ast.expr) -> bool | None:
    """Whether the brackets of a node hold something; None if it has none."""
    match node:
        case ast.Subscript():
            return True
        case _ if isinstance(node, COMPREHENSIONS):
            return True
        case ast.Call(args=args, keywords=keywords):
            return bool(args or keywords)
        case ast.List(elts=elements) | ast.Tuple(elts=elements) | ast.Set(elts=elements):
            return bool(elements)
        case ast.Dict(keys=keys):
            return bool(keys)
    return None


def _is_bracketed(part: Operand | None) -> bool:
    if part is None or isinstance(part.node, ast.Subscript):
        return False
    return part.parenthesized or bool(_own_brackets(part.node))
