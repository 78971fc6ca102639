"""Examples: small tables on which a function gives something, and a doctest of it."""

from __future__ import annotations

import ast
import random
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.types as ir
from ibis.backends.sql.compilers.duckdb import compiler
from ibis.common.exceptions import IbisError

from ibert.documentation.inference import Inference, Place
from ibert.documentation.knowledge import values_of
from ibert.sandbox import Failure, Sandbox
from ibert.translator.layout import format_module

_ROWS = 4
_ATTEMPTS = 40
_MOST = 6  # rows of a result that is easy to read
_PERFECT = 3  # the best score of rows
_LITERALS = 12  # of the code that a column may take
# Columns for a table of which any will do.
_ANY_TABLE = {"id": dt.int64, "name": dt.string, "amount": dt.float64}

# What gives something else tomorrow.
_CHANGING = (ops.Impure, ops.TimestampNow, ops.DateNow)

Columns = Mapping[str, Mapping[str, dt.DataType]]
Data = dict[str, dict[str, list[Any]]]  # by table: values by column


class Sample(NamedTuple):
    """Rows for the tables of a function, and the rows that it makes of them."""

    columns: Columns
    data: Data
    rows: list[tuple[Any, ...]]


def columns_of(inference: Inference) -> dict[str, dict[str, dt.DataType]]:
    """Give the columns that the tables of an example have: those that are needed."""
    columns, _ = inference.example
    needed = {(one.table, one.name) for one in inference.requirements}
    found: dict[str, dict[str, dt.DataType]] = {}
    for (table, schema), marked in zip(columns.items(), inference.columns.values(), strict=True):
        kept = {
            name: kind
            for (name, kind), mark in zip(schema.items(), marked, strict=True)
            if (table, mark) in needed
        }
        found[table] = kept
    made = inference.bench.run(found, inference.example[1]).result if all(found.values()) else None
    if isinstance(made, ir.Table) and not made.columns:  # what is needed is all left out
        found = {table: {**_ANY_TABLE, **schema} for table, schema in found.items()}
    if not any(found.values()):
        found = {table: dict(_ANY_TABLE) for table in found}
    return {table: schema or {"id": dt.int64} for table, schema in found.items()}


def sample(inference: Inference, sandbox: Sandbox) -> Sample | None:
    """Make rows on which a function gives some that are told apart; None where none are found."""
    columns = columns_of(inference)
    pools = _pools(inference, columns)
    result = inference.bench.run(columns, inference.example[1]).result
    known = all(any(value is not None for value in pool) for pool in pools.values())
    if result is None or not known or result.op().find(_CHANGING):
        return None
    sql = _sql(result)
    if sql is None:
        return Sample(columns, _drawn(columns, pools, 0), [])
    best: tuple[int, Sample] | None = None
    for attempt in range(_ATTEMPTS):
        data = _drawn(columns, pools, attempt)
        score, rows = _score(sql, columns, data, sandbox, is_sorted=_is_sorted(result))
        if best is None or score > best[0]:
            best = score, Sample(columns, data, rows)
        if score == _PERFECT:
            break
    return best[1] if best is not None and best[0] >= 0 else None


def _score(
    sql: str, columns: Columns, data: Data, sandbox: Sandbox, *, is_sorted: bool
) -> tuple[int, list[tuple[Any, ...]]]:
    """Tell how much a result shows: several rows, no column of NULLs, not too long.

    What depends on how the rows of the tables are stored shows nothing that holds.
    """
    found = []
    for reverse in (False, True):
        reply = sandbox.query(_with_tables(sql, columns, data, reverse=reverse))
        if isinstance(reply, Failure):
            return -1, []
        columns_ = [column.to_pylist() for column in reply.table.columns]
        rows = list(zip(*columns_, strict=True))
        found.append(rows if is_sorted else sorted(rows, key=repr))
    rows = found[0]
    if repr(found[0]) != repr(found[1]):
        return -1, []
    if not rows:
        return 0, []
    full = all(any(value is not None for value in column) for column in zip(*rows, strict=True))
    return 1 + full + (2 <= len(rows) <= _MOST), rows


def _sql(result: ir.Expr) -> str | None:
    try:
        return str(compiler.to_sqlglot(result.as_table()).sql(dialect="duckdb"))
    except (IbisError, NotImplementedError, AttributeError, KeyError, ValueError):
        return None


