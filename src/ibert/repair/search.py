"""Search for the smallest change that runs: best first, bounded, one fault after the other."""

from __future__ import annotations

import ast
import contextlib
import heapq
import itertools
import re
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from ibis.common.exceptions import IbisError

from ibert.catalog import Catalog
from ibert.interpreter import Function, Interpreter, Reading
from ibert.repair.fault import Candidate, Fault
from ibert.repair.repairs import REPAIRS
from ibert.repair.shapes import Shape, matching
from ibert.repair.source import Source
from ibert.repair.syntax import parses, syntax_repairs
from ibert.sandbox import Execution, Failure, FailureKind

READINGS = 250  # pieces of code that are read
RUNS = 24  # and run
SECONDS = 30.0  # after which no other change is tried
CANDIDATES = 60  # changes that one repair gives
PARSES = 500  # changes of the syntax that are tried for one error
DEPTH = 5  # changes of one piece of code
OFFERED = 3  # repairs
MARGIN = 1.0  # how much worse than the best an alternative may be
_RANK = 0.02  # what it costs to come later in the list of a shape
_STILL_BROKEN = 0.3  # what it costs that the parser stops again, later
_ELSEWHERE = 0.5  # what it costs to change code that did not raise itself
_SIZE = 0.004  # what a changed character costs
_REPAIRED = (FailureKind.RAISED, FailureKind.REFUSED)
_REFUSED = "PolicyError"  # what is raised for code that may not be run
_PLACELESS = ("NameError", "TypeError", "ValueError")  # what says the same in many places
_ADDRESS = re.compile(r"0x[0-9a-f]+")

Run = Callable[[str], Execution | Failure]


class Repair(NamedTuple):
    """Code that runs, what was changed for that, and what it gave."""

    text: str
    titles: tuple[str, ...]
    execution: Execution | Failure
    cost: float


class Repaired(NamedTuple):
    """What is wrong with code, and what was found to repair it.

    Attributes
    ----------
    exception, message
        What the code raises; empty where it runs.
    line, column
        Where, as far as that is known.
    title
        What it means.
    repairs
        Best first; all of them were run.
    failure
        What stopped the code, where that is no exception: a limit, or the policy.
    execution
        What the code gave, where it runs.
    """

    exception: str = ""
    message: str = ""
    line: int | None = None
    column: int | None = None
    title: str = ""
    repairs: tuple[Repair, ...] = ()
    failure: Failure | None = None
    execution: Execution | Failure | None = None


class _State(NamedTuple):
    cost: float
    order: int
    text: str
    titles: tuple[str, ...]
    problem: tuple[str, str]  # of the code that this is made from


def repair(text: str, catalog: Catalog, run: Run, *, offered: int = OFFERED) -> Repaired:
    """Find what code raises, and changes after which it runs.

    Parameters
    ----------
    text
        Ibis code.
    catalog
        Its tables.
    run
        Runs code on data.
    offered
        How many repairs to look for.
    """
    return _Search(catalog, run, offered).repaired(text)


