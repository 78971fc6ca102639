"""`ibert.verify`: the verifier on tables that are made for the occasion."""

from __future__ import annotations

import tempfile
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import msgspec

from ibert import fixtures
from ibert.catalog import Catalog
from ibert.diagnostics import Diagnostic
from ibert.sandbox import warm_up
from ibert.verdict import Status, Verdict
from ibert.verifier import Verifier
from ibert.verifier.verify import check_length, combined
from ibert.verifier.witness import Witness, write_witnesses


class Judge(AbstractContextManager["Judge"]):
    """Judges any number of pieces of Ibis code against one query; a context manager.

    The databases are made once.

    Parameters
    ----------
    sql, catalog, dialect, seed, data
        As for `verify`.

    Raises
    ------
    IbertError
        The catalog cannot be read, or the SQL is not one query of the dialect.

    Examples
    --------
    >>> catalog = {"orders": {"id": "int64", "status": "string"}}
    >>> with Judge("SELECT id FROM orders WHERE id > 5", catalog) as judge:
    ...     codes = [f"orders.filter(_.id {sign} 5).select('id')" for sign in (">", ">=")]
    ...     verdicts = [judge.verify(code) for code in codes]
    >>> [verdict.status.value for verdict in verdicts]
    ['VERIFIED', 'REFUTED']
    >>> verdicts[1].evidence.counterexample.tables
    (TableRows(name='orders', columns=('id',), rows=(('5',),)),)
    """

    def __init__(
        self,
        sql: str,
        catalog: object = None,
        *,
        dialect: str = "duckdb",
        seed: int = 0,
        data: str | Path | None = None,
    ) -> None:
        check_length(sql)
        warm_up()
        self._sql = sql
        self._dialect = dialect
        with ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            if catalog is None:
                witnesses = [Witness(fixtures.write_databases(folder, seed))]
            else:
                tables = Catalog.from_any(catalog, dialect=dialect)
                witnesses = write_witnesses(folder, tables, sql, dialect=dialect, seed=seed)
            self._data = None if data is None else "whole"
            if data is not None:
                witnesses.insert(0, Witness([Path(data)]))
            self._sound = [witness.sound for witness in witnesses]
            verifier = Verifier([witness.paths for witness in witnesses])
            self._verifier = stack.enter_context(verifier)
            self._resources = stack.pop_all()

    def __exit__(self, *exception: object) -> None:
        self._resources.close()

    def verify(self, code: str) -> Verdict:
        """Compare what the query and code give; show a difference on as few rows as possible."""
        verdicts = []
        for verdict in self._verifier.verdicts(self._sql, code, dialect=self._dialect):
            verdicts.append(verdict)
            if verdict.evidence.difference:
                break
        verdict = combined(verdicts)
        evidence = msgspec.structs.replace(verdict.evidence, data=self._data)
        verdict = msgspec.structs.replace(verdict, evidence=evidence)
        if evidence.difference is None or evidence.sql is None:
            return verdict
        found = self._verifier.counterexample(
            self._sql, evidence.sql, dialect=self._dialect, witness=len(verdicts) - 1
        )
        evidence = msgspec.structs.replace(evidence, counterexample=found)
        if self._sound[len(verdicts) - 1] or not any(one.verified for one in verdicts):
            return msgspec.structs.replace(verdict, evidence=evidence)
        elsewhere = verdict.diagnostics[0].message
        message = f"equal where the declared foreign keys hold; elsewhere, {elsewhere}"
        note = Diagnostic(code="IB309", message=message)
        return Verdict(status=Status.CONDITIONAL, evidence=evidence, diagnostics=(note,))


def verify(
    sql: str,
    code: str,
    catalog: object = None,
    *,
    dialect: str = "duckdb",
    seed: int = 0,
    data: str | Path | None = None,
) -> Verdict:
    """Run SQL and Ibis code on the same generated tables and compare what they give.

    Parameters
    ----------
    sql
        One query.
    code
        Ibis code that defines `expr`, or ends with the expression. It sees `con`, `ibis`, `_` and
        each table under its own name.
    catalog
        The tables: a `Catalog`, or what `Catalog.from_any` takes. None: the fixture tables.
    dialect
        The dialect of the SQL, and of the catalog where that is DDL.
    seed
        Makes the rows of the tables.
    data
        A DuckDB file with rows of the user's own, which is not changed: both run on it, too, as a
        whole.

    Raises
    ------
    IbertError
        The catalog cannot be read, or the SQL is not one query of the dialect.

    Examples
    --------
    >>> import ibert
    >>> catalog = {"orders": {"id": "int64", "status": "string"}}
    >>> sql = "SELECT status, count(*) AS n FROM orders GROUP BY status"
    >>> ibert.verify(sql, "orders.group_by('status').agg(n=_.count())", catalog).status
    <Status.VERIFIED: 'VERIFIED'>
    >>> verdict = ibert.verify(sql, "orders.group_by('status').agg(n=_.id.count())", catalog)
    >>> verdict.status, verdict.evidence.difference.kind
    (<Status.REFUTED: 'REFUTED'>, 'rows')
    """
    with Judge(sql, catalog, dialect=dialect, seed=seed, data=data) as judge:
        return judge.verify(code)
