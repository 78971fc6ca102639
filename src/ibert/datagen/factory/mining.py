"""Roots from code of others: functions, methods and cells, with the definitions that they need."""

from __future__ import annotations

import ast
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from ibert.catalog import Catalog
from ibert.compilation import Program, compiled, target_of
from ibert.datagen.factory.chunks import SUFFIXES, blocks_of
from ibert.datagen.factory.cuts import completions
from ibert.datagen.factory.databases import StrangersProver
from ibert.datagen.factory.mistakes import mistakes
from ibert.datagen.factory.root import Draft, Root, Tally, proved
from ibert.datagen.factory.row import Content, Row
from ibert.datagen.factory.shard import Counts, write_shard
from ibert.datagen.factory.spellings import compilations, translations
from ibert.datagen.factory.units import units
from ibert.diagnostics import Diagnostic, IbertError
from ibert.documentation import Documenter, Source, TableFunction
from ibert.documentation.example import call_of, columns_of
from ibert.documentation.inference import infer
from ibert.translator.layout import format_module

CLONE_SECONDS = 600
STYLES = ("numpy", "google", "sphinx")
# What a repository may bring and Git would act on: hooks, links to elsewhere, further repositories.
_HARMLESS = tuple(
    part
    for setting in ("core.hooksPath=/dev/null", "core.symlinks=false", "protocol.ext.allow=never")
    for part in ("-c", setting)
)


class CodeConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What decides the examples of a repository.

    Parameters
    ----------
    origin
        Where it is from: a path, or an address and a commit.
    files
        Its files, by their names within it.
    licence
        Of the files.
    seed
        Makes the rows of the tables.
    """

    origin: str
    files: tuple[str, ...]
    licence: str
    seed: int = 0


@contextmanager
def checked_out(place: str) -> Iterator[tuple[Path, str]]:
    """Give the folder of a repository, and what to call it; one with an address is cloned first.

    Raises
    ------
    IbertError
        IB001 if there is no such folder, or it cannot be cloned.
    """
    if "://" not in place and not place.startswith("git@"):
        if not Path(place).exists():
            message = "no such file or folder"
            raise IbertError([Diagnostic(code="IB001", message=message, source=place)])
        yield Path(place), Path(place).resolve().name
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "repository")
        _git(*_HARMLESS, "clone", "--quiet", "--depth", "1", "--", place, str(folder))
        commit = _git("-C", str(folder), "rev-parse", "HEAD").strip()
        yield folder, f"{place}@{commit[:12]}"


def _git(*arguments: str) -> str:
    git = shutil.which("git")
    if git is None:
        raise IbertError([Diagnostic(code="IB901", message="Git is missing")])
    try:
        done = subprocess.run(  # noqa: S603  Git itself; what it fetches is not run
            [git, *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=CLONE_SECONDS,
            env={"GIT_TERMINAL_PROMPT": "0", "PATH": "/usr/bin:/bin"},
        )
    except subprocess.TimeoutExpired as error:
        message = f"Git took more than {CLONE_SECONDS} seconds"
        raise IbertError([Diagnostic(code="IB001", message=message)]) from error
    if done.returncode:
        message = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "Git failed"
        raise IbertError([Diagnostic(code="IB001", message=message)])
    return done.stdout


def code_config(folder: Path, origin: str, licence: str, seed: int = 0) -> CodeConfig:
    """Find the files of a folder that may hold code; links are not followed.

    Raises
    ------
    IbertError
        IB001 if there is none.
    """
    found = [folder] if folder.is_file() else [p for p in folder.rglob("*") if not p.is_symlink()]
    base = folder.parent if folder.is_file() else folder
    names = sorted(
        path.relative_to(base).as_posix()
        for path in found
        if path.suffix in SUFFIXES and path.is_file() and ".git" not in path.parts
    )
    if not names:
        message = f"no file with code ({', '.join(SUFFIXES)})"
        raise IbertError([Diagnostic(code="IB001", message=message, source=str(folder))])
    return CodeConfig(origin=origin, files=tuple(names), licence=licence, seed=seed)


def code_shard(config: CodeConfig, number: int, folder: Path, output: Path) -> Counts:
    """Make the shard of one file: all that its functions over tables give."""
    name = config.files[number]
    tally, roots = Tally(), 0
    try:
        source = _source(folder / name, name)
        functions = source.functions()
    except IbertError as error:
        tally.reject("file", error.diagnostics[0].code)
        return write_shard(output, number, "code", 0, tally)
    with Documenter() as documenter:
        for function in functions:
            try:
                roots += _mined(source, function, config, name, documenter, tally)
            except IbertError as error:
                tally.reject("function", error.diagnostics[0].code)
    return write_shard(output, number, "code", roots, tally)


def _source(path: Path, name: str) -> Source:
    """Read the units of a file as functions of one module."""
    blocks = blocks_of(path)
    Source("\n".join(blocks), None, name)  # what does not parse is told with its place
    try:
        text = ast.unparse(units(blocks))
    except RecursionError as error:
        diagnostic = Diagnostic(code="IB304", message="the code is nested too deeply", source=name)
        raise IbertError([diagnostic]) from error
    return Source(text, None, name)


def _mined(
    source: Source,
    function: TableFunction,
    config: CodeConfig,
    name: str,
    documenter: Documenter,
    tally: Tally,
) -> int:
    """Prove a function on tables of the columns that it needs, and derive what it gives."""
    inference = infer(source, function)
    columns = columns_of(inference)
    catalog = Catalog.from_dict(
        {table: {c: str(kind) for c, kind in schema.items()} for table, schema in columns.items()}
    )
    tables = "\n".join(f'{table} = con.table("{table}")' for table in catalog)
    function_code = format_module(function.module)
    code = f"{function_code}\n{tables}\nexpr = {call_of(inference)}\n"
    sql = compiled(Program(code, catalog), target_of("duckdb"))
    place = f"{config.origin}:{name}:{function.name}"
    draft = Draft(sql, "duckdb", code, catalog, "code", place, config.licence)
    with (
        tempfile.TemporaryDirectory() as rows,
        StrangersProver(catalog, sql, config.seed, Path(rows)) as prover,
    ):
        roots = list(proved(iter([draft]), prover, tally))
        for root in roots:
            tally.rows += translations(root, tally)
            tally.rows += compilations(root, tally)
            tally.rows += completions(root)
            tally.rows += mistakes(root, tally)
            tally.rows += _documented(root, source, function, documenter, tally)
    return len(roots)


def _documented(
    root: Root, source: Source, function: TableFunction, documenter: Documenter, tally: Tally
) -> Iterator[Row]:
    """Yield the function with its docstrings, as its author wrote the rest of it."""
    code = ast.unparse(function.module)
    for style, made in zip(
        STYLES, documenter.documents(source, function, list(STYLES)), strict=True
    ):
        if made.findings or not made.ran:
            tally.reject("documentation", made.findings[0].code)
            continue
        content = Content(
            task="documentation", variant=style, tables=root.tables, input=code, target=made.text
        )
        yield root.row(content)
