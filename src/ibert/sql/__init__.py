"""Read SQL: parse it with places for what is wrong, tell what its result looks like."""

import logging

from ibert.sql.output import Output, describe_output
from ibert.sql.parse import count_constants, is_qualified, parse_query, to_duckdb

__all__ = [
    "Output",
    "count_constants",
    "describe_output",
    "is_qualified",
    "parse_query",
    "to_duckdb",
]

# What sqlglot cannot read becomes a diagnostic: its warnings are for who asks for them.
logging.getLogger("sqlglot").addHandler(logging.NullHandler())
