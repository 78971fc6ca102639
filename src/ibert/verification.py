"""`ibert.verify`: the verifier on tables that are made for the occasion."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ibert import fixtures
from ibert.catalog import Catalog
from ibert.verdict import Verdict
from ibert.verifier import Verifier
from ibert.verifier.witness import write_witnesses


def verify(
    sql: str,
    code: str,
    catalog: object = None,
    *,
    dialect: str = "duckdb",
    seed: int = 0,
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
    with tempfile.TemporaryDirectory() as folder:
        if catalog is None:
            witnesses = [fixtures.write_databases(Path(folder), seed)]
        else:
            tables = Catalog.from_any(catalog, dialect=dialect)
            witnesses = write_witnesses(Path(folder), tables, sql, dialect=dialect, seed=seed)
        with Verifier(witnesses) as verifier:
            return verifier.verify(sql, code, dialect=dialect)
