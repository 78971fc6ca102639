"""Templates of the tasks that are no translation from SQL: a folder for each, one loader for all.

Each variation becomes an example as the others of its task, and is proved as they are proved again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from string import Template as Pattern
from typing import Any, NamedTuple

from ibert.answers import rows_table, shown
from ibert.api_index import api_index
from ibert.catalog import Catalog
from ibert.compilation import Program, compiled, target_of
from ibert.datagen.factory.databases import Prover
from ibert.datagen.factory.mistakes import raised
from ibert.datagen.factory.recheck import problems_of
from ibert.datagen.factory.root import Tally
from ibert.datagen.factory.row import Content, Origin, Row, hashed, row, tables_of
from ibert.datagen.sql2ibis.module import as_module, formatted, free_names
from ibert.datagen.sql2ibis.template import (
    LIST,
    OPTIONAL,
    REQUIRED,
    TEXT,
    Kind,
    Variation,
    variations_of,
)
from ibert.datagen.structure import ibis_structure
from ibert.diagnostics import Diagnostic, IbertError, collected
from ibert.documentation import Documenter, Source
from ibert.documents import load, read_text
from ibert.sandbox import Failure

TEMPLATES = Path(__file__).parent.parent / "task_templates"
LICENCE = "Apache-2.0"
VARIANT = "template"
_CUT = re.compile("⟦(.*)⟧", re.DOTALL)
_COMMON: dict[str, Kind] = {
    name: kind for name, kind in REQUIRED.items() if not name.endswith("_template")
}
_SPACES: dict[str, Kind] = {
    name: OPTIONAL[name] for name in ("variations", "parameter_space", "sample")
}


class Rendered(NamedTuple):
    """A variation of a template: its texts, with values in place of parameters.

    Attributes
    ----------
    task, name
        Of which task, and what it is called with its variation.
    value
        The template.
    texts
        By key.
    """

    task: str
    name: str
    value: dict[str, Any]
    texts: dict[str, str]


class Recipe(NamedTuple):
    """How the templates of a task are read, and made into examples."""

    texts: tuple[str, ...]
    others: dict[str, Kind]
    make: Callable[[Rendered, Prover, Documenter], Iterator[tuple[Content, int]]]


def load_task_templates(
    folder: Path = TEMPLATES, *, catalog: Catalog, seed: int = 0
) -> list[Rendered]:
    """Load the templates of the folders of tasks, and render every variation.

    Parameters
    ----------
    folder
        Holds a folder for each task, named after it.
    catalog
        The tables that templates may use.
    seed
        Chooses the samples of parameter spaces.

    Raises
    ------
    IbertError
        With everything that is wrong with the files.

    Examples
    --------
    >>> from ibert import fixtures
    >>> catalog = Catalog.from_ddl(fixtures.SCHEMA_SQL)
    >>> sorted({one.task for one in load_task_templates(catalog=catalog)})
    ['code_completion', 'documentation', 'error_resolution', 'ibis_to_sql', 'qa']
    """
    found: list[Rendered] = []
    with collected() as wrong:
        for task, recipe in RECIPES.items():
            for path in sorted(folder.joinpath(task).glob("*.y*ml")):
                try:
                    found += _loaded(path, task, recipe, catalog, seed)
                except IbertError as error:
                    wrong.extend(error.diagnostics)
    return found


def _loaded(
    path: Path, task: str, recipe: Recipe, catalog: Catalog, seed: int
) -> Iterator[Rendered]:
    document = load(read_text(path), f"{task}/{path.name}")
    required = {**_COMMON, **dict.fromkeys(recipe.texts, TEXT), **recipe.others}
    variations = variations_of(document, path.stem, catalog, seed, required, _SPACES, recipe.texts)
    for variation in variations:
        texts = {key: _filled(document.value[key], variation) for key in recipe.texts}
        yield Rendered(task, f"{path.stem}[{variation.label}]", document.value, texts)


def _filled(text: str, variation: Variation) -> str:
    values = {name: value.ibis for name, value in variation.params.items()}
    return Pattern(text).substitute(values).strip()


def task_rows(
    templates: list[Rendered], prover: Prover, documenter: Documenter, tally: Tally
) -> Iterator[Row]:
    """Yield the examples of templates; those that are not proved are counted."""
    for one in templates:
        try:
            made = list(RECIPES[one.task].make(one, prover, documenter))
        except (IbertError, SyntaxError) as error:
            reason = error.diagnostics[0].code if isinstance(error, IbertError) else "SyntaxError"
            tally.reject(one.task, f"template {one.name}: {reason}")
            continue
        for content, rows in made:
            example = row(content, _origin(one, prover, rows))
            problems = list(problems_of(example, prover, documenter.sandbox))
            if problems:
                tally.reject(one.task, f"template {one.name}: {problems[0]}")
            else:
                yield example


def _origin(one: Rendered, prover: Prover, rows: int) -> Origin:
    code = one.texts.get("ibis") or one.texts["function"]
    structure = hashed(f"template {one.task} {one.value['name']}")
    return Origin(
        source="template",
        name=f"{one.task}/{one.name}",
        licence=LICENCE,
        root=hashed(f"{one.task} {one.name}"),
        structure=structure,
        code_structure=hashed(ibis_structure(_CUT.sub(r"\1", code))),
        schema=hashed(repr(prover.kin.to_dict())),
        database=prover.name,
        difficulty=one.value["difficulty"],
        rows=rows,
    )


def _module(text: str, one: Rendered) -> tuple[str, list[str]]:
    """Make a module of a snippet, and give the tables that it uses."""
    used = free_names(text)
    tables = [table for table in one.value["context"] if table in used]
    return formatted([as_module(text, tables)])[0], tables


def _content(one: Rendered, code: str, prover: Prover, used: list[str], **values: Any) -> Content:
    known = tables_of(prover.catalog.subset(used)) if used else ()
    return Content(task=one.task, **{"variant": VARIANT, "tables": known, "input": code, **values})


def _sql(one: Rendered, prover: Prover, _: Documenter) -> Iterator[tuple[Content, int]]:
    code, tables = _module(one.texts["ibis"], one)
    program = Program(code, prover.catalog.subset(tables))
    for dialect in one.value["dialects"]:
        sql = compiled(program, target_of(dialect), pretty=True)
        yield _content(one, code, prover, tables, dialect=dialect, target=sql), _count(code, prover)


def _completion(one: Rendered, prover: Prover, _: Documenter) -> Iterator[tuple[Content, int]]:
    text = one.texts["ibis"]
    cut = _CUT.search(text)
    if cut is None:
        raise IbertError([Diagnostic(code="IB203", message="no ⟦…⟧", source=one.name)])
    code, tables = _module(_CUT.sub(r"\1", text), one)
    if code.count(cut[1]) != 1:
        message = f"{cut[1]!r} is not there once after formatting"
        raise IbertError([Diagnostic(code="IB203", message=message, source=one.name)])
    before, after = code.split(cut[1])
    values = {"target": cut[1], "suffix": after}
    yield _content(one, before, prover, tables, **values), _count(code, prover)


def _error(one: Rendered, prover: Prover, _: Documenter) -> Iterator[tuple[Content, int]]:
    wrong, tables = _module(one.texts["broken"], one)
    right, _tables = _module(one.texts["ibis"], one)
    outcome = prover.execute(wrong)
    error = raised(outcome) if isinstance(outcome, Failure) else ""
    values = {"error": error, "target": right, "explanation": one.texts["explanation"]}
    yield _content(one, wrong, prover, tables, **values), _count(right, prover)


def _answer(one: Rendered, prover: Prover, _: Documenter) -> Iterator[tuple[Content, int]]:
    code, _tables = _module(one.texts["ibis"], one)
    outcome = prover.execute(code)
    source = one.texts["source"]
    if isinstance(outcome, Failure) or source not in api_index():
        what = "the code fails" if isinstance(outcome, Failure) else f"no {source} in Ibis"
        raise IbertError([Diagnostic(code="IB203", message=what, source=one.name)])
    parts = [
        one.texts["answer"],
        f"```python\n{code.rstrip()}\n```",
        rows_table(shown(outcome)),
        f"Sources: `{source}`",
    ]
    target = "\n\n".join(parts) + "\n"
    content = _content(one, one.texts["question"], prover, [], target=target)
    yield content, outcome.raw.table.num_rows


def _documented(
    one: Rendered, prover: Prover, documenter: Documenter
) -> Iterator[tuple[Content, int]]:
    (code,) = formatted([one.texts["function"]])
    catalog = prover.catalog.subset(one.value["context"])
    source = Source(code, catalog)
    (function,) = source.functions()
    used = [item.name for item in function.tables]
    for style, made in zip(_STYLES, documenter.documents(source, function, _STYLES), strict=True):
        if made.findings or not made.ran:
            raise IbertError(list(made.findings))
        yield _content(one, code, prover, used, variant=style, target=made.text), made.rows


def _count(code: str, prover: Prover) -> int:
    outcome = prover.execute(code)
    return 0 if isinstance(outcome, Failure) else outcome.raw.table.num_rows


_STYLES = ["numpy", "google", "sphinx"]
RECIPES: dict[str, Recipe] = {
    "ibis_to_sql": Recipe(("ibis",), {"dialects": LIST}, _sql),
    "code_completion": Recipe(("ibis",), {}, _completion),
    "error_resolution": Recipe(("broken", "ibis", "explanation"), {}, _error),
    "qa": Recipe(("question", "ibis", "answer", "source"), {}, _answer),
    "documentation": Recipe(("function",), {}, _documented),
}
