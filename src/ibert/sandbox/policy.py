"""What code may say: an allow-list over its syntax, and the place of what it refuses.

The lists stand in `policy.toml`. A policy is not what keeps the machine safe, as the kernel does:
it tells what is Ibis code and what is SQL in disguise, it gives a refusal its reason and place, and
it is a wall of its own.
"""

from __future__ import annotations

import ast
import builtins
import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from ibert.sandbox.protocol import Code, Profile

SNIPPET = "<ibis>"  # the file name of a job's code in tracebacks
CONNECTION = "con"
_IBIS = "ibis"


class PolicyError(Exception):
    """Code says what it may not.

    Attributes
    ----------
    line, column
        Where, from 1.
    hint
        What to write instead; None where there is no such thing.
    """

    def __init__(self, message: str, node: ast.AST | None, hint: str | None = None) -> None:
        super().__init__(message)
        self.line: int | None = getattr(node, "lineno", None)
        column: int | None = getattr(node, "col_offset", None)
        self.column = None if column is None else column + 1
        self.hint = hint


class Refused(NamedTuple):
    """Why an attribute is refused."""

    reason: str
    hint: str | None
    own: bool


class Policy(NamedTuple):
    """The lists of `policy.toml`."""

    characters: int
    nodes: int
    syntax: frozenset[str]
    types: frozenset[str]
    builtins: dict[str, Any]
    templates: re.Pattern[str]
    template_reason: str
    modules: dict[str, frozenset[str]]
    declarations: frozenset[str]
    function_name: re.Pattern[str]
    memtable: str
    memtable_values: frozenset[str]
    connection: dict[Profile, frozenset[str]]
    attributes: dict[str, Refused]


