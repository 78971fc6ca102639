"""Diagnostics: what is wrong with an input, where, and what to do; data first, text second."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import msgspec

# What each code means. A code is given out once and never takes another meaning.
CODES = {
    "IB001": "a file cannot be read",
    "IB002": "a file is not well-formed",
    "IB101": "unknown column type",
    "IB102": "duplicate table",
    "IB103": "duplicate column",
    "IB104": "unknown table",
    "IB105": "unknown column",
    "IB106": "not a description of a table",
    "IB107": "a table without columns",
    "IB201": "unknown key",
    "IB202": "missing key",
    "IB203": "a value of the wrong kind",
    "IB204": "duplicate template name",
    "IB205": "missing parameter",
    "IB206": "unused parameter",
    "IB207": "two variations render the same pair",
    "IB208": "a template that renders text which does not parse",
    "IB209": "a context table that the template does not use",
    "IB210": "a template without variations",
    "IB301": "the SQL does not run",
    "IB302": "the Ibis code raised",
    "IB303": "the Ibis code gives no expression",
    "IB304": "a limit was exceeded",
    "IB305": "the results differ",
    "IB306": "nothing is proved",
    "IB307": "the worker died",
    "IB308": "the code is refused",
    "IB309": "equal under the declared foreign keys only",
    "IB401": "not an example",
    "IB402": "an example that does not hold",
    "IB403": "a file that is not the one its manifest describes",
    "IB501": "a construct that Ibis cannot express",
    "IB502": "an ambiguous name",
    "IB503": "SQL that means nothing",
    "IB504": "an unknown function",
    "IB505": "code that calls functions of DuckDB which Ibis lacks",
    "IB506": "the values of parameters that a proof is about",
    "IB507": "columns of one name, which Ibis tells apart",
    "IB508": "an operation that a dialect has no spelling for",
    "IB510": "a result that dialects share for most values only",
    "IB610": "nothing to repair",
    "IB611": "the code raises",
    "IB612": "no repair was found",
    "IB613": "another error than the one that was stated",
    "IB700": "the code raises",
    "IB701": "a column compared by identity",
    "IB702": "a method that is not called",
    "IB703": "the text of an expression",
    "IB704": "an order that NULL has no part in",
    "IB705": "NULL in a list",
    "IB706": "a column compared with itself",
    "IB707": "bounds in reverse",
    "IB708": "a value that a part of a date cannot have",
    "IB709": "conditions that contradict each other",
    "IB710": "an expression that is dropped",
    "IB711": "an order that is lost",
    "IB713": "a join without a predicate",
    "IB714": "a join that compares one table",
    "IB715": "the key of one side of an outer join",
    "IB716": "set operands with columns in different orders",
    "IB717": "a limit computed from another table",
    "IB718": "rows put together from several",
    "IB719": "rows skipped in no order",
    "IB720": "an order without a frame",
    "IB721": "a frame with one end",
    "IB722": "a window without an order",
    "IB723": "the first of no order",
    "IB724": "an argument that a window ignores",
    "IB725": "a reduction over an earlier table",
    "IB726": "a count of a condition",
    "IB727": "a rank counted from 1",
    "IB728": "a reduction of rows in no order",
    "IB729": "an order that a reduction does not see",
    "IB730": "a result rounded when fetched",
    "IB731": "a decimal without a type",
    "IB732": "a format without %",
    "IB733": "months for minutes",
    "IB734": "a pattern of another language",
    "IB735": "padding of several characters",
    "IB737": "a time compared with a date",
    "IB738": "a branch that is never reached",
    "IB601": "completed code that was not run",
    "IB602": "nothing to complete",
    "IB603": "a cursor outside of the code",
    "IB604": "completed code that raises",
    "IB801": "a question that the API of Ibis does not answer",
    "IB802": "a question that cannot be read",
    "IB803": "an answer that claims what is not so",
    "IB851": "an unknown function",
    "IB852": "no plain function over tables",
    "IB853": "a function that cannot be told without running it",
    "IB854": "a function that does not build",
    "IB855": "a function that has a docstring",
    "IB856": "an example that did not run",
    "IB857": "a docstring that a validator finds fault with",
    "IB858": "a docstring that claims what is not so",
    "IB901": "a package is missing",
    "IB902": "a model or an adapter is missing",
    "IB903": "a device is missing",
    "IB904": "a server does not answer",
    "IB905": "a setting that means nothing",
    "IB906": "an answer without code",
    "IB910": "a training configuration that cannot be read",
    "IB911": "rows that cannot be trained on",
    "IB912": "a checkpoint that is not whole",
    "IB913": "a run that is not there",
    "IB914": "a model that cannot be exported",
    "IB930": "a run of an evaluation that cannot be read",
    "IB931": "runs that do not go together",
    "IB932": "a task that is not evaluated",
    "IB951": "shards of another configuration",
    "IB952": "rows that nobody can make again",
    "IB953": "no such example, or several",
    "IB954": "a file that is too large to be mined",
    "IB955": "a model that cannot be rendered",
}


class Span(msgspec.Struct, frozen=True, omit_defaults=True):
    """A place in an input: 1-based lines and columns, the end exclusive."""

    line: int
    column: int
    end_line: int | None = None
    end_column: int | None = None


class Edit(msgspec.Struct, frozen=True):
    """Text that takes the place of a span of an input; an empty span inserts."""

    span: Span
    text: str


class Fix(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """Edits that do away with a finding.

    Parameters
    ----------
    title
        What they do, in one line.
    edits
        They do not overlap.
    safe
        Whether the code means what it was meant to mean afterwards, for certain.
    """

    title: str
    edits: tuple[Edit, ...]
    safe: bool = False


class Diagnostic(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One finding about an input.

    Parameters
    ----------
    code
        A key of `CODES`.
    message
        What is wrong, in one line, without the place.
    source
        The file, or the path in a mapping, that it was found in.
    span
        The place within the source.
    hint
        What to do about it.
    fix
        The edits that do it.

    Examples
    --------
    >>> print(Diagnostic(code="IB104", message="no table 'ordres'", hint="did you mean 'orders'?"))
    IB104 no table 'ordres'
      hint: did you mean 'orders'?
    """

    code: str
    message: str
    source: str | None = None
    span: Span | None = None
    hint: str | None = None
    fix: Fix | None = None

    def __post_init__(self) -> None:
        if self.code not in CODES:
            raise ValueError(f"unknown diagnostic code {self.code!r}")

    @property
    def place(self) -> str | None:
        """`file:line:column`, as far as it is known."""
        parts = [self.source] if self.source else []
        if self.span:
            parts += [str(self.span.line), str(self.span.column)]
        return ":".join(parts) or None

    def __str__(self) -> str:
        place = f"{self.place}: " if self.place else ""
        hint = f"\n  hint: {self.hint}" if self.hint else ""
        return f"{place}{self.code} {self.message}{hint}"


