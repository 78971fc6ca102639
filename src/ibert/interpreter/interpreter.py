"""Interpret the part of Python that Ibis code is written in.

Nothing of the code is run: calls go to Ibis' own functions, which make expressions over unbound
tables, and what would read data, reach the machine or loop for long has the value UNKNOWN. So each
node has the value that Ibis gives it, and each mistake the exception that Ibis raises.
"""

from __future__ import annotations

import ast
import inspect
import operator
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import ibis
import ibis.expr.types as ir

from ibert.catalog import Catalog
from ibert.interpreter.objects import (
    BUILTINS,
    EXCEPTIONS,
    MODULES,
    UNKNOWN,
    Connection,
    Function,
    may_call,
    may_read,
)

_STEPS = 200_000  # nodes after which a program is given up
_DEPTH = 60  # calls of the program's own functions within one another
_ROUNDS = 1_000  # of a loop
_LARGEST = 10_000  # elements or digits of a value that the program multiplies

_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
    ast.LShift: operator.lshift,
    ast.RShift: operator.rshift,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.Invert: operator.invert,
    ast.Not: operator.not_,
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda item, group: item in group,
    ast.NotIn: lambda item, group: item not in group,
}


class Problem(NamedTuple):
    """An exception that the code would raise, and the node that would raise it."""

    node: ast.AST
    error: Exception


class Reading:
    """What is known of code without running it.

    Attributes
    ----------
    module
        Its syntax.
    values
        The value of each expression that was reached.
    problems
        What would raise, in order.
    names
        The names of the module at its end.
    result
        Its `expr` or, without one, the value of its last line.
    """

    def __init__(self, module: ast.Module, names: dict[str, Any]) -> None:
        self.module = module
        self._run = _Run(self)
        self.values: dict[ast.AST, Any] = {}
        self.problems: list[Problem] = []
        self.names = names

    @property
    def result(self) -> Any:
        """Its `expr` or, without one, the value of its last line."""
        last = self.module.body[-1] if self.module.body else None
        value = self.values.get(last.value, UNKNOWN) if isinstance(last, ast.Expr) else UNKNOWN
        return self.names.get("expr", value)

    def evaluate(self, expression: ast.expr, names: Mapping[str, Any]) -> Any:
        """Give the value of one more expression, over other names.

        Raises
        ------
        Exception
            What the expression would raise.

        Examples
        --------
        >>> read("").evaluate(ast.parse("1 + x", mode="eval").body, {"x": 2})
        3
        """
        reading = Reading(ast.Module([], []), dict(names))
        reading._run.declared = self._run.declared
        try:
            with _quietly():
                return reading._run.value(expression, _Names(reading.names, BUILTINS))
        except _Raised:
            raise reading.problems[0].error from None
        except (_GivenUp, _Returned, RecursionError):
            return UNKNOWN

    def call(
        self,
        function: Function,
        arguments: Iterable[Any],
        keywords: Mapping[str, Any] | None = None,
    ) -> Any:
        """Read a call of a function that the code defines; its nodes get the values they have."""
        try:
            with _quietly():
                return function(*arguments, **(keywords or {}))
        except (_Raised, _GivenUp, RecursionError, TypeError):
            return UNKNOWN


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep to itself what Ibis warns of: nobody has run the code."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class _Raised(Exception):  # noqa: N818  carries what the code would raise to its statement
    pass


class _Returned(Exception):  # noqa: N818  carries the value of `return`
    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


class _GivenUp(Exception):  # noqa: N818  the program does too much
    pass


def read(code: str | ast.Module, catalog: object = None) -> Reading:
    """Find the value of every expression in Ibis code.

    Parameters
    ----------
    code
        A script: it sees `con`, `ibis`, `_` and each table under its own name.
    catalog
        The tables: what `Catalog.from_any` takes.

    Raises
    ------
    SyntaxError
        It is not Python.

    Examples
    --------
    >>> read("expr = t.agg(n=t.x.sum())", {"t": {"x": "int8"}}).result.schema()["n"]
    Int64(nullable=True)
    >>> reading = read("t.filter(t.y > 1)", {"t": {"x": "int8"}})
    >>> [(ast.unparse(problem.node), str(problem.error)) for problem in reading.problems]
    [('t.y', "'Table' object has no attribute 'y'")]
    """
    module = ast.parse(code) if isinstance(code, str) else code
    tables = Catalog({}) if catalog is None else Catalog.from_any(catalog)
    return Interpreter(tables).read(module)


