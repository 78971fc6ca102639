"""Read SQL: parse it with places for what is wrong, tell what its result looks like."""

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
