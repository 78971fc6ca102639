"""Parameters of SQL (`?`, `$1`, `:name`) as those of Ibis."""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sqlglot import exp

from ibert.sql.parse import AS_WRITTEN
from ibert.translator.datatypes import NULL, UNKNOWN, VARCHAR, Type, common, from_sqlglot
from ibert.translator.emission import RESERVED
from ibert.translator.names import unique
from ibert.translator.refusal import Refusal
from ibert.translator.scope import Rule, Scope
from ibert.translator.values import Value, constant, dotted, is_keyword, name

_NODES = (exp.Placeholder, exp.Parameter)
_HINT = "say its type: CAST({} AS …)"

# What the code is tried with, by the name of the type.
_DATE, _TIMESTAMP = "2024-01-31", "2024-01-31 00:00:00"
_SAMPLES: dict[str, object] = {
    **dict.fromkeys(("tinyint", "smallint", "integer", "bigint", "hugeint"), 1),
    **dict.fromkeys(("utinyint", "usmallint", "uinteger", "ubigint", "uhugeint"), 1),
    **dict.fromkeys(("float", "double", "decimal"), 1),
    "varchar": "a",
    "boolean": True,
    "date": _DATE,
    "timestamp": _TIMESTAMP,
    "time": "09:30:15",
}


class Sampled(NamedTuple):
    """A parameter with the value that the code is tried with."""

    variable: str
    type: Type
    sample: object


def number(tree: exp.Expr, ordinals: Iterator[int]) -> None:
    """Give the parameters without a name one: `?` goes by its place in the text."""
    bare: list[exp.Expr] = [node for node in tree.find_all(*_NODES) if not _name(node)]
    if len(bare) > 1:
        bare = _in_order(tree, bare)
    for node, ordinal in zip(bare, ordinals, strict=False):
        node.set("this", str(ordinal))
        node.meta["text"] = "?"


def _in_order(tree: exp.Expr, bare: list[exp.Expr]) -> list[exp.Expr]:
    """Sort nodes as their text comes; they have no places of their own."""
    marks = {f"place_{i}_": node for i, node in enumerate(bare)}
    for mark, node in marks.items():
        node.set("this", mark)
    found = re.findall(r"place_\d+_", tree.sql(AS_WRITTEN, comments=False))
    return [marks[mark] for mark in dict.fromkeys(found)]


def parameter(node: exp.Expr, scope: Scope) -> Value:
    """Translate a parameter: a variable of the type that it is compared with."""
    label = _name(node)
    known = scope.context.parameters.get(label)
    if known is None:
        kind = _type(node, label, scope)
        if kind is None or kind.dtype is None:
            text = node.meta.get("text", f"${label}")
            raise Refusal(f"the parameter {text} of an unknown type", node, _HINT.format(text))
        known = Value(name(_variable(label, scope)), kind)
        scope.context.parameters[label] = known
    return known


def _name(node: exp.Expr) -> str:
    return node.name if node.this else ""


def _variable(label: str, scope: Scope) -> str:
    base = f"param_{label}" if label.isdigit() else re.sub(r"\W", "_", label)
    if base in RESERVED or base in scope.context.catalog or not is_keyword(base):
        base = f"{base}_"
    return unique(base, variables(scope.context.parameters))


def _type(node: exp.Expr, label: str, scope: Scope) -> Type | None:
    """Find the type of a parameter: at this place or at another one where it stands."""
    others = [other for other in node.root().find_all(*_NODES) if _name(other) == label]
    for place in [node, *others]:
        kind = _type_here(place, scope)
        if kind is not None:
            return kind
    return None


_ALIKE = (
    *(exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ, exp.NullSafeNEQ),
    *(exp.Between, exp.In, exp.Coalesce, exp.Nullif, exp.Greatest, exp.Least),
)
_NUMBERS = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod)
_TEXTS = (
    *(exp.Like, exp.ILike, exp.SimilarTo, exp.RegexpLike, exp.StartsWith, exp.EndsWith),
    *(exp.DPipe, exp.Concat, exp.Lower, exp.Upper, exp.Trim),
)