class _Search:
    def __init__(self, catalog: Catalog, run: Run, offered: int) -> None:
        self._offered = offered
        self._interpreter = Interpreter(catalog)
        self._catalog = catalog
        self._run = run
        self._order = itertools.count()
        self._end = time.monotonic() + SECONDS
        self._readings = 0
        self._runs = 0

    def repaired(self, text: str) -> Repaired:
        raised: Failure | None = None
        if parses(text) is None:
            script = script_of(text, self._catalog)
            outcome = self._run(script)
            if ran(outcome, script):
                return Repaired(execution=outcome)
            assert isinstance(outcome, Failure)
            if outcome.kind not in _REPAIRED:
                return Repaired(failure=outcome)
            raised = outcome
        fault = self._fault(text, raised)
        found = _described(fault, raised)
        repairs = tuple(self._found(text, fault))
        if not repairs and raised is not None and raised.kind is FailureKind.REFUSED:
            return Repaired(failure=raised)
        return found._replace(repairs=repairs)

    def _found(self, text: str, fault: _Found) -> Iterator[Repair]:
        seen = {text}
        queue: list[_State] = []
        self._expand(_State(0.0, 0, text, (), ("", "")), fault, queue, seen)
        best: float | None = None
        offered = 0
        while queue and offered < self._offered and not self._is_spent():
            state = heapq.heappop(queue)
            if best is not None and state.cost > best + MARGIN:
                return
            found = self._fault(state.text)
            script = script_of(state.text, self._catalog)
            if isinstance(found, Execution | Failure) and ran(found, script):
                best = state.cost if best is None else best
                offered += 1
                yield Repair(state.text, state.titles, found, state.cost)
            elif _problem(found) != state.problem and len(state.titles) < DEPTH:
                self._expand(state, found, queue, seen)

    def _is_spent(self) -> bool:
        late = time.monotonic() > self._end
        return late or self._readings >= READINGS or self._runs >= RUNS

    def _expand(self, state: _State, fault: _Found, queue: list[_State], seen: set[str]) -> None:
        if isinstance(fault, Execution):
            return
        problem = _problem(fault)
        for candidate in self._candidates(state.text, fault):
            if candidate.text not in seen:
                seen.add(candidate.text)
                size = _SIZE * _changed(state.text, candidate.text)
                cost = state.cost + candidate.cost + size
                titles = (*state.titles, candidate.title)
                order = next(self._order)
                heapq.heappush(queue, _State(cost, order, candidate.text, titles, problem))

    def _candidates(self, text: str, fault: _Found) -> Iterator[Candidate]:
        if isinstance(fault, SyntaxError):
            for candidate in itertools.islice(syntax_repairs(text, fault), PARSES):
                again = parses(candidate.text)
                if again is None:
                    yield candidate
                elif _is_later(again, fault):
                    yield candidate._replace(cost=candidate.cost + _STILL_BROKEN)
        elif isinstance(fault, Fault):
            for shape, parts in matching(fault.exception, fault.message):
                yield from _by_shape(shape, fault.matched(parts))

    def _fault(self, text: str, outcome: Failure | None = None) -> _Found:
        """Find what is wrong with code: its syntax, what reading it raises, what running it does.

        `outcome` is what running it gave, where that is known.
        """
        error = parses(text)
        if error is not None:
            return error
        self._readings += 1
        module = ast.parse(text)
        reading = self._interpreter.read(module)
        _read_function(reading, self._catalog)
        source = Source(text, module)
        if reading.problems:
            node, problem = reading.problems[0]
            return Fault(source, reading, node, type(problem).__name__, str(problem).strip())
        if outcome is None:
            self._runs += 1
            found = self._run(script_of(text, self._catalog))
            if not isinstance(found, Failure) or found.kind not in _REPAIRED:
                return found
            outcome = found
        region = _at_line(module, outcome.line)
        exception = outcome.exception or _REFUSED
        return Fault(source, reading, region, exception, outcome.message)


_Found = SyntaxError | Fault | Execution | Failure


def ran(outcome: object, text: str) -> bool:
    """Tell whether code ran to its end: it has to give an expression where it defines `expr`."""
    if isinstance(outcome, Failure):
        return outcome.kind is FailureKind.NO_EXPRESSION and not _defines_expr(ast.parse(text))
    return isinstance(outcome, Execution)


def _defines_expr(module: ast.Module) -> bool:
    """Tell whether code assigns `expr`, or ends with an expression that is no call for effect."""
    ends = bool(module.body) and isinstance(module.body[-1], ast.Expr)
    if ends:
        last = module.body[-1].value  # type: ignore[attr-defined]
        return not (isinstance(last, ast.Call) and isinstance(last.func, ast.Name))
    return "expr" in _assigned(module)


