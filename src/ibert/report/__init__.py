"""Reports: one HTML file that needs nothing else, with tables and plots."""

from ibert.report.page import Case, Figure, Page, Part, Prose, Section, Table, html, write_page
from ibert.report.plots import Plot, bars, histogram, lines

__all__ = [
    "Case",
    "Figure",
    "Page",
    "Part",
    "Plot",
    "Prose",
    "Section",
    "Table",
    "bars",
    "histogram",
    "html",
    "lines",
    "write_page",
]