class Interpreter:
    """Reads programs over the tables of a catalog."""

    def __init__(self, catalog: Catalog) -> None:
        self._connection = Connection(catalog)
        self._tables = {name: self._connection.table(name) for name in catalog}

    def read(self, module: ast.Module) -> Reading:
        """Read a program."""
        names = {**self._tables, "con": self._connection, "ibis": ibis, "_": ibis._}
        reading = Reading(module, names)
        with suppress(_GivenUp, _Returned, RecursionError), _quietly():
            reading._run.block(module.body, _Names(names, BUILTINS))
        return reading


class _Names:
    """The names that a block sees, and what it assigns."""

    def __init__(self, own: dict[str, Any], around: Mapping[str, Any] | _Names) -> None:
        self.own = own
        self._around = around

    def get(self, name: str) -> Any:
        if name in self.own:
            return self.own[name]
        if isinstance(self._around, _Names):
            return self._around.get(name)
        if name in self._around:
            return self._around[name]
        raise NameError(f"name {name!r} is not defined", name=name)


class _Run:
    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self.declared: list[Any] = []  # UDFs
        self._steps = 0
        self._depth = 0
        self._guesses = 0  # blocks around that need not be run

    def block(self, body: Iterable[ast.stmt], names: _Names) -> None:
        for statement in body:
            try:
                self._statement(statement, names)
            except _Raised:
                for name in _assigned(statement):
                    names.own[name] = UNKNOWN

    def _statement(self, node: ast.stmt, names: _Names) -> None:
        match node:
            case ast.Expr(value=value):
                self.value(value, names)
            case ast.Assign(targets=targets, value=value):
                found = self.value(value, names)
                for target in targets:
                    self._assign(target, found, names)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                self._assign(target, self.value(value, names), names)
            case ast.AugAssign(target=ast.Name(id=name), op=op, value=value):
                found = self._binary(node, op, names.get(name), self.value(value, names))
                names.own[name] = found
            case ast.Return(value=value):
                raise _Returned(None if value is None else self.value(value, names))
            case ast.FunctionDef():
                names.own[node.name] = self._function(node, names)
            case ast.Import(names=imported):
                for item in imported:
                    found = MODULES.get(item.name, UNKNOWN)
                    if item.asname is None and "." in item.name:
                        found = MODULES.get(item.name.partition(".")[0], UNKNOWN)
                    names.own[item.asname or item.name.partition(".")[0]] = found
            case ast.ImportFrom(module=module, names=imported):
                for item in imported:
                    names.own[item.asname or item.name] = self._imported(node, module, item.name)
            case ast.Raise(exc=ast.expr() as raised):
                self._raise(node, raised, names)
            case ast.If(test=test, body=body, orelse=orelse):
                found = self.value(test, names)
                if found is UNKNOWN:
                    self._perhaps([*body, *orelse], names)
                else:
                    self.block(body if self._truth(test, found) else orelse, names)
            case ast.For(target=target, iter=items, body=body):
                for item in self._items(items, names):
                    self._assign(target, item, names)
                    self.block(body, names)
            case ast.With(body=body) | ast.Try(body=body) | ast.While(body=body):
                self._perhaps(body, names)
            case _:
                pass

    def _perhaps(self, body: Iterable[ast.stmt], names: _Names) -> None:
        """Read what need not be run: an exception that it raises itself tells nothing."""
        self._guesses += 1
        try:
            self.block(body, names)
        finally:
            self._guesses -= 1

    def _raise(self, node: ast.Raise, raised: ast.expr, names: _Names) -> None:
        """Note an exception that the code raises itself, where it is one of Python's."""
        function, arguments = raised, list[Any]()
        if isinstance(raised, ast.Call):
            function = raised.func
            arguments = list(self._elements(raised.args, names))
        kind = EXCEPTIONS.get(function.id) if isinstance(function, ast.Name) else None
        if kind is not None and not self._guesses:
            self._reading.problems.append(Problem(node, kind(*arguments)))
            raise _Raised

    def _imported(self, node: ast.AST, module: str | None, name: str) -> Any:
        whole = MODULES.get(f"{module}.{name}")
        if whole is not None:
            return whole
        holder = MODULES.get(module or "")
        if holder is None or not may_read(holder, name):
            return UNKNOWN
        if not hasattr(holder, name):
            error = ImportError(f"cannot import name {name!r} from {module!r}", name=name)
            self._reading.problems.append(Problem(node, error))
            return UNKNOWN
        return getattr(holder, name)

    def _assign(self, target: ast.expr, value: Any, names: _Names) -> None:
        match target:
            case ast.Name(id=name):
                names.own[name] = value
                self._reading.values[target] = value
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                parts: Iterable[Any] = [UNKNOWN] * len(elements)
                if isinstance(value, list | tuple) and len(value) == len(elements):
                    parts = value
                for element, part in zip(elements, parts, strict=True):
                    self._assign(element, part, names)
            case _:
                pass

    def value(self, node: ast.expr, names: _Names) -> Any:
        self._steps += 1
        if self._steps > _STEPS:
            raise _GivenUp
        found = self._value(node, names)
        self._reading.values[node] = found
        return found

    def _value(self, node: ast.expr, names: _Names) -> Any:
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Name(id=name):
                return self._tried(node, names.get, name)
            case ast.Attribute(value=inner, attr=name):
                return self._attribute(node, self.value(inner, names), name)
            case ast.Call():
                return self._call(node, names)
            case ast.BinOp(left=left, op=op, right=right):
                return self._binary(node, op, self.value(left, names), self.value(right, names))
            case ast.UnaryOp(op=op, operand=operand):
                return self._apply(node, _UNARY[type(op)], self.value(operand, names))
            case ast.Compare():
                return self._compare(node, names)
            case ast.BoolOp():
                return self._connected(node, names)
            case ast.Subscript(value=inner, slice=key):
                return self._subscript(node, self.value(inner, names), self.value(key, names))
            case ast.Slice(lower=lower, upper=upper, step=step):
                ends = [lower, upper, step]
                parts = [None if end is None else self.value(end, names) for end in ends]
                return UNKNOWN if _has_unknown(parts) else slice(*parts)
            case ast.Tuple(elts=elements):
                return tuple(self._elements(elements, names))
            case ast.List(elts=elements):
                return list(self._elements(elements, names))
            case ast.Set(elts=elements):
                return self._apply(node, set, list(self._elements(elements, names)))
            case ast.Dict():
                return self._dictionary(node, names)
            case ast.Lambda():
                return Function(node, self._closure(names))
            case ast.IfExp(test=test, body=body, orelse=orelse):
                found = self.value(test, names)
                if found is UNKNOWN:
                    return UNKNOWN
                return self.value(body if self._truth(test, found) else orelse, names)
            case (
                ast.ListComp(elt=element, generators=generators)
                | ast.GeneratorExp(elt=element, generators=generators)
            ):
                return [self.value(element, inner) for inner in self._rounds(generators, names)]
            case ast.SetComp(elt=element, generators=generators):
                found = [self.value(element, inner) for inner in self._rounds(generators, names)]
                return self._apply(node, set, found)
            case ast.DictComp(key=key, value=value, generators=generators):
                return {
                    self.value(key, inner): self.value(value, inner)
                    for inner in self._rounds(generators, names)
                }
            case ast.JoinedStr(values=values):
                parts = [self.value(value, names) for value in values]
                return UNKNOWN if _has_unknown(parts) else "".join(map(str, parts))
            case ast.FormattedValue(value=value):
                found = self.value(value, names)
                return str(found) if isinstance(found, str | int | float) else UNKNOWN
            case ast.NamedExpr(target=target, value=value):
                found = self.value(value, names)
                self._assign(target, found, names)
                return found
            case ast.Starred(value=value):
                return self.value(value, names)
            case _:
                return UNKNOWN

    def _attribute(self, node: ast.expr, holder: Any, name: str) -> Any:
        if holder is UNKNOWN or not may_read(holder, name):
            return UNKNOWN
        return self._tried(node, getattr, holder, name)

    def _subscript(self, node: ast.expr, holder: Any, key: Any) -> Any:
        return self._apply(node, operator.getitem, holder, key)

    def _call(self, node: ast.Call, names: _Names) -> Any:
        function = self.value(node.func, names)
        arguments = list(self._elements(node.args, names))
        keywords: dict[str, Any] = {}
        for item in node.keywords:
            found = self.value(item.value, names)
            if item.arg is not None:
                keywords[item.arg] = found
            elif isinstance(found, Mapping) and all(isinstance(key, str) for key in found):
                keywords |= found
            else:
                return UNKNOWN
        if _has_unknown([function, arguments, keywords]) or _is_endless(arguments):
            return UNKNOWN
        if not may_call(function) and not any(function is made for made in self.declared):
            return UNKNOWN
        return self._tried(node, function, *arguments, **keywords)

    def _binary(self, node: ast.AST, op: ast.operator, left: Any, right: Any) -> Any:
        if isinstance(op, ast.Mult | ast.Pow | ast.LShift) and not _is_small(left, right):
            return UNKNOWN
        if isinstance(op, ast.Mod) and isinstance(left, str | bytes):
            return UNKNOWN
        return self._apply(node, _BINARY.get(type(op), lambda *_: UNKNOWN), left, right)

    def _compare(self, node: ast.Compare, names: _Names) -> Any:
        """Compare as Python does: a chain asks each result but the last whether it is true."""
        left = self.value(node.left, names)
        found: Any = True
        for index, (op, side) in enumerate(zip(node.ops, node.comparators, strict=True)):
            right = self.value(side, names)
            if index and found is not UNKNOWN and not self._truth(node, found):
                return found
            found = self._apply(node, _COMPARISONS[type(op)], left, right)
            left = right
        return found

    def _connected(self, node: ast.BoolOp, names: _Names) -> Any:
        *rest, last = node.values
        for part in rest:
            found = self.value(part, names)
            if found is UNKNOWN:
                return UNKNOWN
            if self._truth(node, found) is isinstance(node.op, ast.Or):
                return found
        return self.value(last, names)

    def _dictionary(self, node: ast.Dict, names: _Names) -> Any:
        found: dict[Any, Any] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            inner = self.value(value, names)
            if key is not None:
                found[self.value(key, names)] = inner
            elif isinstance(inner, Mapping):
                found |= inner
            else:
                return UNKNOWN
        return found

    def _elements(self, nodes: Iterable[ast.expr], names: _Names) -> Iterator[Any]:
        for node in nodes:
            found = self.value(node, names)
            if isinstance(node, ast.Starred) and isinstance(found, list | tuple | set | range):
                yield from found
            else:
                yield found

    def _items(self, node: ast.expr, names: _Names) -> list[Any]:
        found = self.value(node, names)
        if not isinstance(found, list | tuple | set | dict | range | zip | enumerate | reversed):
            return [UNKNOWN]
        items: list[Any] = []
        for item in found:
            if len(items) == _ROUNDS:
                raise _GivenUp
            items.append(item)
        return items

    def _rounds(self, generators: list[ast.comprehension], names: _Names) -> Iterator[_Names]:
        first, *rest = generators
        for item in self._items(first.iter, names):
            inner = _Names({}, names)
            self._assign(first.target, item, inner)
            if all(self._holds(test, inner) for test in first.ifs):
                yield from self._rounds(rest, inner) if rest else [inner]

    def _holds(self, test: ast.expr, names: _Names) -> bool:
        found = self.value(test, names)
        return found is UNKNOWN or self._truth(test, found)

    def _truth(self, node: ast.AST, value: Any) -> bool:
        return bool(self._tried(node, bool, value))

    def _apply(self, node: ast.AST, function: Callable[..., Any], *arguments: Any) -> Any:
        return UNKNOWN if _has_unknown(arguments) else self._tried(node, function, *arguments)

    def _tried(self, node: ast.AST, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a function; note what it raises as what the code would."""
        try:
            return function(*args, **kwargs)
        except (_Raised, _Returned, _GivenUp, RecursionError):
            raise
        except Exception as error:  # noqa: BLE001  whatever Ibis raises is what the code raises
            self._reading.problems.append(Problem(node, error))
            raise _Raised from None

    def _function(self, node: ast.FunctionDef, names: _Names) -> Any:
        """Give a function; one that declares a UDF is called as that."""
        found: Any = Function(node, self._closure(names))
        for decorator in reversed(node.decorator_list):
            made = self.value(decorator, names)
            found = _declared(made, node, self, names) if made is not UNKNOWN else UNKNOWN
        return found

    def _closure(self, names: _Names) -> Callable[[Function, tuple[Any, ...], dict[str, Any]], Any]:
        def call(function: Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            node = function.node
            parameters = [item.arg for item in (*node.args.posonlyargs, *node.args.args)]
            if node.args.vararg or node.args.kwarg or len(args) > len(parameters):
                return UNKNOWN
            own: dict[str, Any] = {}
            for item, given in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
                own[item.arg] = UNKNOWN if given is None else self.value(given, names)
            defaults = node.args.defaults
            for name, default in zip(parameters[::-1], defaults[::-1], strict=False):
                own[name] = self.value(default, names)
            own |= dict(zip(parameters, args, strict=False)) | kwargs
            missing = [name for name in parameters if name not in own]
            if missing:
                raise TypeError(f"missing the argument {missing[0]!r}")
            return self._body(node, _Names(own, names))

        return call

    def _body(self, node: ast.FunctionDef | ast.Lambda, names: _Names) -> Any:
        self._depth += 1
        if self._depth > _DEPTH:
            raise _GivenUp
        try:
            if isinstance(node, ast.Lambda):
                return self.value(node.body, names)
            self.block(node.body, names)
        except _Returned as returned:
            return returned.value
        finally:
            self._depth -= 1
        return None


def _declared(decorator: Any, node: ast.FunctionDef, run: _Run, names: _Names) -> Any:
    """Declare a UDF of Ibis: its body stays unread, and its types are the declared ones."""
    if getattr(decorator, "__module__", None) != "ibis.expr.operations.udf":
        return UNKNOWN
    parameters = [*node.args.posonlyargs, *node.args.args]
    types = [
        run.value(item.annotation, names) if item.annotation is not None else None
        for item in parameters
    ]
    result = run.value(node.returns, names) if node.returns is not None else None
    if _has_unknown([*types, result]):
        return UNKNOWN

    def declared(*_: Any, **__: Any) -> Any:
        raise NotImplementedError

    declared.__name__ = declared.__qualname__ = node.name
    annotations = {item.arg: kind for item, kind in zip(parameters, types, strict=True)}
    declared.__annotations__ = {
        **{name: kind for name, kind in annotations.items() if kind is not None},
        "return": result,
    }
    kind_of = inspect.Parameter.POSITIONAL_OR_KEYWORD
    signature = inspect.Signature([inspect.Parameter(item.arg, kind_of) for item in parameters])
    declared.__signature__ = signature  # type: ignore[attr-defined]
    made = run._tried(node, decorator, declared)
    run.declared.append(made)
    return made


def _has_unknown(values: Any) -> bool:
    if isinstance(values, list | tuple | set):
        return any(map(_has_unknown, values))
    if isinstance(values, dict):
        return any(map(_has_unknown, values.values()))
    return values is UNKNOWN


def _is_endless(arguments: Iterable[Any]) -> bool:
    """Whether a function would go through more than a value may hold."""
    return any(isinstance(item, range) and len(item) > _LARGEST for item in arguments)


def _is_small(left: Any, right: Any) -> bool:
    """Whether a product of plain values stays small; expressions of Ibis always do."""
    if isinstance(left, ir.Expr | ibis.Deferred) or isinstance(right, ir.Expr | ibis.Deferred):
        return True
    sizes = [
        len(side) if isinstance(side, str | bytes | list | tuple) else abs(side)
        for side in (left, right)
        if isinstance(side, str | bytes | list | tuple | int | float)
    ]
    return len(sizes) == 2 and sizes[0] * sizes[1] <= _LARGEST


def _assigned(statement: ast.stmt) -> Iterator[str]:
    """Give the names that a statement would have assigned."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.FunctionDef):
            yield node.name
