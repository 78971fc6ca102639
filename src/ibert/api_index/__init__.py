"""The API of the installed Ibis: introspected, searchable, never typed by hand."""

from ibert.api_index.entry import Entry, Parameter, Snippet
from ibert.api_index.store import ApiIndex, Hit, api_index

__all__ = ["ApiIndex", "Entry", "Hit", "Parameter", "Snippet", "api_index"]
