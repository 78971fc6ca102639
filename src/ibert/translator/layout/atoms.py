"""Take expressions apart into what the lines of a module are made of.

An atom is text, brackets with their elements, or a node that has split points of its own. The text
of a node is what it is on one line, with the parentheses that it needs and no others.
"""

from __future__ import annotations

import ast
import math
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from ibert.translator.layout.precedence import (
    BIT_OR,
    CHAINS,
    COLLECTIONS,
    COMPREHENSIONS,
    OPERATIONS,
    OR,
    Operand,
    Operator,
    operand,
    parts,
    root,
    unary,
)

_ENCLOSURES: dict[type[ast.expr], tuple[str, str]] = {
    ast.List: ("[", "]"),
    ast.Tuple: ("(", ")"),
    ast.Set: ("{", "}"),
    ast.Dict: ("{", "}"),
    ast.ListComp: ("[", "]"),
    ast.GeneratorExp: ("(", ")"),
}


class Item(NamedTuple):
    """A pair of a dictionary, or `**` and its value."""

    key: ast.expr | None
    value: ast.expr


class Clause(NamedTuple):
    """A clause of a comprehension: `for` up to `in`, or `if`, and the expression behind it."""

    opening: str
    value: ast.expr


class Parameter(NamedTuple):
    """A parameter with its stars, or the mark between two kinds of them."""

    name: str
    annotation: ast.expr | None = None
    default: ast.expr | None = None


class Bracket(NamedTuple):
    """Brackets and what they hold.

    `joined` are the elements on one line; `filled` says whether they may stay on one line between
    opened brackets, `comma` whether a comma follows each of them there.
    """

    opening: str
    elements: Sequence[Any]
    closing: str
    joined: str
    filled: bool
    comma: bool


class Dot(NamedTuple):
    """Where a chain can be split, before a dot: comments force it, brackets in front allow it."""

    comments: Sequence[str]
    behind_brackets: bool


# What a line is made of; a node among them has split points of its own.
Comprehension = ast.ListComp | ast.GeneratorExp
Collection = ast.List | ast.Tuple | ast.Set | ast.Dict | Comprehension
Atom = str | Bracket | Dot | ast.expr
Parts = Sequence[Operand | Operator]


