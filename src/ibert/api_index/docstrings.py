"""Read the documentation of a function of Ibis."""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Mapping
from doctest import DocTestParser
from types import MappingProxyType
from typing import Any, NamedTuple

import griffe
from griffe import DocstringSectionKind as Section

from ibert.api_index.entry import Snippet

_WARNING = re.compile(r":::\s*\{[^}]*\}\n## DEPRECATED: (?P<text>.*?)\n:::", re.DOTALL)
_DIVISION = re.compile(r"^:::.*$", re.MULTILINE)
_LINK = re.compile(r"\[(?P<text>[^\]]+)\]\([^)]+\)")
_SETTING = "ibis.options."  # statements of examples that are about how they are shown


class Documentation(NamedTuple):
    """The parts of a docstring in numpy's style."""

    summary: str = ""
    text: str = ""
    parameters: Mapping[str, str] = MappingProxyType({})
    returns: str = ""
    examples: tuple[Snippet, ...] = ()
    deprecated: str = ""


def documentation(documented: Any) -> Documentation:
    """Read the docstring of an object.

    Examples
    --------
    >>> import ibis.expr.types as ir
    >>> documentation(ir.StringValue.upper).summary
    'Convert string to all uppercase.'
    """
    written = inspect.getdoc(documented) or ""
    warning = _WARNING.search(written)
    logging.getLogger("griffe").setLevel(logging.ERROR)  # it warns of annotations it cannot find
    sections = griffe.Docstring(_WARNING.sub("", written)).parse("numpy")
    texts = [section.value for section in sections if section.kind is Section.text]
    summary, _, rest = _plain("\n\n".join(texts)).partition("\n\n")
    return Documentation(
        summary=" ".join(summary.split()),
        text=rest.strip(),
        parameters={
            item.name: " ".join(_plain(item.description).split())
            for section in sections
            if section.kind in (Section.parameters, Section.other_parameters)
            for item in section.value
        },
        returns=" ".join(
            _plain(item.description)
            for section in sections
            if section.kind is Section.returns
            for item in section.value
        ),
        examples=tuple(
            Snippet(item.source.rstrip("\n"), item.want.rstrip("\n"))
            for item in DocTestParser().get_examples(written)
            if not item.source.startswith(_SETTING)
        ),
        deprecated=warning["text"].strip() if warning else "",
    )


def _plain(text: str) -> str:
    """Leave out the markup of Ibis' website."""
    return _DIVISION.sub("", _LINK.sub(lambda link: link["text"], text))
