"""Check code: read it, let every rule judge every node, give what they find as diagnostics."""

from __future__ import annotations

import ast
import builtins
import collections
import contextlib
import io
import re
import tokenize
import warnings
from collections.abc import Iterable, Iterator

import ibis
from ibis.common.exceptions import TableNotFound

from ibert.answer import Answer
from ibert.catalog import Catalog
from ibert.checker.code import Code
from ibert.checker.rule import Finding, Rule
from ibert.checker.rules import RULES
from ibert.diagnostics import Diagnostic, Edit, Span, did_you_mean
from ibert.edits import apply_edits
from ibert.interpreter import Function, Interpreter, Problem, Reading
from ibert.verdict import Status, Verdict

TASK = "error_resolution"
_RAISES = "IB700"
_NOQA = re.compile(r"#\s*noqa(?::\s*(?P<codes>[A-Z0-9, ]+))?", re.IGNORECASE)


def check(
    code: str,
    catalog: object = None,
    *,
    select: Iterable[str] = (),
    source: str | None = None,
) -> Answer:
    """Find what Ibis code raises, and what it does in silence that nobody means.

    The code is read and not run. `Answer.code` is the code with the safe fixes.

    Parameters
    ----------
    code
        A script, or functions whose parameters are named as tables. It sees `con`, `ibis`, `_` and
        each table under its own name.
    catalog
        The tables: what `Catalog.from_any` takes. Without it nothing is said about tables that the
        code does not describe itself.
    select
        Codes of rules, or how they begin; all rules where it is empty.
    source
        What diagnostics call the code.

    Raises
    ------
    IbertError
        The catalog cannot be read.

    Examples
    --------
    >>> import ibert
    >>> answer = ibert.check("t.filter(t.x is None)", {"t": {"x": "int64"}})
    >>> print(answer.diagnostics[0])
    1:10: IB701 `is` asks Python, not the rows: this is always False
    >>> answer.code
    't.filter(t.x.isnull())'
    """
    tables = None if catalog is None else Catalog.from_any(catalog)
    try:
        module = ast.parse(code)
    except (SyntaxError, ValueError) as error:
        return _unreadable(code, error, source)
    except RecursionError:
        deep = Diagnostic(code="IB304", message="the code is nested too deeply", source=source)
        return _answer(code, [deep])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Ibis' own, about what it reads
        found = list(_diagnostics(code, module, tables, source))
    ignored = _ignored(code) if found else {}
    chosen = tuple(select)
    kept = [
        item
        for item in found
        if (not chosen or item.code.startswith(chosen)) and not _is_ignored(item, ignored)
    ]
    return _answer(code, kept)


def fixed(code: str, diagnostics: Iterable[Diagnostic], *, unsafe: bool = False) -> str:
    """Apply the fixes of diagnostics from the top; what touches one that was applied waits.

    Parameters
    ----------
    code
        What the diagnostics are about, in its order.
    diagnostics
        Those without a fix are passed over.
    unsafe
        Whether to apply the fixes that may change what was meant.

    Examples
    --------
    >>> code = "t.filter(t.x.between(9, 1))"
    >>> fixed(code, check(code, {"t": {"x": "int64"}}).diagnostics, unsafe=True)
    't.filter(t.x.between(1, 9))'
    """
    edits: list[Edit] = []
    reached = (0, 0)
    for item in diagnostics:
        if item.fix is None or not (item.fix.safe or unsafe):
            continue
        places = [_ends(edit.span) for edit in item.fix.edits]
        if min(places)[0] > reached:
            edits += item.fix.edits
            reached = max(end for _, end in places)
    return apply_edits(code, edits)


def _ends(span: Span) -> tuple[tuple[int, int], tuple[int, int]]:
    start = (span.line, span.column)
    if span.end_line is None or span.end_column is None:
        return start, start
    return start, (span.end_line, span.end_column)


def _answer(code: str, diagnostics: list[Diagnostic]) -> Answer:
    failed = any(item.code in (_RAISES, "IB002", "IB304") for item in diagnostics)
    note = Diagnostic(code="IB306", message="the code was read, not run")
    verdict = Verdict(status=Status.FAILED if failed else Status.CHECKED, diagnostics=(note,))
    return Answer(
        task=TASK,
        code=fixed(code, diagnostics),
        verdict=verdict,
        diagnostics=tuple(diagnostics),
    )


