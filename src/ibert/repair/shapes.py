"""The table of error shapes: what an exception says, and what may repair its cause."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple


class Shape(NamedTuple):
    """A kind of error.

    Attributes
    ----------
    exceptions
        The names of the classes that are raised.
    message
        What is said, with named parts.
    title
        What it means, for a person.
    repairs
        The names of what may repair it, likeliest first.
    """

    exceptions: frozenset[str]
    message: re.Pattern[str]
    title: str
    repairs: tuple[str, ...]


@cache
def shapes() -> tuple[Shape, ...]:
    """Read the table."""
    return tuple(
        Shape(
            frozenset(row["exceptions"]),
            re.compile(row["message"], re.DOTALL),
            row["title"],
            tuple(row["repairs"]),
        )
        for row in data()["shape"]
    )


def matching(exception: str, message: str) -> Iterator[tuple[Shape, dict[str, str]]]:
    """Yield the shapes of an error, with the parts of its message.

    Examples
    --------
    >>> shape, parts = next(matching("AttributeError", "'Table' object has no attribute 'totl'"))
    >>> parts
    {'owner': 'Table', 'name': 'totl'}
    """
    for shape in shapes():
        if exception in shape.exceptions and (found := shape.message.search(message)):
            yield shape, {name: part for name, part in found.groupdict().items() if part}


@cache
def data() -> dict[str, Any]:
    """Read the file of the table."""
    text = files("ibert.repair").joinpath("shapes.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)
