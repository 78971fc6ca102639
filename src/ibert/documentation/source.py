"""Functions in code: their parameters, and what of the module they need."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass

import ibis.expr.types as ir

from ibert.catalog import Catalog
from ibert.diagnostics import Diagnostic, IbertError, did_you_mean
from ibert.edits import span_of

_TABLE = "Table"  # what the annotation of a table ends with
_LONGEST = 2_000_000  # characters of code that are read
# What functions may consist of: the interpreter follows these as Python does.
_STATEMENTS = (
    *(ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Expr, ast.Return, ast.If, ast.For, ast.Raise),
    *(ast.FunctionDef, ast.Pass),
)
_COMBINING = {
    "join",
    "union",
    "difference",
    "intersect",
    "cross_join",
    "asof_join",
    "semi_join",
} | {f"{side}_join" for side in ("left", "right", "inner", "outer", "anti")}


@dataclass(frozen=True)
class Parameter:
    """A parameter of a function.

    Attributes
    ----------
    name
        Its name.
    annotation
        Its annotation, as text.
    default
        Its default.
    is_table
        Whether it is a table.
    keyword_only
        Whether it has to be given by name.
    """

    name: str
    annotation: str | None
    default: ast.expr | None
    is_table: bool
    keyword_only: bool


@dataclass(frozen=True)
class TableFunction:
    """A function over tables.

    Attributes
    ----------
    node
        Its syntax in the whole code.
    parameters
        In order.
    module
        It and what it needs of its module, without annotations.
    """

    node: ast.FunctionDef
    parameters: tuple[Parameter, ...]
    module: ast.Module

    @property
    def name(self) -> str:
        """Its name."""
        return self.node.name

    @property
    def tables(self) -> tuple[Parameter, ...]:
        """The parameters that are tables."""
        return tuple(item for item in self.parameters if item.is_table)

    @property
    def values(self) -> tuple[Parameter, ...]:
        """The other parameters."""
        return tuple(item for item in self.parameters if not item.is_table)


class Source:
    r"""Code with functions over tables.

    Parameters
    ----------
    code
        A module.
    catalog
        Parameters that are named like one of its tables are tables.
    name
        What diagnostics call the code.

    Raises
    ------
    IbertError
        IB002 if it is not Python.

    Examples
    --------
    >>> source = Source("def f(t, n):\n    return t.limit(n)\n\ndef g(x): return x + 1\n")
    >>> [(one.name, [item.name for item in one.tables]) for one in source.functions()]
    [('f', ['t'])]
    >>> source.function("h")
    Traceback (most recent call last):
    ibert.diagnostics.IbertError: IB851 no function 'h'
      hint: the functions are: f, g
    """

    def __init__(self, code: str, catalog: Catalog | None = None, name: str | None = None) -> None:
        self.code = code
        self.catalog = catalog
        self._name = name
        self._module = self._parsed()
        self._bindings = {
            bound: statement for statement in self._module.body for bound in _bound(statement)
        }

    def _parsed(self) -> ast.Module:
        if len(self.code) > _LONGEST:
            raise self.error("IB304", f"code of more than {_LONGEST:,} characters")
        try:
            return ast.parse(self.code)
        except (SyntaxError, ValueError) as error:
            line, column = getattr(error, "lineno", None) or 1, getattr(error, "offset", None) or 1
            place = ast.Constant(None, lineno=line, col_offset=column - 1)
            raise self.error("IB002", str(error.args[0]), place) from None
        except (RecursionError, MemoryError):
            raise self.error("IB304", "the code is nested too deeply") from None

    def functions(self) -> list[TableFunction]:
        """Give the functions over tables at the top level of the module."""
        found = []
        for node in self._module.body:
            if isinstance(node, ast.FunctionDef) and not node.decorator_list:
                parameters = self._parameters(node)
                if any(item.is_table for item in parameters):
                    found.append(self._table_function(node, parameters))
        return found

    def function(self, name: str) -> TableFunction:
        """Give one function.

        Raises
        ------
        IbertError
            IB851 if there is none of that name, IB852 if it is not a plain function over tables.
        """
        node = self._bindings.get(name)
        if isinstance(node, ast.AsyncFunctionDef):
            raise self.error("IB852", f"{name} is asynchronous: its tables are not known", node)
        if not isinstance(node, ast.FunctionDef):
            raise self._absent(name)
        if node.decorator_list:
            message = f"{name} is decorated: what is called is not what it says"
            raise self.error("IB852", message, node.decorator_list[0])
        parameters = self._parameters(node)
        if not any(item.is_table for item in parameters):
            hint = "annotate them: `orders: ibis.Table`, or describe them with a catalog"
            raise self.error("IB852", f"no parameter of {name} is a table", node, hint)
        return self._table_function(node, parameters)

    def _absent(self, name: str) -> IbertError:
        last = name.rpartition(".")[2]
        for holder in ast.walk(self._module):
            inner = isinstance(holder, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            for node in getattr(holder, "body", []) if inner else []:
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == last:
                    kind = "a method of" if isinstance(holder, ast.ClassDef) else "defined inside"
                    message = f"{last} is {kind} {getattr(holder, 'name', '')}"
                    hint = "functions at the top level of a module are documented"
                    return self.error("IB852", message, node, hint)
        known = [node.name for node in self._module.body if isinstance(node, ast.FunctionDef)]
        hint = did_you_mean(name, known, "functions")
        return self.error("IB851", f"no function {name!r}", hint=hint)

    def error(
        self, code: str, message: str, node: ast.AST | None = None, hint: str | None = None
    ) -> IbertError:
        """Make an error with the place of a node."""
        span = None
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            head = ast.Constant(None, lineno=node.lineno, col_offset=node.col_offset)
            head.end_lineno, head.end_col_offset = node.lineno, node.col_offset + len("def")
            node = head
        if isinstance(node, ast.expr | ast.stmt):
            span = span_of(node, self.code)
        diagnostic = Diagnostic(code=code, message=message, source=self._name, span=span, hint=hint)
        return IbertError([diagnostic])

    def _parameters(self, node: ast.FunctionDef) -> list[Parameter]:
        arguments = node.args
        plain = [*arguments.posonlyargs, *arguments.args]
        defaults: list[ast.expr | None] = [None] * (len(plain) - len(arguments.defaults))
        given = [
            *zip(plain, [*defaults, *arguments.defaults], strict=True),
            *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
        ]
        tables = [item for item, default in given if self._is_table(item, default, node)]
        if not tables:
            tables = [item for item, default in given if self._may_be_table(item, default, node)]
        return [
            Parameter(
                name=item.arg,
                annotation=_annotation(item),
                default=default,
                is_table=item in tables,
                keyword_only=item in arguments.kwonlyargs,
            )
            for item, default in given
        ]

    def _may_be_table(self, item: ast.arg, default: ast.expr | None, node: ast.FunctionDef) -> bool:
        """Tell whether methods are called on a parameter that tables have as well as columns."""
        return (item.annotation, default) == (None, None) and any(
            isinstance(part, ast.Attribute)
            and isinstance(part.value, ast.Name)
            and part.value.id == item.arg
            and hasattr(ir.Table, part.attr)
            for part in ast.walk(node)
        )

    def _is_table(self, item: ast.arg, default: ast.expr | None, node: ast.FunctionDef) -> bool:
        annotation = _annotation(item)
        if annotation is not None:
            return annotation.rpartition(".")[2] == _TABLE
        if default is not None:
            return False
        named = self.catalog is not None and item.arg in self.catalog
        return named or self._used_as_table(item.arg, node, set())

    def _used_as_table(self, name: str, node: ast.FunctionDef, seen: set[str]) -> bool:
        """Tell whether methods of tables are called on a parameter, or tables combined with it."""
        seen.add(node.name)
        for part in ast.walk(node):
            match part:
                case ast.Call(func=ast.Attribute(value=ast.Name(id=found), attr=method)) if (
                    found == name and hasattr(ir.Table, method) and not hasattr(ir.Column, method)
                ):
                    return True
                case ast.Subscript(value=ast.Name(id=found), slice=ast.Constant(value=str())) if (
                    found == name
                ):
                    return True
                case ast.Call(func=ast.Attribute(attr=method), args=[ast.Name(id=found), *_]) if (
                    found == name and method in _COMBINING
                ):
                    return True
                case ast.Call(func=ast.Name(id=called), args=arguments):
                    helper = self._bindings.get(called)
                    if isinstance(helper, ast.FunctionDef) and called not in seen:
                        places = [
                            to.arg
                            for to, given in zip(helper.args.args, arguments, strict=False)
                            if isinstance(given, ast.Name) and given.id == name
                        ]
                        if any(self._used_as_table(to, helper, seen) for to in places):
                            return True
        return False

    def _table_function(self, node: ast.FunctionDef, parameters: list[Parameter]) -> TableFunction:
        return TableFunction(node, tuple(parameters), _sliced(node, self._module, self._bindings))

    def check(self, function: TableFunction) -> None:
        """See that the interpreter follows all that a function and its helpers say.

        Raises
        ------
        IbertError
            IB853 with the first statement that it does not follow.
        """
        arguments = function.node.args
        if arguments.vararg or arguments.kwarg:
            message = f"{function.name} takes any number of arguments"
            raise self.error("IB853", message, function.node)
        for top in function.module.body:
            if not isinstance(top, ast.FunctionDef) or top.decorator_list:
                continue
            for node in ast.walk(top):
                followed = isinstance(node, _STATEMENTS) and not getattr(node, "orelse", None)
                if isinstance(node, ast.stmt) and not (followed or isinstance(node, ast.If)):
                    what = type(node).__name__
                    message = f"what `{what}` does cannot be told without running it"
                    raise self.error("IB853", message, node)


def _annotation(item: ast.arg) -> str | None:
    """Give an annotation; one that is text is what it says."""
    match item.annotation:
        case None:
            return None
        case ast.Constant(value=str(text)):
            return text
        case node:
            return ast.unparse(node)


def _sliced(node: ast.FunctionDef, module: ast.Module, bindings: dict[str, ast.stmt]) -> ast.Module:
    """Take a function, and what it needs of its module, in order."""
    needed: set[ast.stmt] = set()
    waiting: list[ast.stmt] = [node]
    while waiting:
        statement = waiting.pop()
        if statement not in needed:
            needed.add(statement)
            waiting += [bindings[name] for name in _read(statement) if name in bindings]
    body = [
        _bare(statement) if isinstance(statement, ast.FunctionDef) else statement
        for statement in module.body
        if statement in needed
    ]
    return ast.Module(body, type_ignores=[])


def _bare(node: ast.FunctionDef) -> ast.FunctionDef:
    """Leave out annotations, which tables and values have no use for; UDFs keep theirs."""
    if node.decorator_list:
        return node
    made = _Bare().visit(copy.deepcopy(node))
    assert isinstance(made, ast.FunctionDef)
    match made.body:
        case [ast.Expr(value=ast.Constant(value=str())), *rest] if rest:
            made.body = rest
    return made


class _Bare(ast.NodeTransformer):
    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        if not node.decorator_list:
            node.returns = None
            self.generic_visit(node)
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self.generic_visit(node)
        if node.value is None:
            return ast.copy_location(ast.Pass(), node)
        return ast.copy_location(ast.Assign(targets=[node.target], value=node.value), node)


def _read(statement: ast.stmt) -> Iterator[str]:
    """Give the names that a statement reads, those in annotations of plain functions aside."""
    node = _bare(statement) if isinstance(statement, ast.FunctionDef) else statement
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load):
            yield part.id


def _bound(statement: ast.stmt) -> Iterator[str]:
    """Give the names that a statement at the top level binds."""
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            for alias in aliases:
                yield alias.asname or alias.name.partition(".")[0]
        case ast.Assign(targets=targets):
            for target in targets:
                yield from (part.id for part in ast.walk(target) if isinstance(part, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name