def _type_here(node: exp.Expr, scope: Scope) -> Type | None:
    around = node.parent
    while isinstance(around, exp.Paren):
        node, around = around, around.parent
    if isinstance(around, exp.Cast | exp.TryCast):
        return from_sqlglot(around.to)
    if isinstance(around, _TEXTS):
        return VARCHAR
    if not isinstance(around, (*_ALIKE, *_NUMBERS)):
        return None
    found = None
    for other in _parts(around, node):
        kind = _type_of(other, scope)
        if kind is not None:
            found = kind if found is None else common(found, kind)
    if isinstance(around, _NUMBERS) and found is not None and not found.is_numeric:
        return None
    return found


def _parts(around: exp.Expr, without: exp.Expr) -> Iterator[exp.Expr]:
    for part in around.iter_expressions():
        if part is not without and not isinstance(part.unnest(), _NODES):
            yield part


def _type_of(node: exp.Expr, scope: Scope) -> Type | None:
    if node.find(*_NODES) or isinstance(node, exp.Query):
        return None
    try:
        kind = scope.value(node).type
    except Refusal:
        return None
    return None if kind in (NULL, UNKNOWN) else kind


def variables(parameters: Mapping[str, Value]) -> list[str]:
    """Give the variables of parameters."""
    return [_id(value) for value in parameters.values()]


def ordered(parameters: Mapping[str, Value]) -> dict[str, Value]:
    """Give parameters in order: those with numbers first."""
    labels = sorted(parameters, key=lambda label: int(label) if label.isdigit() else math.inf)
    return {label: parameters[label] for label in labels}


def declarations(parameters: Mapping[str, Value]) -> list[ast.stmt]:
    """Write the parameters as variables: `name = ibis.param("int32")`."""
    return [
        _assigned(value, "param", [constant(value.type.dtype)]) for value in parameters.values()
    ]


def samples(parameters: Mapping[str, Value]) -> dict[str, Sampled] | None:
    """Choose a value for each parameter; None where there is none for a type."""
    if any(value.type.name not in _SAMPLES for value in parameters.values()):
        return None
    return {
        label: Sampled(_id(value), value.type, _SAMPLES[value.type.name])
        for label, value in parameters.items()
    }


def sample_declarations(
    parameters: Mapping[str, Value], chosen: Mapping[str, Sampled]
) -> list[ast.stmt]:
    """Write the parameters as the values that the code is tried with."""
    return [
        _assigned(value, "literal", [constant(chosen[label].sample), constant(value.type.dtype)])
        for label, value in parameters.items()
    ]


def with_samples(tree: exp.Expr, chosen: Mapping[str, Sampled]) -> exp.Expr:
    """Put the values that the code is tried with into the SQL."""

    def replace(node: exp.Expr) -> exp.Expr:
        if not isinstance(node, _NODES) or _name(node) not in chosen:
            return node
        found = chosen[_name(node)]
        return exp.cast(exp.convert(found.sample), _sql(found.type), dialect="duckdb")

    return tree.transform(replace)


def _sql(kind: Type) -> str:
    arguments = f"({', '.join(map(str, kind.args))})" if kind.is_decimal else ""
    return kind.name + arguments


def _id(value: Value) -> str:
    return value.node.id if isinstance(value.node, ast.Name) else ""


def _assigned(value: Value, function: str, arguments: list[ast.expr]) -> ast.stmt:
    call = ast.Call(func=dotted(f"ibis.{function}"), args=arguments, keywords=[])
    return ast.Assign(targets=[ast.Name(id=_id(value), ctx=ast.Store())], value=call)


RULES: dict[type[exp.Expr], Rule] = dict.fromkeys(_NODES, parameter)
