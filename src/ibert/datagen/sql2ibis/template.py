"""Load templates: strictly, with every error of every file at once, each with its place."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from string import Template as Text
from typing import Any

from ibert.catalog import Catalog
from ibert.diagnostics import Diagnostic, IbertError, Span, collected, did_you_mean
from ibert.documents import Document, load, read_text
from ibert.sql.dialects import check_dialect

TEMPLATES = Path(__file__).parent / "templates"
DIFFICULTIES = ("easy", "medium", "hard")


@dataclass(frozen=True)
class Value:
    """The value of a parameter: the text that stands for it on either side."""

    sql: str
    ibis: str


@dataclass(frozen=True)
class Variation:
    """The values of one rendering."""

    label: str
    params: Mapping[str, Value]
    span: Span


@dataclass(frozen=True)
class Template:
    """A pair of texts with `$parameters`, and the values they take.

    Attributes
    ----------
    name
        Unique among all templates; the name of its file.
    description
        One sentence.
    difficulty
        One of `DIFFICULTIES`.
    features
        What it shows: names in snake_case, the most telling first.
    context
        The fixture tables that it uses.
    dialect
        The dialect of the SQL.
    sql, ibis
        The two texts.
    variations
        The listed ones, then those of the parameter space.
    document
        The file, for the places of what is wrong with a rendering.
    """

    name: str
    description: str
    difficulty: str
    features: tuple[str, ...]
    context: tuple[str, ...]
    dialect: str
    sql: str
    ibis: str
    variations: tuple[Variation, ...]
    document: Document


def load_templates(folder: Path = TEMPLATES, *, catalog: Catalog, seed: int = 0) -> list[Template]:
    """Load a template, or those of a folder and the folders in it, in the order of their paths.

    Parameters
    ----------
    folder
        Where the `.yaml` or `.yml` files are, or one of them.
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
    >>> import ibert, ibert.fixtures
    >>> catalog = ibert.Catalog.from_ddl(ibert.fixtures.SCHEMA_SQL)
    >>> path = TEMPLATES / "select" / "filter_comparison.yaml"
    >>> [template.name for template in load_templates(path, catalog=catalog)]
    ['filter_comparison']
    """
    paths = [folder] if folder.is_file() else sorted(folder.rglob("*.y*ml"))
    templates: dict[str, Template] = {}
    with collected() as found:
        if not paths:
            found.append(
                Diagnostic(code="IB001", message="no template (.yaml) here", source=str(folder))
            )
        for path in paths:
            try:
                template = _read(load(read_text(path), _shown(path)), path.stem, catalog, seed)
            except IbertError as error:
                found.extend(error.diagnostics)
                continue
            if (other := templates.get(template.name)) is not None:
                message = f"{other.document.source} has the name {template.name!r} too"
                found.append(_at(template.document, "IB204", message, "name"))
            templates.setdefault(template.name, template)
    return list(templates.values())


def _shown(path: Path) -> str:
    """Give a path as a user would write it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _at(
    document: Document, code: str, message: str, *path: str | int, hint: str | None = None
) -> Diagnostic:
    return Diagnostic(
        code=code, message=message, source=document.source, span=document.span(*path), hint=hint
    )


# What a value may be: a test, and what to call it in an error.
Kind = tuple[Callable[[Any], bool], str]
TEXT: Kind = (lambda value: isinstance(value, str) and bool(value.strip()), "a text")
NAMES: Kind = (
    lambda value: isinstance(value, list) and bool(value) and all(map(_is_name, value)),
    "a list of names (letters, digits and _)",
)
LEVEL: Kind = (lambda value: value in DIFFICULTIES, f"one of {', '.join(DIFFICULTIES)}")
LIST: Kind = (lambda value: isinstance(value, list) and bool(value), "a list")
MAPPING: Kind = (lambda value: isinstance(value, dict) and bool(value), "a mapping")
COUNT: Kind = (lambda value: type(value) is int and value > 0, "a whole number above zero")