class Atoms:
    """The atoms of nodes, and their texts, each of which is made once.

    Parameters
    ----------
    unfit
        What stands in texts for comments: wider than a line, so that nothing fits that holds it.

    Examples
    --------
    >>> atoms = Atoms("")
    >>> node = ast.parse("a .b( 1,c = 2)[ 'd']", mode="eval").body
    >>> atoms.text(node)
    'a.b(1, c=2)["d"]'
    >>> [atom.joined for atom in atoms.chain(node) if isinstance(atom, Bracket)]
    ['1, c=2', '"d"']
    """

    def __init__(self, unfit: str) -> None:
        self.unfit = unfit
        self.texts: dict[Any, str] = {}

    def outside_brackets(self, node: ast.expr) -> list[Atom]:
        """Take apart a node outside of brackets, where a line breaks in its brackets alone."""
        if isinstance(node, CHAINS):
            return self.chain(node)
        if isinstance(node, OPERATIONS):
            found: list[Atom] = []
            for part in self.flattened(node):
                atom = self.part_atom(part)
                found += self.outside_brackets(atom) if isinstance(atom, ast.expr) else [atom]
            return found
        *prefix, last = self.in_brackets(node)
        return [*prefix, *(self.outside_brackets(last) if isinstance(last, ast.expr) else [last])]

    def part_atom(self, part: Operand | Operator) -> Atom:
        """Give an operator as its text, an operand as it is or in parentheses."""
        if isinstance(part, Operator):
            return part.flat
        return self.parentheses(part.node) if part.parenthesized else part.node

    def in_brackets(self, node: Any) -> list[Atom]:
        """Take apart a node that is neither an operation nor a chain."""
        match node:
            case ast.UnaryOp():
                symbol, part = unary(node)
                return [symbol, self.part_atom(part)]
            case ast.keyword(arg=arg, value=value):
                return [f"{arg}=" if arg else "**", value]
            case ast.Starred(value=value):
                return ["*", self.part_atom(operand(value, BIT_OR))]
            case Parameter(name=name, annotation=annotation, default=default):
                atoms: list[Atom] = [name]
                if annotation:
                    atoms += [": ", annotation]
                if default:
                    atoms += [" = " if annotation else "=", default]
                return atoms
            case ast.Slice():
                return self._slice_atoms(node)
            case Item(key=None, value=value):
                return ["**", self.part_atom(operand(value, BIT_OR))]
            case Item(key=ast.expr() as key, value=value):
                return [self.text(key) + ": ", value]
            case Clause(opening=opening, value=value):
                return [opening, self.part_atom(operand(value, OR))]
            case _ if isinstance(node, COLLECTIONS):
                return [self._collection(node)]
            case _:
                return [self.text(node)]

    def _slice_atoms(self, node: ast.Slice) -> list[Atom]:
        lower, upper, step = node.lower, node.upper, node.step
        gap = "" if all(map(_is_simple_bound, (lower, upper, step))) else " "
        atoms: list[Atom] = [lower, gap + ":"] if lower else [":"]
        if upper:
            atoms += [gap, upper]
        if step:
            atoms += [gap + ":" if upper else ":", gap, step]
        return atoms

    def chain(self, node: ast.expr, *, is_element: bool = False) -> list[Atom]:
        """Take apart attributes, calls and subscripts of one root; an element has its comments."""
        links: list[Atom] = []
        comments: Sequence[str] = ()
        inner = node
        while True:
            if isinstance(inner, ast.Attribute):
                value = inner.value
                behind = isinstance(value, ast.Call | ast.Subscript) or root(value).parenthesized
                links += ["." + inner.attr, Dot(comments, behind)]
                comments = ()
            elif isinstance(inner, ast.Call):
                value = inner.func
                links.append(self._arguments(inner))
                if not (is_element and inner is node):
                    comments = [*comments_of(inner), *comments]
            elif isinstance(inner, ast.Subscript):
                value = inner.value
                links.append(self._index(inner))
            else:
                break
            inner = value
        if root(inner).parenthesized:
            links.append(self.parentheses(inner))
        elif isinstance(inner, COLLECTIONS):
            links.append(self._collection(inner))
        else:
            links.append(self.text(inner))
        if comments:
            links.append(Dot(comments, behind_brackets=False))
        return links[::-1]

    def _arguments(self, node: ast.Call) -> Bracket:
        elements = [*node.args, *node.keywords]
        match elements:
            case [ast.GeneratorExp() as only] if not comments_of(only):
                # Both have the same parentheses; a comment would stand between two pairs.
                return self._comprehension(only)
        return Bracket("(", elements, ")", self.joined(elements), True, len(elements) > 1)

    def _index(self, node: ast.Subscript) -> Bracket:
        if not isinstance(node.slice, ast.Tuple) or not node.slice.elts:
            return Bracket("[", [node.slice], "]", self.text(node.slice), True, False)
        elements = node.slice.elts
        single = len(elements) == 1
        comma = not (single and isinstance(elements[0], ast.Starred))
        joined = self.joined(elements) + ("," if single and comma else "")
        return Bracket("[", elements, "]", joined, not single, comma)

    def parentheses(self, node: ast.expr) -> Bracket:
        """Put a node in parentheses."""
        return Bracket("(", [node], ")", self.text(node), False, False)

    def _collection(self, node: Collection) -> Bracket:
        elements: Sequence[Any]
        if isinstance(node, COMPREHENSIONS):
            return self._comprehension(node)
        if isinstance(node, ast.Dict):
            elements = [Item(*pair) for pair in zip(node.keys, node.values, strict=True)]
        else:
            elements = node.elts
        opening, closing = _ENCLOSURES[type(node)]
        joined = self.joined(elements)
        single_tuple = isinstance(node, ast.Tuple) and len(elements) == 1
        if single_tuple:
            joined += ","
        return Bracket(opening, elements, closing, joined, False, single_tuple or len(elements) > 1)

    def _comprehension(self, node: Comprehension) -> Bracket:
        elements: list[Any] = [node.elt]
        for generator in node.generators:
            opening = "async for" if generator.is_async else "for"
            elements.append(
                Clause(f"{opening} {self.target(generator.target)} in ", generator.iter)
            )
            elements += [Clause("if ", condition) for condition in generator.ifs]
        opening, closing = _ENCLOSURES[type(node)]
        return Bracket(opening, elements, closing, self.joined(elements, " "), True, False)

    def target(self, node: ast.expr) -> str:
        """Give what values are bound to; several targets have no parentheses."""
        text = self.text(node)
        return text[1:-1] if isinstance(node, ast.Tuple) and len(node.elts) > 1 else text

    def flattened(self, node: ast.expr) -> list[Operand | Operator]:
        """Lay out operations of operations as operands and the operators between them."""
        found: list[Operand | Operator] = []
        for part in parts(node):
            if isinstance(part, Operand) and not part.parenthesized:
                inner = isinstance(part.node, OPERATIONS)
                found += self.flattened(part.node) if inner else [part]
            else:
                found.append(part)
        return found

    def text(self, node: Any) -> str:
        """Give a node as it is on one line."""
        found = self.texts.get(node)
        if found is None:
            found = self.texts[node] = self._make_text(node)
        return found

    def _make_text(self, node: Any) -> str:
        make = _TEXTS.get(type(node))
        if make is None:
            raise TypeError(f"no layout for the expression {type(node).__name__}")
        return make(self, node)

    def joined(self, elements: Sequence[Any], separator: str = ", ") -> str:
        """Give the elements of brackets as they are on one line."""
        return separator.join(
            self.unfit if comments_of(element) else self.text(element) for element in elements
        )

    def part_text(self, part: Operand | Operator) -> str:
        """Give an operator or operand as it is on one line."""
        if isinstance(part, Operator):
            return part.flat
        return f"({self.text(part.node)})" if part.parenthesized else self.text(part.node)

    def _operation_text(self, node: ast.expr) -> str:
        return "".join(self.part_text(part) for part in self.flattened(node))

    def _chain_text(self, node: ast.expr) -> str:
        return self.unfit + self.own_text(node) if comments_of(node) else self.own_text(node)

    def own_text(self, node: ast.expr) -> str:
        """Give a chain without regard to the comments of its last call."""
        links: list[str] = []
        inner = node
        while True:
            if isinstance(inner, ast.Attribute):
                links.append("." + inner.attr)
                value = inner.value
            elif isinstance(inner, ast.Call):
                links.append(f"({self._arguments(inner).joined})")
                value = inner.func
            elif isinstance(inner, ast.Subscript):
                links.append(f"[{self._index(inner).joined}]")
                value = inner.value
            else:
                break
            if comments_of(value):
                links.append(self.unfit)
            inner = value
        links.append(self.part_text(root(inner)))
        return "".join(reversed(links))

    def _joint_text(self, node: Any) -> str:
        """Give what is neither an operation nor a chain, nor in brackets."""
        return "".join(map(self._atom_text, self.in_brackets(node)))

    def _atom_text(self, atom: Atom) -> str:
        if isinstance(atom, Bracket):
            return f"{atom.opening}{atom.joined}{atom.closing}"
        if isinstance(atom, Dot):
            return self.unfit if atom.comments else ""
        return atom if isinstance(atom, str) else self.text(atom)

    def lambda_header(self, node: ast.Lambda) -> str:
        """Give a lambda up to its body."""
        names = ", ".join(map(self.text, parameters(node.args)))
        return f"lambda {names}: " if names else "lambda: "

    def _lambda_text(self, node: ast.Lambda) -> str:
        return self.lambda_header(node) + self.text(node.body)


