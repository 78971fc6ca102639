"""Render a dbt model in a process of its own, which may neither run long nor write anything.

Reads a request as JSON from stdin, and answers with JSON on stdout. It imports nothing of iBERT.
"""

from __future__ import annotations

import json
import resource
import sys
from typing import Any

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

SECONDS, MEMORY = 5, 1 << 30
NAME = "model"
LARGEST = 1_000_000  # characters of what is rendered
_REQUIRED = object()


class RefusedError(Exception):
    """The model asks for something that is not known without a warehouse."""


def render(request: dict[str, Any]) -> dict[str, Any]:
    """Give `sql` and what `config` was told, or `problem` and its `line`."""
    environment = ImmutableSandboxedEnvironment(
        undefined=jinja2.StrictUndefined, extensions=["jinja2.ext.do", "jinja2.ext.loopcontrols"]
    )
    told: dict[str, Any] = {}
    environment.globals.update(_context(request, told))
    for text in request["macros"]:
        try:
            module = environment.from_string(text).module
        except (
            jinja2.TemplateError,
            RefusedError,
            ArithmeticError,
            LookupError,
            TypeError,
            ValueError,
        ):
            continue  # who uses what it defines is told that there is no such thing
        environment.globals.update(
            {name: value for name, value in vars(module).items() if not name.startswith("_")}
        )
    try:
        code = environment.compile(request["text"], NAME, NAME)
        template = jinja2.Template.from_code(environment, code, environment.globals)
        sql = template.render()
    except jinja2.TemplateSyntaxError as error:
        return {"problem": error.message, "line": error.lineno}
    except (
        jinja2.TemplateError,
        RefusedError,
        ArithmeticError,
        LookupError,
        TypeError,
        ValueError,
    ) as error:
        return {"problem": str(error) or type(error).__name__, "line": _line(error)}
    except RecursionError:
        return {"problem": "it calls itself without end", "line": None}
    if len(sql) > LARGEST:
        return {"problem": "it renders to too long a text", "line": None}
    return {"sql": sql, "config": {"enabled": bool(told.get("enabled", True))}}


def _context(request: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
    models, sources = set(request["models"]), request["sources"]

    def ref(*names: str, **_: object) -> str:
        if names[-1] not in models:
            raise RefusedError(f"there is no model or seed {names[-1]!r}")
        return names[-1]

    def source(source: str, table: str) -> str:
        name = sources.get(f"{source}.{table}")
        if name is None:
            raise RefusedError(f"no source {source}.{table} is declared")
        return str(name)

    def var(name: str, default: object = _REQUIRED) -> object:
        value = request["vars"].get(name, default)
        if value is _REQUIRED:
            raise RefusedError(f"the variable {name!r} has no value")
        return value

    def config(*_: object, **options: object) -> str:
        told.update(options)
        return ""

    return {
        "ref": ref,
        "source": source,
        "var": var,
        "config": config,
        "is_incremental": lambda: False,
        "execute": False,
        "this": request["name"],
        "target": {"name": "dev", "schema": "main", "type": request["dialect"]},
    }


def _line(error: Exception) -> int | None:
    """Find the line of the template in which an error was raised."""
    trace, line = error.__traceback__, None
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == NAME:
            line = trace.tb_lineno
        trace = trace.tb_next
    return line


def main() -> None:
    """Answer one request."""
    for limit, most in (
        (resource.RLIMIT_CPU, SECONDS),
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NPROC, 0),
    ):
        resource.setrlimit(limit, (most, most))
    try:
        answer = render(json.load(sys.stdin))
    except MemoryError:
        answer = {"problem": "it needs too much memory", "line": None}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