def _unreadable(code: str, error: Exception, source: str | None) -> Answer:
    """Give the one finding on text that is not Python."""
    line, column = getattr(error, "lineno", None) or 1, getattr(error, "offset", None) or 1
    span = Span(line, max(column, 1))
    message = f"not Python: {error.args[0]}"
    return _answer(code, [Diagnostic(code="IB002", message=message, source=source, span=span)])


def _diagnostics(
    text: str, module: ast.Module, tables: Catalog | None, source: str | None
) -> Iterator[Diagnostic]:
    reading = Interpreter(tables or Catalog({})).read(module)
    if tables is not None:
        _read_functions(reading, tables)
    code = Code(text, reading)
    found = [
        Diagnostic(
            code=given,
            message=item.message,
            source=source,
            span=code.span(item.node),
            hint=item.hint,
            fix=item.fix,
        )
        for given, item in [*_raised(code, tables), *_judged(code)]
    ]
    unique = {(item.code, item.span, item.message): item for item in found}
    yield from sorted(unique.values(), key=_position)


def _position(item: Diagnostic) -> tuple[int, int, str]:
    assert item.span is not None
    return item.span.line, item.span.column, item.code


def _read_functions(reading: Reading, tables: Catalog) -> None:
    """Read functions that the code does not call itself, if their parameters are tables."""
    used = {node.id for node in ast.walk(reading.module) if isinstance(node, ast.Name)}
    for node in reading.module.body:
        if not isinstance(node, ast.FunctionDef) or node.name in used:
            continue
        function = reading.names.get(node.name)
        if not isinstance(function, Function):
            continue
        parameters = [item.arg for item in node.args.args]
        if all(name in tables for name in parameters):
            reading.call(function, [reading.names[name] for name in parameters])


def _raised(code: Code, tables: Catalog | None) -> Iterator[tuple[str, Finding]]:
    """Give what raises, but for what is caught and for names that may come from elsewhere."""
    bound = {*dir(builtins), *_bound(code.reading.module)}
    for problem in code.reading.problems:
        if any(isinstance(above, ast.Try | ast.With) for above in code.around(problem.node)):
            continue
        match problem.error:
            case NameError(name=name) if tables is None or name in bound or "*" in bound:
                continue
            case TableNotFound() if tables is None:
                continue
            case error:
                message = f"{type(error).__name__}: {error}".strip().partition("\n")[0]
        yield _RAISES, Finding(problem.node, message, _hint(problem, tables))


def _bound(module: ast.Module) -> Iterator[str]:
    """Give the names that statements bind which are not interpreted."""
    for node in ast.walk(module):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield name
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
                yield name
            case ast.AsyncFunctionDef(name=name) | ast.ExceptHandler(name=str(name)):
                yield name
            case ast.alias(name=name, asname=other):
                yield other or name.partition(".")[0]


def _hint(problem: Problem, tables: Catalog | None) -> str | None:
    """Say what there is instead of a name, or how conditions are put together."""
    match problem.error:
        case AttributeError(name=str(name), obj=holder) if isinstance(holder, ibis.Expr):
            columns = holder.columns if isinstance(holder, ibis.Table) else ()
            known = [item for item in dir(holder) if not item.startswith("_")]
            hint = did_you_mean(name, [*columns, *known], "columns and methods")
            return hint if hint.startswith("did") else did_you_mean(name, columns, "columns")
        case NameError(name=str(name)) | TableNotFound(args=[str(name), *_]):
            return did_you_mean(name, tables or (), "tables")
        case ValueError() | TypeError() as error if "truth value" in str(error):
            return "conditions are joined with & | ~, in parentheses; for lists there is isin()"
    return None


def _judged(code: Code) -> Iterator[tuple[str, Finding]]:
    by_class: dict[type[ast.AST], list[Rule]] = collections.defaultdict(list)
    for rule in RULES:
        for kind in rule.nodes:
            by_class[kind].append(rule)
    for node in ast.walk(code.reading.module):
        for rule in by_class.get(type(node), ()):
            for finding in rule(node, code):
                yield rule.code, finding


def _ignored(text: str) -> dict[int, frozenset[str]]:
    """Give the codes that `# noqa` names on each line; none of them for all codes."""
    found = {}
    with contextlib.suppress(tokenize.TokenError, IndentationError):
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT and (match := _NOQA.search(token.string)):
                codes = (match["codes"] or "").upper()
                found[token.start[0]] = frozenset(re.findall(r"[A-Z]+\d+", codes))
    return found


def _is_ignored(item: Diagnostic, ignored: dict[int, frozenset[str]]) -> bool:
    codes = ignored.get(item.span.line) if item.span else None
    return codes is not None and (not codes or item.code in codes)
