"""What a docstring claims of columns and types, held against what was found out."""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Iterator

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from ibert.documentation.inference import Inference

# A name in backticks, and the type that follows it: `total`: float64, `total` (float64).
_CLAIM = re.compile(r"`(?P<name>[A-Za-z_]\w*)`+(?:\s*[:(]\s*(?P<type>[^\n.;)]+))?")


def untrue(docstring: str, inference: Inference) -> list[str]:
    r"""Give what a docstring says of columns and types that is not so.

    Names in backticks have to be in the function, its columns or its result; a type beside a column
    has to be one that the column may have.

    Examples
    --------
    >>> from ibert.documentation.inference import infer
    >>> from ibert.documentation.source import Source
    >>> source = Source("def f(t):\n    return t.filter(t.total > 3)")
    >>> inference = infer(source, source.function("f"))
    >>> untrue("Keep rows of `t` by `totals`.\n\n- `total`: string", inference)
    ['`totals` is no name in the function or its tables', '`total` cannot be string']
    """
    return list(dict.fromkeys(_faults(docstring, inference)))


def _faults(docstring: str, inference: Inference) -> Iterator[str]:
    known = _known(inference)
    allowed: dict[str, set[type[dt.DataType]]] = {}
    for one in inference.requirements:
        allowed.setdefault(one.name, set()).update(map(type, one.types))
    for name, dtype in _result(inference).items():
        allowed.setdefault(name, set()).add(type(dtype))
    for claim in _CLAIM.finditer(docstring):
        name, stated = claim["name"], _dtype(claim["type"])
        if name not in known:
            yield f"`{name}` is no name in the function or its tables"
        elif stated is not None and name in allowed and type(stated) not in allowed[name]:
            yield f"`{name}` cannot be {stated}"


def _known(inference: Inference) -> set[str]:
    """Give every name that the function, its columns and its result have."""
    known = {*dir(builtins), *dir(ibis), *dir(ir), *_result(inference)}
    known |= {name for columns in inference.columns.values() for name in columns}
    known |= {one.name for one in inference.requirements}
    for node in ast.walk(inference.function.module):
        match node:
            case ast.Name(id=name) | ast.arg(arg=name) | ast.Attribute(attr=name):
                known.add(name)
            case ast.Constant(value=str(name)) | ast.keyword(arg=str(name)):
                known.add(name)
            case ast.FunctionDef(name=name):
                known.add(name)
    return known


def _result(inference: Inference) -> dict[str, dt.DataType]:
    result = inference.trial.result
    if result is None:
        return {}
    table = result if isinstance(result, ir.Table) else result.as_table()
    return dict(table.schema().items())


def _dtype(text: str | None) -> dt.DataType | None:
    """Read a type; None where the words are no type of Ibis."""
    try:
        return dt.dtype(text.strip()) if text else None
    except (TypeError, ValueError, RuntimeError):  # the last is the parser's
        return None
