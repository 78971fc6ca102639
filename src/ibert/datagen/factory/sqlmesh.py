"""Models of SQLMesh: a header `MODEL (…)`, then a query."""

from __future__ import annotations

from typing import NamedTuple

from sqlglot import Dialect, Token, TokenType
from sqlglot.errors import TokenError

from ibert.diagnostics import Diagnostic, IbertError, Span

MACRO = "macros of SQLMesh are not rendered"


class Model(NamedTuple):
    """What a file of a model says.

    Attributes
    ----------
    name
        Without its schema.
    dialect
        Of its SQL; empty where the header does not tell.
    columns
        Declarations of columns, as CREATE TABLE has them; empty where there are none.
    text
        The file with spaces in place of the header: what is found in it stands where it stood.
    """

    name: str
    dialect: str
    columns: str
    text: str


def read_model(text: str, dialect: str, source: str) -> Model | None:
    r"""Read a file that begins with MODEL; None if it does not.

    Raises
    ------
    IbertError
        IB002 if the header does not end, IB955 if the query has macros.

    Examples
    --------
    >>> text = "MODEL (name shop.big, dialect postgres, columns (a INT)); SELECT a FROM t"
    >>> model = read_model(text, "duckdb", "big.sql")
    >>> model.name, model.dialect, model.columns, model.text.strip()
    ('big', 'postgres', '(a INT)', 'SELECT a FROM t')
    """
    try:
        tokens = Dialect.get_or_raise(dialect).tokenize(text)
    except TokenError:
        return None  # what is wrong is told of the query
    if [token.text.upper() for token in tokens[:2]] != ["MODEL", "("]:
        return None
    end = _closing(tokens, 1)
    if end is None:
        raise IbertError([_problem("IB002", "the header does not end", source, tokens[0])])
    properties = dict(_properties(tokens[2:end], text))
    body = tokens[end + 1 :]
    for token in body:
        if token.token_type is TokenType.PARAMETER or token.text.upper() == "JINJA_QUERY_BEGIN":
            raise IbertError([_problem("IB955", MACRO, source, token)])
    start = body[0].end + 1 if body and body[0].token_type is TokenType.SEMICOLON else len(text)
    blank = "".join(letter if letter == "\n" else " " for letter in text[:start])
    name = properties.get("name", source).rpartition(".")[2].strip('"`')
    columns = properties.get("columns", "")
    return Model(name, properties.get("dialect", "").strip("'\""), columns, blank + text[start:])


def _closing(tokens: list[Token], place: int) -> int | None:
    """Find the bracket that closes one."""
    depth = 0
    for index in range(place, len(tokens)):
        depth += tokens[index].token_type is TokenType.L_PAREN
        depth -= tokens[index].token_type is TokenType.R_PAREN
        if depth == 0:
            return index
    return None


def _properties(tokens: list[Token], text: str) -> list[tuple[str, str]]:
    """Give the properties of a header, with their text."""
    found, start, depth = [], 0, 0
    for index, token in enumerate([*tokens, None]):
        if token is not None:
            depth += token.token_type is TokenType.L_PAREN
            depth -= token.token_type is TokenType.R_PAREN
        is_end = token is None or (depth == 0 and token.token_type is TokenType.COMMA)
        if is_end and index > start + 1:
            key, first, last = tokens[start], tokens[start + 1], tokens[index - 1]
            found.append((key.text.lower(), text[first.start : last.end + 1]))
        if is_end:
            start = index + 1
    return found


def _problem(code: str, message: str, source: str, token: Token) -> Diagnostic:
    span = Span(token.line, max(token.col - len(token.text) + 1, 1))
    return Diagnostic(code=code, message=message, source=source, span=span)
