"""Print Python syntax trees the way `ruff format` lays them out.

A node is written on the current line where its text fits. Where it does not, its brackets are
opened, or it is split before its operators or the dots of its method chain, by the rules of ruff's
formatter (crates/ruff_python_formatter of ruff 0.17).

Nodes may have an attribute `comments`, a list of texts without `#`: a statement, an element of
brackets (an argument, a keyword, an item of a list) and a method call of a chain. Each is printed
on a line of its own above the statement, the element or the `.method(…)`.
"""

from ibert.translator.layout.printer import format_module

__all__ = ["format_module"]
