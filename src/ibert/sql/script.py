"""A SQL script as statements, with the places of their parts."""

from __future__ import annotations

import bisect
import functools
import logging
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sqlglot import Dialect, Token, TokenType, exp
from sqlglot.errors import ParseError, TokenError
from sqlglot.parser import Parser
from sqlglot.parsers.mysql import MySQLParser
from sqlglot.parsers.redshift import RedshiftParser

from ibert.diagnostics import Diagnostic, Span
from ibert.document_readers import Lines

# How often a parser may take each token of a statement. The scripts in the tests need 3 at most.
_STEPS = 200

# What sqlglot's parser raises, besides ParseError, over malformed text: a quoted type that is none,
# GRANT without privileges, a quoted name of an aggregate function in ClickHouse.
PARSER_ERRORS = (AttributeError, IndexError, KeyError, TokenError, TypeError, ValueError)


class Script:
    """The text of a script, and what is wrong with it.

    Parameters
    ----------
    sql
        The text.
    dialect
        The name that sqlglot has for its dialect.
    source
        The file it comes from, for diagnostics.
    found
        Where diagnostics go.
    """

    def __init__(self, sql: str, dialect: str, source: str | None, found: list[Diagnostic]) -> None:
        self._sql = _separated(sql) if dialect in ("tsql", "fabric") else sql
        self._dialect = Dialect.get_or_raise(dialect)
        self.source = source
        self._found = found
        self._parser = _corrected(self._dialect.parser_class)(dialect=self._dialect)
        self._tokens = self._tokenized()

    @functools.cached_property
    def _lines(self) -> Lines:
        return Lines(self._sql)

    @functools.cached_property
    def _starts(self) -> list[int]:
        return [token.start for token in self._tokens]

    def statements(self) -> Iterator[tuple[exp.Expr, list[Token]]]:
        """Yield the statements with their tokens; one that does not parse hides no other."""
        for tokens in self._chunks():
            for statement in self._parsed(tokens):
                if statement is not None:
                    yield statement, tokens

    def find(self, code: str, message: str, span: Span | None, hint: str | None = None) -> None:
        """Note what is wrong at a place."""
        self._found.append(
            Diagnostic(code=code, message=message, source=self.source, span=span, hint=hint)
        )

    def span(self, tokens: list[Token]) -> Span:
        """Give the place of some tokens in a row."""
        return self._lines.span(tokens[0].start, tokens[-1].end + 1)

    def text(self, tokens: list[Token]) -> str:
        """Give the text of some tokens in a row."""
        return self._sql[tokens[0].start : tokens[-1].end + 1]

    def beginning(self, tokens: list[Token]) -> str:
        """Give the first words of some tokens in a row."""
        words = self._sql[tokens[0].start : tokens[-1].end + 1].split()
        return " ".join(words if len(words) <= 4 else [*words[:4], "…"])

    def name_span(self, name: exp.Expr) -> Span | None:
        """Give the place of an identifier, or of the first one within an expression."""
        identifier = name.find(exp.Identifier)
        if identifier is None or "start" not in identifier.meta:
            return None
        return self._lines.span(identifier.meta["start"], identifier.meta["end"] + 1)

    def node_span(self, node: exp.Expr) -> Span | None:
        """Give the place of an expression, from the first to the last of its parts."""
        places = [part.meta for part in node.walk() if "start" in part.meta]
        if not places:
            return None
        start, end = min(place["start"] for place in places), max(place["end"] for place in places)
        return self._lines.span(start, end + 1)

    def type_span(self, column: exp.Expr) -> Span | None:
        """Give the place of a column's type: of the token after its name."""
        end = column.this.meta.get("end")
        if end is None:
            return None
        index = bisect.bisect_right(self._starts, end)
        return self.span(self._tokens[index : index + 1])

    def _tokenized(self) -> list[Token]:
        tokenizer = self._dialect.tokenizer()
        try:
            return tokenizer.tokenize(self._sql)
        except TokenError:
            # What cannot be read begins after the last token that could.
            end = tokenizer.tokens[-1].end + 1 if tokenizer.tokens else 0
            start = len(self._sql) - len(self._sql[end:].lstrip())
            span = self._lines.span(start, start + 1)
            self.find("IB002", "a literal or a quoted name that is not closed", span)
            return []

    def _chunks(self) -> Iterator[list[Token]]:
        chunk: list[Token] = []
        for token in self._tokens:
            if token.token_type is not TokenType.SEMICOLON:
                chunk.append(token)
            elif chunk:
                chunk[-1].comments.extend(token.comments)
                yield chunk
                chunk = []
        if chunk:
            yield chunk

    def _parsed(self, tokens: list[Token]) -> list[exp.Expr | None]:
        try:
            with _quiet():
                return self._parser.parse(tokens, self._sql)
        except ParseError as error:
            self._find_syntax(error, tokens)
        except PARSER_ERRORS:
            self.find("IB002", "not understood by the parser", self.span(tokens[:1]))
        except RecursionError:
            self.find("IB002", "nested too deeply", self.span(tokens[:1]))
        except _EndlessError:
            self.find("IB002", "the parser does not come to an end", self.span(tokens[:1]))
        return []

    def _find_syntax(self, error: ParseError, tokens: list[Token]) -> None:
        at, message = tokens[:1], "syntax error"
        for detail in error.errors[:1]:
            # sqlglot gives the place where a token ends.
            end = (detail["line"], detail["col"])
            at = [token for token in tokens if (token.line, token.col) == end] or at
            # Some descriptions show sqlglot's own objects.
            said = "syntax error" if "<" in detail["description"] else detail["description"]
            message = f"{said} near {textwrap.shorten(self.beginning(at), 40)!r}"
        self.find("IB002", message, self.span(at))