class IbertError(Exception):
    """An input cannot be used; carries every diagnostic that was found, at least one."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        if not self.diagnostics:
            raise ValueError("an IbertError needs a diagnostic")
        super().__init__("\n".join(map(str, self.diagnostics)))

    def __reduce__(self) -> tuple[type[IbertError], tuple[tuple[Diagnostic, ...]]]:
        return type(self), (self.diagnostics,)


@contextmanager
def collected() -> Iterator[list[Diagnostic]]:
    """Collect diagnostics in the yielded list; raise them together at the end, if there are any.

    An `IbertError` raised inside adds its diagnostics to those collected so far.

    Examples
    --------
    >>> with collected() as found:
    ...     found.append(Diagnostic(code="IB001", message="no such file", source="a.sql"))
    ...     found.append(Diagnostic(code="IB001", message="no such file", source="b.sql"))
    Traceback (most recent call last):
    ibert.diagnostics.IbertError: a.sql: IB001 no such file
    b.sql: IB001 no such file
    """
    found: list[Diagnostic] = []
    try:
        yield found
    except IbertError as error:
        raise IbertError([*found, *error.diagnostics]) from error
    if found:
        raise IbertError(found)


def did_you_mean(name: str, known: Iterable[str], what: str = "names") -> str:
    """Give the hint for a name that is not among the known ones.

    Examples
    --------
    >>> did_you_mean("ordres", ["orders", "users"])
    "did you mean 'orders'?"
    >>> did_you_mean("x", ["orders", "users"], "tables")
    'the tables are: orders, users'
    """
    known = sorted(known)
    folded = {candidate.casefold(): candidate for candidate in known}
    close = difflib.get_close_matches(name.casefold(), folded, n=1)
    if close:
        return f"did you mean {folded[close[0]]!r}?"
    shown = ", ".join(known[:12]) + (", …" if len(known) > 12 else "")
    return f"the {what} are: {shown}" if known else f"there are no {what}"
