"""Docstrings of functions over tables, in which every statement is found by building or running."""

from ibert.documentation.documenter import Docstring, Documenter
from ibert.documentation.source import Source, TableFunction

__all__ = ["Docstring", "Documenter", "Source", "TableFunction"]
