"""Documentation: docstrings of functions over tables, whose examples run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from ibert.answer import Answer
from ibert.catalog import Catalog
from ibert.diagnostics import Diagnostic, IbertError
from ibert.documentation import Docstring, Documenter, Source, TableFunction
from ibert.documentation.inference import Inference, infer
from ibert.documentation.placement import has_docstring, with_docstrings
from ibert.documentation.styles import quoted, style_named
from ibert.tasks.problem import Problem, asker
from ibert.verdict import Evidence, Status, Verdict

if TYPE_CHECKING:
    from ibert.answer import Costs
    from ibert.model import GenerationSettings
    from ibert.tasks.by_model import Asker, Model

TASK = "documentation"


def document(
    code: str,
    function: str | None = None,
    catalog: object = None,
    *,
    style: str = "numpy",
    apply: bool = False,
    replace: bool = False,
    source: str | None = None,
    engine: str = "compiler",
    model: Model = None,
    refine: int = 0,
    generation: GenerationSettings | None = None,
) -> Answer:
    r"""Write the docstrings of functions over tables.

    What they say is found by building the function over tables of many types, and by running it.

    Parameters
    ----------
    code
        A module. Of it, only the functions and what they need are looked at.
    function
        The name of one; None for every function over tables.
    catalog
        The tables that its parameters name: what `Catalog.from_any` takes. None: the columns that
        the functions need are found out.
    style
        `numpy`, `google` or `sphinx`.
    apply
        Whether to give the whole code with the docstrings in it.
    replace
        Whether these take the place of docstrings that are there.
    source
        What diagnostics call the code.
    engine
        `compiler`, or `model`: a language model writes the text.
    model, refine, generation
        For the engine `model`: see `sql_to_ibis`.

    Raises
    ------
    IbertError
        There is no such function, it cannot be told without running it, it does not build, or it
        has a docstring that is not to be replaced.

    Examples
    --------
    >>> import ibert
    >>> answer = ibert.document("def big(orders):\n    return orders.filter(orders.total > 100)")
    >>> print(answer.code.splitlines()[1].strip(' "'))
    Keep the rows of `orders` where `total` is greater than 100.
    >>> answer.verdict.status
    <Status.VERIFIED: 'VERIFIED'>
    """
    style_named(style)
    tables = None if catalog is None else Catalog.from_any(catalog)
    read = Source(code, tables, source)
    chosen = [read.function(function)] if function is not None else read.functions()
    if not chosen:
        raise read.error("IB852", "the code has no function over tables")
    writer = _Writer(asker(engine, model, refine, generation))
    documented, refused = _documented(read, chosen, style, writer, keep=apply and not replace)
    if not documented:
        raise IbertError(refused)
    if apply and writer.verdict is not None:  # what a model claims stays out until it is proved
        documented = [docstring for docstring in documented if not docstring.findings]
    return Answer(
        task=TASK,
        code=_text(code, documented, apply=apply, alone=function is not None),
        verdict=writer.verdict or _verdict(documented),
        diagnostics=tuple(refused),
        engine=engine,
        costs=writer.costs,
    )


class _Writer:
    """Writes docstrings: the documenter's own, or those of a model, whose costs add up."""

    def __init__(self, asked: Asker | None) -> None:
        self._asked = asked
        self.verdict: Verdict | None = None
        self.costs: Costs | None = None

    def write(
        self, documenter: Documenter, source: Source, function: TableFunction, style: str
    ) -> Docstring:
        """Write the docstring of a function."""
        if self._asked is None:
            return documenter.document(source, function, style)
        inference = infer(source, function)
        found = self._asked.refined(problem(documenter, inference, style))
        self.costs = found.costs if self.costs is None else self.costs + found.costs
        self.verdict = found.verdict if self.verdict is None else _both(self.verdict, found.verdict)
        return documenter.judged(inference, found.code, style)


def _both(one: Verdict, other: Verdict) -> Verdict:
    """Give what is known of two docstrings: the worse status, and all else."""
    order = list(Status)
    evidence = msgspec.structs.replace(
        one.evidence,
        rows=one.evidence.rows + other.evidence.rows,
        attempts=(*one.evidence.attempts, *other.evidence.attempts),
    )
    return Verdict(
        status=max(one.status, other.status, key=order.index),
        evidence=evidence,
        diagnostics=(*one.diagnostics, *other.diagnostics),
    )


def problem(documenter: Documenter, inference: Inference, style: str = "numpy") -> Problem:
    """Ask for the docstring of a function; it is judged as those of the documenter are."""

    def judged(text: str) -> Verdict:
        findings = documenter.judged(inference, text, style).findings
        status = Status.FAILED if findings else Status.VERIFIED
        return Verdict(status=status, diagnostics=findings)

    code = ast.unparse(inference.function.module)
    return Problem(TASK, {"style": style, "code": code}, judged)


def _documented(
    source: Source, functions: list[TableFunction], style: str, writer: _Writer, *, keep: bool
) -> tuple[list[Docstring], list[Diagnostic]]:
    """Document functions; give what is said of those that cannot be."""
    found: list[Docstring] = []
    refused: list[Diagnostic] = []
    with Documenter() as documenter:
        for function in functions:
            try:
                if keep and has_docstring(function.node):
                    raise _kept(source, function)
                found.append(writer.write(documenter, source, function, style))
            except IbertError as error:
                refused += error.diagnostics
    return found, refused


def _kept(source: Source, function: TableFunction) -> IbertError:
    message = f"{function.name} has a docstring"
    return source.error("IB855", message, function.node, "replace it with --replace")


def _text(code: str, documented: list[Docstring], *, apply: bool, alone: bool) -> str:
    if apply:
        return with_docstrings(code, documented)
    if alone:
        return documented[0].text + "\n"
    return "\n\n\n".join(map(_stub, documented)) + "\n"


def _stub(docstring: Docstring) -> str:
    node = docstring.function.node
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    head = f"def {node.name}({ast.unparse(node.args)}){returns}:"
    return f"{head}\n    {quoted(docstring.text, '    ')}"


def _verdict(documented: list[Docstring]) -> Verdict:
    findings = tuple(_findings(documented))
    rows = sum(docstring.rows for docstring in documented)
    status = Status.CHECKED if findings else Status.VERIFIED
    return Verdict(status=status, evidence=Evidence(rows=rows), diagnostics=findings)


def _findings(documented: list[Docstring]) -> Iterator[Diagnostic]:
    for docstring in documented:
        yield from docstring.findings
