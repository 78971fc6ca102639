"""Judge Ibis code by running it and the SQL it should equal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from itertools import accumulate, chain, pairwise
from pathlib import Path
from typing import NamedTuple

import msgspec
import pyarrow as pa
from sqlglot import exp

from ibert.diagnostics import Diagnostic, IbertError, Span
from ibert.sandbox import Code, Execution, Failure, FailureKind, Limits, Profile, Result, Sandbox
from ibert.sql import count_constants
from ibert.sql.annotation import ColumnTypes
from ibert.verdict import Counterexample, Difference, Evidence, Status, Verdict
from ibert.verifier.comparison import compare, rows_of
from ibert.verifier.counterexample import shrink
from ibert.verifier.reference import (
    MOST_CHARACTERS,
    Reference,
    in_duckdb,
    is_settled,
    parsed,
    refer,
)

_CODES = {
    FailureKind.RAISED: "IB302",
    FailureKind.REFUSED: "IB308",
    FailureKind.NO_EXPRESSION: "IB303",
    FailureKind.CRASHED: "IB307",
}
_COLUMNS = """
    SELECT table_name, column_name, data_type FROM duckdb_columns() WHERE schema_name = 'main'
"""
_HINTS = {
    FailureKind.NO_EXPRESSION: "assign the result to `expr`, or end with the expression itself",
}


class Job(NamedTuple):
    """SQL and the Ibis code that should equal it.

    Attributes
    ----------
    sql, code, dialect
        As for `Verifier.verify`.
    origin
        Who wrote the code, in any words: code of one origin may share a child. None: nobody knows.
    """

    sql: str
    code: str
    dialect: str = "duckdb"
    origin: str | None = None


class Verifier(AbstractContextManager["Verifier"]):
    """Judges code against SQL on witness databases, in a sandbox of its own; a context manager.

    Parameters
    ----------
    witnesses
        For each witness its DuckDB files, which hold the same rows in different orders. Results are
        compared on the first; the SQL runs on the others too, to see whether its result is
        determined.
    limits
        What one run may use.
    allow_weak
        Whether to run code that this machine cannot confine; see `Sandbox`.
    profile
        What code may say: by default no SQL in disguise.

    Examples
    --------
    >>> import tempfile, ibert.fixtures
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "fixtures.duckdb")
    ...     ibert.fixtures.write_database(path)
    ...     with Verifier([[path]]) as verifier:
    ...         sql = "SELECT country FROM users WHERE age > 30"
    ...         verdict = verifier.verify(sql, "users.filter(_.age > 30).select('country')")
    >>> verdict.status
    <Status.VERIFIED: 'VERIFIED'>
    """

    def __init__(
        self,
        witnesses: Sequence[Sequence[str | Path]],
        *,
        limits: Limits | None = None,
        allow_weak: bool | None = None,
        profile: Profile = Profile.STRICT,
    ) -> None:
        self._profile = profile
        databases = list(chain.from_iterable(witnesses))
        self._sandbox = Sandbox(databases, limits=limits, allow_weak=allow_weak)
        ends = list(accumulate(map(len, witnesses), initial=0))
        self._witnesses = [range(*pair) for pair in pairwise(ends)]  # by number in the sandbox
        self._asked: tuple[str, str] | None = None
        self._references: dict[int, Reference | Failure] = {}  # of the SQL that was asked for last

    def __exit__(self, *exception: object) -> None:
        self._sandbox.close()

    def verify(self, sql: str, code: str, *, dialect: str = "duckdb") -> Verdict:
        """Compare what SQL and Ibis code give.

        VERIFIED needs equal results that are not empty, both for the SQL that Ibis compiles, run as
        it is, and for what the user fetches, and a result of the SQL that is determined. SQL of
        another dialect means what `to_duckdb` makes of it.

        Raises
        ------
        IbertError
            The SQL is too long, not one query of the dialect, or DuckDB has no spelling for it.
        """
        return combined(self.verdicts(sql, code, dialect=dialect))

    def verify_together(self, jobs: Sequence[Job]) -> list[Verdict]:
        """Give for each job what `verify` does; FAILED for broken SQL.

        The code of all jobs runs in one child, which is quicker, and for code of one origin only:
        who could disturb a neighbour there could as well have written it. What is not verified is
        judged again alone, as that may be another's fault.
        """
        executions: Iterator[Execution | Failure] = iter(())
        if len(jobs) > 1:
            codes = [Code(job.code, self._profile, _constants(job)) for job in jobs]
            executions = iter(self._sandbox.run_shared(codes, database=self._witnesses[0][0]))
        return [self._verify_job(job, next(executions, None)) for job in jobs]

    def _verify_job(self, job: Job, first: Execution | Failure | None) -> Verdict:
        sql, code, dialect, _ = job
        try:
            if isinstance(first, Execution):
                verdict = combined(self.verdicts(sql, code, dialect=dialect, first=first))
                if verdict.verified:
                    return verdict
            return self.verify(sql, code, dialect=dialect)
        except IbertError as error:
            return Verdict(status=Status.FAILED, diagnostics=error.diagnostics)

    def verdicts(
        self, sql: str, code: str, *, dialect: str = "duckdb", first: Execution | None = None
    ) -> Iterator[Verdict]:
        """Give the verdict on each witness, as they are asked for.

        Parameters
        ----------
        sql, code, dialect
            As for `verify`.
        first
            What the code gave on the first witness, where it ran there before.

        Raises
        ------
        IbertError
            As for `verify`.
        """
        check_length(sql)
        constants = count_constants(parsed(sql, dialect))
        for i in range(len(self._witnesses)):
            reference = self.reference(sql, dialect, witness=i)
            execution: Execution | Failure
            if first and i == 0:
                execution = first
            elif first:
                execution = self._again(code, first, i, constants)
            else:
                execution = self.execute(code, witness=i, constants=constants)
            if isinstance(execution, Execution):
                first = first or execution
            yield self._on_witness(reference, execution, code, i, constants)

    def _on_witness(
        self,
        reference: Reference | Failure,
        execution: Execution | Failure,
        code: str,
        witness: int,
        constants: int | None,
    ) -> Verdict:
        verdict = self.judge(reference, execution)
        if not verdict.verified or isinstance(reference, Failure) or isinstance(execution, Failure):
            return verdict
        settled = is_settled(execution.sql, execution.raw.table.num_rows)
        for database in () if settled else self._witnesses[witness][1:]:
            again = self._run_again(code, execution, database, constants)
            if isinstance(again, Failure):
                return self.judge(reference, again)
            difference = compare(
                reference.result, again, named=reference.named, order=reference.order
            )
            if difference:
                difference = msgspec.structs.replace(difference, path="reordered")
                return _refuted(difference, verdict.evidence)
        return verdict

    def _again(
        self, code: str, first: Execution, witness: int, constants: int | None
    ) -> Execution | Failure:
        """Run what code was compiled to on another witness, and cast it as Ibis would.

        What needs more than the SQL (tables and functions that the code sets up) runs as code, and
        so does what fails, which is what the failure is read from.
        """
        raw = self._sandbox.query(first.sql, database=self._witnesses[witness][0])
        fetched = _cast(raw, first.fetched.table.schema) if isinstance(raw, Result) else None
        if isinstance(raw, Failure) or fetched is None:
            return self.execute(code, witness=witness, constants=constants)
        return Execution(first.sql, raw, fetched)

    def _run_again(
        self, code: str, execution: Execution, database: int, constants: int | None
    ) -> Result | Failure:
        """Run code on another database: its SQL or, where that needs what the code set up, it."""
        result = self._sandbox.query(execution.sql, database=database)
        if isinstance(result, Result):
            return result
        again = self._run(code, database, constants)
        return again.raw if isinstance(again, Execution) else again

    def counterexample(
        self, sql: str, other: str, *, dialect: str = "duckdb", witness: int = 0
    ) -> Counterexample | None:
        """Find the fewest rows of a witness on which SQL and other SQL of DuckDB's differ.

        Raises
        ------
        IbertError
            As for `verify`.
        """
        first, *_ = self._witnesses[witness]
        names = self._sandbox.query("SELECT table_name FROM duckdb_tables()", database=first)
        if isinstance(names, Failure):
            return None
        tables = [name for (name,) in rows_of(names.table)]
        return shrink(self._in_duckdb(sql, dialect), other, self._sandbox.query, [first], tables)

    def reference(
        self, sql: str, dialect: str = "duckdb", *, witness: int = 0
    ) -> Reference | Failure:
        """Run the SQL on a witness and find out what about its result is fixed.

        Raises
        ------
        IbertError
            The SQL is not one query of the dialect, or DuckDB has no spelling for it.
        """
        asked = (sql, dialect)
        if asked != self._asked:
            self._asked, self._references = asked, {}
        if witness not in self._references:
            databases = self._witnesses[witness]
            found = refer(self._in_duckdb(sql, dialect), self._sandbox.query, databases)
            self._references[witness] = found
        return self._references[witness]

    def _in_duckdb(self, sql: str, dialect: str) -> str:
        return in_duckdb(sql, dialect, self._columns if dialect != "duckdb" else {})

    @cached_property
    def _columns(self) -> ColumnTypes:
        """The types of the columns of the tables, which all witnesses have."""
        columns: dict[str, dict[str, exp.DataType]] = {}
        found = self._sandbox.query(_COLUMNS, database=self._witnesses[0][0])
        if isinstance(found, Result):
            for table, column, kind in zip(*found.table.to_pydict().values(), strict=True):
                columns.setdefault(table, {})[column] = exp.DataType.build(kind, dialect="duckdb")
        return columns

    def execute(
        self, code: str, *, witness: int = 0, constants: int | None = None
    ) -> Execution | Failure:
        """Run Ibis code on a witness; its memtables may hold so many values, None for any."""
        database = self._witnesses[witness][0]
        return self._run(code, database, constants)

    def _run(self, code: str, database: int, constants: int | None) -> Execution | Failure:
        return self._sandbox.run(
            code, database=database, profile=self._profile, constants=constants
        )

    def judge(self, reference: Reference | Failure, execution: Execution | Failure) -> Verdict:
        """Compare what the two sides gave."""
        if isinstance(reference, Failure):
            return Verdict(status=Status.FAILED, diagnostics=(_failed_sql(reference),))
        if isinstance(execution, Failure):
            evidence = Evidence(protection=self._sandbox.protection.level)
            diagnostics = (_failed_code(execution),)
            return Verdict(status=Status.FAILED, evidence=evidence, diagnostics=diagnostics)
        difference = _difference(reference, execution)
        rows = reference.result.table.num_rows
        evidence = Evidence(
            databases=1,
            rows=rows,
            order=reference.order is not None,
            protection=self._sandbox.protection.level,
            sql=execution.sql,
            difference=difference,
        )
        if reference.undetermined and (difference is None or difference.kind in ("rows", "order")):
            evidence = msgspec.structs.replace(evidence, difference=None)
            return _unproved(f"the SQL proves nothing: {reference.undetermined}", evidence)
        if difference:
            return _refuted(difference, evidence)
        if not rows:
            hint = "no row of the tables that were made for it satisfies the query"
            return _unproved("both results are empty, which proves nothing", evidence, hint)
        return Verdict(status=Status.VERIFIED, evidence=evidence)


def _constants(job: Job) -> int | None:
    """Count what the code's memtables may hold; nothing where the SQL is broken."""
    try:
        check_length(job.sql)
        return count_constants(parsed(job.sql, job.dialect))
    except IbertError:
        return 0


