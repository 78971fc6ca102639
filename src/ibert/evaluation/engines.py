"""Engines: what turns a query into Ibis code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ibis

from ibert.catalog import Catalog
from ibert.evaluation.suites import Case

# Gives a module that defines `expr`, given `con`; raises IbertError where it declines.
Engine = Callable[[Case, Catalog], str]


def compiler(case: Case, catalog: Catalog) -> str:
    """Translate with iBERT's own compiler."""
    from ibert import sql_to_ibis

    code: str = sql_to_ibis(case.sql, catalog, dialect=case.dialect, verify=False).code
    return code


def decompiled(case: Case, catalog: Catalog) -> str:
    """Translate with Ibis itself: its parser of SQL, then its printer of expressions.

    Examples
    --------
    >>> catalog = Catalog.from_dict({"t": {"a": "int64"}})
    >>> print(decompiled(Case("q", "SELECT a FROM t WHERE a > 1"), catalog))
    import ibis
    <BLANKLINE>
    <BLANKLINE>
    t = ibis.table(name='t', schema={'a': 'int64'})
    <BLANKLINE>
    expr = t.filter((t.a > 1))
    <BLANKLINE>
    """
    code: str = ibis.decompile(_parsed(case, catalog), assign_result_to="expr")
    return code


def parsed(case: Case, catalog: Catalog) -> str:
    """Give code that has Ibis parse the SQL when it runs."""
    schemas = catalog.to_dict()
    call = f"ibis.parse_sql({case.sql!r}, {schemas!r}, dialect={case.dialect!r})"
    return f"import ibis\n\nexpr = {call}"


def wrapped(case: Case, catalog: Catalog) -> str:
    """Give code that hands the SQL to the backend as it is."""
    return f"expr = con.sql({case.sql!r}, dialect={case.dialect!r})"


def _parsed(case: Case, catalog: Catalog) -> Any:
    return ibis.parse_sql(case.sql, catalog.tables, dialect=case.dialect)


ENGINES: dict[str, Engine] = {"compiler": compiler, "ibis": decompiled}

# What Ibis does with SQL by itself.
NATIVE: dict[str, Engine] = {"con.sql": wrapped, "parse_sql": parsed, "decompile": decompiled}
