"""What crosses the wall between the parent and a worker: plain data, never pickled objects."""

from __future__ import annotations

import enum
import unicodedata
from functools import cached_property
from typing import TYPE_CHECKING, Self

import msgspec

from ibert.sandbox.kernel.protection import ALL_LAYERS, Layer

if TYPE_CHECKING:
    import pyarrow as pa


class Limits(msgspec.Struct, frozen=True):
    """What one job may use.

    Parameters
    ----------
    seconds
        Wall-clock time.
    memory_bytes
        Address space on top of what the idle worker has.
    output_bytes
        What it may print.
    result_rows
        Rows of a result.
    result_bytes
        Size of a result.
    """

    seconds: float = 10.0
    memory_bytes: int = 1 << 30
    output_bytes: int = 1 << 20
    result_rows: int = 100_000
    result_bytes: int = 1 << 26


class FailureKind(enum.StrEnum):
    """Why a job gave no result."""

    RAISED = "raised"
    REFUSED = "refused"
    NO_EXPRESSION = "no expression"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    OUTPUT = "output"
    CRASHED = "crashed"


class Failure(msgspec.Struct, frozen=True, tag=True):
    """A job that gave no result.

    Parameters
    ----------
    kind
        Why.
    message
        What was raised, in one paragraph, which limit was met, or what the policy refuses.
    exception
        The name of the exception's class, where one was raised.
    line
        The 1-based line of the job's own code that raised or is refused, where it is known.
    column
        The 1-based column, where it is known.
    hint
        What to write instead, where the policy knows.
    """

    kind: FailureKind
    message: str
    exception: str | None = None
    line: int | None = None
    column: int | None = None
    hint: str | None = None

    def legible(self) -> Self:
        r"""Give the same failure in characters that do nothing to a terminal or an editor.

        Examples
        --------
        >>> Failure(FailureKind.RAISED, "\x1b[2J", "Error").legible().message
        '\\x1b[2J'
        """
        exception = self.exception and _legible(self.exception)[:_LONGEST_NAME]
        message = _legible(self.message)[:_LONGEST_MESSAGE]
        return msgspec.structs.replace(self, message=message, exception=exception)


_LONGEST_MESSAGE, _LONGEST_NAME, _LONGEST_COLUMN = 4000, 200, 10_000  # characters
_CONTROLS = ("Cc", "Cf", "Co", "Cs")


def _legible(text: str) -> str:
    return "".join(
        character.encode("unicode_escape").decode()
        if unicodedata.category(character) in _CONTROLS and character not in "\n\t"
        else character
        for character in text
    )


class Result(msgspec.Struct, frozen=True, tag=True, dict=True):
    """The rows of a query.

    Parameters
    ----------
    columns
        The names of the columns.
    types
        Their DuckDB types, such as `DECIMAL(12,2)`; None where Ibis cast the data to its own.
    stream
        The rows as an Arrow IPC stream.
    """

    columns: list[str]
    types: list[str] | None
    stream: bytes

    @classmethod
    def of(cls, table: pa.Table, types: list[str] | None) -> Self:
        """Pack an Arrow table, whose names may repeat."""
        from ibert.sandbox import arrow

        columns = table.column_names
        numbered = table.rename_columns(list(map(str, range(len(columns)))))
        return cls(columns, types, arrow.write(numbered))

    @cached_property
    def table(self) -> pa.Table:
        """The rows, in numbered columns."""
        return self.checked(Limits())

    def checked(self, limits: Limits) -> pa.Table:
        """Give the rows; looks at all of them first, as they come from beyond the wall.

        Raises
        ------
        ibert.sandbox.arrow.InvalidStreamError
            They are not what they should be.
        """
        from ibert.sandbox import arrow

        if any(len(name) > _LONGEST_COLUMN for name in [*self.columns, *(self.types or ())]):
            longest = f"more than {_LONGEST_COLUMN:,} characters"
            raise arrow.StreamTooLargeError(f"a column of the result has a name of {longest}")
        table = arrow.read(self.stream, rows=limits.result_rows, size=limits.result_bytes)
        found = {len(self.columns), len(self.types or self.columns), table.num_columns}
        if len(found) > 1:
            raise arrow.InvalidStreamError("the result's columns are not those that it names")
        vars(self)["table"] = table
        return table


class Execution(msgspec.Struct, frozen=True, tag=True):
    """What an Ibis expression gave.

    Parameters
    ----------
    sql
        The SQL that Ibis compiled it to.
    raw
        What DuckDB returns for that SQL.
    fetched
        What the user gets from `to_pyarrow`: the same rows, cast to the types that Ibis declares.
    """

    sql: str
    raw: Result
    fetched: Result


class Profile(enum.StrEnum):
    """Whose code it is: see `policy.toml`."""

    STRICT = "strict"
    OWN = "own"


class Code(msgspec.Struct, frozen=True):
    """Ibis code to run.

    Parameters
    ----------
    text
        Python.
    profile
        What the policy holds it to.
    constants
        How many values its memtables may hold; None for any number.
    """

    text: str
    profile: Profile = Profile.STRICT
    constants: int | None = 0


class Query(msgspec.Struct, frozen=True, tag=True):
    """A job: run one SQL statement on a database."""

    sql: str
    database: int = 0


class Fetch(msgspec.Struct, frozen=True, tag=True):
    """A job: run the SQL of an expression, and cast the rows to the types that it declares."""

    sql: str
    names: list[str]
    types: list[str]
    database: int = 0


class Snippet(msgspec.Struct, frozen=True, tag=True):
    """A job: run pieces of Ibis code, one after the other, each on tables of its own."""

    codes: list[Code]
    database: int = 0


class NeedsDatabase(msgspec.Struct, frozen=True, tag=True):
    """Code that cannot be compiled without a database: it defines functions, reads, or executes."""


class Role(enum.StrEnum):
    """What a worker does."""

    BUILD = "build"  # makes SQL of Ibis code; holds no data
    EXECUTE = "execute"  # runs SQL
    RUN = "run"  # runs Ibis code where the data are


Tables = dict[str, list[tuple[str, str, bool]]]  # by name: columns with DuckDB type and nullability


class Setup(msgspec.Struct, frozen=True):
    """What a worker is told at its start."""

    role: Role
    databases: list[str]
    limits: Limits
    layers: frozenset[Layer] = ALL_LAYERS
    tables: list[Tables] = []
    finish: str | None = None


class Ready(msgspec.Struct, frozen=True, tag=True):
    """A worker that has set up, and the tables of its databases."""

    tables: list[Tables] = []


class Broken(msgspec.Struct, frozen=True, tag=True):
    """A worker that could not set up, or a child that could not confine itself."""

    message: str


Start = Ready | Broken
Answer = Result | Execution | Failure | Broken
Built = Fetch | Execution | NeedsDatabase | Failure
Reply = Result | Execution | Failure
