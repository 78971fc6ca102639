"""Run code that iBERT itself wrote, without a wall around it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ibert.sandbox.database import Database, IbisDatabase
from ibert.sandbox.protocol import Code, Execution, Failure, Profile, Query, Result
from ibert.sandbox.sandbox import Sandbox
from ibert.sandbox.snippet import Output
from ibert.sandbox.worker import answer
from ibert.sandbox.worker import run as run_code


class _Tables(IbisDatabase):
    """A database of which code sees `con` and nothing else."""

    def namespace(self) -> dict[str, Any]:
        return {"__name__": "translated", "con": self}


class InProcess(Sandbox):
    """A sandbox without a wall, for code that iBERT itself wrote: quicker, and as it was judged.

    Parameters
    ----------
    databases
        DuckDB files.
    """

    def __init__(self, databases: Sequence[str | Path]) -> None:
        super().__init__(databases, layers=frozenset())
        with warnings.catch_warnings(action="ignore"):  # as in a worker: Ibis gives some of its own
            self._files = [Database.open(str(path), self.limits) for path in databases]
            self._open = [_Tables(database) for database in self._files]

    def close(self) -> None:
        """Close the databases."""
        for database in self._open:
            database.disconnect()

    def query(self, sql: str, *, database: int = 0) -> Result | Failure:
        """Run one SELECT statement."""
        with warnings.catch_warnings(action="ignore"):
            reply = answer(Query(sql), self._files[database])
        assert not isinstance(reply, Execution)
        return reply

    def run(
        self,
        code: str,
        *,
        database: int = 0,
        profile: Profile = Profile.STRICT,
        constants: int | None = None,
    ) -> Execution | Failure:
        """Run Ibis code and fetch its expression."""
        job = Code(code, profile, constants)
        with warnings.catch_warnings(action="ignore"):
            reply = run_code(
                job, self._open[database], Output(self.limits.output_bytes), checked=False
            )
        assert not isinstance(reply, Result)
        return reply
