"""The product's verifier, with some of its layers switched off."""

from __future__ import annotations

import base64
import contextlib
import io
import secrets
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import duckdb
import msgspec

from ibert import fixtures
from ibert.cli.output import note, print_difference
from ibert.diagnostics import IbertError
from ibert.sandbox import Layer, Limits, Sandbox, arrow
from ibert.verdict import Verdict
from ibert.verifier import Verifier
from ibert.verifier.comparison import rows_of

SALT = secrets.randbits(32)
LIMITS = {
    "memory_bytes": 1 << 29,
    "output_bytes": 1 << 16,
    "result_rows": 1000,
    "result_bytes": 1 << 22,
}


class Terminal(io.StringIO):
    """A stream to which programs write as they do to a terminal."""

    def isatty(self) -> bool:
        return True


class Guarded(contextlib.ExitStack):
    """Judges through the product's public door."""

    def __init__(self, settings: dict[str, Any]) -> None:
        super().__init__()
        folder = Path(self.enter_context(tempfile.TemporaryDirectory()))
        hidden = folder / "hidden"  # rows that no code can know
        hidden.mkdir()
        limits = Limits(seconds=settings["seconds"], **LIMITS)
        witnesses = [fixtures.write_databases(folder), fixtures.write_databases(hidden)]
        for path in witnesses[1]:
            with duckdb.connect(path) as connection:
                connection.execute("DELETE FROM users WHERE hash(user_id + ?) % 2 = 0", [SALT])
        layers = frozenset(map(Layer, settings["layers"]))
        with mock.patch("ibert.verifier.verify.Sandbox", partial(Sandbox, layers=layers)):
            self._verifier = self.enter_context(Verifier(witnesses, limits=limits))
        self._limits = limits

    def judge(self, job: dict[str, Any]) -> dict[str, Any]:
        if "stream" in job:
            return self.read(base64.b64decode(job["stream"]))
        try:
            verdict = self._verifier.verify(job["sql"], job["code"])
        except IbertError as error:
            return {"status": "REFUSED", "shown": shown(list(map(str, error.diagnostics)))}
        text = msgspec.json.encode(verdict).decode()
        return {"status": verdict.status, "text": text, "shown": report(verdict)}

    def read(self, stream: bytes) -> dict[str, Any]:
        """Take a stream for the rows of a job, and do with them what a comparison does."""
        limits = self._limits
        try:
            table = arrow.read(stream, rows=limits.result_rows, size=limits.result_bytes)
        except arrow.InvalidStreamError as error:
            return {"status": "REFUSED", "shown": shown([str(error)])}
        rows_of(table)
        return {"status": "READ"}


def report(verdict: Verdict) -> str:
    """Give what the command line shows for a verdict."""
    lines = [str(diagnostic) for diagnostic in verdict.diagnostics]
    return shown(lines, verdict)


def shown(lines: list[str], verdict: Verdict | None = None) -> str:
    stderr, sys.stderr = sys.stderr, Terminal()
    try:
        for line in lines:
            note(line)
        if verdict is not None and verdict.evidence.difference:
            print_difference(verdict.evidence.difference)
        return sys.stderr.getvalue()
    finally:
        sys.stderr = stderr
