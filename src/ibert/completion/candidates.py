"""What may stand at a cursor: columns, methods, variables, keywords, values of parameters."""

from __future__ import annotations

import ast
import keyword
import types
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import ibis.expr.types as ir
from ibis.common.deferred import Deferred
from ibis.expr.types.groupby import GroupedTable

from ibert.completion.cursor import PLACE
from ibert.completion.scope import Scope
from ibert.completion.vocabulary import (
    any_attributes,
    attributes,
    columns_of,
    parameters,
    shared_keys,
    type_names,
)
from ibert.interpreter import UNKNOWN
from ibert.interpreter.objects import BUILTINS, MODULES

_EXPRESSION_WORDS = ("None", "True", "False", "lambda", "not")
_STATEMENT_WORDS = ("import", "from", "def", "for", "if", "return", "with")
_LONGEST = 60  # characters of a string that is offered again
_DESCRIBING = frozenset({"cast", "dict", "schema", "table", "try_cast"})  # columns by type
_JOINED = 1  # position of the table that a join is called with: after it come the keys


class Candidate(NamedTuple):
    """Something that may stand at the cursor.

    Attributes
    ----------
    token
        The token that it begins with; a string in double quotes.
    kind
        What it is: `column`, `method`, `variable`, …
    label
        What ranking calls it: candidates of one label differ only in their traits.
    name
        What it names.
    traits
        What tells it from others of its label.
    use
        How often and how near before the cursor its name stands.
    """

    token: str
    kind: str
    label: str
    name: str
    traits: tuple[str, ...] = ()
    use: float = 0.0


def candidates(scope: Scope, new_names: Sequence[str] = ()) -> list[Candidate]:
    """Give everything that may stand at a cursor, in no order of merit.

    Parameters
    ----------
    scope
        What is known around the cursor.
    new_names
        Names that code often gives to what it makes.
    """
    node = scope.node
    found: Iterator[Candidate]
    if isinstance(node, ast.Attribute):
        found = _of_attribute(scope, node)
    elif isinstance(node, ast.Constant):
        found = _strings(scope)
    elif isinstance(node, ast.ImportFrom | ast.alias):
        found = _imports(scope)
    elif isinstance(node, ast.keyword):
        found = _keywords(scope, new_names)
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        found = _of_expression(scope, new_names)
    else:
        found = iter(())
    kept: dict[str, Candidate] = {}
    for one in found:
        kept.setdefault(one.token, one)
    return list(kept.values())


def _of_attribute(scope: Scope, node: ast.Attribute) -> Iterator[Candidate]:
    holder = scope.value(node.value)
    if holder is UNKNOWN or isinstance(holder, Deferred):
        words = dict.fromkeys(word for word in scope.words if word.isidentifier())
        yield from (Candidate(word, "name", "seen-attribute", word) for word in words)
        yield from (Candidate(name, "method", name, name) for name in any_attributes())
        return
    if isinstance(holder, GroupedTable):
        yield from _columns(holder.table.to_expr(), "attribute")
    if isinstance(holder, ir.Table):
        yield from _columns(holder, "attribute")
    if isinstance(holder, ir.StructValue):
        for name in holder.names:
            yield Candidate(name, "field", "field", name)
    kind = "name" if isinstance(holder, types.ModuleType) else "method"
    for name in attributes(holder):
        yield Candidate(name, kind, name, name)


def _columns(table: ir.Table, spelling: str) -> Iterator[Candidate]:
    """Yield the columns of a table, as attributes or as strings."""
    for name, dtype in columns_of(table).items():
        label = f"{spelling}:{_sort(dtype)}"
        if spelling == "string":
            yield Candidate(quoted(name), "column", label, name)
        elif name.isidentifier() and not keyword.iskeyword(name):
            yield Candidate(name, "column", label, name)


def _sort(dtype: Any) -> str:
    """Name the family of a type."""
    if dtype.is_numeric():
        return "number"
    if dtype.is_temporal():
        return "time"
    return str(type(dtype).__name__).lower()


def quoted(text: str) -> str:
    r"""Write a string as code, in double quotes.

    Examples
    --------
    >>> print(quoted('say "a"'))
    "say \"a\""
    """
    written = repr(text)
    body = written[1:-1]
    return f'"{body}"' if written[0] == '"' else '"' + body.replace('"', '\\"') + '"'


def _of_expression(scope: Scope, new_names: Sequence[str]) -> Iterator[Candidate]:
    inner = set(scope.parameters)
    for name, value in scope.names.items():
        if name == PLACE:
            continue
        label = _label_of_variable(name, value, inner)
        kind = "module" if isinstance(value, types.ModuleType) else "variable"
        yield Candidate(name, kind, label, name)
    if isinstance(scope.cursor.path[1], ast.Expr) and scope.cursor.path[0] is scope.expression:
        yield from (Candidate(word, "keyword", word, word) for word in _STATEMENT_WORDS)
        yield Candidate("expr", "variable", "expr", "expr")
    yield from (Candidate(word, "keyword", word, word) for word in _EXPRESSION_WORDS)
    yield from _keywords(scope, new_names)
    yield from _strings(scope)
    yield from (Candidate(name, "function", name, name) for name in BUILTINS)


