"""The verifier as it judges attempts: behind all walls, and with rows that no code can know."""

from __future__ import annotations

import base64
import contextlib
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import msgspec

from ibert import fixtures
from ibert.diagnostics import IbertError
from ibert.sandbox import Limits, arrow
from ibert.verdict import Status, Verdict
from ibert.verifier import Verifier
from ibert.verifier.comparison import rows_of

_LIMITS = {
    "memory_bytes": 1 << 29,
    "output_bytes": 1 << 16,
    "result_rows": 1000,
    "result_bytes": 1 << 22,
}


def as_text(verdict: Verdict) -> str:
    """Show a verdict as JSON does."""
    return msgspec.json.encode(verdict).decode()


class Guarded(contextlib.ExitStack):
    """Judges through the product's public door.

    Parameters
    ----------
    seconds
        The time limit of one job.
    shown
        Shows a verdict to a person.
    """

    def __init__(self, seconds: float, shown: Callable[[Verdict], str] = as_text) -> None:
        super().__init__()
        folder = Path(self.enter_context(tempfile.TemporaryDirectory()))
        hidden = folder / "hidden"
        hidden.mkdir()
        self._shown = shown
        self._limits = Limits(seconds=seconds, **_LIMITS)
        witnesses = [fixtures.write_databases(folder), fixtures.write_databases(hidden)]
        salt = secrets.randbits(32)
        for path in witnesses[1]:
            with duckdb.connect(path) as connection:
                connection.execute("DELETE FROM users WHERE hash(user_id + ?) % 2 = 0", [salt])
        self._verifier = self.enter_context(Verifier(witnesses, limits=self._limits))

    def judge(self, job: dict[str, Any]) -> dict[str, Any]:
        """Verify code against SQL, or read a stream in the place of the rows of a job."""
        if "stream" in job:
            return self._read(base64.b64decode(job["stream"]))
        try:
            verdict = self._verifier.verify(job["sql"], job["code"])
        except IbertError as error:
            verdict = Verdict(status=Status.REFUSED, diagnostics=error.diagnostics)
        text = as_text(verdict)
        return {"status": verdict.status, "text": text, "shown": self._shown(verdict)}

    def _read(self, stream: bytes) -> dict[str, Any]:
        """Take a stream for the rows of a job, and do with them what a comparison does."""
        limits = self._limits
        try:
            table = arrow.read(stream, rows=limits.result_rows, size=limits.result_bytes)
        except arrow.InvalidStreamError as error:
            return {"status": "REFUSED", "shown": str(error)}
        rows_of(table)
        return {"status": "READ"}