_TEXTS: dict[type, Callable[[Atoms, Any], str]] = {
    ast.Attribute: Atoms._chain_text,
    ast.BinOp: Atoms._operation_text,
    ast.BoolOp: Atoms._operation_text,
    ast.Call: Atoms._chain_text,
    ast.Compare: Atoms._operation_text,
    ast.Constant: lambda _, node: _constant(node.value),
    ast.Dict: Atoms._joint_text,
    ast.GeneratorExp: Atoms._joint_text,
    ast.IfExp: Atoms._operation_text,
    ast.Lambda: Atoms._lambda_text,
    ast.List: Atoms._joint_text,
    ast.ListComp: Atoms._joint_text,
    ast.Name: lambda _, node: node.id,
    ast.Set: Atoms._joint_text,
    ast.Slice: Atoms._joint_text,
    ast.Starred: Atoms._joint_text,
    ast.Subscript: Atoms._chain_text,
    ast.Tuple: Atoms._joint_text,
    ast.UnaryOp: Atoms._joint_text,
    ast.keyword: Atoms._joint_text,
    Clause: Atoms._joint_text,
    Item: Atoms._joint_text,
    Parameter: Atoms._joint_text,
}


def comments_of(node: Any) -> Sequence[str]:
    """Give the comments that a node carries, mostly none."""
    found: Sequence[str] = getattr(node, "comments", ())
    return found


