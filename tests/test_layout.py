"""The floors of the house, and what importing costs."""

import ast
import resource
import subprocess
import sys
from pathlib import Path

import pytest

import ibert
from ibert.diagnostics import CODES

SOURCE = Path(ibert.__file__).parent

# Ground floor first: a module imports only from its own floor and those below.
FLOORS = [
    {"diagnostics", "edits", "documents", "document_readers", "files", "verdict", "database"},
    {"catalog", "fixtures", "sql", "sandbox"},
    {"answer"},
    {"verifier", "translator"},
    {"verification", "backends"},
    {"api_index", "interpreter"},
    {
        "answers",
        "checker",
        "compilation",
        "completion",
        "documentation",
        "model",
        "repair",
        "report",
    },
    {"tasks"},
    {"datagen"},
    {"evaluation", "training"},
    {"cli", "__main__"},
]
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
# Imported in these rooms alone, and lazily.
LEARNING = {"accelerate", "datasets", "peft", "torch", "transformers", "trl", "wandb"}
LEARNS = {"model", "training"}
TERMINAL = {"click", "rich"}


def imports(path: Path) -> set[str]:
    """Give the modules that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def room(module: str) -> str | None:
    """Give the room of one of iBERT's modules."""
    parts = module.split(".")
    return parts[1] if parts[0] == "ibert" and len(parts) > 1 and parts[1] in FLOOR else None


MODULES = sorted(
    path for path in SOURCE.rglob("*.py") if path.parent != SOURCE or path.stem != "__init__"
)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_go_down(path: Path) -> None:
    here = path.relative_to(SOURCE).parts[0].removesuffix(".py")
    above = {room(name) for name in imports(path)} - {None, here}
    assert {name for name in above if FLOOR[name] > FLOOR[here]} == set()
    roots = {name.partition(".")[0] for name in imports(path)}
    assert here in LEARNS or roots & LEARNING == set()
    assert here == "cli" or roots & TERMINAL == set()


def test_every_diagnostic_code_is_given() -> None:
    text = "".join(
        path.read_text(encoding="utf-8") for path in MODULES if path.stem != "diagnostics"
    )
    assert {code for code in CODES if f'"{code}"' not in text} == set()


def loaded(code: str) -> set[str]:
    """Run code in a fresh process; give the names of the modules that it loaded."""
    code = f"{code}\nimport sys; print(*sys.modules, file=sys.stderr)"
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return set(process.stderr.split())


def test_import_ibert_is_light() -> None:
    assert loaded("import ibert") & {"ibis", "duckdb", "pandas", "pyarrow", "sqlglot"} == set()


def test_catalog_needs_no_duckdb() -> None:
    assert loaded("import ibert; ibert.Catalog") & {"duckdb", "pandas"} == set()


HELP = """
import sys
sys.argv = ["ibert", "--help"]
from ibert.cli import main
try:
    main()
except SystemExit:
    pass
"""


def test_help_is_light() -> None:
    assert loaded(HELP) & {"ibis", "duckdb", "pandas", "pyarrow", "sqlglot", "rich"} == set()


def test_help_is_quick() -> None:
    """The help costs little beside the libraries that it is made with."""
    bare = [sys.executable, "-c", "import click, msgspec"]
    helped = [str(Path(sys.executable).with_name("ibert")), "--help"]
    rounds = [(_seconds(helped), _seconds(bare)) for _ in range(9)]
    seconds, yardstick = (min(times) for times in zip(*rounds, strict=True))
    assert seconds < 3 * yardstick


def _seconds(command: list[str]) -> float:
    """Give the processor's time: what else the machine does must not matter."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, capture_output=True, check=True, timeout=60)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_public_names() -> None:
    assert {name: getattr(ibert, name).__module__ for name in ibert.__all__} == {
        "Alternative": "ibert.answer",
        "Answer": "ibert.answer",
        "Catalog": "ibert.catalog.catalog",
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
        "check": "ibert.checker.checking",
        "complete": "ibert.tasks.code_completion",
        "decompile": "ibert.translator.decompilation.decompiler",
        "fix": "ibert.tasks.error_resolution",
        "document": "ibert.tasks.documentation",
        "ibis_to_sql": "ibert.tasks.ibis_to_sql",
        "portability": "ibert.backends",
        "sql_to_ibis": "ibert.tasks.sql_to_ibis",
        "verify": "ibert.verification",
    }
    assert set(ibert.__all__) <= set(dir(ibert))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        ibert.nothing  # noqa: B018
