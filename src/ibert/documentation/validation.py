"""Hold docstrings to the conventions of their style."""

from __future__ import annotations

import json
import subprocess
from functools import cache

from ruff import find_ruff_bin

from ibert.documentation.source import TableFunction
from ibert.documentation.styles import quoted, style_named

_FIELDS = ("param", "type", "returns", "rtype", "raises")
_WITH_NAME = ("param", "type", "raises")


def faults(docstring: str, function: TableFunction, style: str) -> list[str]:
    r"""Give what a validator finds: pydocstyle's rules, and fields that do not parse.

    Examples
    --------
    >>> from ibert.documentation.source import Source
    >>> function = Source("def f(t, n): return t.limit(n)").function("f")
    >>> faults("does it", function, "numpy")[-1]
    'D401 First line of docstring should be in imperative mood: "does it"'
    >>> faults("Do it.\n\n:param t: A table.\n:param m: A number.", function, "sphinx")
    ['no :param n:', ':param m: is no parameter']
    """
    found = _of_ruff(docstring, function, style_named(style)["convention"])
    if style_named(style)["head"] == "":
        found += _of_fields(docstring, function)
    return found


def _of_ruff(docstring: str, function: TableFunction, convention: str) -> list[str]:
    names = ", ".join(item.name for item in function.parameters)
    body = quoted(docstring, "    ")
    code = f'"""Give a function."""\n\n\ndef {function.name}({names}):\n    {body}\n'
    options = ["--isolated", "--no-cache", "--quiet", "--output-format", "json"]
    rules = ["--select", "D", "--config", f'lint.pydocstyle.convention="{convention}"']
    done = subprocess.run(  # noqa: S603  ruff itself
        [_ruff(), "check", *options, *rules, "--stdin-filename", "documented.py", "-"],
        input=code,
        capture_output=True,
        text=True,
        check=False,
    )
    return [f"{row['code']} {row['message']}" for row in json.loads(done.stdout)]


@cache
def _ruff() -> str:
    return str(find_ruff_bin())


def _of_fields(docstring: str, function: TableFunction) -> list[str]:
    """Read the fields of reStructuredText."""
    names, found = [], []
    for line in docstring.split("\n"):
        if not line.startswith(":"):
            continue
        head, colon, _ = line[1:].partition(":")
        field, _, name = head.partition(" ")
        if not colon or field not in _FIELDS or bool(name) is not (field in _WITH_NAME):
            found.append(f"not a field: {line}")
        elif field == "param":
            names.append(name)
    parameters = [item.name for item in function.parameters]
    found += [f"no :param {name}:" for name in parameters if name not in names]
    return found + [f":param {name}: is no parameter" for name in names if name not in parameters]
