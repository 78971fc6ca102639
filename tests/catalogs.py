"""What is wrong with what a catalog is made from, as tests want it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ibert.diagnostics import IbertError, Span

ROOT = Path(__file__).parent.parent
FIXTURE = ROOT / "src/ibert/fixtures/schema.sql"

Finding = tuple[str, int | None, int | None, str]


def findings(make: Callable[[], object]) -> list[Finding]:
    """What is wrong: code, line, column, message."""
    with pytest.raises(IbertError) as caught:
        make()
    diagnostics = caught.value.diagnostics
    spans = [d.span or Span(None, None) for d in diagnostics]  # type: ignore[arg-type]
    return [
        (d.code, span.line, span.column, d.message)
        for d, span in zip(diagnostics, spans, strict=True)
    ]


def hint(make: Callable[[], object]) -> str | None:
    with pytest.raises(IbertError) as caught:
        make()
    return caught.value.diagnostics[0].hint


def source(make: Callable[[], object]) -> list[str | None]:
    with pytest.raises(IbertError) as caught:
        make()
    return [diagnostic.source for diagnostic in caught.value.diagnostics]