def is_commented(atoms: Sequence[Atom]) -> bool:
    """Whether comments stand outside of the brackets, where only parentheses allow a line break."""
    return any(isinstance(atom, Dot) and atom.comments for atom in atoms)


def has_two_dots(atoms: Sequence[Atom]) -> bool:
    """Whether a chain has two dots behind brackets, so that it is split at all of them."""
    return sum(isinstance(atom, Dot) and atom.behind_brackets for atom in atoms) >= 2


def parameters(args: ast.arguments) -> Iterator[Parameter]:
    """Lay out the parameters of a function in the order of its header."""
    positional = args.posonlyargs + args.args
    defaults = [None] * (len(positional) - len(args.defaults)) + args.defaults
    for index, (arg, default) in enumerate(zip(positional, defaults, strict=True), 1):
        yield Parameter(arg.arg, arg.annotation, default)
        if index == len(args.posonlyargs):
            yield Parameter("/")
    if args.vararg:
        yield Parameter("*" + args.vararg.arg, args.vararg.annotation)
    elif args.kwonlyargs:
        yield Parameter("*")
    for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True):
        yield Parameter(arg.arg, arg.annotation, default)
    if args.kwarg:
        yield Parameter("**" + args.kwarg.arg, args.kwarg.annotation)


def _is_simple_bound(node: ast.expr | None) -> bool:
    """Whether a bound of a slice has no spaces around its colon."""
    if isinstance(node, ast.UnaryOp) and not isinstance(node.op, ast.Not):
        return _is_simple_bound(node.operand)
    return node is None or isinstance(node, ast.Constant | ast.Name)


def _constant(value: object) -> str:
    if isinstance(value, str):
        return _quoted(value, repr)
    if isinstance(value, bytes):
        # Each byte is the character of the same number, and has the same escape.
        return "b" + _quoted(value.decode("latin-1"), ascii)
    if value is ...:
        return "..."
    if isinstance(value, float) and not math.isnan(value):
        # Infinity has no literal of its own, but all that is too large is read as infinity.
        return repr(value).replace("inf", "1e309").replace("e+", "e")
    if value is None or isinstance(value, int):
        return repr(value)
    raise TypeError(f"no layout for the constant {value!r}")


def _quoted(value: str, represent: Callable[[str], str]) -> str:
    """Quote text with double quotes, or with single ones where those need fewer escapes."""
    if value.count('"') > value.count("'"):
        return represent(value)
    # A text without single quotes is represented in single quotes, whatever else it has.
    body = "'".join(represent('"' + part)[2:-1] for part in value.split("'"))
    return '"' + body.replace('"', '\\"') + '"'


def width_of(text: str) -> int:
    """Count columns: characters of East Asian scripts take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