REQUIRED: dict[str, Kind] = {
    "name": (lambda value: _is_name(value), "a name (letters, digits and _)"),
    "description": TEXT,
    "difficulty": LEVEL,
    "features": NAMES,
    "context": NAMES,
    "sql_template": TEXT,
    "ibis_template": TEXT,
}
OPTIONAL: dict[str, Kind] = {
    "dialect": TEXT,
    "variations": LIST,
    "parameter_space": MAPPING,
    "sample": COUNT,
}
VARIATION: dict[str, Kind] = {"params": (lambda value: isinstance(value, dict), "a mapping")}


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and value.isidentifier()


def _read(document: Document, stem: str, catalog: Catalog, seed: int) -> Template:
    variations = variations_of(
        document, stem, catalog, seed, REQUIRED, OPTIONAL, ("ibis_template", "sql_template")
    )
    value = document.value
    return Template(
        name=value["name"],
        description=value["description"].strip(),
        difficulty=value["difficulty"],
        features=tuple(value["features"]),
        context=tuple(value["context"]),
        dialect=value.get("dialect", "duckdb"),
        sql=value["sql_template"],
        ibis=value["ibis_template"],
        variations=variations,
        document=document,
    )


def variations_of(
    document: Document,
    stem: str,
    catalog: Catalog,
    seed: int,
    required: Mapping[str, Kind],
    optional: Mapping[str, Kind],
    texts: Sequence[str],
) -> tuple[Variation, ...]:
    """Check a template, and give its variations.

    Parameters
    ----------
    document
        The file.
    stem
        Its name without an ending: what the template is called.
    catalog
        The tables that it may use.
    seed
        Chooses the sample of a parameter space.
    required, optional
        The keys that it must and may have.
    texts
        Those of them that are texts with `$parameters`.

    Raises
    ------
    IbertError
        With everything that is wrong.
    """
    with collected() as found:
        found.extend(_check_keys(document, document.value, required, optional))
    with collected() as found:
        found.extend(_check_whole(document, stem, catalog, texts))
        variations = [*_listed(document, found), *_space(document, seed, found)]
        if not variations and not found:
            message = "no variations and no parameter_space"
            hint = "a template without parameters has `variations: [{params: {}}]`"
            found.append(_at(document, "IB210", message, hint=hint))
        if not found:
            found.extend(_check_parameters(document, variations, texts))
    return tuple(variations)


def _check_keys(
    document: Document,
    value: Any,
    required: Mapping[str, Kind],
    optional: Mapping[str, Kind],
    *path: str | int,
) -> Iterator[Diagnostic]:
    if not isinstance(value, dict):
        yield _at(document, "IB203", f"a mapping is wanted, not {_kind_of(value)}", *path)
        return
    kinds = {**required, **optional}
    for key in value:
        if key not in kinds:
            yield Diagnostic(
                code="IB201",
                message=f"unknown key {key!r}",
                source=document.source,
                span=document.key_span(*path, key),
                hint=did_you_mean(key, kinds, "keys"),
            )
        elif not kinds[key][0](value[key]):
            message = f"{key} is {kinds[key][1]}, not {_kind_of(value[key])}"
            yield _at(document, "IB203", message, *path, key)
    for key in required:
        if key not in value:
            yield _at(document, "IB202", f"the key {key!r} is missing", *path)


def _kind_of(value: Any) -> str:
    if value in (None, "", [], {}):
        return "nothing"
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    return repr(value)


def _check_whole(
    document: Document, stem: str, catalog: Catalog, texts: Sequence[str]
) -> Iterator[Diagnostic]:
    value = document.value
    if value["name"] != stem:
        message = f"the template {value['name']!r} is in a file of another name"
        yield _at(document, "IB203", message, "name", hint=f"rename one of them to {stem!r}")
    for i, table in enumerate(value["context"]):
        if table not in catalog:
            hint = did_you_mean(table, catalog, "tables")
            yield _at(document, "IB104", f"no table {table!r}", "context", i, hint=hint)
    if "dialect" in value:
        try:
            check_dialect(value["dialect"])
        except IbertError as error:
            (found,) = error.diagnostics
            yield _at(document, found.code, found.message, "dialect", hint=found.hint)
    if "sample" in value and "parameter_space" not in value:
        yield _at(document, "IB202", "a sample without a parameter_space", "sample")
    for side in texts:
        text = Text(value[side])
        for match in text.pattern.finditer(text.template):
            if match["invalid"] is not None:
                yield Diagnostic(
                    code="IB203",
                    message="a $ that begins no parameter",
                    source=document.source,
                    span=document.offset_span((side,), *match.span()),
                    hint="write $$ for a dollar sign",
                )


