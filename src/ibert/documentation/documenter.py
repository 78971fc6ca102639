"""Write the docstrings of functions, run their examples and hold them to their style."""

from __future__ import annotations

import tempfile
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from pathlib import Path

from ibert.database import connect
from ibert.diagnostics import Diagnostic
from ibert.documentation import example as examples
from ibert.documentation.claims import untrue
from ibert.documentation.description import describe
from ibert.documentation.doctests import failure_of, outputs, run_doctest
from ibert.documentation.inference import Inference, infer
from ibert.documentation.source import Source, TableFunction
from ibert.documentation.styles import WIDTH, render, style_named
from ibert.documentation.validation import faults
from ibert.sandbox import Failure, Sandbox

_INDENT = 4


@dataclass(frozen=True)
class Docstring:
    """A docstring, and what is known of it.

    Attributes
    ----------
    text
        It, without quotes and indentation.
    inference
        What it says was found by this.
    ran
        Whether its example ran and printed what it says.
    rows
        How many rows the result of the example has.
    findings
        What is wrong with it.
    """

    function: TableFunction
    text: str
    inference: Inference
    ran: bool
    rows: int
    findings: tuple[Diagnostic, ...]


class Documenter(AbstractContextManager["Documenter"]):
    """Documents any number of functions; a context manager that owns a sandbox."""

    def __init__(self) -> None:
        with ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            path = Path(folder, "empty.duckdb")
            connect(str(path)).close()
            self.sandbox = stack.enter_context(Sandbox([path]))
            self._resources = stack.pop_all()

    def __exit__(self, *exception: object) -> None:
        self._resources.close()

    def document(self, source: Source, function: TableFunction, style: str = "numpy") -> Docstring:
        """Write the docstring of a function.

        Raises
        ------
        IbertError
            The function cannot be told without running it, or does not build.
        """
        return self.documents(source, function, [style])[0]

    def documents(
        self, source: Source, function: TableFunction, styles: list[str]
    ) -> list[Docstring]:
        """Write the docstring of a function in several styles."""
        for style in styles:
            style_named(style)
        inference = infer(source, function)
        description = describe(inference)
        lines, rows, failed = self._example(inference)
        found = []
        for style in styles:
            text = render(description, lines, style, _INDENT)
            found.append(self.judged(inference, text, style, rows=rows, failed=failed))
        return found

    def judged(
        self,
        inference: Inference,
        text: str,
        style: str = "numpy",
        *,
        rows: int = 0,
        failed: str | None = None,
    ) -> Docstring:
        """Hold a docstring to its style, to what is known of the function, and to its example.

        Parameters
        ----------
        inference
            What is known of the function.
        text
            The docstring, whoever wrote it.
        style
            A key of `styles()`.
        rows
            How many rows the result of the example has.
        failed
            Why there is no example, if that is known.
        """
        wrong = failed or run_doctest(text, inference.function, self.sandbox)
        findings = []
        if wrong:
            findings.append(Diagnostic(code="IB856", message=f"the example: {wrong}"))
        for fault in faults(text, inference.function, style):
            findings.append(Diagnostic(code="IB857", message=fault))
        for claim in untrue(text, inference):
            findings.append(Diagnostic(code="IB858", message=claim))
        return Docstring(inference.function, text, inference, not wrong, rows, tuple(findings))

    def _example(self, inference: Inference) -> tuple[list[str], int, str | None]:
        """Make a doctest: with rows where some can be made, with the types alone otherwise."""
        width = WIDTH - _INDENT - len(">>> ")
        sample = examples.sample(inference, self.sandbox)
        if sample is not None:
            setup, shapes = examples.with_rows(inference, sample, width)
            lines = self._session(inference, setup, shapes, width)
            if not isinstance(lines, Failure):
                return lines, len(sample.rows), None
        setup, shapes = examples.with_types(inference, width)
        lines = self._session(inference, setup, shapes, width)
        if isinstance(lines, Failure):
            return [], 0, failure_of(lines)
        return lines, 0, None

    def _session(
        self, inference: Inference, setup: list[str], shapes: list[list[str]], width: int
    ) -> list[str] | Failure:
        """Run the ways to show a result; take the first that fits."""
        statements = [*setup, *(statement for shape in shapes for statement in shape)]
        found = outputs(inference.function, statements, self.sandbox)
        if isinstance(found, Failure):
            return found
        shown = dict(zip(statements, found, strict=True))
        fitting = [
            shape
            for shape in shapes
            if all(len(line) <= width for one in shape for line in shown[one].split("\n"))
        ]
        chosen = fitting[0] if fitting else shapes[-1]
        return examples.session([(one, shown[one]) for one in (*setup, *chosen)])