@cache
def policy() -> Policy:
    """Read the lists."""
    text = files("ibert.sandbox").joinpath("policy.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    syntax, functions = data["syntax"], data["functions"]
    return Policy(
        characters=syntax["characters"],
        nodes=syntax["nodes"],
        syntax=_words(syntax["statements"] + syntax["expressions"]),
        types=_words(data["builtins"]["types"]),
        builtins={name: getattr(builtins, name) for name in data["builtins"]["names"].split()},
        templates=re.compile(data["strings"]["refused"]),
        template_reason=data["strings"]["reason"],
        modules={name: _words(names) for name, names in data["modules"].items()},
        declarations=_words(functions["declarations"]),
        function_name=re.compile(functions["name"]),
        memtable=functions["memtable"],
        memtable_values=_words(functions["values"]),
        connection={profile: _words(data["connection"][profile]) for profile in Profile},
        attributes={
            name: Refused(group["reason"], group.get("hint"), group.get("own", False))
            for group in data["attributes"]
            for name in group["names"].split()
        },
    )


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def check(code: Code) -> ast.Module:
    """Parse code and see that it says nothing that it may not.

    Raises
    ------
    SyntaxError
        It does not parse.
    PolicyError
        It is refused.

    Examples
    --------
    >>> check(Code("import os"))
    Traceback (most recent call last):
    ...
    ibert.sandbox.policy.PolicyError: the module os may not be imported
    """
    rules = policy()
    if len(code.text) > rules.characters:
        raise PolicyError(f"code of more than {rules.characters:,} characters", None)
    module = parse(code.text)
    try:
        _Checker(rules, code, module).check()
    except RecursionError:
        raise PolicyError("code that is nested too deeply", None) from None
    return module


def parse(text: str) -> ast.Module:
    """Parse code.

    Raises
    ------
    SyntaxError
        It does not parse.
    """
    try:
        return ast.parse(text, SNIPPET)
    except (ValueError, RecursionError, MemoryError) as error:  # null bytes; nested too deeply
        raise SyntaxError(f"the code cannot be parsed: {error}") from None


def needs_database(module: ast.Module) -> bool:
    """Tell whether code has to run where the data are: it executes, or defines Python functions."""
    rules = policy()
    for node in ast.walk(module):
        name = node.attr if isinstance(node, ast.Attribute) else None
        if isinstance(node, ast.alias):
            name = node.name
        elif isinstance(node, ast.Name) and node.id == CONNECTION:
            continue
        refused = rules.attributes.get(name or "")
        if name in ("memtable", "python", "pyarrow", "pandas") or (refused and refused.own):
            return True
    return False


_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
_COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


class _Checker:
    """Walks code with the names that each scope binds, to know which of them are modules."""

    def __init__(self, rules: Policy, code: Code, module: ast.Module) -> None:
        self._rules = rules
        self._profile = code.profile
        self._constants = code.constants
        self._module = module
        self._paths = {_IBIS: _IBIS}  # what names at the top level are, in modules
        self._scopes: list[set[str]] = []
        self._bound = frozenset(_bound(module.body))
        self._rebound = set(self._bound)

    def check(self) -> None:
        for number, node in enumerate(ast.walk(self._module)):
            if number >= self._rules.nodes:
                raise PolicyError("code that is too long", node)
            self._check_node(node)
            self._rebound |= set(_given(node))
        for statement in self._module.body:
            if isinstance(statement, ast.Import | ast.ImportFrom):
                self._import(statement)
            for name in [*self._paths, CONNECTION]:
                if name in self._bound:
                    raise PolicyError(f"the name {name} is given to something else", statement)
        self._visit_all(self._module.body)

    # What needs no scope.

    def _check_node(self, node: ast.AST) -> None:
        if type(node).__name__ not in self._rules.syntax:
            raise PolicyError(f"the syntax {type(node).__name__} is not used in Ibis code", node)
        for name in _names(node):
            if name.startswith("__") and name.strip("_"):
                raise PolicyError(f"the name {name} reaches into Python itself", node)
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and self._rules.templates.search(node.value)
        ):
            raise PolicyError(self._rules.template_reason, node)

    # Imports.

    def _import(self, node: ast.Import | ast.ImportFrom) -> None:
        modules = self._rules.modules
        for alias in node.names:
            if CONNECTION in (alias.name, alias.asname):
                raise PolicyError(f"the name {CONNECTION} is given to something else", node)
            if isinstance(node, ast.Import):
                if alias.name not in modules:
                    raise PolicyError(f"the module {alias.name} may not be imported", node)
                root = alias.name.partition(".")[0]
                self._paths[alias.asname or root] = alias.name if alias.asname else root
                continue
            source = node.module or ""
            if node.level or source not in modules:
                raise PolicyError(f"the module {source or '.'} may not be imported", node)
            if alias.name not in modules[source]:
                raise PolicyError(f"{source}.{alias.name} may not be imported", node)
            self._paths[alias.asname or alias.name] = f"{source}.{alias.name}"

    # The walk.

    def _visit_all(self, nodes: Iterable[ast.AST | None]) -> None:
        for node in nodes:
            if node is not None:
                self._visit(node)

    def _visit(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import | ast.ImportFrom):
            if node not in self._module.body:
                raise PolicyError("an import that does not stand at the top level", node)
        elif isinstance(node, _FUNCTIONS):
            self._function(node)
        elif isinstance(node, _COMPREHENSIONS):
            self._comprehension(node)
        elif isinstance(node, ast.AnnAssign):
            self._annotation(node.annotation)
            self._visit_all([node.target, node.value])
        elif isinstance(node, ast.Call):
            self._call(node)
        elif isinstance(node, ast.Name | ast.Attribute):
            self._value(node)
        else:
            self._visit_all(ast.iter_child_nodes(node))

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        arguments = node.args
        self._visit_all([*arguments.defaults, *arguments.kw_defaults])
        for argument in _arguments(arguments):
            self._annotation(argument.annotation)
        if not isinstance(node, ast.Lambda):
            self._annotation(node.returns)
            for decorator in node.decorator_list:
                self._declaration(decorator)
        body = [node.body] if isinstance(node, ast.Lambda) else node.body
        parameters = {argument.arg for argument in _arguments(arguments)}
        self._scopes.append(parameters | set(_bound(body)))
        self._visit_all(body)
        self._scopes.pop()

    def _comprehension(
        self, node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
    ) -> None:
        first, *others = node.generators
        self._visit(first.iter)  # outside
        targets = [generator.target for generator in node.generators]
        self._scopes.append({name for target in targets for name in _stored(target)})
        self._visit_all([*targets, *first.ifs])
        for generator in others:
            self._visit_all([generator.iter, *generator.ifs])
        values = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        self._visit_all(values)
        self._scopes.pop()

    def _declaration(self, decorator: ast.expr) -> None:
        target = decorator.func if isinstance(decorator, ast.Call) else decorator
        if self._path(target) not in self._rules.declarations:
            raise PolicyError("a decorator that does not declare a function of Ibis", decorator)
        if isinstance(decorator, ast.Call):
            self._call(decorator)

    def _annotation(self, node: ast.expr | None) -> None:
        """See that an annotation holds no text: whoever reads it would run it."""
        match node:
            case None | ast.Constant(value=None):
                return
            case ast.Name(id=name) if name in self._rules.types and name not in self._rebound:
                return
            case ast.Name() | ast.Attribute() if self._path(node) is not None:
                self._member(node)
            case ast.Subscript():
                self._annotation(node.value)
                self._annotation(node.slice)
            case ast.Tuple():
                for element in node.elts:
                    self._annotation(element)
            case ast.BinOp(op=ast.BitOr()):
                self._annotation(node.left)
                self._annotation(node.right)
            case ast.Call() if (self._path(node.func) or "").startswith("ibis.expr.datatypes."):
                self._call(node)
            case _:
                raise PolicyError("an annotation that is no type", node)

    def _call(self, node: ast.Call) -> None:
        path = self._path(node.func)
        if path in self._rules.declarations:
            self._check_options(node)
        elif path == self._rules.memtable:
            self._check_memtable(node)
        else:
            self._visit(node.func)
        self._visit_all([*node.args, *(keyword.value for keyword in node.keywords)])

    def _check_options(self, node: ast.Call) -> None:
        for keyword in node.keywords:
            if keyword.arg is None:
                raise PolicyError("a declaration whose options are not written out", keyword.value)
            if keyword.arg not in ("name", "database", "catalog"):
                continue
            value = getattr(keyword.value, "value", None)
            if not isinstance(value, str) or not self._rules.function_name.fullmatch(value):
                raise PolicyError(f"a function whose {keyword.arg} is no name", keyword.value)

    def _check_memtable(self, node: ast.Call) -> None:
        if self._constants is None or self._profile is Profile.OWN:
            return
        data = [*node.args, *(k.value for k in node.keywords if k.arg == "data" or not k.arg)]
        parts = [part for value in data for part in ast.walk(value)]
        names = [key for part in parts if isinstance(part, ast.Dict) for key in part.keys]
        found = 0
        for part in parts:
            if isinstance(part, ast.Constant):
                found += part not in names
            elif not isinstance(part, _LITERAL) and not self._is_maker(part):
                raise PolicyError("a memtable of something else than constants", part)
        if found > self._constants:
            hint = "take the rows from the tables"
            raise PolicyError("a memtable with more values than the query has", node, hint)

    def _is_maker(self, node: ast.AST) -> bool:
        """Tell whether a name is that of a module such as datetime, or of what it holds."""
        root = (self._path(node) or "").partition(".")[0]
        return isinstance(node, ast.Name) and root in self._rules.memtable_values

    def _value(self, node: ast.Name | ast.Attribute) -> None:
        """See that what is taken for a value may be: no module, no refused attribute."""
        path = self._path(node)
        if path is not None:
            self._member(node)
            if not isinstance(node.ctx, ast.Load):
                raise PolicyError("an attribute that is changed", node)
            if path in self._rules.modules:
                raise PolicyError(f"the module {path} is no value", node)
            if path in self._rules.declarations or path == self._rules.memtable:
                raise PolicyError(f"{path} can only be called", node)
            return
        if isinstance(node, ast.Name):
            if node.id == CONNECTION and not self._is_local(node.id):
                raise PolicyError("the connection is no value", node)
            if hasattr(builtins, node.id) and not (
                node.id in self._rules.builtins or node.id in self._rebound
            ):
                raise PolicyError(f"{node.id} is not for Ibis code", node)
            return
        if not isinstance(node.ctx, ast.Load):
            raise PolicyError("an attribute that is changed", node)
        self._check_attribute(node)

    def _check_attribute(self, node: ast.Attribute) -> None:
        owner = node.value
        if isinstance(owner, ast.Name) and owner.id == CONNECTION and not self._is_local(owner.id):
            if node.attr not in self._rules.connection[self._profile]:
                raise PolicyError(f"con.{node.attr} is not what tables are taken with", node)
            return
        if node.attr.startswith("_"):
            hint = f'write ["{node.attr}"] for a column'
            raise PolicyError(f"the attribute {node.attr} is private", node, hint)
        refused = self._rules.attributes.get(node.attr)
        if refused and not (refused.own and self._profile is Profile.OWN):
            hint = refused.hint or f'write ["{node.attr}"] for a column'
            raise PolicyError(f"the attribute {node.attr}: {refused.reason}", node, hint)
        self._visit(owner)

    def _member(self, node: ast.Name | ast.Attribute) -> None:
        """See that each step from a module to its member is listed."""
        if isinstance(node, ast.Name):
            return
        assert isinstance(node.value, ast.Name | ast.Attribute)
        self._member(node.value)
        owner = self._path(node.value)
        assert owner is not None
        if node.attr not in self._rules.modules[owner]:
            raise PolicyError(f"{owner}.{node.attr} is not for Ibis code", node)

    def _path(self, node: ast.AST) -> str | None:
        """Give what a name or attribute is, from a module on; None where it is no such thing."""
        if isinstance(node, ast.Name):
            return None if self._is_local(node.id) else self._paths.get(node.id)
        if isinstance(node, ast.Attribute):
            owner = self._path(node.value)
            if owner in self._rules.modules:
                return f"{owner}.{node.attr}"
        return None

    def _is_local(self, name: str) -> bool:
        return any(name in scope for scope in self._scopes)


