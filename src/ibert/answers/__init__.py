"""Questions about Ibis, answered from its own documentation and by running examples."""

from ibert.answers.examples import Example, Output, choose, examples, output_of, shown
from ibert.answers.retrieval import Found, find
from ibert.answers.text import answer_text, rows_table

__all__ = [
    "Example",
    "Found",
    "Output",
    "answer_text",
    "choose",
    "examples",
    "find",
    "output_of",
    "rows_table",
    "shown",
]