class _EndlessError(Exception):
    """A parser goes back and forth over the same tokens."""


@functools.cache
def _corrected(parser: type[Parser]) -> type[Parser]:
    """Give a parser without some faults of sqlglot 30.17.

    It never comes back from `CREATE TABLE t (a INT, NOT b)`: it takes the NOT back twice, and so
    meets the comma again. It reads `a + b % c` as `(a + b) % c`, and `a < b IS NULL` as
    `a < (b IS NULL)`. It reads ADD_MONTHS of Redshift as DATEADD, and counts TO_DAYS from year 0.
    """
    comparisons = {**parser.EQUALITY, **parser.COMPARISON}
    functions = next((found for kind, found in _FUNCTIONS if issubclass(parser, kind)), {})

    class Corrected(parser):  # type: ignore[misc, valid-type]
        TERM = {  # noqa: RUF012  it overrides one of sqlglot's
            token: made for token, made in parser.TERM.items() if token is not TokenType.MOD
        }
        FUNCTIONS = {**parser.FUNCTIONS, **functions}  # noqa: RUF012
        FACTOR = {TokenType.MOD: exp.Mod, **parser.FACTOR}  # noqa: RUF012
        RANGE_PARSERS = {  # noqa: RUF012
            token: made for token, made in parser.RANGE_PARSERS.items() if token is not TokenType.IS
        }

        def _parse_equality(self) -> exp.Expr | None:
            this: exp.Expr | None = super()._parse_equality()
            while this is not None:
                if self._match(TokenType.IS):
                    found = self._parse_is(this)
                    if found is None:
                        break
                    this = found
                elif self._match_set(comparisons):
                    kind = comparisons[self._prev.token_type]
                    this = self.expression(kind(this=this, expression=self._parse_range()))
                else:
                    break
            return this

        def reset(self) -> None:
            super().reset()
            self._steps = 0

        def _advance(self, times: int = 1) -> None:
            self._steps += 1
            if self._steps > _STEPS * (self._tokens_size + 1):
                raise _EndlessError
            super()._advance(times)

    return Corrected


def _to_days(arguments: list[exp.Expr]) -> exp.Expr:
    return exp.Anonymous(this="TO_DAYS", expressions=arguments)


_FUNCTIONS: tuple[tuple[type[Parser], dict[str, Callable[[list[exp.Expr]], exp.Expr]]], ...] = (
    (MySQLParser, {"TO_DAYS": _to_days}),
    (RedshiftParser, {"ADD_MONTHS": exp.AddMonths.from_arg_list}),
)


def _separated(sql: str) -> str:
    """Put semicolons for GO, by which the clients of T-SQL separate batches."""
    lines = (
        ";".ljust(len(line)) if line.strip().upper() == "GO" else line for line in sql.split("\n")
    )
    return "\n".join(lines)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep sqlglot from logging what this thread parses: what it does not parse is refused."""
    thread = threading.get_ident()
    logger = logging.getLogger("sqlglot")

    def drop(record: logging.LogRecord) -> bool:
        return record.thread != thread

    logger.addFilter(drop)
    try:
        yield
    finally:
        logger.removeFilter(drop)