_LITERAL = (
    *(ast.List, ast.Tuple, ast.Dict, ast.UnaryOp, ast.USub, ast.UAdd, ast.Load),
    *(ast.Call, ast.Attribute),
)


def _names(node: ast.AST) -> Iterator[str]:
    for field in ("id", "arg", "name", "asname"):
        if isinstance(name := getattr(node, field, None), str):
            yield name


def _arguments(arguments: ast.arguments) -> list[ast.arg]:
    found = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return [*found, *filter(None, [arguments.vararg, arguments.kwarg])]


def _given(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id


def _stored(node: ast.AST) -> Iterator[str]:
    """Give the names that a target binds."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
            yield part.id


def _bound(body: Sequence[ast.AST]) -> Iterator[str]:
    """Give the names that the code of one scope binds, imports aside, in any order."""
    left: list[ast.AST | None] = list(body)
    while left:
        node = left.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
            left += [*node.decorator_list, *node.args.defaults, *node.args.kw_defaults]
        elif isinstance(node, ast.Lambda):
            left += [*node.args.defaults, *node.args.kw_defaults]
        elif isinstance(node, _COMPREHENSIONS):
            # Its targets are its own; what it assigns with := is not.
            for part in ast.walk(node):
                if isinstance(part, ast.NamedExpr):
                    yield part.target.id
        elif isinstance(node, ast.Name):
            if isinstance(node.ctx, ast.Store):
                yield node.id
        elif node is not None:
            left += ast.iter_child_nodes(node)
