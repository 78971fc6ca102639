"""The Python code of files: modules, notebooks, and documents with code in them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
from markdown_it import MarkdownIt

from ibert.diagnostics import Diagnostic, IbertError
from ibert.documents import read_text

LARGEST = 1_000_000  # bytes of a file
_FENCES = ("python", "py", "{python}")


class _Cell(msgspec.Struct):
    cell_type: str = ""
    source: str | list[str] = ""


class _Notebook(msgspec.Struct):
    cells: list[_Cell]


def code_of(path: Path) -> str:
    r"""Give the Python code of a file; of cells and blocks, those that are Python.

    Raises
    ------
    IbertError
        IB954 if it is too large, IB002 if it is not what its name says.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "a.md")
    ...     _ = path.write_text("# A\n```python\nx = 1\n```\n```python\n%magic\n```\n")
    ...     code_of(path)
    'x = 1\n'
    """
    return "\n".join(blocks_of(path))


def blocks_of(path: Path) -> list[str]:
    """Give the Python code of a file: all of a module, or each cell and block that is Python.

    Raises
    ------
    IbertError
        What `code_of` raises.
    """
    text = read_small(path)
    find = READERS.get(path.suffix)
    if find is None:
        return [text]
    return [block for block in find(text, str(path)) if _parses(block)]


def read_small(path: Path) -> str:
    """Read a text that is not too large.

    Raises
    ------
    IbertError
        IB954 if it is, and what `read_text` raises.
    """
    if path.stat().st_size > LARGEST:
        message = f"a file of more than {LARGEST:,} bytes"
        raise IbertError([Diagnostic(code="IB954", message=message, source=str(path))])
    return read_text(path)


def _cells(text: str, source: str) -> Iterator[str]:
    try:
        notebook = msgspec.json.decode(text, type=_Notebook)
    except msgspec.DecodeError as error:
        raise IbertError([Diagnostic(code="IB002", message=str(error), source=source)]) from error
    for cell in notebook.cells:
        if cell.cell_type == "code":
            yield cell.source if isinstance(cell.source, str) else "".join(cell.source)


def _blocks(text: str, source: str) -> Iterator[str]:
    for token in MarkdownIt().parse(text):
        if token.type == "fence" and token.info.strip().split(" ")[0] in _FENCES:
            yield token.content


def _parses(code: str) -> bool:
    try:
        ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


READERS: dict[str, Callable[[str, str], Iterator[str]]] = {
    ".ipynb": _cells,
    ".md": _blocks,
    ".qmd": _blocks,
}
SUFFIXES = (".py", *READERS)
