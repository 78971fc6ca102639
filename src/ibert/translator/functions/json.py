"""JSON: extraction by paths, and the types that a structure given as JSON stands for."""

from __future__ import annotations

import json
import re
from typing import Any

from sqlglot import exp
from sqlglot.errors import ParseError

from ibert.translator.datatypes import JSON, UNKNOWN, VARCHAR, Type, from_sqlglot, list_of
from ibert.translator.functions.rules import Rule
from ibert.translator.values import Value, as_expression, builtin, cast, literal, subscript

# Ibis writes a key into a path as it is, so only a key that needs no quotes means itself there.
_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PATH = re.compile(r"\$(\.[A-Za-z_][A-Za-z0-9_]*|\[[0-9]+\])*")
_STEP = re.compile(r"\.(\w+)|\[(\d+)\]")
_QUOTED = re.compile(r'"[^"]*"')

Step = str | int


def extract(base: Value, path: exp.JSONPath | Value) -> Value | None:
    """Translate `base -> path`: subscripts where the path is made of plain keys and positions.

    Examples
    --------
    >>> import ast
    >>> from ibert.translator.values import name
    >>> ast.unparse(extract(Value(name("j"), JSON), literal("$.a.b[0]", VARCHAR)).node)
    "j['a']['b'][0]"
    """
    steps = _steps(path)
    if steps is not None:
        for step in steps:
            base = subscript(_as_json(base), step, JSON)
        return _as_json(base)
    if isinstance(path, Value) and not path.is_literal and _is_step(path.type):
        return subscript(_as_json(base), path, JSON)
    return _call("json_extract", base, path, JSON)


def extract_string(base: Value, path: exp.JSONPath | Value) -> Value | None:
    """Translate `base ->> path`, which gives every value as text; Ibis gives only texts."""
    steps = _steps(path)
    if steps is not None and len(steps) == 1:
        path = literal(steps[0], VARCHAR)
    return _call("json_extract_string", base, path, VARCHAR)


def path_literal(path: exp.JSONPath) -> Value | None:
    """Give a path as its text; None for one that sqlglot reads but cannot write.

    Examples
    --------
    >>> path_literal(exp.JSONPath(expressions=[exp.JSONPathRoot()])).literal
    '$'
    """
    if path.find(exp.JSONPathRecursive):
        return None
    return literal(path.sql("duckdb")[1:-1].replace("''", "'"), VARCHAR)


def _call(name: str, base: Value, path: exp.JSONPath | Value, kind: Type) -> Value | None:
    if isinstance(path, exp.JSONPath):
        written = path_literal(path)
        if written is None:
            return None
        path = written
    if path.type.is_list or (path.is_literal and _finds_several(path.literal)):
        kind = list_of(kind)
    return builtin(name, base, path, type=kind)


def _is_step(kind: Type) -> bool:
    return kind == VARCHAR or kind.is_integer


def _as_json(base: Value) -> Value:
    return base if base.type == JSON else cast(as_expression(base), JSON)


def _finds_several(path: Any) -> bool:
    """Whether a path has wildcards, so that it gives a list."""
    if not isinstance(path, str) or not path.startswith("$"):
        return False
    bare = _QUOTED.sub("", path)
    return "*" in bare or ".." in bare


def _steps(path: exp.JSONPath | Value) -> list[Step] | None:
    """Give the keys and positions of a path; None where it has more than those."""
    if isinstance(path, Value):
        return _steps_of_literal(path.literal) if path.is_literal else None
    steps = [part.this for part in path.expressions if not isinstance(part, exp.JSONPathRoot)]
    return steps if steps and all(map(_is_plain, steps)) else None


def _steps_of_literal(path: Any) -> list[Step] | None:
    if isinstance(path, str) and _PATH.fullmatch(path) and len(path) > 1:
        return [key or int(position) for key, position in _STEP.findall(path)]
    return [path] if _is_plain(path) else None


def _is_plain(step: Any) -> bool:
    if isinstance(step, str):
        return _KEY.fullmatch(step) is not None
    return isinstance(step, int) and not isinstance(step, bool) and step >= 0


def _transformed(name: str) -> Rule:
    """Give the rule for a function whose result has the type that its second argument spells."""

    def rule(base: Value, structure: Value) -> Value | None:
        if not structure.is_literal or not isinstance(structure.literal, str):
            return None
        try:
            kind = _structured(json.loads(structure.literal))
        except (json.JSONDecodeError, ParseError):
            return None
        return builtin(name, base, structure, type=kind)

    return rule


def _structured(structure: Any) -> Type:
    """Give the type that a JSON structure spells.

    Examples
    --------
    >>> _structured({"a": ["INTEGER"], "b": "VARCHAR"}).dtype
    'struct<a: array<int32>, b: string>'
    """
    if isinstance(structure, str):
        return from_sqlglot(exp.DataType.build(structure, dialect="duckdb"))
    if isinstance(structure, list) and len(structure) == 1:
        return list_of(_structured(structure[0]))
    if isinstance(structure, dict):
        return Type("struct", tuple((name, _structured(part)) for name, part in structure.items()))
    return UNKNOWN


RULES: dict[str, Rule] = {
    "json_extract": extract,
    "json_extract_string": extract_string,
    **{
        name: _transformed(name)
        for name in ("from_json", "from_json_strict", "json_transform", "json_transform_strict")
    },
}
