"""How findings about code are printed: as text with the place, as SARIF, or for GitHub."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ibert.diagnostics import Diagnostic, Span

STDIN = "<stdin>"
_SARIF = "https://json.schemastore.org/sarif-2.1.0.json"


def print_findings(findings: Iterable[Diagnostic], text: str) -> None:
    """Print findings about a text as ruff does: place, excerpt, and the change that mends it."""
    lines = text.splitlines()
    for item in findings:
        span = item.span
        place = f"{item.source or STDIN}:" + (f"{span.line}:{span.column}:" if span else "")
        click.echo(f"{click.style(place, bold=True)} {click.style(item.code, fg='red')} ", nl=False)
        click.echo(item.message)
        if span and span.line <= len(lines):
            click.echo("\n".join(_excerpt(span, lines)))
        if item.hint:
            click.echo(f"  {click.style('help:', bold=True)} {item.hint}")
        if item.fix:
            _print_fix(item, text)
        click.echo()


def _excerpt(span: Span, lines: list[str]) -> list[str]:
    """Show the line of a place, with carets under it."""
    line = lines[span.line - 1]
    number = str(span.line)
    end = span.end_column if span.end_line == span.line and span.end_column else len(line) + 1
    carets = " " * (span.column - 1) + "^" * max(end - span.column, 1)
    gap = " " * len(number)
    return [f"{gap} |", f"{number} | {line}", f"{gap} | {click.style(carets, fg='red')}"]


def _print_fix(item: Diagnostic, text: str) -> None:
    from ibert.edits import apply_edits, unified_diff

    assert item.fix is not None
    kind = "" if item.fix.safe else " (unsafe)"
    click.echo(f"  {click.style('help:', bold=True)} {item.fix.title}{kind}")
    diff = unified_diff(text, apply_edits(text, item.fix.edits), item.source or STDIN)
    for line in diff.splitlines()[3:]:
        if line[:1] in "+-":
            click.echo("  " + click.style(line, fg="green" if line[0] == "+" else "red"))


def github(findings: Iterable[Diagnostic]) -> str:
    """Write findings as workflow commands, which GitHub shows beside the code."""
    return "".join(
        f"::error title={item.code},file={item.source or STDIN},line={item.span.line},"
        f"col={item.span.column}::{_escaped(item.message)}\n"
        if item.span
        else f"::error title={item.code},file={item.source or STDIN}::{_escaped(item.message)}\n"
        for item in findings
    )


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def sarif(findings: Iterable[Diagnostic]) -> dict[str, Any]:
    """Write findings as a SARIF 2.1.0 log."""
    from ibert.diagnostics import CODES

    found = list(findings)
    used = sorted({item.code for item in found})
    rules = [{"id": code, "shortDescription": {"text": CODES[code]}} for code in used]
    results = [
        {
            "ruleId": item.code,
            "level": "error",
            "message": {"text": item.message},
            "locations": [{"physicalLocation": _location(item)}],
        }
        for item in found
    ]
    driver = {"name": "ibert", "rules": rules}
    runs = [{"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}]
    return {"$schema": _SARIF, "version": "2.1.0", "runs": runs}


def _location(item: Diagnostic) -> dict[str, Any]:
    location: dict[str, Any] = {"artifactLocation": {"uri": item.source or STDIN}}
    if item.span:
        span = item.span
        region = {"startLine": span.line, "startColumn": span.column}
        if span.end_line and span.end_column:
            region |= {"endLine": span.end_line, "endColumn": span.end_column}
        location["region"] = region
    return location
