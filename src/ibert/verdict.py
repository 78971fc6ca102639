"""The verdict on generated code: a status with its evidence."""

from __future__ import annotations

import enum

import msgspec

from ibert.diagnostics import Diagnostic


class Status(enum.StrEnum):
    """What is known about an answer, best first."""

    VERIFIED = "VERIFIED"  # ran, no difference, and there were rows to differ in
    CONDITIONAL = "CONDITIONAL"  # no difference where the declared foreign keys hold, but elsewhere
    CHECKED = "CHECKED"  # ran or builds, but proves nothing: the verdict says why
    REFUTED = "REFUTED"  # ran, and differs
    REFUSED = "REFUSED"  # the engine declined
    FAILED = "FAILED"  # raised, or met a limit


class Difference(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a result differs from the one it should equal.

    Parameters
    ----------
    kind
        What differs: `columns`, `names`, `types`, `rows` or `order`.
    message
        The difference in one line.
    path
        Which result differs: what the compiled SQL gives (`raw`), what the user fetches
        (`fetched`), or what the compiled SQL gives on the same rows in another order
        (`reordered`).
    columns
        The columns of the rows below.
    missing
        Rows of the reference that the result lacks, values as text; at most `SHOWN_ROWS`.
    unexpected
        Rows of the result that the reference lacks; likewise.
    """

    kind: str
    message: str
    path: str = "raw"
    columns: tuple[str, ...] = ()
    missing: tuple[tuple[str, ...], ...] = ()
    unexpected: tuple[tuple[str, ...], ...] = ()


class TableRows(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of a table, values as text, in the columns that the two sides name."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Counterexample(msgspec.Struct, frozen=True, kw_only=True):
    """The fewest rows that were found on which two queries differ.

    Parameters
    ----------
    tables
        The rows that are left; a table that is not here, or has no rows, is empty.
    columns
        Those of the two results.
    reference
        What the SQL gives on these rows.
    result
        What the code gives on them.
    ordered
        Whether the order of the rows of the results matters.
    """

    tables: tuple[TableRows, ...]
    columns: tuple[str, ...]
    reference: tuple[tuple[str, ...], ...]
    result: tuple[tuple[str, ...], ...]
    ordered: bool = False


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One candidate of a model, and what the verifier said about it.

    Parameters
    ----------
    round
        0 for the first answers; each later round knew what was wrong with those before.
    code
        The candidate; the whole answer where that holds no code.
    status
        The verdict on it.
    message
        What the next round was told about it, if it was the best so far.
    """

    round: int
    code: str
    status: Status
    message: str


class Evidence(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a verdict rests on.

    Parameters
    ----------
    databases
        On how many databases the reference ran.
    rows
        How many rows the reference gave.
    order
        Whether the order of the rows was judged.
    protection
        How well the code was confined when it ran: 3 for its files and its system calls, 2 for its
        system calls, 1 for a process of its own, 0 where nothing ran.
    sql
        The SQL that Ibis compiled the code to.
    difference
        For REFUTED and CONDITIONAL: what differs.
    counterexample
        Likewise, where the rows differ: the smallest tables that show it.
    data
        How much of the user's own database both ran on, beside those: `whole`, or nothing.
    attempts
        Every candidate of a model, in order.
    """

    databases: int = 0
    rows: int = 0
    order: bool = False
    protection: int = 0
    sql: str | None = None
    difference: Difference | None = None
    counterexample: Counterexample | None = None
    data: str | None = None
    attempts: tuple[Attempt, ...] = ()


class Verdict(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A status, its evidence, and what a person should know about it.

    Examples
    --------
    >>> Verdict(status=Status.VERIFIED, evidence=Evidence(databases=1, rows=3)).verified
    True
    """

    status: Status
    evidence: Evidence = Evidence()
    diagnostics: tuple[Diagnostic, ...] = ()

    @property
    def verified(self) -> bool:
        """Whether the code was proved by running it."""
        return self.status is Status.VERIFIED