def _assigned(module: ast.Module) -> set[str]:
    return {
        node.id
        for node in ast.walk(module)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def script_of(text: str, catalog: Catalog) -> str:
    r"""Give code as one whose result is fetched: a last function is called, a last table named.

    Examples
    --------
    >>> script_of("big = t.limit(3)", Catalog.from_any({"t": {"x": "int8"}}))
    'big = t.limit(3)\nexpr = big\n'
    """
    try:
        module = ast.parse(text)
    except SyntaxError:
        return text
    ending = _ending(module, catalog)
    return f"{text.rstrip()}\n{ending}\n" if ending else text


def _ending(module: ast.Module, catalog: Catalog) -> str:
    if not module.body or "expr" in _assigned(module):
        return ""
    match module.body[-1]:
        case ast.FunctionDef(name=name, args=args) if all(a.arg in catalog for a in args.args):
            return f"expr = {name}({', '.join(a.arg for a in args.args)})"
        case ast.Assign(targets=[ast.Name(id=name)]):
            return f"expr = {name}"
    return ""


def _read_function(reading: Reading, catalog: Catalog) -> None:
    """Read the body of a function that the code ends with."""
    last = reading.module.body[-1] if reading.module.body else None
    if isinstance(last, ast.FunctionDef) and _ending(reading.module, catalog):
        function = reading.names.get(last.name)
        if isinstance(function, Function):
            reading.call(function, [reading.names[item.arg] for item in last.args.args])


def _described(fault: _Found, raised: Failure | None) -> Repaired:
    """Tell a fault; what running the code raises is told, and not what reading it does."""
    exception, message = _problem(fault)
    if isinstance(fault, SyntaxError):
        return Repaired(exception, fault.msg, fault.lineno, fault.offset, "this is not Python")
    if not isinstance(fault, Fault):
        return Repaired(exception, message)
    if raised is not None and raised.kind is FailureKind.RAISED:
        exception, message = raised.exception or exception, raised.message
    shape = next((shape for shape, _ in matching(fault.exception, fault.message)), None)
    place = fault.region if isinstance(fault.region, ast.expr | ast.stmt) else None
    return Repaired(
        exception,
        message,
        place.lineno if place else None,
        place.col_offset + 1 if place else None,
        shape.title if shape is not None else "",
    )


def _problem(fault: _Found) -> tuple[str, str]:
    """Give what tells one problem from another."""
    if isinstance(fault, SyntaxError):
        return "SyntaxError", f"{fault.msg} in line {fault.lineno}"
    if isinstance(fault, Fault):
        place = ast.unparse(fault.region) if fault.exception in _PLACELESS else ""
        return fault.exception, _ADDRESS.sub("", fault.message) + place
    if isinstance(fault, Failure):
        return fault.exception or fault.kind.value, fault.message
    return "", ""


def _is_later(error: SyntaxError, before: SyntaxError) -> bool:
    return (error.lineno or 0, error.offset or 0) > (before.lineno or 0, before.offset or 0)


def _at_line(module: ast.Module, line: int | None) -> ast.AST:
    """Give the statement of a line; the whole module where that is not known."""
    for statement in module.body:
        if line is not None and statement.lineno <= line <= (statement.end_lineno or line):
            return statement
    return module


def _by_shape(shape: Shape, fault: Fault) -> Iterator[Candidate]:
    """Repair what raised; where nothing there can be the cause, look in all of the code."""
    found = list(_applied(shape, fault))
    if not found and fault.region is not fault.source.module:
        found = [
            candidate._replace(cost=candidate.cost + _ELSEWHERE)
            for candidate in _applied(shape, fault.at(fault.source.module))
        ]
    yield from found


def _applied(shape: Shape, fault: Fault) -> Iterator[Candidate]:
    for rank, name in enumerate(shape.repairs):
        with contextlib.suppress(IbisError):  # values that Ibis itself cannot describe
            for candidate in itertools.islice(REPAIRS[name](fault), CANDIDATES):
                yield candidate._replace(cost=candidate.cost + _RANK * rank)


def _changed(old: str, new: str) -> int:
    """Count the characters between the first and the last that differ."""
    shortest = min(len(old), len(new))
    start = next((i for i in range(shortest) if old[i] != new[i]), shortest)
    limit = shortest - start
    end = next((i for i in range(limit) if old[-1 - i] != new[-1 - i]), limit)
    return max(len(old), len(new)) - start - end
