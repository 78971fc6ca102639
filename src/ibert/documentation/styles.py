"""Docstrings in the styles of `styles.toml`."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from ibert.diagnostics import Diagnostic, IbertError, did_you_mean
from ibert.documentation.description import Description, Entry
from ibert.documentation.phrases import wrapped

WIDTH = 88
_INDENT = "    "


@cache
def styles() -> dict[str, dict[str, Any]]:
    """Give the styles by name."""
    text = files("ibert.documentation").joinpath("styles.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def style_named(name: str) -> dict[str, Any]:
    """Give a style.

    Raises
    ------
    IbertError
        IB203 if there is none of that name.

    Examples
    --------
    >>> style_named("nupmy")
    Traceback (most recent call last):
    ibert.diagnostics.IbertError: IB203 unknown style 'nupmy'
      hint: did you mean 'numpy'?
    """
    if name not in styles():
        hint = did_you_mean(name, styles(), "styles")
        raise IbertError([Diagnostic(code="IB203", message=f"unknown style {name!r}", hint=hint)])
    return styles()[name]


def render(description: Description, example: list[str], style: str, indent: int = 4) -> str:
    """Write a docstring, without its quotes and without indentation.

    Parameters
    ----------
    description
        What it says.
    example
        The lines of its doctest.
    style
        A key of `styles()`.
    indent
        How far it will stand to the right.
    """
    return _Writer(style_named(style), WIDTH - indent).write(description, example)


class _Writer:
    def __init__(self, style: dict[str, Any], width: int) -> None:
        self.style = style
        self.width = width

    def write(self, description: Description, example: list[str]) -> str:
        parameters, result, raised, examples = self.style["titles"]
        description = self._marked(description)
        blocks = [[description.summary]]
        if description.extended:
            blocks.append(wrapped(description.extended, self.width))
        if description.parameters:
            blocks.append(self._section(parameters, "parameter", description.parameters))
        blocks.append(self._section(result, "result", [description.result]))
        if description.raised:
            blocks.append(self._section(raised, "raised", description.raised))
        text = "\n".join("\n".join([*block, ""]) for block in self._joined(blocks))
        if not example:
            return text.rstrip()
        head = self._head(examples)
        gap = [""] if not self.style["nested"] and not self.style["head"] else []
        lines = [*head, *gap, *self._nested(example)]
        return text.rstrip() + "\n\n" + "\n".join(lines)

    def _marked(self, description: Description) -> Description:
        """Put code in the marks of the style."""
        mark = self.style["markup"]
        return Description(
            summary=description.summary.replace("`", mark),
            extended=description.extended.replace("`", mark),
            parameters=tuple(_marked(entry, mark) for entry in description.parameters),
            result=_marked(description.result, mark),
            raised=tuple(_marked(entry, mark) for entry in description.raised),
        )

    def _joined(self, blocks: list[list[str]]) -> list[list[str]]:
        """Put the fields of a style without headings into one block."""
        if self.style["head"]:
            return blocks
        front = [block for block in blocks if not block[0].startswith(":")]
        fields = [line for block in blocks if block[0].startswith(":") for line in block]
        return [*front, fields]

    def _head(self, title: str) -> list[str]:
        if not self.style["head"]:
            return [title] if title else []
        head: str = self.style["head"].format(title=title, rule="-" * len(title))
        return head.split("\n")

    def _section(self, title: str, kind: str, entries: Any) -> list[str]:
        lines = [line for entry in entries for line in self._entry(kind, entry)]
        while lines and not lines[-1]:
            lines.pop()
        return [*self._head(title), *self._nested(lines)]

    def _nested(self, lines: list[str]) -> list[str]:
        indent = " " * self.style["nested"]
        return [f"{indent}{line}" if line else "" for line in lines]

    def _entry(self, kind: str, entry: Entry) -> list[str]:
        width = self.width - self.style["nested"]
        head = self.style[kind].format(name=entry.name, type=entry.type)
        text = entry.text if entry.items or not entry.after else f"{entry.text} {entry.after}"
        if self.style["inline"]:
            lines = wrapped(head + text, width, _INDENT)
        else:
            lines = [head, *_indented(wrapped(text, width - len(_INDENT)))]
        if entry.items:
            lines += ["", *self._items(entry.items, width)]
            if entry.after:
                lines += ["", *_indented(wrapped(entry.after, width - len(_INDENT)))]
        typed = self.style["typed"].get(kind)
        if entry.items and (self.style["inline"] or kind == "parameter"):
            lines.append("")
        if typed:
            lines.append(typed.format(name=entry.name, type=entry.type))
        return lines

    def _items(self, items: tuple[str, ...], width: int) -> list[str]:
        lines: list[str] = []
        for item in items:
            end = "." if item == items[-1] else ""
            lines += _indented(wrapped(f"- {item}{end}", width - len(_INDENT), "  "))
        return lines


def _marked(entry: Entry, mark: str) -> Entry:
    return entry._replace(
        text=entry.text.replace("`", mark),
        items=tuple(item.replace("`", mark) for item in entry.items),
        after=entry.after.replace("`", mark),
    )


def _indented(lines: list[str]) -> list[str]:
    return [f"{_INDENT}{line}" for line in lines]


def quoted(text: str, indent: str) -> str:
    r'''Write a docstring as Python does, its lines but the first indented.

    Examples
    --------
    >>> print(quoted("Do it.\n\nWell.", "    "))
    """Do it.
    <BLANKLINE>
        Well.
        """
    '''
    prefix = "r" if "\\" in text else ""
    first, *rest = text.split("\n")
    if not rest:
        return f'{prefix}"""{first}"""'
    lines = [f"{indent}{line}" if line else "" for line in rest]
    return "\n".join([f'{prefix}"""{first}', *lines, f'{indent}"""'])
