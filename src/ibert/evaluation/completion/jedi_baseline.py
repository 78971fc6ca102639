"""What Jedi offers at a cut: it is given the real objects, which it knows most from."""

from __future__ import annotations

from functools import cache
from typing import Any

import ibis

from ibert.evaluation.completion.corpus import Cut, Source
from ibert.interpreter import UNKNOWN, read


def offered_by_jedi(cut: Cut, limit: int) -> list[str]:
    """Give the first tokens that Jedi offers at a cut, best first.

    The code before the cut is what it sees; the names of the program have their real values.
    """
    import jedi

    code = cut.source.code
    start = code.rfind("\n", 0, cut.offset) + 1
    line = code.count("\n", 0, cut.offset) + 1
    script = jedi.Interpreter(code[: cut.offset], [_namespace(cut.source)])
    found: list[str] = []
    for completion in script.complete(line, cut.offset - start):
        name = completion.name_with_symbols.rstrip("=")
        if cut.token.startswith('"'):
            name = '"' + name.strip("\"'") + '"'
        found.append(name)
        if len(found) == limit:
            break
    return found


@cache
def _namespace(source: Source) -> dict[str, Any]:
    """Give the values that the code gives its names, where they can be told."""
    names = read(source.code, source.catalog).names
    return {"ibis": ibis, **{name: one for name, one in names.items() if one is not UNKNOWN}}
