"""Reports: one file that needs nothing else, in which data is never markup."""

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ibert.diagnostics import IbertError
from ibert.report import (
    Case,
    Figure,
    Page,
    Prose,
    Section,
    Table,
    bars,
    histogram,
    html,
    lines,
    write_page,
)
from ibert.report.page import _plotly

EVIL = "</script><script>alert(1)</script><img src=x onerror=alert(1)> & \"'"


class Seen(HTMLParser):
    """What a browser would see: tags with their attributes, and the texts within."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def names(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)


def full(text: str) -> Page:
    share = {"model": {text: 0.5, "b": 1.0}}
    plots = [
        bars(share, intervals={"model": {text: (0.25, 0.75)}}, share=True, caption=text),
        histogram({text: [1, 2, 2]}, axis=text),
        lines({"loss": [(0, 3.0), (1, 1.5)]}, axes=("step", text)),
    ]
    parts = [Prose(f"{text}\n\nsecond"), Figure(text, "of", "note"), Figure("1", "two")]
    table = Table((text, "n", "share"), [(text, 1234, 0.5), (None, 7, 0.123456)], caption=text)
    case = Case(text, "wrong", {text: text})
    facts = {text: text}
    return Page(text, [Section(text, [*parts, table, *plots, case])], lead=text, facts=facts)


def test_data_is_never_markup() -> None:
    plain, evil = Seen(html(full("plain"))), Seen(html(full(EVIL)))
    assert [name for name, _ in evil.tags] == [name for name, _ in plain.tags]
    assert evil.names("img") == 0
    assert EVIL in "".join(evil.texts)


def test_plots_are_read_back_as_they_were() -> None:
    page = full(EVIL)
    seen = Seen(html(page))
    read = [json.loads(text) for text in seen.texts if text.startswith('{"data"')]
    plots = [part for part in page.sections[0].parts if part.kind == "plot"]
    assert [one["data"] for one in read] == [list(plot.data) for plot in plots]
    assert read[0]["data"][0]["error_y"]["array"] == [0.25, 0.0]


def test_nothing_is_loaded_from_elsewhere() -> None:
    seen = Seen(html(full("plain")))
    assert not any({"src", "srcset"} & attributes.keys() for _, attributes in seen.tags)
    assert seen.names("link") == 0
    assert {attributes["href"] for tag, attributes in seen.tags if tag == "a"} == {"#section-1"}


def test_cells_are_numbers_to_the_right() -> None:
    page = Page("t", [Section("s", [Table(("a", "n"), [("x", 12345), (None, 0.25)])])])
    text = html(page)
    assert '<td>x</td><td class="number">12,345</td>' in text
    assert '<td></td><td class="number">0.25</td>' in text
    assert len(text) < 10_000  # what draws plots is left out where there are none


def test_a_page_is_written_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "report.html"
    write_page(path, full("plain"))
    assert path.read_text() == html(full("plain"))
    assert list(path.parent.iterdir()) == [path]


def test_a_package_that_is_missing_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    _plotly.cache_clear()
    monkeypatch.setattr("ibert.model.missing.find_spec", lambda package: None)
    with pytest.raises(IbertError, match=r"IB901 .*'plotly'.*\n.*ibert\[report\]"):
        html(full("plain"))
