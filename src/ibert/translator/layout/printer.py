"""Write modules line by line: what does not fit is split as ruff's formatter splits it."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any

from ibert.translator.layout.atoms import (
    Atom,
    Atoms,
    Bracket,
    Dot,
    Parts,
    comments_of,
    has_two_dots,
    is_commented,
    parameters,
    width_of,
)
from ibert.translator.layout.precedence import (
    CHAINS,
    COLLECTIONS,
    OPERATIONS,
    Operator,
    OptionalParentheses,
    breaks_in_brackets,
    optional_parentheses,
)

INDENT = 4

_IMPORTS = (ast.Import, ast.ImportFrom)
# Of all statements that are an expression, only these operations get parentheses to be split.
_PARENTHESIZED_STATEMENTS = (ast.BitOr, ast.BitXor, ast.LShift, ast.RShift, ast.Add, ast.Sub)


def format_module(module: ast.Module, width: int = 88) -> str:
    r"""Print a module as `ruff format` leaves it unchanged.

    Parameters
    ----------
    module
        Imports, assignments, expressions, `return` and functions, with `comments` where they are
        wanted. Locations are not looked at: a tree may be built by hand.
    width
        The columns of a line.

    Raises
    ------
    TypeError
        The tree has a node that no rule is written for, such as an f-string.

    Examples
    --------
    >>> module = ast.parse("r = t.filter( t.a>-1 ).select('a', ~(t.b | t.c)).limit(5)")
    >>> print(format_module(module), end="")
    r = t.filter(t.a > -1).select("a", ~(t.b | t.c)).limit(5)
    >>> module.body[0].value.func.value.comments = ["as in the report"]
    >>> print(format_module(module), end="")
    r = (
        t.filter(t.a > -1)
        # as in the report
        .select("a", ~(t.b | t.c))
        .limit(5)
    )
    """
    printer = _Printer(width)
    printer.suite(module.body, 0)
    return "".join(printer.parts) + ("\n" if module.body else "")


class _Printer:
    """What has been written of a module."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.parts: list[str] = []
        self.column = 0
        self.atoms = Atoms("\n" * (width + 1))

    # Writing

    def write(self, text: str) -> None:
        self.parts.append(text)
        self.column += width_of(text)

    def newline(self, indent: int) -> None:
        self.parts.append("\n" + " " * indent)
        self.column = indent

    def comments(self, lines: Sequence[str], indent: int) -> None:
        for line in lines:
            # A line break in a comment would leave the rest of it outside.
            for text in line.splitlines() or [""]:
                self.parts.append(f"# {text}".rstrip())
                self.newline(indent)

    def fits(self, text: str, tail: int = 0) -> bool:
        """Whether text fits on the current line with `tail` columns behind it."""
        return self.column + width_of(text) + tail <= self.width

    # Statements

    def suite(self, body: Sequence[ast.stmt], indent: int) -> None:
        """Write statements, without a newline behind the last."""
        before: ast.stmt | None = None
        for statement in body:
            if before is not None:
                self.parts.append("\n" * (1 + _blank_lines(before, statement, indent)))
            self.parts.append(" " * indent)
            self.column = indent
            self.comments(comments_of(statement), indent)
            self.statement(statement, indent)
            before = statement

    def statement(self, node: ast.stmt, indent: int) -> None:
        match node:
            case ast.Assign(targets=targets, value=value):
                for target in targets:
                    self.write(self.atoms.target(target) + " = ")
                self.value(value, indent)
            case ast.Expr(value=value):
                self.expression(value, indent)
            case ast.Return(value=None):
                self.write("return")
            case ast.Return(value=ast.expr() as value):
                self.write("return ")
                self.value(value, indent)
            case ast.Import(names=names):
                self.write("import " + ", ".join(map(_alias, names)))
            case ast.ImportFrom():
                self.import_from(node, indent)
            case ast.FunctionDef():
                self.function(node, indent)
            case _:
                raise TypeError(f"no layout for the statement {type(node).__name__}")

    def import_from(self, node: ast.ImportFrom, indent: int) -> None:
        names = [_alias(name) for name in node.names]
        joined = ", ".join(names)
        self.write(f"from {'.' * node.level}{node.module or ''} import ")
        if self.fits(joined):
            self.write(joined)
        else:
            self.write("(")
            self.lines([name + "," for name in names], indent)
            self.write(")")

    def function(self, node: ast.FunctionDef, indent: int) -> None:
        for decorator in node.decorator_list:
            self.write("@")
            self.row(self.atoms.outside_brackets(decorator), indent, 0)
            self.newline(indent)
        names = list(parameters(node.args))
        header: list[Atom] = [
            f"def {node.name}",
            Bracket("(", names, ")", self.atoms.joined(names), len(names) > 1, True),
        ]
        if node.returns:
            header += [" -> ", *self.atoms.outside_brackets(node.returns)]
        stub = _is_stub(node)
        self.row([*header, ": ..." if stub else ":"], indent, 0)
        if not stub:
            self.parts.append("\n")
            self.suite(node.body, indent + INDENT)

    def lines(self, texts: Sequence[str], indent: int) -> None:
        """Write texts on lines of their own between brackets."""
        for text in texts:
            self.newline(indent + INDENT)
            self.write(text)
        self.newline(indent)

    # Expressions at the end of a statement

    def expression(self, node: ast.expr, indent: int) -> None:
        """Write an expression that is a statement; most kinds get no parentheses there."""
        if isinstance(node, ast.BinOp) and isinstance(node.op, _PARENTHESIZED_STATEMENTS):
            self.value(node, indent)
        else:
            atoms = self.atoms.outside_brackets(node)
            if is_commented(atoms):
                self.parenthesize(node, indent)
            else:
                self.row(atoms, indent, 0)

    def value(self, node: ast.expr, indent: int) -> None:
        """Write what is assigned or returned, in parentheses if they help it to fit."""
        text = self.atoms.text(node)
        if self.fits(text):
            self.write(text)
        elif isinstance(node, ast.Lambda) and self.fits(self.atoms.lambda_header(node)):
            self.split_lambda(node, indent, 0)
        elif self.is_bare(node, atoms := self.atoms.outside_brackets(node), indent):
            self.row(atoms, indent, 0)
        else:
            self.parenthesize(node, indent)

    def is_bare(self, node: ast.expr, atoms: Sequence[Atom], indent: int) -> bool:
        """Whether a value that does not fit is split within its own brackets alone."""
        need = optional_parentheses(node)
        if is_commented(atoms):
            return False
        if need is OptionalParentheses.NEVER:
            return True
        if need is OptionalParentheses.IF_SPLIT:
            return breaks_in_brackets(node) and self.fits_opened(atoms, indent)
        return self.fits_opened(atoms, indent) or not self.fits_parenthesized(node, indent)

    def fits_opened(self, atoms: Sequence[Atom], indent: int) -> bool:
        """Whether what stands outside of brackets fits if all of them are opened."""
        column = self.column
        for atom in atoms:
            if isinstance(atom, str):
                column += width_of(atom)
            elif isinstance(atom, Bracket) and not atom.elements:
                column += 2
            elif isinstance(atom, Bracket):
                if column + 1 > self.width:
                    return False
                column = indent + 1
            if column > self.width:
                return False
        return True

    def fits_parenthesized(self, node: ast.expr, indent: int) -> bool:
        """Whether all lines of a node fit in parentheses, with all of its brackets opened."""
        trial = _Printer(-1)
        trial.parenthesize(node, indent)
        _, *lines = "".join(trial.parts).split("\n")
        return all(width_of(line) <= self.width for line in lines)

    def parenthesize(self, node: ast.expr, indent: int) -> None:
        """Write parentheses and between them the node on lines of its own."""
        self.write("(")
        self.newline(indent + INDENT)
        self.node(node, indent + INDENT, 0)
        self.newline(indent)
        self.write(")")

    # Expressions in brackets

    def node(self, node: Any, indent: int, tail: int) -> None:
        """Write a node; `tail` columns follow it up to where the line can be broken."""
        text = self.atoms.text(node)
        if self.fits(text, tail):
            self.write(text)
        else:
            self.split(node, indent, tail)

    def split(self, node: Any, indent: int, tail: int) -> None:
        """Write a node that does not fit on the current line."""
        if isinstance(node, OPERATIONS):
            self.split_operation(self.atoms.flattened(node), indent, tail)
        elif isinstance(node, CHAINS):
            self.split_chain(self.atoms.chain(node), indent, tail)
        elif isinstance(node, ast.Lambda):
            self.split_lambda(node, indent, tail)
        else:
            self.row(self.atoms.in_brackets(node), indent, tail)

    def row(self, atoms: Sequence[Atom], indent: int, tail: int) -> None:
        """Write atoms one behind the other; brackets that do not fit are opened."""
        for index, atom in enumerate(atoms):
            if isinstance(atom, str):
                self.write(atom)
            elif isinstance(atom, Bracket):
                self.bracket(atom, indent, self.head(atoms[index + 1 :], tail))
            elif isinstance(atom, ast.expr):
                self.node(atom, indent, self.head(atoms[index + 1 :], tail))

    def head(self, atoms: Sequence[Atom], tail: int) -> int:
        """Count the columns of atoms up to where the line can be broken."""
        columns = 0
        for atom in atoms:
            if isinstance(atom, str):
                columns += width_of(atom)
            elif isinstance(atom, Bracket):
                if atom.elements:
                    return columns + 1
                columns += 2
            elif isinstance(atom, ast.expr):
                columns += width_of(self.atoms.text(atom))
        return columns + tail

    def bracket(self, bracket: Bracket, indent: int, tail: int) -> None:
        opening, elements, closing, joined, filled, comma = bracket
        self.write(opening)
        if not elements or self.fits(joined, 1 + tail):
            self.write(joined)
        elif filled and indent + INDENT + width_of(joined) <= self.width:
            self.lines([joined], indent)
        else:
            for element in elements:
                self.newline(indent + INDENT)
                self.element(element, indent + INDENT, int(comma))
                if comma:
                    self.write(",")
            self.newline(indent)
        self.write(closing)

    def element(self, element: Any, indent: int, tail: int) -> None:
        """Write an element of brackets below its comments."""
        comments = comments_of(element)
        self.comments(comments, indent)
        if not comments or not isinstance(element, ast.Call):
            self.node(element, indent, tail)
        elif self.fits(text := self.atoms.own_text(element), tail):
            self.write(text)
        else:
            self.split_chain(self.atoms.chain(element, is_element=True), indent, tail)

    def split_operation(self, parts: Parts, indent: int, tail: int) -> None:
        """Write an operation, a line for each operand of the operators that bind least."""
        weakest = min(part.level for part in parts if isinstance(part, Operator))
        start = 0
        for index, part in enumerate(parts):
            if isinstance(part, Operator) and part.level == weakest:
                self.operands(parts[start:index], indent, 0)
                self.newline(indent)
                self.write(part.symbol + " ")
                start = index + 1
        self.operands(parts[start:], indent, tail)

    def operands(self, parts: Parts, indent: int, tail: int) -> None:
        """Write one operand, or several that stronger operators hold together."""
        text = "".join(self.atoms.part_text(part) for part in parts)
        if self.fits(text, tail):
            self.write(text)
        elif len(parts) > 1:
            self.split_operation(parts, indent, tail)
        else:
            self.row([self.atoms.part_atom(part) for part in parts], indent, tail)

    def split_lambda(self, node: ast.Lambda, indent: int, tail: int) -> None:
        """Write a lambda; its body gets parentheses if they are what makes it fit."""
        self.write(self.atoms.lambda_header(node))
        body = node.body
        if self.fits(self.atoms.text(body), tail) or isinstance(body, COLLECTIONS):
            self.node(body, indent, tail)
        elif self.opens_in_line(body, tail):
            self.row(self.atoms.chain(body), indent, tail)
        else:
            self.parenthesize(body, indent)

    def opens_in_line(self, node: ast.expr, tail: int) -> bool:
        """Whether a call or subscript fits up to the first of its brackets."""
        if (
            not isinstance(node, ast.Call | ast.Subscript)
            or optional_parentheses(node) is OptionalParentheses.IF_SPLIT
        ):
            return False
        atoms = self.atoms.chain(node)
        return not is_commented(atoms) and self.column + self.head(atoms, tail) <= self.width

    def split_chain(self, atoms: Sequence[Atom], indent: int, tail: int) -> None:
        """Write a chain, split at comments, and if it has two dots behind brackets at all those."""
        fluent = has_two_dots(atoms)
        start = 0
        for index, atom in enumerate(atoms):
            if isinstance(atom, Dot) and (atom.comments or (fluent and atom.behind_brackets)):
                self.row(atoms[start:index], indent, 0)
                if index:
                    self.newline(indent)
                self.comments(atom.comments, indent)
                start = index + 1
        self.row(atoms[start:], indent, tail)


def _blank_lines(before: ast.stmt, after: ast.stmt, indent: int) -> int:
    if isinstance(before, ast.FunctionDef) or isinstance(after, ast.FunctionDef):
        return 1 if indent else 2
    return int(isinstance(before, _IMPORTS) and not isinstance(after, _IMPORTS))


def _is_stub(node: ast.FunctionDef) -> bool:
    """Whether the body is `...`, which stays on the line of the header."""
    match node.body:
        case [ast.Expr(value=ast.Constant(value=value)) as only]:
            return value is ... and not comments_of(only)
    return False


def _alias(name: ast.alias) -> str:
    return f"{name.name} as {name.asname}" if name.asname else name.name
