"""Pages: sections of prose, figures, tables, plots and cases, written as one HTML file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar

from ibert.files import written_whole
from ibert.model.missing import require
from ibert.report.plots import Plot

Cell = str | int | float | None

_EXTRA = "report"


@dataclass(frozen=True)
class Prose:
    """Paragraphs of plain text."""

    kind: ClassVar = "prose"

    text: str

    @property
    def paragraphs(self) -> list[str]:
        """What blank lines part."""
        return [part for part in self.text.split("\n\n") if part.strip()]


@dataclass(frozen=True)
class Figure:
    """A number that a reader should see first, with what it is.

    Attributes
    ----------
    value
        As it is to be shown.
    label
        What it is.
    note
        What it rests on: an interval, a count.
    """

    kind: ClassVar = "figure"

    value: str
    label: str
    note: str = ""


@dataclass(frozen=True)
class Table:
    """Rows under their heads; numbers stand to the right, and None is an empty cell."""

    kind: ClassVar = "table"

    heads: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    caption: str = ""


@dataclass(frozen=True)
class Case:
    """One case that a reader may unfold.

    Attributes
    ----------
    title
        Its name.
    label
        What came of it, in a word.
    texts
        Code and other texts, by what they are.
    is_good
        Whether what came of it is what was wanted.
    """

    kind: ClassVar = "case"

    title: str
    label: str
    texts: Mapping[str, str]
    is_good: bool = False


Part = Prose | Figure | Table | Plot | Case


@dataclass(frozen=True)
class Section:
    """Parts under a heading; figures that follow each other stand in one row."""

    title: str
    parts: Sequence[Part]

    @property
    def groups(self) -> list[tuple[str, list[Part]]]:
        """The parts, those of one kind together."""
        found: list[tuple[str, list[Part]]] = []
        for part in self.parts:
            if not found or found[-1][0] != part.kind:
                found.append((part.kind, []))
            found[-1][1].append(part)
        return found


@dataclass(frozen=True)
class Page:
    """A report.

    Attributes
    ----------
    title
        What it is about.
    sections
        In order.
    lead
        What it says, in a sentence or two.
    facts
        What it was made from: versions, hashes, commands.
    """

    title: str
    sections: Sequence[Section]
    lead: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_plots(self) -> bool:
        """Whether the page needs what draws plots."""
        return any(isinstance(part, Plot) for section in self.sections for part in section.parts)


def html(page: Page) -> str:
    """Give a page as HTML that loads nothing from elsewhere.

    Everything in it is text: what looks like markup is shown as it is.

    Raises
    ------
    IbertError
        IB901 if jinja2 or, for a page with plots, plotly is missing.

    Examples
    --------
    >>> page = Page("Scores", [Section("All", [Table(("task", "cases"), [("<qa>", 1200)])])])
    >>> [line.strip() for line in html(page).splitlines() if "qa" in line]
    ['<tr><td>&lt;qa&gt;</td><td class="number">1,200</td></tr>']
    """
    return str(_template().render(page=page, script=_plotly() if page.has_plots else ""))


def write_page(path: Path, page: Page) -> None:
    """Write a page whole or not at all.

    Raises
    ------
    IbertError
        IB901 if jinja2 or plotly is missing.
    OSError
        The file cannot be written.
    """
    text = html(page)
    with written_whole(path) as file:
        file.write(text.encode())


@cache
def _plotly() -> str:
    """Give the script that draws plots."""
    require("plotly", _EXTRA)
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


@cache
def _template() -> Any:
    jinja2 = require("jinja2", _EXTRA)
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["cell"] = _cell
    environment.tests["numeric"] = lambda value: isinstance(value, int | float)
    text = files("ibert.report").joinpath("page.html").read_text(encoding="utf-8")
    return environment.from_string(text)


def _cell(value: Cell) -> str:
    match value:
        case None:
            return ""
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.4g}"
    return value
