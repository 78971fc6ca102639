"""Code completion: unfinished Ibis code and a cursor in, what may stand there out."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import ibis.expr.types as ir
import msgspec

from ibert.answer import Answer, Completion
from ibert.catalog import Catalog
from ibert.completion import Proposal, Ranking, Site, proposals, site_at
from ibert.completion import model as ranking_model
from ibert.completion.cursor import Cursor, locate
from ibert.completion.vocabulary import columns_of, family
from ibert.diagnostics import Diagnostic, IbertError, Span
from ibert.interpreter import UNKNOWN, Interpreter, Reading
from ibert.tasks.problem import Problem, asker, failed
from ibert.verdict import Status, Verdict

if TYPE_CHECKING:
    from ibert.model import GenerationSettings
    from ibert.tasks.by_model import Asker, Model

TASK = "code_completion"
LIMIT = 10
MARK = "<CURSOR>"  # stands at the cursor in what models are told


def complete(
    code: str,
    position: tuple[int, int] | None = None,
    catalog: object = None,
    *,
    limit: int = LIMIT,
    source: str | None = None,
    engine: str = "compiler",
    model: Model = None,
    refine: int = 0,
    generation: GenerationSettings | None = None,
) -> Answer:
    r"""Give what may stand at a cursor in Ibis code, the likeliest first.

    Nothing of the code is run. A column is offered where the relation at the cursor has it, a
    method where the type of the value has it; what would raise is left out.

    Parameters
    ----------
    code
        Python that sees `con`, `ibis`, `_` and each table under its own name. It may be unfinished
        at the cursor, and wrong elsewhere.
    position
        The line and the column of the cursor, both from 1; None: the end of the code.
    catalog
        The tables: what `Catalog.from_any` takes.
    limit
        How many completions to give.
    source
        What diagnostics call the code.
    engine
        `compiler`, or `model`: a language model fills in the code at the cursor.
    model, refine, generation
        For the engine `model`: see `sql_to_ibis`.

    Returns
    -------
    Answer
        Its `completions`, and in `code` the code with the first of them that builds.

    Raises
    ------
    IbertError
        IB603 where the cursor is outside of the code; what is wrong with the catalog.

    Examples
    --------
    >>> import ibert
    >>> catalog = {"orders": {"id": "int64", "status": "string", "total": "float64"}}
    >>> answer = ibert.complete("orders.group_by(\"sta", catalog=catalog)
    >>> answer.code
    'orders.group_by("status")\n'
    >>> [(one.text, one.kind, one.detail) for one in answer.completions]
    [('"status"', 'column', 'string')]
    """
    tables = Catalog({}) if catalog is None else Catalog.from_any(catalog)
    offset = len(code) if position is None else _offset(code, position, source)
    model_asker = asker(engine, model, refine, generation)
    if model_asker is not None:
        return _by_model(code, offset, tables, limit, model_asker)
    site = site_at(code, offset, _interpreter(tables), ranking_model().new_names)
    found: Sequence[Proposal] = ()
    if site is not None:
        found = list(proposals(site, _ranking(), limit))
    if site is None or not found:
        place = Span(*_place(code, offset))
        message = "nothing that is known may stand here"
        diagnostic = Diagnostic(code="IB602", message=message, source=source, span=place)
        verdict = Verdict(status=Status.REFUSED, diagnostics=(diagnostic,))
        return Answer(task=TASK, code=code, verdict=verdict)
    end = _end(code, offset, site)
    span = Span(*_place(code, site.scope.cursor.start), *_place(code, end))
    best, verdict = _best(site, found)
    return Answer(
        task=TASK,
        code=_whole(code[: site.scope.cursor.start] + best.text, code[end:], site.scope.cursor),
        verdict=verdict,
        completions=tuple(
            Completion(text=one.text, kind=one.kind, detail=one.detail, span=span) for one in found
        ),
    )


@lru_cache(maxsize=4)
def _interpreter(catalog: Catalog) -> Interpreter:
    return Interpreter(catalog)


@lru_cache(maxsize=1)
def _ranking() -> Ranking:
    return Ranking(ranking_model().counts)


def _offset(code: str, position: tuple[int, int], source: str | None) -> int:
    """Give where a line and a column are in the code."""
    line, column = position
    lines = code.splitlines(keepends=True) or [""]
    if code.endswith(("\n", "\r")):
        lines.append("")
    within = 1 <= line <= len(lines)
    if within:
        within = 1 <= column <= len(lines[line - 1].rstrip("\r\n")) + 1
    if not within:
        last = f"it ends at {len(lines)}:{len(lines[-1]) + 1}"
        message = f"the cursor {line}:{column} is outside of the code"
        raise IbertError([Diagnostic(code="IB603", message=message, source=source, hint=last)])
    return sum(map(len, lines[: line - 1])) + column - 1


def _place(code: str, offset: int) -> tuple[int, int]:
    """Give the line and the column of an offset."""
    lines = code[:offset].splitlines(keepends=True)
    if not lines or lines[-1].endswith(("\n", "\r")):
        return len(lines) + 1, 1
    return len(lines), len(lines[-1]) + 1


def _end(code: str, offset: int, site: Site) -> int:
    """Give where what was typed ends: behind the quote, where one closes the string already."""
    quote = site.scope.cursor.quote
    return offset + len(quote) if quote and code.startswith(quote, offset) else offset


def _best(site: Site, found: Sequence[Proposal]) -> tuple[Proposal, Verdict]:
    """Choose the first with which the code builds, and say what is known of it."""
    calls = (one._replace(text=f"{one.text}()") for one in found if one.kind == "method")
    for one in (*found, *calls):
        value = site.scope.completed(one.text)
        if value is not None:
            return one, _builds(value)
    message = "with none of these the code is whole: it goes on"
    diagnostic = Diagnostic(code="IB604", message=message)
    return found[0], Verdict(status=Status.FAILED, diagnostics=(diagnostic,))


def _builds(value: object) -> Verdict:
    message = f"the completed code gives {_described(value)}; it was not run"
    diagnostic = Diagnostic(code="IB601", message=message)
    return Verdict(status=Status.CHECKED, diagnostics=(diagnostic,))


def _described(value: object) -> str:
    if isinstance(value, ir.Table):
        columns = ", ".join(f"{name} {dtype}" for name, dtype in columns_of(value).items())
        return f"a table of {columns}"
    if isinstance(value, ir.Value):
        return f"a value of type {value.type()}"
    if value is UNKNOWN:
        return "what cannot be told without running it"
    name = getattr(value, "__name__", "")
    return f"the method {name!r}" if hasattr(value, "__self__") else f"a {family(value)}"


def _whole(before: str, after: str, cursor: Cursor | None) -> str:
    """Write code with a completion, and what it takes to be whole."""
    whole = before + after
    if cursor is not None and not _is_whole(whole):
        rest = after.partition("\n")[2]
        whole = f"{before}{cursor.closing}{cursor.ending}\n{rest}"
        if not _is_whole(whole):
            whole = f"{before}{cursor.closing}{cursor.ending}"
    return whole if whole.endswith("\n") else f"{whole}\n"


def _is_whole(code: str) -> bool:
    try:
        ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def problem(code: str, offset: int, tables: Catalog) -> Problem:
    """Ask for what stands at a cursor; it is judged by reading the code with it."""
    before, after = code[:offset], code[offset:]

    def judged(text: str) -> Verdict:
        if not text.strip():
            return failed("IB604", "nothing was filled in")
        whole = filled(before, text, after)
        if not _is_whole(whole):
            return failed("IB604", "the code is not Python with that in it")
        reading = _interpreter(tables).read(ast.parse(whole))
        lines = range(before.count("\n") + 1, (before + text).count("\n") + 2)
        return _judged(reading, lines)

    fields = {"code": f"{before}{MARK}{after}"}
    return Problem(TASK, fields, judged, tables, gap=(before, after))


def filled(before: str, text: str, after: str) -> str:
    """Give code with its gap filled, and what it takes to be whole."""
    start = before + text
    return _whole(start, after, locate(start, len(start)))


def _judged(reading: Reading, lines: range) -> Verdict:
    """Say what the statements on some lines raise or give; others may be wrong elsewhere."""
    found = list(_statements(reading.module, lines))
    nodes = {node for statement in found for node in ast.walk(statement)}
    for node, error in reading.problems:
        if node in nodes:
            message = f"{type(error).__name__}: {error}".partition("\n")[0]
            return failed("IB604", message)
    values = [statement.value for statement in found if hasattr(statement, "value")]
    return _builds(reading.values.get(values[-1], UNKNOWN) if values else UNKNOWN)


def _statements(module: ast.Module, lines: range) -> Iterator[ast.stmt]:
    """Yield the statements that stand on some lines and hold no others."""
    for node in ast.walk(module):
        if isinstance(node, ast.stmt) and not hasattr(node, "body"):
            last = node.end_lineno or node.lineno
            if node.lineno <= lines[-1] and last >= lines[0]:
                yield node


def _by_model(code: str, offset: int, tables: Catalog, limit: int, asked: Asker) -> Answer:
    """Have a model fill in code; its candidates that build are the completions."""
    found = asked.answer(problem(code, offset, tables))
    place = Span(*_place(code, offset))
    attempts = found.verdict.evidence.attempts
    building = dict.fromkeys(one.code for one in attempts if one.status is Status.CHECKED)
    completions = [Completion(text=text, kind="code", span=place) for text in building]
    return msgspec.structs.replace(
        found,
        code=filled(code[:offset], found.code, code[offset:]) if found.code else code,
        completions=tuple(completions[:limit]),
    )
