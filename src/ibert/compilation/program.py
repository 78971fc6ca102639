"""Ibis code that has a value: its expression, and where the parts of that stand."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import ibis.expr.operations as ops
import ibis.expr.types as ir

from ibert.catalog import Catalog
from ibert.diagnostics import Diagnostic, IbertError, Span
from ibert.interpreter import UNKNOWN, Function, Interpreter, Reading


class Program:
    """A script, a function over tables, or an expression.

    Parameters
    ----------
    code
        Ibis code. A script defines `expr` or ends with an expression; a function that it ends
        with is called with the tables that its parameters name.
    catalog
        The tables.
    source
        What diagnostics call the code.

    Raises
    ------
    IbertError
        It is not Python, raises, or gives no expression that can be told without running it.
    """

    def __init__(self, code: str, catalog: Catalog, source: str | None = None) -> None:
        self.code = code
        self.catalog = catalog
        self._source = source
        try:
            module = ast.parse(code)
        except (SyntaxError, ValueError) as error:
            line, column = getattr(error, "lineno", None) or 1, getattr(error, "offset", None) or 1
            raise self._error("IB002", str(error.args[0]), Span(line, column)) from None
        except RecursionError:
            raise self._error("IB304", "the code is nested too deeply", None) from None
        self.reading = Interpreter(catalog).read(module)
        self.expr = self._expression()
        self._places: dict[ops.Node, ast.AST] | None = None

    def _expression(self) -> ir.Expr:
        result = _result(self.reading, self.catalog)
        if isinstance(result, ir.Expr):
            return result
        if self.reading.problems:
            node, error = self.reading.problems[0]
            message = f"{type(error).__name__}: {error}".strip().partition("\n")[0]
            raise self._error("IB302", message, _span(node))
        if result is UNKNOWN:
            call = next(_unknown_calls(self.reading), None)
            if call is None:
                message = "the code neither defines `expr` nor ends with an expression"
                raise self._error("IB303", message, None)
            message = f"{ast.unparse(call.func)}(…) cannot be told without running it"
            hint = "describe the tables in a catalog, and read them with con.table(name)"
            raise self._error("IB303", message, _span(call), hint)
        found = f"the code gives a {type(result).__name__}, not an Ibis expression"
        raise self._error("IB303", found, None)

    def _error(
        self, code: str, message: str, span: Span | None, hint: str | None = None
    ) -> IbertError:
        return IbertError(
            [Diagnostic(code=code, message=message, source=self._source, span=span, hint=hint)]
        )

    @property
    def script(self) -> str:
        """The code as a script: one that ends with a function calls it."""
        function = _last_function(self.reading, self.catalog)
        if function is None:
            return self.code
        parameters = ", ".join(item.arg for item in function.args.args)
        return f"{self.code}\nexpr = {function.name}({parameters})\n"

    @property
    def variables(self) -> dict[str, ir.Table]:
        """The relations that the code gives names, in order."""
        return {
            node.id: value
            for node, value in self.reading.values.items()
            if isinstance(node, ast.Name)
            and isinstance(node.ctx, ast.Store)
            and isinstance(value, ir.Table)
        }

    def place_of(self, operation: ops.Node) -> Span | None:
        """Find the expression of the code that first made an operation."""
        if self._places is None:
            self._places = {}
            for node, value in self.reading.values.items():
                if isinstance(value, ir.Expr) and not isinstance(node, ast.Name):
                    for made in value.op().find(ops.Node):
                        self._places.setdefault(made, node)
        place = self._places.get(operation)
        return _span(place) if place is not None else None

    def comments(self) -> dict[str, list[str]]:
        """Give the comments above each assignment, by the name that is assigned."""
        lines = self.code.splitlines()
        found: dict[str, list[str]] = {}
        for statement in self.reading.module.body:
            match statement:
                case ast.Assign(targets=[ast.Name(id=name)]):
                    above = list(_comments_above(lines, statement.lineno - 1))
                    if above:
                        found[name] = above[::-1]
        return found


def _comments_above(lines: list[str], index: int) -> Iterator[str]:
    while index and lines[index - 1].lstrip().startswith("#"):
        index -= 1
        yield lines[index].strip().lstrip("#").strip()


def _last_function(reading: Reading, catalog: Catalog) -> ast.FunctionDef | None:
    """Give the function over tables that the code ends with."""
    last = reading.module.body[-1] if reading.module.body else None
    if not isinstance(last, ast.FunctionDef) or "expr" in reading.names:
        return None
    return last if all(item.arg in catalog for item in last.args.args) else None


def _result(reading: Reading, catalog: Catalog) -> object:
    last = _last_function(reading, catalog)
    function = reading.names.get(last.name) if last is not None else None
    if last is not None and isinstance(function, Function):
        return reading.call(function, [reading.names[item.arg] for item in last.args.args])
    return reading.result


def _unknown_calls(reading: Reading) -> Iterator[ast.Call]:
    """Yield the calls whose arguments are known and whose value is not."""
    for node, value in reading.values.items():
        if isinstance(node, ast.Call) and value is UNKNOWN:
            yield node


def _span(node: ast.AST) -> Span | None:
    line = getattr(node, "lineno", None)
    if line is None:
        return None
    end = getattr(node, "end_col_offset", None)
    column = getattr(node, "col_offset", 0) + 1
    last = getattr(node, "end_lineno", None)
    return Span(line, column, last, None if end is None else end + 1)