def _with_tables(sql: str, columns: Columns, data: Data, *, reverse: bool) -> str:
    parts = []
    for table, schema in columns.items():
        names = ", ".join(map(_quoted, schema))
        rows = list(zip(*data[table].values(), strict=True))
        cast = [
            [_cast(value, kind) for value, kind in zip(row, schema.values(), strict=True)]
            for row in (reversed(rows) if reverse else rows)
        ]
        values = ", ".join(f"({', '.join(row)})" for row in cast)
        rows_of = f"SELECT * FROM (VALUES {values}) AS v({names})"  # noqa: S608  runs in the sandbox
        parts.append(f"{_quoted(table)} AS ({rows_of})")
    return f"WITH {', '.join(parts)} SELECT * FROM ({sql}) AS result"  # noqa: S608  likewise


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _cast(value: Any, kind: dt.DataType) -> str:
    return f"CAST({_constant(value)} AS {compiler.type_mapper.to_string(kind)})"


def _constant(value: Any) -> str:
    match value:
        case None:
            return "NULL"
        case bool():
            return str(value).upper()
        case str():
            return "'" + value.replace("'", "''") + "'"
        case list():
            return f"[{', '.join(map(_constant, value))}]"
    return repr(value)


def _pools(
    inference: Inference, columns: dict[str, dict[str, dt.DataType]]
) -> dict[Place, list[Any]]:
    """Give the values that columns may take: those that the code compares them with, and a few."""
    literals = dict(_literals(inference, columns))
    pools = {}
    for table, schema in columns.items():
        for name, kind in schema.items():
            found = literals.get((table, name), [])[:_LITERALS]
            around = [near for value in found for near in _near(value, kind)]
            usual = values_of(kind)[: 2 if around else None]
            pools[table, name] = list(dict.fromkeys(map(repr, [*around, *usual])))
    parsed = {place: [ast.literal_eval(text) for text in pool] for place, pool in pools.items()}
    for one in inference.requirements:
        # Columns that are compared with one another have values in common.
        here = one.table, one.name
        for there in one.linked:
            if here in parsed and there in parsed:
                parsed[here] = parsed[there] = max(parsed[here], parsed[there], key=len)[:_ROWS]
    return parsed


def _literals(
    inference: Inference, columns: dict[str, dict[str, dt.DataType]]
) -> Iterator[tuple[Place, list[Any]]]:
    result = inference.bench.run(columns, inference.example[1]).result
    if result is None:
        return
    found: dict[Place, list[Any]] = {}
    kinds_ = (ops.Comparison, ops.InValues, ops.Between, ops.StringContains, ops.StartsWith)
    nulls = (ops.IsNull, ops.NotNull, ops.Coalesce)
    for node in result.op().find((*kinds_, *nulls, ops.EndsWith, ops.StringSQLLike)):
        values = [literal.value for literal in node.find(ops.Literal, filter=ops.Value)]
        values += [None] if isinstance(node, nulls) else []
        places = {
            place
            for field in node.find(ops.Field, filter=ops.Value)
            for place in _base(field)
            if place[1] in columns.get(place[0], {})
        }
        for place in places:
            found.setdefault(place, []).extend(values)
    yield from found.items()


def _base(op: ops.Field) -> Iterator[Place]:
    relation = op.rel
    if isinstance(relation, ops.UnboundTable):
        yield relation.name, op.name
    elif (value := relation.values.get(op.name)) is not None:
        for field in value.find(ops.Field, filter=ops.Value):
            yield from _base(field)


def _near(value: Any, kind: dt.DataType) -> list[Any]:
    """Give a value and its neighbours, as literals for a column; none of another type."""
    match value:
        case bool():
            return [value] if kind.is_boolean() else []
        case int() | float() if kind.is_integer():
            return [int(value) + 1, int(value), max(int(value) - 1, 0), int(value) + 5]
        case int() | float() if kind.is_floating():
            return [float(value) + 1.5, float(value), float(value) + 10.0, float(value) / 2]
        case int() | float() if kind.is_decimal():
            return [f"{value + 1:.2f}", f"{value:.2f}", f"{value + 10:.2f}"]
        case str() if kind.is_string():
            return [value.strip("%")]
        case None:
            return [None]
        case str() if kind == dt.Array(dt.string):
            return [[value, "b"], [value]]
    if hasattr(value, "isoformat") and kind.is_date():
        return [value.isoformat()[:10]]
    if hasattr(value, "isoformat") and kind.is_timestamp():
        return [value.isoformat(sep=" ")[:19] if hasattr(value, "hour") else f"{value} 08:00:00"]
    return []


