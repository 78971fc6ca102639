"""The types and values that are tried, from `types.toml`."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import ibis.expr.datatypes as dt


class Kind(NamedTuple):
    """A type that columns are tried with."""

    dtype: dt.DataType
    family: str
    values: list[Any]
    rare: bool


@cache
def _data() -> dict[str, Any]:
    text = files("ibert.documentation").joinpath("types.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def kinds() -> tuple[Kind, ...]:
    """Give the types, those that suit examples best first."""
    return tuple(
        Kind(dt.dtype(row["name"]), row["family"], row["values"], row.get("rare", False))
        for row in _data()["types"]
    )


def values_of(dtype: dt.DataType) -> list[Any]:
    """Give values of a type for examples, as literals of Python; none where there are none."""
    found = next((kind.values for kind in kinds() if kind.dtype == dtype), None)
    if found is not None:
        return found
    for kind in kinds():  # int32 for int64, decimal(15, 2) for decimal(9, 2)
        for family in (dt.Integer, dt.Floating, dt.Decimal, dt.Timestamp, dt.String):
            if isinstance(kind.dtype, family) and isinstance(dtype, family):
                return kind.values
    return []


def candidates(annotation: str | None) -> list[str] | None:
    """Give the values that a parameter is tried with, as code; None for an unknown annotation."""
    table: dict[str, list[str]] = _data()["values"]
    if annotation is None:
        return table["*"]
    plain = (
        annotation.replace("Optional[", "").removesuffix("]")
        if (annotation.startswith("Optional["))
        else annotation
    )
    parts = [part.strip() for part in plain.split(" | ")]
    return next((table[part] for part in parts if part in table), None)


def column_named_by(parameter: str) -> str:
    """Give the column that a parameter names in examples."""
    names: dict[str, str] = _data()["names"]
    return names.get(parameter, parameter.removesuffix("s"))


def hinted(name: str) -> dt.DataType | None:
    """Give the type that a name suggests for examples."""
    parts = name.casefold().split("_")
    for row in _data()["hints"]:
        if parts[-1] in row["parts"] or (row["type"] == "boolean" and parts[0] in row["parts"]):
            return dt.dtype(row["type"])
    return None


def described(types: set[dt.DataType]) -> str:
    """Say which types those are, in words.

    Examples
    --------
    >>> described({dt.int64, dt.float64, dt.Decimal(9, 2), dt.uuid})
    'numeric'
    >>> described({kind.dtype for kind in kinds()} - {dt.string})
    'any type but string'
    """
    common = {kind.dtype for kind in kinds() if not kind.rare}
    known = types & common
    if not known:
        return listed([str(kind.dtype) for kind in kinds() if kind.dtype in types], "or")
    if known == common:
        return "any type"
    if len(known) > len(common) // 2:
        return f"any type but {listed(_words(common - known), 'or')}"
    return listed(_words(known), "or")


def exactly(types: set[dt.DataType]) -> str | None:
    """Say of what types something is true that is not true of others; None if that is no matter.

    Examples
    --------
    >>> exactly({kind.dtype for kind in kinds()} - {dt.string})
    'not string'
    >>> exactly({dt.string, dt.boolean, dt.uuid})
    'string or boolean'
    >>> exactly({dt.uuid})
    """
    common = {kind.dtype for kind in kinds() if not kind.rare}
    others = {kind.dtype for kind in kinds()} - types
    if others and others <= common:
        return f"not {listed(_words(others), 'or')}"
    return listed(_words(types & common), "or") or None


def listed(parts: list[str], last: str = "and") -> str:
    """Put a list in words.

    Examples
    --------
    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    *rest, end = parts or [""]
    return f"{', '.join(rest)} {last} {end}" if rest else end


def _words(types: set[dt.DataType]) -> list[str]:
    """Name types by their families, where they have all of a family's."""
    families: dict[str, list[dt.DataType]] = {}
    for kind in kinds():
        families.setdefault(kind.family, []).append(kind.dtype)
    whole = {family for family, members in families.items() if types >= set(members)}
    found = []
    for row in _data()["words"]:
        if whole >= set(row["families"]):
            found.append(row["words"])
            whole -= set(row["families"])
            types = types - {kind for family in row["families"] for kind in families[family]}
    for family, members in families.items():
        if family in whole:
            found.append(family)
        else:
            found += [str(kind) for kind in members if kind in types]
    return found
