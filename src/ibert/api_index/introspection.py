"""Read the public API off the installed Ibis package."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import ibis.selectors as selectors
from ibis.backends.duckdb import Backend
from ibis.expr.types.groupby import GroupedTable

from ibert.api_index.docstrings import documentation
from ibert.api_index.entry import Entry, Kind, Parameter
from ibert.api_index.operations import backends_of, operations_of

OPERATORS = {
    "__abs__": "abs()",
    "__add__": "+",
    "__and__": "&",
    "__eq__": "==",
    "__floordiv__": "//",
    "__ge__": ">=",
    "__getitem__": "[]",
    "__gt__": ">",
    "__invert__": "~",
    "__le__": "<=",
    "__lshift__": "<<",
    "__lt__": "<",
    "__mod__": "%",
    "__mul__": "*",
    "__ne__": "!=",
    "__neg__": "-",
    "__or__": "|",
    "__pow__": "**",
    "__rshift__": ">>",
    "__sub__": "-",
    "__truediv__": "/",
    "__xor__": "^",
}
# What holds functions, and how they are written.
_MODULES: tuple[tuple[object, str, Kind], ...] = (
    (ibis, "ibis", "function"),
    (selectors, "ibis.selectors", "selector"),
    (ibis.udf.scalar, "ibis.udf.scalar", "decorator"),
    (ibis.udf.agg, "ibis.udf.agg", "decorator"),
)
_INHERITED = (object, dict, tuple, frozenset)


def entries() -> list[Entry]:
    """Give an entry for every public name, once for all the classes that share it."""
    found: dict[str, Entry] = {}
    for holder, prefix, kind in _MODULES:
        for entry in _functions(holder, prefix, kind):
            found.setdefault(entry.path, entry)
    for entry in _types():
        found.setdefault(entry.path, entry)
    for entry in _members():
        found.setdefault(entry.path, entry)
    return sorted(found.values(), key=lambda entry: entry.path)


def public_classes() -> dict[str, type]:
    """Give the classes of expressions, and those that make them, by name."""
    classes = {
        name: found
        for name, found in vars(ir).items()
        if inspect.isclass(found)
        and issubclass(found, ir.Expr)
        and not name.startswith("_")
        and found.__name__ == name
    }
    return classes | {
        "GroupedTable": GroupedTable,
        "DayOfWeek": ir.DayOfWeek,
        "Schema": ibis.Schema,
        "Backend": Backend,
        "Deferred": ibis.Deferred,
    }


def _functions(holder: object, prefix: str, kind: Kind) -> Iterator[Entry]:
    names = getattr(holder, "__all__", None) or [name for name in vars(holder) if name[0] != "_"]
    for name in names:
        found = getattr(holder, name)
        path, spelling = f"{prefix}.{name}", f"{_short(prefix)}.{name}"
        if isinstance(found, ir.Value | ibis.Deferred):
            summary = " ".join((inspect.getdoc(found) or "").split("\n\n")[0].split())
            yield Entry(path, name, "constant", spelling=spelling, summary=summary)
        elif inspect.isroutine(found) and _is_of_ibis(found):
            yield _entry(found, path, kind, spelling=spelling)


def _short(prefix: str) -> str:
    return "s" if prefix == "ibis.selectors" else prefix


def _types() -> Iterator[Entry]:
    for name, found in vars(dt).items():
        if inspect.isclass(found) and issubclass(found, dt.DataType) and found.__name__ == name:
            path = f"ibis.expr.datatypes.{name}"
            yield _entry(found, path, "type", spelling=f"dt.{name}")


def _members() -> Iterator[Entry]:
    """Yield classes and what they define; each once, with the classes that inherit it."""
    classes = public_classes()
    receivers: dict[tuple[type, str], list[str]] = {}
    for label, kind in classes.items():
        yield _entry(kind, f"{_home(kind)}.{label}", "class", spelling=label)
        for name in dir(kind):
            owner = _owner(kind, name)
            if owner is not None and (name[0] != "_" or name in OPERATORS):
                receivers.setdefault((owner, name), []).append(label)
    for (owner, name), labels in receivers.items():
        static = owner.__dict__[name]
        public = owner.__name__ if owner in classes.values() else labels[0]
        path = f"{_home(classes.get(public, owner))}.{public}.{name}"
        found, kind_of, spelling = _member(static, name)
        if inspect.isfunction(found):
            yield _entry(found, path, kind_of, owner, tuple(labels), spelling)


def _member(static: Any, name: str) -> tuple[Any, Kind, str]:
    """Give the function of a member, what it is, and how it is written."""
    if isinstance(static, property):
        return static.fget, "property", f".{name}"
    if name in OPERATORS:
        return static, "operator", OPERATORS[name]
    return _function(static), "method", f".{name}()"


def _owner(kind: type, name: str) -> type | None:
    """Give the class of Ibis that defines a name, or documents what a subclass forwards."""
    owners = [base for base in kind.__mro__ if name in base.__dict__ and base not in _INHERITED]
    owners = [base for base in owners if base.__module__.startswith("ibis")]
    if not owners:
        return None
    written = getattr(owners[0], name).__doc__
    same = [base for base in owners if written and getattr(base, name).__doc__ == written]
    return same[-1] if same else owners[0]


def _function(static: Any) -> Any:
    found = static.__func__ if isinstance(static, classmethod | staticmethod) else static
    return inspect.unwrap(found) if callable(found) else found


def _home(kind: type) -> str:
    """Give the module that a class is imported from."""
    return "ibis.expr.types" if hasattr(ir, kind.__name__) else kind.__module__


def _is_of_ibis(found: Any) -> bool:
    return (getattr(found, "__module__", None) or "").startswith("ibis")


def _entry(
    found: Any,
    path: str,
    kind: Kind,
    owner: type | None = None,
    receivers: tuple[str, ...] = (),
    spelling: str = "",
) -> Entry:
    read = documentation(found)
    name = path.rpartition(".")[2]
    is_class = inspect.isclass(found)
    operations = () if is_class else operations_of(found, owner)
    supported = [backends_of(operation) for operation in operations]
    parameters, returns = _signature(found, read.parameters)
    written = ", ".join(map(_written, parameters))
    return Entry(
        path=path,
        name=name,
        kind=kind,
        owner=owner.__name__ if owner is not None else "",
        receivers=receivers,
        spelling=spelling,
        signature="" if is_class else f"{name}({written})" + (f" -> {returns}" if returns else ""),
        parameters=parameters,
        returns=returns,
        summary=read.summary,
        text=read.text,
        examples=read.examples,
        deprecated=read.deprecated,
        operations=operations,
        backends=tuple(sorted(frozenset.intersection(*supported))) if supported else (),
    )


def _signature(
    found: Callable[..., Any], descriptions: Mapping[str, str]
) -> tuple[tuple[Parameter, ...], str]:
    try:
        signature = inspect.signature(found)
    except (TypeError, ValueError):  # written in C, or a class without one
        return (), ""
    parameters = []
    for item in signature.parameters.values():
        if item.name in ("self", "cls"):
            continue
        stars = "*" * (item.kind is item.VAR_POSITIONAL) + "**" * (item.kind is item.VAR_KEYWORD)
        parameters.append(
            Parameter(
                name=stars + item.name,
                annotation=_annotation(item.annotation),
                default=None if item.default is item.empty else _default(item.default),
                keyword_only=item.kind is item.KEYWORD_ONLY,
                positional_only=item.kind is item.POSITIONAL_ONLY,
                description=descriptions.get(item.name) or descriptions.get(stars + item.name, ""),
            )
        )
    return tuple(parameters), _annotation(signature.return_annotation)


def _annotation(annotation: Any) -> str:
    if annotation is inspect.Signature.empty:
        return ""
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _default(value: Any) -> str:
    """Write a default; those that only mark that nothing was passed are not shown."""
    written = repr(value)
    return "..." if written.startswith("<") else written


def _written(parameter: Parameter) -> str:
    text = parameter.name
    if parameter.annotation:
        text += f": {parameter.annotation}"
    if parameter.default is not None:
        text += f" = {parameter.default}" if parameter.annotation else f"={parameter.default}"
    return text