def check_length(sql: str) -> None:
    """Refuse SQL that would take long to parse.

    Raises
    ------
    IbertError
        It is longer than `MOST_CHARACTERS`.
    """
    if len(sql) > MOST_CHARACTERS:
        message = f"the SQL has {len(sql):,} characters; {MOST_CHARACTERS:,} can be verified"
        raise IbertError([Diagnostic(code="IB304", message=message)])


def combined(verdicts: Iterable[Verdict]) -> Verdict:
    """Make one verdict of those on several witnesses: the first that is not in favour, if any."""
    verified, checked = [], []
    for verdict in verdicts:
        if verdict.verified:
            verified.append(verdict)
        elif verdict.status is Status.CHECKED and not verdict.evidence.rows:
            checked.append(verdict)
        else:
            return verdict
    if not verified:
        return checked[0]
    evidence = msgspec.structs.replace(
        verified[0].evidence,
        databases=len(verified) + len(checked),
        rows=sum(verdict.evidence.rows for verdict in verified),
    )
    return msgspec.structs.replace(verified[0], evidence=evidence)


def _cast(raw: Result, schema: pa.Schema) -> Result | None:
    """Do what Ibis does to fetched data; None where it cannot be done."""
    if raw.table.schema.equals(schema):
        return msgspec.structs.replace(raw, types=None)
    try:
        columns = [
            column if column.type == field.type else column.cast(field.type)
            for column, field in zip(raw.table.columns, schema, strict=True)
        ]
        table = pa.Table.from_arrays(columns, schema=schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError):
        return None
    return msgspec.structs.replace(Result.of(table, None), columns=raw.columns)


