"""What is known of one name of the Ibis API."""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal[
    "class",
    "function",
    "method",
    "property",
    "operator",
    "selector",
    "decorator",
    "type",
    "constant",
]


class Parameter(msgspec.Struct, frozen=True, omit_defaults=True):
    """A parameter of a function.

    Attributes
    ----------
    name
        As it is written, with the stars of `*args` and `**kwargs`.
    annotation
        Its type, as Ibis writes it.
    default
        The Python expression of its default; None where there is none.
    keyword_only, positional_only
        How it can be passed.
    description
        What Ibis' documentation says of it.
    """

    name: str
    annotation: str = ""
    default: str | None = None
    keyword_only: bool = False
    positional_only: bool = False
    description: str = ""


class Snippet(msgspec.Struct, frozen=True):
    """An example of the documentation: what is typed, and what Ibis printed."""

    source: str
    output: str


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """A class, function, method, selector, decorator or data type.

    Attributes
    ----------
    path
        Where it is defined: `ibis.expr.types.StringValue.upper`.
    name
        Its last part; for an operator the method: `__add__`.
    kind
        What it is.
    owner
        The class that defines it; empty for what a module holds.
    receivers
        All public classes that have it.
    spelling
        How it is written: `ibis.literal`, `.upper()`, `+`.
    signature
        With its types: `upper() -> StringValue`.
    parameters, returns
        What it takes and gives.
    summary, text
        The first sentence of its documentation, and the sentences after it.
    examples
        The examples of its documentation, in order; later ones use names of earlier ones.
    deprecated
        What Ibis says to use instead; empty where it is not deprecated.
    operations
        The operations that it builds.
    backends
        The SQL backends that support each of them.
    """

    path: str
    name: str
    kind: Kind
    owner: str = ""
    receivers: tuple[str, ...] = ()
    spelling: str = ""
    signature: str = ""
    parameters: tuple[Parameter, ...] = ()
    returns: str = ""
    summary: str = ""
    text: str = ""
    examples: tuple[Snippet, ...] = ()
    deprecated: str = ""
    operations: tuple[str, ...] = ()
    backends: tuple[str, ...] = ()
