"""iBERT: code generation for Ibis in which everything generated is proved by running it.

Public names are loaded when they are first used: `import ibert` alone loads no Ibis and no DuckDB.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ibert.answer import Alternative, Answer, Completion, Portability, Support
    from ibert.backends import portability
    from ibert.catalog import Catalog
    from ibert.checker import check
    from ibert.diagnostics import Diagnostic, IbertError, Span
    from ibert.tasks.code_completion import complete
    from ibert.tasks.documentation import document
    from ibert.tasks.error_resolution import fix
    from ibert.tasks.ibis_to_sql import ibis_to_sql
    from ibert.tasks.qa import ask
    from ibert.tasks.sql_to_ibis import sql_to_ibis
    from ibert.translator.decompilation import decompile
    from ibert.translator.refusal import RefusedError
    from ibert.verdict import Difference, Evidence, Status, Verdict
    from ibert.verification import verify

_HOMES = {
    "Alternative": "ibert.answer",
    "Answer": "ibert.answer",
    "Catalog": "ibert.catalog",
    "Completion": "ibert.answer",
    "Diagnostic": "ibert.diagnostics",
    "Difference": "ibert.verdict",
    "Evidence": "ibert.verdict",
    "IbertError": "ibert.diagnostics",
    "Portability": "ibert.answer",
    "RefusedError": "ibert.translator.refusal",
    "Span": "ibert.diagnostics",
    "Status": "ibert.verdict",
    "Support": "ibert.answer",
    "Verdict": "ibert.verdict",
    "ask": "ibert.tasks.qa",
    "check": "ibert.checker",
    "complete": "ibert.tasks.code_completion",
    "decompile": "ibert.translator.decompilation",
    "document": "ibert.tasks.documentation",
    "fix": "ibert.tasks.error_resolution",
    "ibis_to_sql": "ibert.tasks.ibis_to_sql",
    "portability": "ibert.backends",
    "sql_to_ibis": "ibert.tasks.sql_to_ibis",
    "verify": "ibert.verification",
}

__all__ = [
    "Alternative",
    "Answer",
    "Catalog",
    "Completion",
    "Diagnostic",
    "Difference",
    "Evidence",
    "IbertError",
    "Portability",
    "RefusedError",
    "Span",
    "Status",
    "Support",
    "Verdict",
    "ask",
    "check",
    "complete",
    "decompile",
    "document",
    "fix",
    "ibis_to_sql",
    "portability",
    "sql_to_ibis",
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
