"""What Ibis offers: the names that objects have, and the values that parameters take."""

from __future__ import annotations

import ast
import inspect
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

import ibis.expr.datatypes as dt
import ibis.expr.operations.relations as relations
import ibis.expr.types as ir
from ibis.common.deferred import Deferred
from ibis.common.exceptions import IbisError
from ibis.common.grounds import Annotable

from ibert.api_index.introspection import public_classes
from ibert.interpreter.objects import OWNERS, may_read

# Parameters that take a type: words of their annotations, and names that are not annotated so.
_TYPED = ("DataType", "IntoDtype")
_SHORT = ("int", "str")  # names that Ibis reads, beside its own
_TYPED_NAMES = frozenset({"dtype", "target_type", "type"})
STARS: dict[Any, str] = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}


class Parameter(NamedTuple):
    """A parameter of a function of Ibis, with its stars, and the texts that it takes if listed."""

    name: str
    options: tuple[str, ...]
    typed: bool

    @property
    def variadic(self) -> bool:
        """Whether it takes any number of arguments."""
        return self.name.startswith("*")


def attributes(holder: Any) -> list[str]:
    """Give the public names of an object that code may use; not the columns of a table."""
    if isinstance(holder, types.ModuleType):
        return list(_names_of_module(holder))
    if isinstance(holder, OWNERS) and not isinstance(holder, Deferred):
        kind: type = type(holder)
        return list(_names_of_class(kind))
    return [name for name in dir(holder) if may_read(holder, name)]


@cache
def _names_of_module(holder: types.ModuleType) -> tuple[str, ...]:
    listed = getattr(holder, "__all__", None) or dir(holder)
    return tuple(dict.fromkeys(name for name in listed if may_read(holder, name)))


@cache
def _names_of_class(kind: type) -> tuple[str, ...]:
    return tuple(
        name for name in dir(kind) if not name.startswith("_") and name not in dir(Annotable)
    )


@cache
def any_attributes() -> tuple[str, ...]:
    """Give the public names of all of Ibis' tables and values, for what is not known."""
    names = {name for kind in public_classes().values() for name in _names_of_class(kind)}
    return tuple(sorted(names))


def parameters(function: Any) -> tuple[Parameter, ...]:
    """Give the parameters of a function.

    Examples
    --------
    >>> import ibis
    >>> table = ibis.table({"x": "timestamp"}, name="t")
    >>> parameters(table.x.truncate)[0].options[:3]
    ('Y', 'Q', 'M')
    >>> [item.options[:2] for item in parameters(table.join) if item.name == "how"]
    [('inner', 'left')]
    """
    if function is None or isinstance(function, ir.Expr | Deferred) or not callable(function):
        return ()
    try:
        return _parameters(getattr(function, "__func__", function), inspect.ismethod(function))
    except TypeError:  # it cannot be hashed
        return ()


@cache
def _parameters(function: Callable[..., Any], bound: bool) -> tuple[Parameter, ...]:
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return ()
    scope = getattr(inspect.unwrap(function), "__globals__", {})
    found = [
        Parameter(
            STARS.get(item.kind, "") + item.name,
            tuple(dict.fromkeys(_options(str(item.annotation), scope))),
            item.name in _TYPED_NAMES or any(word in str(item.annotation) for word in _TYPED),
        )
        for item in signature.parameters.values()
    ]
    return tuple(found[1:] if bound else found)


def _options(annotation: str, scope: dict[str, Any]) -> Iterator[str]:
    """Yield the texts that an annotation lists."""
    try:
        tree = ast.parse(annotation.strip("'\""), mode="eval")
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Subscript) and ast.unparse(node.value).endswith("Literal"):
            for item in ast.walk(node.slice):
                if isinstance(item, ast.Constant) and isinstance(item.value, str):
                    yield item.value
        elif isinstance(node, ast.Name):
            named = scope.get(node.id, getattr(relations, node.id, None))
            if typing.get_origin(named) is typing.Literal:
                yield from (item for item in typing.get_args(named) if isinstance(item, str))


def columns_of(table: ir.Table) -> Mapping[str, dt.DataType]:
    """Give the columns of a table; a join whose names collide has none until they are renamed."""
    try:
        return dict(table.schema().items())
    except IbisError:
        return {}


def shared_keys(left: ir.Table, right: ir.Table) -> list[str]:
    """Give the columns that two tables have both, with types that can be compared."""
    there = columns_of(right)
    return [
        name
        for name, dtype in columns_of(left).items()
        if name in there and (dtype.castable(there[name]) or there[name].castable(dtype))
    ]


@cache
def type_names() -> tuple[str, ...]:
    """Give the names of the types without parameters, as they are written in text."""
    made = (
        kind()
        for kind in vars(dt).values()
        if inspect.isclass(kind) and issubclass(kind, dt.DataType) and _is_plain(kind)
    )
    return tuple(sorted({*map(str, made), *_SHORT}))


def _is_plain(kind: type) -> bool:
    try:
        kind()
    except Exception:  # noqa: BLE001  an abstract type, or one with parameters
        return False
    return bool(kind.__module__ == dt.DataType.__module__)


def family(value: Any) -> str:
    """Name the sort of a value, as ranking tells them apart."""
    if isinstance(value, ir.Value):
        kind = type(value).__name__
        for ending in ("Column", "Scalar", "Value"):
            kind = kind.removesuffix(ending)
        return kind
    if isinstance(value, ir.Table):
        return "Join" if type(value).__name__ == "Join" else "Table"
    if isinstance(value, types.ModuleType):
        return value.__name__
    return type(value).__name__.lstrip("_")
