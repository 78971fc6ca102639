"""Repairs of relations: columns lost, foreign or ambiguous; set operations; windows."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import TypeGuard

import ibis.expr.types as ir

from ibert.repair.fault import Candidate, Fault, table_of
from ibert.repair.source import joined

_LINEAGE = 40  # steps that a relation is followed back
_JOINS = ("join", "left_join", "inner_join", "outer_join", "right_join", "cross_join", "asof_join")


def restored_column(fault: Fault) -> Iterator[Candidate]:
    """Keep a column that a step before leaves out, or use the name that it has since."""
    name = fault.parts.get("name", "")
    source = fault.source
    for call in _losing(fault, name):
        assert isinstance(call.func, ast.Attribute)
        method = call.func.attr
        if method == "select":
            yield Candidate(
                source.with_argument(call, f'"{name}"'), f"the selection keeps {name!r}", 1.0
            )
        elif method in ("agg", "aggregate"):
            yield from _kept_by_aggregate(fault, call, name)
        elif method == "drop":
            for node in call.args:
                if isinstance(node, ast.Constant) and node.value == name:
                    text = source.without_argument(call, node)
                    yield Candidate(text, f"{name!r} is not dropped", 1.1)
        elif method == "rename":
            for item in call.keywords:
                if isinstance(item.value, ast.Constant) and item.value.value == name:
                    yield from _referred(fault, name, item.arg or "")


def _referred(fault: Fault, name: str, other: str) -> Iterator[Candidate]:
    """Refer to a column by the name that it has since."""
    for node in fault.nodes(ast.Attribute, ast.Constant):
        title = f"{name!r} is called {other!r} since it was renamed"
        if isinstance(node, ast.Attribute) and node.attr == name:
            end = fault.source.end(node)
            yield Candidate(fault.source.replaced((end - len(name), end, other)), title, 0.8)
        elif isinstance(node, ast.Constant) and node.value == name:
            yield Candidate(fault.source.with_node(node, f'"{other}"'), title, 0.8)


def _kept_by_aggregate(fault: Fault, call: ast.Call, name: str) -> Iterator[Candidate]:
    source = fault.source
    assert isinstance(call.func, ast.Attribute)
    inner = call.func.value
    while isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute):
        if inner.func.attr == "group_by":
            title = f"groups are made by {name!r} too"
            yield Candidate(source.with_argument(inner, f'"{name}"'), title, 1.0)
            yield Candidate(source.with_argument(inner, f'"{name}"', first=True), title, 1.2)
            break
        inner = inner.func.value
    else:
        start = source.end(call.func.value)
        text = source.replaced((start, start, f'.group_by("{name}")'))
        yield Candidate(text, f"groups are made by {name!r}", 1.1)
    if name.isidentifier():
        text = source.with_keyword(call, f"{name}=_.{name}.max()")
        yield Candidate(text, f"the aggregate keeps the largest {name!r}", 2.0)


def _losing(fault: Fault, name: str) -> list[ast.Call]:
    """Find the steps before a fault that had a column and do not give it, latest first."""
    found: list[ast.Call] = []
    pending: list[ast.AST] = []
    for node in fault.nodes(ast.Call, ast.Attribute, ast.Subscript, ast.Name):
        if table_of(fault.reading.values.get(node)) is not None:
            pending.append(node)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            pending.append(node.func.value)
    seen: set[ast.AST] = set()
    while pending and len(seen) < _LINEAGE:
        node = pending.pop(0)
        if node in seen:
            continue
        seen.add(node)
        match node:
            case ast.Name(id=variable):
                value = fault.assigned(variable, fault.region)
                pending += [value] if value is not None else []
            case ast.Call(func=ast.Attribute(value=inner, attr=method), args=args):
                before = table_of(fault.reading.values.get(inner))
                after = table_of(fault.reading.values.get(node))
                had = before is not None and name in before.columns
                has = after is None or name in after.columns
                if had and not has and method != "group_by":
                    found.append(node)
                pending += [inner, *(args[:1] if method in _JOINS else [])]
            case ast.Attribute(value=inner) | ast.Subscript(value=inner):
                pending.append(inner)
    return found


def rebased(fault: Fault) -> Iterator[Candidate]:
    """Refer to columns of the relation that they are used on: with `_`, or by its variable."""
    source = fault.source
    above = [node for node in source.above(fault.region) if isinstance(node, ast.Call)]
    mixed = fault.exception != "IntegrityError"  # columns of a table and of `_` in one expression
    for call in (*fault.nodes(ast.Call), *above):
        if not isinstance(call.func, ast.Attribute):
            continue
        receiver = table_of(fault.reading.values.get(call.func.value))
        if receiver is None:
            continue
        foreign: dict[str, list[ast.expr]] = {}
        arguments = [*call.args, *(item.value for item in call.keywords)]
        for node in (inner for item in arguments for inner in ast.walk(item)):
            holder = _holder(node)
            if holder is None or _column(node) not in receiver.columns:
                continue
            table = table_of(fault.reading.values.get(holder))
            if table is not None and (mixed or not table.equals(receiver)) and holder.id != "_":
                foreign.setdefault(holder.id, []).append(holder)
        variable = call.func.value.id if isinstance(call.func.value, ast.Name) else None
        every = [holder for holders in foreign.values() for holder in holders]
        choices = [*foreign.values(), *([every] if len(foreign) > 1 else [])]
        for rank, holders in enumerate(choices):
            for name in ("_", *([variable] if variable else [])):
                pieces = [(source.start(node), source.end(node), name) for node in holders]
                title = f"the columns are those of the relation at this step: {name}"
                cost = 0.7 + 0.1 * rank + (0.1 if name != "_" else 0.0)
                yield Candidate(source.replaced(*pieces), title, cost)


def _holder(node: ast.AST) -> ast.Name | None:
    if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.value, ast.Name):
        return node.value
    return None


def _column(node: ast.AST) -> str | None:
    match node:
        case ast.Attribute(attr=name) | ast.Subscript(slice=ast.Constant(value=str(name))):
            return name
    return None


def without_view(fault: Fault) -> Iterator[Candidate]:
    """Leave a view out: its columns are those of another relation."""
    for node in ast.walk(fault.source.module):
        match node:
            case ast.Call(func=ast.Attribute(value=inner, attr="view"), args=[]):
                piece = (fault.source.outer(inner)[1], fault.source.end(node), "")
                title = "a view is a relation of its own, and not the one that is used"
                yield Candidate(fault.source.replaced(piece), title, 1.8)


def without_renaming(fault: Fault) -> Iterator[Candidate]:
    """Let a join name columns that occur twice."""
    for call in ast.walk(fault.region):
        if isinstance(call, ast.Call):
            for item in call.keywords:
                if item.arg in ("lname", "rname", "suffixes"):
                    text = fault.source.without_argument(call, item)
                    yield Candidate(text, "columns of both sides keep apart by their names", 0.7)


def kept_apart(fault: Fault) -> Iterator[Candidate]:
    """Give the columns of the right side of a join names of their own."""
    for call in ast.walk(fault.region):
        if _is_join(call) and not any(item.arg == "rname" for item in call.keywords):
            right = call.args[0] if call.args else None
            names = ["{name}_right"]
            if isinstance(right, ast.Name):
                names.append(f"{right.id}_{{name}}")
            for rank, name in enumerate(names):
                text = fault.source.with_keyword(call, f'rname="{name}"')
                title = f'columns of the right side are called "{name}"'
                yield Candidate(text, title, 0.8 + 0.2 * rank)


def _is_join(node: ast.AST) -> TypeGuard[ast.Call]:
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _JOINS
    )


def renamed_duplicate(fault: Fault) -> Iterator[Candidate]:
    """Name a selected column after its table, where two have one name."""
    source = fault.source
    for call in fault.nodes(ast.Call):
        seen: set[str] = set()
        for node in call.args:
            name = _column(node) or (str(node.value) if isinstance(node, ast.Constant) else None)
            holder = _holder(node)
            if name in seen and name is not None:
                prefix = holder.id if holder is not None else "other"
                end = source.outer(node)[1]
                text = source.replaced((end, end, f'.name("{prefix}_{name}")'))
                yield Candidate(text, f"one of the columns {name!r} gets a name of its own", 0.9)
                removed = source.without_argument(call, node)
                yield Candidate(removed, f"{name!r} is selected once", 1.2)
            elif name is not None:
                seen.add(name)


def viewed(fault: Fault) -> Iterator[Candidate]:
    """Join a table to a view of itself."""
    source = fault.source
    for node in ast.walk(source.module):
        match node:
            case ast.Assign(targets=[ast.Name()], value=ast.Name() | ast.Call() as value):
                table = fault.reading.values.get(value)
                same = [
                    other
                    for other in ast.walk(source.module)
                    if isinstance(other, ast.Assign)
                    and other is not node
                    and _is_same(fault.reading.values.get(other.value), table)
                ]
                if same and isinstance(table, ir.Table):
                    end = source.outer(value)[1]
                    text = source.replaced((end, end, ".view()"))
                    yield Candidate(text, "a second reading of a table is a view", 0.7)
    for call in fault.nodes(ast.Call):
        if _is_join(call) and call.args and isinstance(call.args[0], ast.Name):
            other = f"{call.args[0].id}_other"
            right, *rest = call.args
            pieces = [(*source.outer(right), other)]
            for argument in rest:
                uses = [
                    inner
                    for compare in ast.walk(argument)
                    if isinstance(compare, ast.Compare)
                    for inner in ast.walk(compare.comparators[-1])
                    if isinstance(inner, ast.Name) and inner.id == call.args[0].id
                ]
                pieces += [(source.start(use), source.end(use), other) for use in uses]
            statement = source.statement(call)
            start = source.start(statement)
            indent = source.text[source.text.rfind("\n", 0, start) + 1 : start]
            pieces.append((start, start, f"{other} = {source.of(right)}.view()\n{indent}"))
            yield Candidate(source.replaced(*pieces), "a table is joined to a view of it", 1.0)


def _is_same(value: object, table: object) -> bool:
    return isinstance(value, ir.Table) and isinstance(table, ir.Table) and value.equals(table)


def keyed_join(fault: Fault) -> Iterator[Candidate]:
    """Name the keys of a join as pairs."""
    source = fault.source
    for call in fault.nodes(ast.Call):
        if _is_join(call) and len(call.args) > 1:
            match call.args[1]:
                case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
                    names = [_column(left), _column(right)]
                    if None not in names:
                        text = source.with_node(call.args[1], f'[("{names[0]}", "{names[1]}")]')
                        yield Candidate(text, "keys of a join are named as pairs", 0.9)


def same_columns(fault: Fault) -> Iterator[Candidate]:
    """Give both sides of a set operation the same columns, of the same types."""
    source = fault.source
    for call in fault.nodes(ast.Call):
        if not (isinstance(call.func, ast.Attribute) and call.args):
            continue
        left = table_of(fault.reading.values.get(call.func.value))
        right = table_of(fault.reading.values.get(call.args[0]))
        if left is None or right is None:
            continue
        sides = ((call.func.value, left, right), (call.args[0], right, left))
        for node, table, other in sides:
            yield from _added(fault, node, table, other)
            yield from _renamed(fault, node, table, other)
            yield from _cast(fault, node, table, other)
        shared = [name for name in left.columns if name in right.columns]
        for node, table, _ in sides:
            if shared and len(shared) < len(table.columns):
                end = source.outer(node)[1]
                listed = joined(f'"{name}"' for name in shared)
                text = source.replaced((end, end, f".select({listed})"))
                yield Candidate(text, "both sides have the same columns", 1.4)


def _added(fault: Fault, node: ast.expr, table: ir.Table, other: ir.Table) -> Iterator[Candidate]:
    """Select a column that one side has and the other had before."""
    missing = [name for name in other.columns if name not in table.columns]
    if not missing or len(table.columns) >= len(other.columns):
        return
    select = _last_call(fault, node, "select")
    if select is not None:
        listed = joined(f'"{name}"' for name in missing)
        title = "both sides select the same columns"
        yield Candidate(fault.source.with_argument(select, listed), title, 0.9)


def _renamed(fault: Fault, node: ast.expr, table: ir.Table, other: ir.Table) -> Iterator[Candidate]:
    """Call a column as the other side does."""
    extra = [name for name in table.columns if name not in other.columns]
    missing = [name for name in other.columns if name not in table.columns]
    if len(extra) != len(missing) or not extra:
        return
    call = _last_call(fault, node, None)
    if call is not None and len(extra) == 1:
        for item in call.keywords:
            if item.arg == extra[0]:
                start = fault.source.start(item)
                piece = (start, start + len(extra[0]), missing[0])
                title = f"the column is called {missing[0]!r} on both sides"
                yield Candidate(fault.source.replaced(piece), title, 0.7)
        for given in call.args:
            if isinstance(given, ast.Constant) and given.value == extra[0]:
                title = f"both sides have the column {missing[0]!r}"
                before = (
                    table_of(fault.reading.values.get(call.func.value))
                    if isinstance(call.func, ast.Attribute)
                    else None
                )
                if before is not None and missing[0] in before.columns:
                    text = fault.source.with_node(given, f'"{missing[0]}"')
                    yield Candidate(text, title, 0.75)
    pairs = joined(f'{new}="{old}"' for new, old in zip(missing, extra, strict=True))
    end = fault.source.outer(node)[1]
    text = fault.source.replaced((end, end, f".rename({pairs})"))
    yield Candidate(text, "the columns of both sides have the same names", 0.9)


def _cast(fault: Fault, node: ast.expr, table: ir.Table, other: ir.Table) -> Iterator[Candidate]:
    if set(table.columns) != set(other.columns):
        return
    schema, wanted = table.schema(), other.schema()
    casts = {
        name: str(wanted[name].copy(nullable=True))
        for name in table.columns
        if schema[name].copy(nullable=True) != wanted[name].copy(nullable=True)
    }
    if casts:
        listed = joined(f'"{name}": "{dtype}"' for name, dtype in casts.items())
        end = fault.source.outer(node)[1]
        text = fault.source.replaced((end, end, f".cast({{{listed}}})"))
        yield Candidate(text, "the columns of both sides have the same types", 0.9)


def _last_call(fault: Fault, node: ast.AST, method: str | None) -> ast.Call | None:
    """Give the call that made a relation, followed through its variable."""
    if isinstance(node, ast.Name):
        value = fault.assigned(node.id, fault.region)
        node = value if value is not None else node
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr == method or (method is None and (node.keywords or node.args)):
            return node
        node = node.func.value
    return None


def ordered_window(fault: Fault) -> Iterator[Candidate]:
    """Give a window over a range an order."""
    source = fault.source
    for call in fault.nodes(ast.Call):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        is_window = name.endswith("window") and not any(k.arg == "order_by" for k in call.keywords)
        if not is_window:
            continue
        over = next((up for up in source.above(call) if isinstance(up, ast.Call)), None)
        columns = _plausible_order(fault, over or call)
        for rank, column in enumerate(columns):
            text = source.with_keyword(call, f'order_by="{column}"')
            yield Candidate(text, f"the window is ordered by {column!r}", 0.8 + 0.2 * rank)


def _plausible_order(fault: Fault, node: ast.AST) -> list[str]:
    """Give the columns that rows can be ordered by: times first, then numbers."""
    ranked = []
    for table in fault.tables(node):
        for name, dtype in table.schema().items():
            if dtype.is_temporal() or dtype.is_numeric():
                ranked.append((not dtype.is_temporal(), name))
    return [name for _, name in sorted(ranked)][:3]
