"""Run doctests of functions in the sandbox."""

from __future__ import annotations

import ast
import doctest

from ibert.documentation.source import TableFunction
from ibert.sandbox import Failure, FailureKind, Profile, Sandbox

_PREFACE = (
    "shown = []\noutputs = []\ndef show(*values):\n    shown.append(' '.join(map(str, values)))\n"
)


def outputs(
    function: TableFunction, statements: list[str], sandbox: Sandbox
) -> list[str] | Failure:
    """Run statements after the function and what it needs; give what each prints.

    They run as they stand, but that `con`, the connection of the sandbox, takes the place of Ibis'
    default backend.
    """
    body = [
        *ast.parse("import ibis").body,
        *function.module.body,
        *ast.parse(_PREFACE).body,
    ]
    for statement in statements:
        body += _shown(statement)
    body += ast.parse("expr = ibis.memtable({'output': outputs})").body
    text = ast.unparse(ast.fix_missing_locations(ast.Module(body, type_ignores=[])))
    found = sandbox.run(text, profile=Profile.OWN, constants=None)
    if isinstance(found, Failure):
        return found
    return [str(row) for row in found.fetched.table.column(0).to_pylist()]


def run_doctest(docstring: str, function: TableFunction, sandbox: Sandbox) -> str | None:
    """Run the examples of a docstring; give what is wrong with the first that fails.

    An example that prints something else than what the docstring says has failed.
    """
    try:
        examples = doctest.DocTestParser().get_examples(docstring)
        for example in examples:
            ast.parse(example.source)
    except (SyntaxError, ValueError) as error:  # ValueError: prompts that are not set as they are
        return f"it does not parse: {getattr(error, 'msg', error)}"
    if not examples:
        return "there is no example"
    found = outputs(function, [example.source for example in examples], sandbox)
    if isinstance(found, Failure):
        return found.message
    for example, output in zip(examples, found, strict=True):
        if output != example.want.rstrip("\n"):
            return f"{example.source.strip()} gives {output!r}, not {example.want!r}"
    return None


def failure_of(found: Failure) -> str:
    """Say why code gave nothing."""
    refused = found.kind is FailureKind.REFUSED
    return f"it cannot be run here: {found.message}" if refused else found.message


def _shown(statement: str) -> list[ast.stmt]:
    """Make code that notes what the interpreter would print for a statement."""
    module = _InSandbox().visit(ast.parse(statement))
    body: list[ast.stmt] = []
    for node in module.body:
        if isinstance(node, ast.Expr):
            node = ast.Expr(
                ast.Call(
                    func=ast.Name("show", ast.Load()),
                    args=[ast.Call(ast.Name("repr", ast.Load()), [node.value], [])],
                    keywords=[],
                )
            )
        body.append(node)
    closing = "outputs.append(chr(10).join(shown))\nshown.clear()"
    return [*body, *ast.parse(closing).body]


class _InSandbox(ast.NodeTransformer):
    """Lets the sandbox's connection fetch, and notes what is printed."""

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        match node.func:
            case ast.Attribute(value=value, attr="to_pyarrow"):
                fetch = ast.Attribute(ast.Name("con", ast.Load()), "to_pyarrow", ast.Load())
                return ast.Call(fetch, [value], [])
            case ast.Name(id="print"):
                node.func = ast.Name("show", ast.Load())
        return node