def _listed(document: Document, found: list[Diagnostic]) -> Iterator[Variation]:
    """Give the variations that are written out."""
    for i, item in enumerate(document.value.get("variations", ())):
        place = ("variations", i)
        wrong = list(_check_keys(document, item, VARIATION, {}, *place))
        found.extend(wrong)
        if not wrong:
            params = {
                name: _value(document, value, found, *place, "params", name)
                for name, value in item["params"].items()
            }
            yield Variation(str(i), params, document.span(*place))


def _space(document: Document, seed: int, found: list[Diagnostic]) -> Iterator[Variation]:
    """Give the product of the axes of the parameter space, or a sample of it."""
    space = document.value.get("parameter_space", {})
    axes = [list(_axis(document, name, found)) for name in space]
    points = list(product(*axes)) if space else []
    size = document.value.get("sample", len(points))
    if size > len(points):
        message = f"a sample of {size} from a parameter space of {len(points)}"
        found.append(_at(document, "IB203", message, "sample"))
        return
    rng = random.Random(f"{seed}:{document.value['name']}")
    for i in sorted(rng.sample(range(len(points)), size)):
        params = {name: value for choice in points[i] for name, value in choice.items()}
        yield Variation(f"space-{i}", params, document.span("parameter_space"))


def _axis(document: Document, axis: str, found: list[Diagnostic]) -> Iterator[Mapping[str, Value]]:
    """Give the choices of one axis; that of `a, b: [[1, 2]]` sets two parameters at once."""
    names = [name.strip() for name in axis.split(",")]
    choices = document.value["parameter_space"][axis]
    if not LIST[0](choices):
        message = f"{axis} is a list of values, not {_kind_of(choices)}"
        found.append(_at(document, "IB203", message, "parameter_space", axis))
        return
    for i, choice in enumerate(choices):
        place = ("parameter_space", axis, i)
        if len(names) == 1:
            yield {axis: _value(document, choice, found, *place)}
        elif isinstance(choice, list) and len(choice) == len(names):
            values = [_value(document, item, found, *place, j) for j, item in enumerate(choice)]
            yield dict(zip(names, values, strict=True))
        else:
            message = f"{axis} takes lists of {len(names)} values"
            found.append(_at(document, "IB203", message, *place))


def _value(document: Document, value: Any, found: list[Diagnostic], *path: str | int) -> Value:
    """Read the value of a parameter: one text for both sides, or one for each."""
    if isinstance(value, dict) and value.keys() == {"sql", "ibis"}:
        sql, ibis = value["sql"], value["ibis"]
        if isinstance(sql, str | int | float) and isinstance(ibis, str | int | float):
            return Value(str(sql), str(ibis))
    elif isinstance(value, bool):
        return Value(str(value).upper(), str(value))
    elif isinstance(value, str | int | float):
        return Value(str(value), str(value))
    message = f"a value is a text, a number, a boolean or {{sql: …, ibis: …}}, not {value!r}"
    found.append(_at(document, "IB203", message, *path))
    return Value("", "")


def _check_parameters(
    document: Document, variations: list[Variation], texts: Sequence[str]
) -> Iterator[Diagnostic]:
    """Hold the parameters that the texts use against those that the variations set."""
    used = {name: side for side in texts for name in Text(document.value[side]).get_identifiers()}
    for variation in variations:
        for name in sorted(used.keys() - variation.params.keys()):
            yield Diagnostic(
                code="IB205",
                message=f"the variation does not set ${name}, which {used[name]} uses",
                source=document.source,
                span=variation.span,
                hint=did_you_mean(name, variation.params, "parameters"),
            )
        for name in sorted(variation.params.keys() - used.keys()):
            yield Diagnostic(
                code="IB206",
                message=f"neither text uses the parameter {name!r}",
                source=document.source,
                span=variation.span,
                hint=did_you_mean(name, used, "parameters in use"),
            )
        if variation.params.keys() != used.keys() and variation.label.startswith("space"):
            return  # the rest of the space has the same keys
