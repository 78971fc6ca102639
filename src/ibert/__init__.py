"""iBERT: code generation for Ibis in which everything generated is proved by running it.

Public names are loaded when they are first used: `import ibert` alone loads no Ibis and no DuckDB.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ibert.catalog import Catalog
    from ibert.diagnostics import Diagnostic, IbertError, Span
    from ibert.verdict import Difference, Evidence, Status, Verdict
    from ibert.verification import verify

_HOMES = {
    "Catalog": "ibert.catalog",
    "Diagnostic": "ibert.diagnostics",
    "Difference": "ibert.verdict",
    "Evidence": "ibert.verdict",
    "IbertError": "ibert.diagnostics",
    "Span": "ibert.diagnostics",
    "Status": "ibert.verdict",
    "Verdict": "ibert.verdict",
    "verify": "ibert.verification",
}

__all__ = [
    "Catalog",
    "Diagnostic",
    "Difference",
    "Evidence",
    "IbertError",
    "Span",
    "Status",
    "Verdict",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'ibert' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