def _drawn(
    columns: dict[str, dict[str, dt.DataType]], pools: dict[Place, list[Any]], attempt: int
) -> Data:
    """Draw rows: first in turn, later by chance."""
    chance = random.Random(attempt)
    rows = _ROWS + (attempt > _ATTEMPTS // 2) * 2
    return {
        table: {
            name: _column(pools[table, name], rows, chance, mixed=attempt > 0 and name != "id")
            for name in schema
        }
        for table, schema in columns.items()
    }


def _column(pool: list[Any], rows: int, chance: random.Random, *, mixed: bool) -> list[Any]:
    """Draw the values of a column; each in turn where they are to be distinct."""
    return [chance.choice(pool) if mixed else pool[row % len(pool)] for row in range(rows)]


def with_rows(inference: Inference, found: Sample, width: int) -> tuple[list[str], list[list[str]]]:
    """Write the tables of an example, and ways to show the result, the best to read first."""
    setup = _imports(inference)
    for table, schema in found.columns.items():
        setup.append(_formatted(_memtable(table, schema, found.data[table]), width))
    result = inference.bench.run(found.columns, inference.example[1]).result
    call = call_of(inference)
    if isinstance(result, ir.Scalar):
        return setup, [[_formatted(f"{call}.to_pyarrow().as_py()", width)]]
    order = _order(result, found.rows) if isinstance(result, ir.Table) else []
    if order:
        call = f"{call}.order_by({', '.join(map(repr, order))})"
    whole = _formatted(f"{call}.to_pyarrow().to_pylist()", width)
    if not isinstance(result, ir.Table):
        return setup, [[whole]]
    made = _formatted(f"result = {call}.to_pyarrow()", width)
    by_row = "for row in result.to_pylist():\n    print(row)"
    by_column = "for name, values in result.to_pydict().items():\n    print(name, values)"
    return setup, [[whole], [made, by_row], [made, by_column]]


def with_types(inference: Inference, width: int) -> tuple[list[str], list[list[str]]]:
    """Write tables without rows, and the types of the result."""
    setup = _imports(inference)
    for table, schema in columns_of(inference).items():
        kinds_ = {name: str(kind) for name, kind in schema.items()}
        setup.append(_formatted(f"{table} = ibis.table({kinds_!r}, name={table!r})", width))
    what = "schema" if isinstance(inference.trial.result, ir.Table) else "type"
    return setup, [[_formatted(f"{call_of(inference)}.{what}()", width)]]


def _memtable(table: str, schema: Mapping[str, dt.DataType], data: dict[str, list[Any]]) -> str:
    inferred = ibis.memtable(data).schema()
    if all(inferred[name] == kind.copy(nullable=True) for name, kind in schema.items()):
        return f"{table} = ibis.memtable({data!r})"
    kinds_ = {name: str(kind).removeprefix("!") for name, kind in schema.items()}
    return f"{table} = ibis.memtable({data!r}, schema={kinds_!r})"


def _imports(inference: Inference) -> list[str]:
    """Give the imports that an example needs, those for the values of the call too."""
    call = call_of(inference)
    used = [name for name in ("datetime", "decimal") if f"{name}." in call]
    return [f"import {name}" for name in (*used, "ibis")]


def call_of(inference: Inference) -> str:
    """Write the call of the function."""
    _, values = inference.example
    positional = {item.arg for item in inference.function.node.args.posonlyargs}
    given: list[str] = []
    named = False
    for item in inference.function.parameters:
        if not item.is_table and item.name not in values:
            named = True
            continue
        value = item.name if item.is_table else ast.unparse(values[item.name])
        plain = item.name in positional or (item.is_table and not item.keyword_only)
        named = named or not plain
        given.append(f"{item.name}={value}" if named else value)
    return f"{inference.function.name}({', '.join(given)})"


def _is_sorted(result: ir.Expr) -> bool:
    op = result.op()
    while isinstance(op, ops.Project | ops.Limit):
        op = op.parent
    return isinstance(op, ops.Sort)


def _order(result: ir.Table, rows: list[tuple[Any, ...]]) -> list[str]:
    """Give columns that put rows in one order; none where the function does so."""
    if len(rows) < 2 or _is_sorted(result):
        return []
    chosen: list[int] = []
    for index, kind in enumerate(result.schema().types):
        if kind.is_nested() or kind.is_binary() or kind.is_json():
            continue
        chosen.append(index)
        if len({repr([row[one] for one in chosen]) for row in rows}) == len(rows):
            break
    return [result.columns[index] for index in chosen]


def session(statements: list[tuple[str, str]]) -> list[str]:
    r"""Write statements and their output as Python's prompt shows them.

    Examples
    --------
    >>> session([("for x in 'ab':\n    print(x)", "a\nb")])
    [">>> for x in 'ab':", '...     print(x)', 'a', 'b']
    """
    lines = []
    for source, output in statements:
        first, *rest = source.split("\n")
        lines += [f">>> {first}", *(f"... {line}" for line in rest)]
        lines += output.split("\n") if output else []
    return lines


def _formatted(statement: str, width: int) -> str:
    return format_module(ast.parse(statement), width=width).rstrip("\n")
