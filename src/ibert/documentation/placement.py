"""Put docstrings into code, which stays as it is but for them."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from ibert.diagnostics import Edit, Span
from ibert.documentation.documenter import Docstring
from ibert.documentation.styles import quoted
from ibert.edits import apply_edits, span_of


def has_docstring(node: ast.FunctionDef) -> bool:
    """Whether a function has a docstring."""
    return ast.get_docstring(node) is not None


def with_docstrings(code: str, docstrings: Iterable[Docstring]) -> str:
    r"""Put docstrings into their functions; one that has a docstring gets the new one.

    Examples
    --------
    >>> from ibert.documentation import Documenter, Source
    >>> source = Source("def f(t):  # all\n    return t.count()\n")
    >>> with Documenter() as documenter:
    ...     docstring = documenter.document(source, source.function("f"))
    >>> with_docstrings(source.code, [docstring]).splitlines()[1].strip(' "')
    'Compute the number of rows of `t`.'
    """
    edits = [_edit(code, docstring) for docstring in docstrings]
    return apply_edits(code, edits)


def _edit(code: str, docstring: Docstring) -> Edit:
    node = docstring.function.node
    first = node.body[0]
    inline = first.lineno == _header_line(node)
    lines = code.split("\n")
    margin = lines[first.lineno - 1][: first.col_offset] if not inline else ""
    indent = " " * (node.col_offset + 4) if inline else margin
    text = quoted(docstring.text, indent)
    if has_docstring(node):
        span = span_of(first, code)
    else:
        start = min([first.lineno, *(item.lineno for item in getattr(first, "decorator_list", []))])
        column = span_of(first, code).column
        span = Span(start, column)
        text = f"{text}\n{indent}"
    if inline:
        text = f"\n{indent}{text}"
    return Edit(span, text.replace("\n", "\r\n") if "\r\n" in code else text)


def _header_line(node: ast.FunctionDef) -> int:
    """Give the line that a function's header ends on, as far as its syntax tells."""
    arguments = node.args
    parts = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, *arguments.defaults]
    parts += [default for default in arguments.kw_defaults if default is not None]
    parts += [item for item in (arguments.vararg, arguments.kwarg) if item is not None]
    ends = [
        part.end_lineno or part.lineno for part in parts if isinstance(part, ast.expr | ast.arg)
    ]
    if node.returns is not None:
        ends.append(node.returns.end_lineno or node.lineno)
    return max([node.lineno, *ends])