def _difference(reference: Reference, execution: Execution) -> Difference | None:
    for path, result in (("raw", execution.raw), ("fetched", execution.fetched)):
        found = compare(reference.result, result, named=reference.named, order=reference.order)
        if found:
            return msgspec.structs.replace(found, path=path)
    return None


_PATHS = {
    "raw": "",
    "fetched": " once fetched with to_pyarrow",
    "reordered": " when the rows are stored in another order",
}


def _refuted(difference: Difference, evidence: Evidence) -> Verdict:
    diagnostic = Diagnostic(code="IB305", message=difference.message + _PATHS[difference.path])
    evidence = msgspec.structs.replace(evidence, difference=difference)
    return Verdict(status=Status.REFUTED, evidence=evidence, diagnostics=(diagnostic,))


def _unproved(message: str, evidence: Evidence, hint: str | None = None) -> Verdict:
    diagnostic = Diagnostic(code="IB306", message=message, hint=hint)
    return Verdict(status=Status.CHECKED, evidence=evidence, diagnostics=(diagnostic,))


def _failed_sql(failure: Failure) -> Diagnostic:
    code = _CODES.get(failure.kind, "IB304") if failure.kind is not FailureKind.RAISED else "IB301"
    return Diagnostic(code=code, message=f"the SQL: {failure.message}")


def _failed_code(failure: Failure) -> Diagnostic:
    exception = f"{failure.exception}: " if failure.exception else ""
    return Diagnostic(
        code=_CODES.get(failure.kind, "IB304"),
        message=f"{exception}{failure.message}",
        span=Span(failure.line, failure.column or 1) if failure.line else None,
        hint=failure.hint or _HINTS.get(failure.kind),
    )
