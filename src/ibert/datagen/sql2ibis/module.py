"""Make modules of Ibis snippets: imports, tables, the expression; formatted as ruff does it."""

from __future__ import annotations

import ast
import subprocess
import symtable
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from ruff import find_ruff_bin

LINE_LENGTH = 88
_IMPORTS = {
    "ibis": "import ibis",
    "s": "import ibis.selectors as s",
    "_": "from ibis import _",
}


def free_names(code: str) -> set[str]:
    r"""Give the names that code uses and does not define at its top level.

    Raises
    ------
    SyntaxError
        The code does not parse.

    Examples
    --------
    >>> sorted(free_names("big = orders.filter(_.total > 10)\nbig.count()"))
    ['_', 'orders']
    """
    top = symtable.symtable(code, "<ibis>", "exec")
    defined = {symbol.get_name() for symbol in top.get_symbols() if symbol.is_assigned()}
    defined |= {symbol.get_name() for symbol in top.get_symbols() if symbol.is_imported()}
    used = {
        symbol.get_name()
        for table in _tables(top)
        for symbol in table.get_symbols()
        if symbol.is_referenced() and (symbol.is_global() or table is top)
    }
    return used - defined


def _tables(table: symtable.SymbolTable) -> Iterable[symtable.SymbolTable]:
    yield table
    for child in table.get_children():
        yield from _tables(child)


def as_module(code: str, tables: Sequence[str]) -> str:
    """Make a module that defines `expr` of a snippet that uses tables by their names.

    Parameters
    ----------
    code
        Ibis code; its last line may be the expression itself.
    tables
        Names that the module binds to tables of `con`, where the code uses them.

    Examples
    --------
    >>> print(as_module("users.filter(_.age > 30)", ["users", "orders"]))
    from ibis import _
    <BLANKLINE>
    users = con.table("users")
    <BLANKLINE>
    expr = (
    users.filter(_.age > 30)
    )
    """
    names = free_names(code)
    lines = code.splitlines()
    body = ast.parse(code).body
    leading = 0
    while leading < len(body) and isinstance(body[leading], ast.Import | ast.ImportFrom):
        leading += 1
    split = (body[leading - 1].end_lineno or 0) if leading else 0
    imports = [*lines[:split], *(text for name, text in _IMPORTS.items() if name in names)]
    bindings = [f'{table} = con.table("{table}")' for table in tables if table in names]
    if isinstance(body[-1], ast.Expr):
        start = body[-1].lineno - 1
        lines[start:] = ["expr = (", *lines[start:], ")"]
    parts = (imports, bindings, lines[split:])
    return "\n\n".join("\n".join(part) for part in parts if part)


def formatted(modules: Sequence[str]) -> list[str]:
    r"""Sort the imports of modules and format them, all in one run of ruff.

    Examples
    --------
    >>> formatted(["expr = (\nusers.count( )\n)"])
    ['expr = users.count()\n']
    """
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, f"m{i}.py") for i in range(len(modules))]
        for path, module in zip(paths, modules, strict=True):
            path.write_text(module, encoding="utf-8")
        ruff = find_ruff_bin()
        options = ["--isolated", "--no-cache", "--quiet"]
        length = f"line-length={LINE_LENGTH}"
        for command in (["check", "--select", "I", "--fix", "--exit-zero"], ["format"]):
            subprocess.run(  # noqa: S603  ruff itself
                [ruff, *command, *options, "--config", length, folder], check=True, text=True
            )
        return [path.read_text(encoding="utf-8") for path in paths]
