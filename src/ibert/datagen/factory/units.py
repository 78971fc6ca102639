"""What of code can be an example by itself: functions, methods without a state, results of cells.

Methods and cells become functions, which take what their code needs from the symbols around them.
"""

from __future__ import annotations

import ast
import builtins
import copy
from collections.abc import Iterator, Sequence

# Calls that bring data: what they are assigned to is a table that a unit is given.
_SOURCES = {"table", "fetch", "memtable", "view", "create_table", "create_view"}
_READS = "read_"
_BUILTINS = frozenset(dir(builtins))
_DEFINED = (ast.FunctionDef, ast.Import, ast.ImportFrom)


def units(blocks: Sequence[str]) -> ast.Module:
    r"""Give a module of functions: those of the blocks, and what else there is made into some.

    Parameters
    ----------
    blocks
        Python code: one text for a module, one for each cell of a notebook.

    Examples
    --------
    >>> cells = ["import ibis\norders = ibis.read_csv('orders.csv')",
    ...     "large = orders.filter(orders.total > 9)\nlarge.group_by('city').count()"]
    >>> print(ast.unparse(units(cells)))
    import ibis
    <BLANKLINE>
    def cell_2(orders):
        large = orders.filter(orders.total > 9)
        return large.group_by('city').count()
    """
    modules = [ast.parse(block) for block in blocks]
    statements = [(i, node) for i, module in enumerate(modules, 1) for node in module.body]
    body: list[ast.stmt] = [node for _, node in statements if isinstance(node, _DEFINED)]
    body += [node for _, node in statements if _is_constant(node)]
    for _, node in statements:
        if isinstance(node, ast.ClassDef):
            free = list(_methods(node))
            bound = {name for one in body for name in _names_bound(one)}
            if bound.isdisjoint(name for one in free for name in _names_bound(one)):
                body += free
    taken = {node.name for node in body if isinstance(node, ast.FunctionDef)}
    known = {name for node in body for name in _names_bound(node)}
    for number, module in enumerate(modules, 1):
        made = _result(number, [one for one in statements if one[0] <= number], module, known)
        if made is not None and made.name not in taken:
            taken.add(made.name)
            body.append(made)
    return ast.fix_missing_locations(ast.Module(body, type_ignores=[]))


def _is_constant(node: ast.stmt) -> bool:
    """Tell whether a statement names a constant."""
    if not isinstance(node, ast.Assign) or not all(isinstance(t, ast.Name) for t in node.targets):
        return False
    return not any(isinstance(part, ast.Name | ast.Call) for part in ast.walk(node.value))


def _names_bound(node: ast.stmt) -> Iterator[str]:
    match node:
        case ast.FunctionDef(name=name):
            yield name
        case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in aliases)
        case ast.Assign(targets=targets):
            yield from (target.id for target in targets if isinstance(target, ast.Name))


# Methods.


def _methods(node: ast.ClassDef) -> Iterator[ast.stmt]:
    """Yield the methods of a class that need nothing of an instance, and the constants of it."""
    constants = {name: one for one in node.body if _is_constant(one) for name in _names_bound(one)}
    methods = {one.name: one for one in node.body if isinstance(one, ast.FunctionDef)}
    free: dict[str, ast.FunctionDef] = {}
    for name, method in methods.items():
        function = _function_of(method, {*constants, *methods})
        if function is not None:
            free[name] = function
    yield from constants.values()
    yield from free.values()


def _function_of(method: ast.FunctionDef, members: set[str]) -> ast.FunctionDef | None:
    """Make a function of a method; None if it needs an instance."""
    decorators = [ast.unparse(one) for one in method.decorator_list]
    if decorators not in ([], ["staticmethod"], ["classmethod"]):
        return None
    function = copy.deepcopy(method)
    function.decorator_list = []
    if decorators == ["staticmethod"]:
        return function
    parameters = [*function.args.posonlyargs, *function.args.args]
    if not parameters:
        return None
    owner = parameters[0].arg
    (function.args.posonlyargs or function.args.args).pop(0)

    class Members(ast.NodeTransformer):
        def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
            self.generic_visit(node)
            is_own = isinstance(node.value, ast.Name) and node.value.id == owner
            return ast.Name(node.attr, node.ctx) if is_own and node.attr in members else node

    function = Members().visit(function)
    names = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
    return None if owner in names else function


# Cells.


def _result(
    number: int, before: list[tuple[int, ast.stmt]], module: ast.Module, known: set[str]
) -> ast.FunctionDef | None:
    """Make a function of what a block ends with; None if that is no computed value."""
    match module.body[-1:]:
        case [ast.Expr(value=value)]:
            name = f"cell_{number}"
        case [ast.Assign(targets=[ast.Name(id=name)], value=value)]:
            pass
        case _:
            return None
    if not isinstance(value, ast.Call) or _is_source(value):
        return None
    steps = [node for _, node in before[:-1] if isinstance(node, ast.Assign)]
    steps = [node for node in steps if not _is_constant(node)]
    needed, given = _needed(value, steps, known)
    if not given:
        return None
    arguments = ast.arguments([], [ast.arg(one) for one in given], None, [], [], None, [])
    body: list[ast.stmt] = [node for node in steps if node in needed]
    return ast.FunctionDef(name, arguments, [*body, ast.Return(value)], [])


def _needed(
    value: ast.expr, steps: list[ast.Assign], known: set[str]
) -> tuple[set[ast.stmt], list[str]]:
    """Find the steps before a value that it needs, and the tables that it is given."""
    needed: set[ast.stmt] = set()
    given: dict[str, None] = {}
    waiting: list[tuple[ast.expr, int]] = [(value, len(steps))]
    while waiting:
        read, end = waiting.pop()
        for name in _read(read):
            if name in known or name in _BUILTINS or name == "_":
                continue
            places = [
                i for i, step in enumerate(steps[:end]) if name in _names_bound(step)
            ]  # the last one counts, and what it reads of itself the one before
            if not places or _is_source(steps[places[-1]].value):
                given[name] = None
            elif steps[places[-1]] not in needed:
                needed.add(steps[places[-1]])
                waiting.append((steps[places[-1]].value, places[-1]))
    return needed, list(given)


def _read(node: ast.expr) -> list[str]:
    bound = {
        part.arg for one in ast.walk(node) if isinstance(one, ast.Lambda) for part in one.args.args
    }
    return [
        part.id
        for part in ast.walk(node)
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load) and part.id not in bound
    ]


def _is_source(value: ast.expr) -> bool:
    """Tell whether an expression brings data: a table of a connection, a file that is read."""
    match value:
        case ast.Call(func=ast.Attribute(value=ast.Name() | ast.Attribute(), attr=name)):
            return name in _SOURCES or name.startswith(_READS)
    return False
