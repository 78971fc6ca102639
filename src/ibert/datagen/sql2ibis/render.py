"""Render templates into pairs of SQL and Ibis code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from string import Template as Text

from sqlglot import exp

from ibert.datagen.sql2ibis.module import as_module, formatted, free_names
from ibert.datagen.sql2ibis.template import Template, Variation
from ibert.diagnostics import Diagnostic, IbertError, Span, collected
from ibert.sql import parse_query


@dataclass(frozen=True)
class Pair:
    """SQL and the Ibis code that should equal it, not yet proved.

    Attributes
    ----------
    template
        Where it comes from.
    variation
        The label of the variation.
    sql
        The query, in the template's dialect.
    ibis
        A module that defines `expr`, given `con`.
    tables
        The tables that it uses, in the order of the template's context.
    """

    template: Template
    variation: str
    sql: str
    ibis: str
    tables: tuple[str, ...]


def render(templates: Iterable[Template]) -> list[Pair]:
    """Render every variation of every template.

    Raises
    ------
    IbertError
        A rendering does not parse or uses a table that is not in its template's context, a table of
        the context is never used, or two variations give the same pair.
    """
    drafts: list[tuple[Variation, Pair]] = []
    with collected() as found:
        for template in templates:
            rendered = list(_rendered(template, found))
            used = {table for _, pair in rendered for table in pair.tables}
            found.extend(_unused_tables(template, used) if used else ())
            drafts += rendered
    modules = formatted([pair.ibis for _, pair in drafts])
    pairs = [replace(pair, ibis=ibis) for (_, pair), ibis in zip(drafts, modules, strict=True)]
    with collected() as found:
        found.extend(_duplicates([variation for variation, _ in drafts], pairs))
    return pairs


def _rendered(template: Template, found: list[Diagnostic]) -> Iterator[tuple[Variation, Pair]]:
    for variation in template.variations:
        try:
            yield variation, _render(template, variation)
        except IbertError as error:
            found.extend(error.diagnostics)


def _duplicates(variations: Sequence[Variation], pairs: Sequence[Pair]) -> Iterator[Diagnostic]:
    first: dict[tuple[str, str], Pair] = {}
    for variation, pair in zip(variations, pairs, strict=True):
        other = first.setdefault((pair.sql, pair.ibis), pair)
        if other is not pair:
            name = f"variation {other.variation} of {other.template.name}"
            message = f"variation {pair.variation} renders the same pair as {name}"
            yield _diagnostic(pair.template, "IB207", message, variation.span)


def _render(template: Template, variation: Variation) -> Pair:
    sql = Text(template.sql).substitute({k: v.sql for k, v in variation.params.items()}).strip()
    ibis = Text(template.ibis).substitute({k: v.ibis for k, v in variation.params.items()}).strip()
    used = _sql_tables(template, variation, sql) | _ibis_names(template, variation, ibis)
    tables = tuple(table for table in template.context if table in used)
    return Pair(template, variation.label, sql, as_module(ibis, tables), tables)


def _sql_tables(template: Template, variation: Variation, sql: str) -> set[str]:
    try:
        query = parse_query(sql, template.dialect)
    except IbertError as error:
        raise _broken(template, variation, "SQL", error.diagnostics[0].message, sql) from error
    steps = {cte.alias for cte in query.find_all(exp.CTE)}
    tables = {table.name for table in query.find_all(exp.Table)} - steps - {""}
    if unknown := sorted(tables - set(template.context)):
        message = f"the SQL of variation {variation.label} uses {', '.join(unknown)}: "
        message += "not in the context"
        raise IbertError([_diagnostic(template, "IB104", message, variation.span)])
    return tables


def _ibis_names(template: Template, variation: Variation, code: str) -> set[str]:
    try:
        return free_names(code)
    except SyntaxError as error:
        raise _broken(template, variation, "Ibis code", str(error.msg), code) from error


def _broken(
    template: Template, variation: Variation, what: str, message: str, text: str
) -> IbertError:
    message = f"the {what} of variation {variation.label} does not parse: {message}"
    hint = f"it reads: {' '.join(text.split())[:200]}"
    return IbertError([_diagnostic(template, "IB208", message, variation.span, hint)])


def _unused_tables(template: Template, used: set[str]) -> Iterable[Diagnostic]:
    for i, table in enumerate(template.context):
        if table not in used:
            span = template.document.span("context", i)
            yield _diagnostic(template, "IB209", f"no variation uses the table {table!r}", span)


def _diagnostic(
    template: Template, code: str, message: str, span: Span, hint: str | None = None
) -> Diagnostic:
    return Diagnostic(
        code=code, message=message, source=template.document.source, span=span, hint=hint
    )
