"""Run Ibis code in this very process: the child's side of the wall, once it is confined."""

from __future__ import annotations

import ast
import io
import sys
import traceback
from types import CodeType, ModuleType
from typing import Any

import ibis.expr.types as ir

from ibert.sandbox.policy import SNIPPET, PolicyError, check, parse, policy
from ibert.sandbox.protocol import Code, Failure, FailureKind

MESSAGE = 4000  # characters of what an exception says that leave the process


class NoExpressionError(Exception):
    """The code defines no Ibis expression."""


class TooMuchOutputError(BaseException):
    """The code printed more than it may; no `except Exception` hides it."""


class Output(io.TextIOBase):
    """What jobs print, which nobody reads: only how much."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._left = limit

    def write(self, text: str) -> int:
        """Count what is printed."""
        self._left -= len(text)
        self.check()
        return len(text)

    def check(self) -> None:
        """Raise if it was too much, whoever hid that before."""
        if self._left < 0:
            raise TooMuchOutputError


def read(code: Code, *, checked: bool = True) -> ast.Module:
    """Parse code and hold it to the policy.

    Raises
    ------
    SyntaxError
        It does not parse.
    PolicyError
        It is refused.
    """
    return check(code) if checked else parse(code.text)


def fresh_namespace(names: dict[str, Any], *, checked: bool = True) -> dict[str, Any]:
    """Give the names that a job's code sees, in a module of their own."""
    module = ModuleType("snippet")  # what looks a function's module up finds it
    sys.modules[module.__name__] = module
    vars(module).update(names)
    if checked:
        vars(module)["__builtins__"] = {**policy().builtins, "__import__": __import__}
    return vars(module)


def expression(code: str | ast.Module, namespace: dict[str, Any]) -> ir.Expr:
    """Run code; give its `expr` or, without one, the value of its last line.

    Raises
    ------
    NoExpressionError
        It gives no expression. Whatever the code raises is raised too.
    """
    module = parse(code) if isinstance(code, str) else code
    last = module.body[-1] if module.body else None
    if isinstance(last, ast.Expr):
        first = ast.Module(module.body[:-1], type_ignores=[])
        exec(_compiled(first), namespace)  # noqa: S102
        value = eval(_compiled(ast.Expression(last.value)), namespace)  # noqa: S307
        value = namespace.get("expr", value)
    else:
        exec(_compiled(module), namespace)  # noqa: S102
        value = namespace.get("expr")
    if not isinstance(value, ir.Expr):
        found = "neither defines `expr` nor ends with an expression"
        if value is not None:
            found = f"gives a {type(value).__name__}, not an Ibis expression"
        raise NoExpressionError(f"the code {found}")
    return value


def _compiled(tree: ast.Module | ast.Expression) -> CodeType:
    """Compile a job's code without the `__future__` imports of this file."""
    mode = "exec" if isinstance(tree, ast.Module) else "eval"
    return compile(tree, SNIPPET, mode, dont_inherit=True)


def failure(error: BaseException, output_bytes: int) -> Failure:
    """Say why a job gave no result."""
    if isinstance(error, NoExpressionError):
        return Failure(FailureKind.NO_EXPRESSION, str(error))
    if isinstance(error, PolicyError):
        line, column = error.line, error.column
        return Failure(FailureKind.REFUSED, str(error), None, line, column, error.hint)
    if isinstance(error, TooMuchOutputError):
        return Failure(FailureKind.OUTPUT, f"it printed more than {output_bytes:,} characters")
    if isinstance(error, MemoryError):
        return Failure(FailureKind.MEMORY, "it needed more memory than the limit")
    return raised(error)


def raised(error: BaseException) -> Failure:
    """Describe an exception, with the line of the job's code that it passed through last."""
    if isinstance(error, SyntaxError) and error.filename == SNIPPET:
        line = error.lineno
    else:
        frames = traceback.extract_tb(error.__traceback__)
        line = next((f.lineno for f in reversed(frames) if f.filename == SNIPPET), None)
    try:
        message = str(error).strip() or "it gave no reason"
    except Exception:  # noqa: BLE001  the job may have written __str__ too
        message = "its message cannot be shown"
    message = message[:MESSAGE].encode(errors="replace").decode()
    return Failure(FailureKind.RAISED, message, type(error).__qualname__, line)