def _label_of_variable(name: str, value: Any, inner: set[str]) -> str:
    if name in ("_", "ibis"):
        return name
    if name in inner:
        return "variable:own"
    if isinstance(value, types.ModuleType):
        return "selectors" if value is MODULES["ibis.selectors"] else "module"
    if isinstance(value, ir.Table):
        return "variable:table"
    if isinstance(value, ir.Value):
        return "variable:value"
    return "variable:unknown" if value is UNKNOWN else "variable"


def _keywords(scope: Scope, new_names: Sequence[str]) -> Iterator[Candidate]:
    """Yield the names of the parameters that can still be passed to the call at the cursor."""
    path = scope.cursor.path
    if not scope.arguments or path[1] is not scope.arguments[0].call:
        return
    argument = scope.arguments[0]
    passed = {item.arg for item in argument.call.keywords}
    for index, one in enumerate(parameters(argument.function)):
        if not one.variadic and one.name not in passed:
            traits = ("late",) if index < argument.position else ()
            yield Candidate(one.name, "parameter", f"{one.name}=", one.name, traits)
    if any(one.name.startswith("**") for one in parameters(argument.function)):
        columns = columns_of(scope.relation) if scope.relation is not None else {}
        for name in dict.fromkeys((*columns, *scope.words)):
            if name.isidentifier() and name not in passed and not keyword.iskeyword(name):
                label = "column=" if name in columns else "seen="
                yield Candidate(name, "new name", label, name)
        for name in new_names:
            if name not in passed:
                yield Candidate(name, "new name", f"new {name}", name)


def _strings(scope: Scope) -> Iterator[Candidate]:
    """Yield what may stand in quotes: columns, the values of a parameter, strings of the code."""
    listed = list(_listed(scope))
    yield from listed
    if not listed:
        for field in _fields(scope):
            yield Candidate(quoted(field), "field", "string-field", field)
        relations = list(_relations(scope))
        keys = _keys(scope, relations)
        for relation in relations:
            for one in _columns(relation, "string"):
                if keys is None or one.name in keys:
                    yield one
    for text in dict.fromkeys(scope.words):
        if len(text) <= _LONGEST:
            yield Candidate(quoted(text), "string", "seen-string", text)


def _listed(scope: Scope) -> Iterator[Candidate]:
    """Yield the texts that the parameter at the cursor takes, where there are only so many."""
    if not scope.arguments:
        return
    argument = scope.arguments[0]
    direct = argument.call in scope.cursor.path[1:3]
    for one in _parameter(scope):
        for option in one.options:
            text = quoted(option)
            yield Candidate(text, "value", text, option)
    in_value = any(
        isinstance(node, ast.Dict) and below in node.values
        for below, node in zip(scope.cursor.path, scope.cursor.path[1:], strict=False)
    )
    described = argument.name in _DESCRIBING and (in_value or argument.keyword)
    if described or (direct and any(one.typed for one in _parameter(scope))):
        for name in type_names():
            yield Candidate(quoted(name), "type", quoted(name), name)
    if argument.name in ("table", "create_table") and argument.position == 0 and direct:
        for name, value in scope.names.items():
            if isinstance(value, ir.Table):
                yield Candidate(quoted(name), "table", "table", name)


def _fields(scope: Scope) -> tuple[str, ...]:
    """Give the fields of the struct that is subscripted at the cursor."""
    above = scope.cursor.path[1]
    holder = scope.value(above.value) if isinstance(above, ast.Subscript) else UNKNOWN
    return tuple(holder.names) if isinstance(holder, ir.StructValue) else ()


def _relations(scope: Scope) -> Iterator[ir.Table]:
    """Yield the tables whose columns a string at the cursor may name."""
    if isinstance(scope.cursor.path[1], ast.Subscript):
        holder = scope.value(scope.cursor.path[1].value)
        if isinstance(holder, ir.Table):
            yield holder
            return
    for node in scope.cursor.path:
        if isinstance(node, ast.Subscript):
            holder = scope.value(node.value)
            if isinstance(holder, ir.Table):
                yield holder
                return
    if scope.relation is not None:
        yield scope.relation
    for argument in scope.arguments[:1]:
        if argument.position >= _JOINED:
            other = scope.value(argument.call.args[0]) if argument.call.args else UNKNOWN
            if isinstance(other, ir.Table):
                yield other


def _keys(scope: Scope, relations: list[ir.Table]) -> list[str] | None:
    """Give the keys that a string at the cursor may join on; None where it is no key of both."""
    paired = any(isinstance(node, ast.Tuple | ast.Compare) for node in scope.cursor.path)
    if len(relations) < 2 or paired:
        return None
    return shared_keys(*relations[:2])


def _parameter(scope: Scope) -> list[Any]:
    """Give the parameter that the innermost argument is passed to."""
    argument = scope.arguments[0]
    known = parameters(argument.function)
    if argument.keyword:
        named = [one for one in known if one.name == argument.keyword]
        return named or [one for one in known[-1:] if one.variadic]
    if argument.position < len(known):
        return [known[argument.position]]
    return [one for one in known[:1] if one.variadic]


def _imports(scope: Scope) -> Iterator[Candidate]:
    statement = next(node for node in scope.cursor.path if isinstance(node, ast.stmt))
    if isinstance(statement, ast.ImportFrom) and scope.node is not statement:
        holder = MODULES.get(statement.module or "")
        names = attributes(holder) if holder is not None else []
        if holder is MODULES["ibis"]:
            names = ["_", "selectors", "udf", *names]
    else:
        names = list(MODULES)
    for name in dict.fromkeys(names):
        yield Candidate(name, "module", f"import:{name}", name)
