"""Window functions, frames and OVER."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ibert.translator.datatypes import BIGINT, DOUBLE, INTEGER, Type, list_of
from ibert.translator.functions.sort_keys import distinct, written
from ibert.translator.syntax import calls
from ibert.translator.values import (
    LOAD,
    Argument,
    Value,
    as_expression,
    builtin,
    call,
    function,
    literal,
    method,
    operator,
    subscript,
)

# None is unbounded, 0 the current row, what comes before it is negative.
Bound = Value | int | float | None


class Frame(NamedTuple):
    """A window frame.

    Parameters
    ----------
    kind
        `rows`, `range` or `groups`.
    start, end
        Its bounds: None is unbounded, 0 the current row, what comes before is negative.
    """

    kind: str
    start: Bound
    end: Bound


class Ranked(NamedTuple):
    """A function that is only for windows, before its `.over()`.

    Parameters
    ----------
    value
        Its syntax.
    offset
        What is added to it after `.over()`: Ibis counts from 0.
    framed
        Whether it looks at the frame of the window.
    """

    value: Value
    offset: int = 0
    framed: bool = False


def window_function(
    name: str, arguments: Sequence[Value], ignore_nulls: bool = False
) -> Ranked | None:
    """Write a function that is only for windows; None if there is no right spelling.

    Examples
    --------
    >>> import ast
    >>> call = window_function("row_number", [])
    >>> ast.unparse(call.value.node), call.offset
    ('ibis.row_number()', 1)
    """
    table = _IGNORING_NULLS if ignore_nulls else _FUNCTIONS
    spelling = table.get(_ALIASES.get(name, name))
    return spelling(*arguments) if spelling else None


def over(
    value: Value,
    group_by: Sequence[Value] = (),
    order_by: Sequence[Value] = (),
    frame: Frame | None = None,
) -> Value | None:
    """Write `.over(…)`; None if Ibis has no such frame.

    Parameters
    ----------
    value
        An aggregate or a function for windows.
    group_by
        The values of PARTITION BY.
    order_by
        The written sort keys of ORDER BY.
    frame
        The frame; all rows without one, which is not what SQL means after ORDER BY.

    Examples
    --------
    >>> from ibert.translator.values import Slot, field
    >>> column = field(Slot(), "x", INTEGER)
    >>> value = over(window_function("rank", []).value, order_by=[column])
    >>> value.type.name, value.uses == column.uses
    ('bigint', True)
    """
    groups, keys = distinct(group_by), distinct(order_by)
    frame = _meant(frame, bool(keys)) if frame else None
    if frame and not _expressible(frame):
        return None
    if not keys and calls(value, "ntile"):
        return None  # Ibis fails
    keywords = {"group_by": written(groups), "order_by": written(keys)}
    if frame:
        keywords[frame.kind] = (frame.start, frame.end)
    return _over(value, keywords)


def _meant(frame: Frame, ordered: bool) -> Frame | None:
    """Give the frame as Ibis has it; None for all rows, which it takes without a frame."""
    if frame.kind == "groups" and {frame.start, frame.end} <= {None, 0}:
        frame = frame._replace(kind="range")
    everything = frame.start is None and frame.end is None
    peers = frame.kind == "range" and not ordered
    return None if everything or peers else frame


def _expressible(frame: Frame) -> bool:
    """Whether Ibis has the frame: it has no groups, and no frame that ends before its start."""
    if frame.kind == "groups":
        return False
    start, end = frame.start, frame.end
    numbers = isinstance(start, int | float) and isinstance(end, int | float)
    return not numbers or start <= end  # type: ignore[operator]


def _over(value: Value, keywords: dict[str, Argument]) -> Value:
    """Write `.over(…)`, which waits for `_` in its keys whatever it is called on."""
    kept = {name: part for name, part in keywords.items() if part is not None}
    written_on = as_expression(value)
    function_node = ast.Attribute(value=written_on.node, attr="over", ctx=LOAD)
    whole = call(function_node, (), kept, value.type, value.declared)
    node = whole.node
    if isinstance(node, ast.Call) and calls(value, "over"):
        node = _Inside(node.keywords).visit(value.node)
    uses, eager = value.uses | whole.uses, value.eager | whole.eager
    return Value(node, value.type, value.declared, uses, eager)


class _Inside(ast.NodeTransformer):
    """Writes the keywords of `.over(…)` into one that is there already, with a frame only."""

    def __init__(self, keywords: list[ast.keyword]) -> None:
        self._keywords = keywords

    def visit_Call(self, node: ast.Call) -> ast.Call:
        if isinstance(node.func, ast.Attribute) and node.func.attr == "over":
            return ast.Call(func=node.func, args=[], keywords=[*self._keywords, *node.keywords])
        self.generic_visit(node)
        return node


Spelling = Callable[..., Ranked | None]


def _rank(name: str, result: Type = BIGINT) -> Spelling:
    """Give the spelling of a function without arguments; Ibis counts ranks from 0."""

    def spelling(*arguments: Value) -> Ranked | None:
        if arguments:
            return None
        return Ranked(function(name, type=result), offset=1 if result == BIGINT else 0)

    return spelling


def _ntile(buckets: Value) -> Ranked | None:
    if not isinstance(buckets.literal, int):
        return None
    return Ranked(function("ntile", buckets, type=BIGINT), offset=1)


def _shift(name: str) -> Spelling:
    """Give the spelling of LAG or LEAD."""

    def spelling(
        value: Value, offset: Value | None = None, default: Value | None = None
    ) -> Ranked | None:
        if not value.uses or (offset is not None and offset.is_null):
            return None
        default = None if default is None or default.is_null else default
        if offset is not None and offset.literal == 1 and default is None:
            offset = None
        steps = [] if offset is None else [offset]
        kinds = {"type": value.type, "declared": value.declared}
        return Ranked(method(value, name, *steps, **kinds, default=default))

    return spelling


def _shift_over_nulls(preceding: bool) -> Spelling:
    """Give the spelling of LAG or LEAD … IGNORE NULLS: an element of the list of rows that way."""

    def spelling(
        value: Value, offset: Value | None = None, default: Value | None = None
    ) -> Ranked | None:
        steps = 1 if offset is None else offset.literal
        if not value.uses or not isinstance(steps, int) or steps < 1:
            return None
        frame = (None, -1) if preceding else (1, None)
        element = _element(value, -steps if preceding else steps - 1, frame)
        if default is not None and not default.is_null:
            kinds = {"type": value.type, "declared": value.declared}
            element = method(element, "fill_null", default, **kinds)
        return Ranked(element)

    return spelling


def _element(value: Value, index: int, rows: tuple[int | None, int | None] | None = None) -> Value:
    """Write an element of the list of values that are not NULL, in a frame or in the window's."""
    kinds = {"type": list_of(value.type), "declared": list_of(value.declared)}
    values = method(method(value, "collect", **kinds), "over", rows=rows, **kinds)
    return subscript(values, index, value.type, value.declared)


def _end(name: str) -> Spelling:
    def spelling(value: Value) -> Ranked | None:
        if not value.uses:
            return None
        kinds = {"type": value.type, "declared": value.declared}
        return Ranked(method(value, name, **kinds, include_null=True), framed=True)

    return spelling


def _first_not_null(value: Value) -> Ranked | None:
    if not value.uses:
        return None
    kinds = {"type": value.type, "declared": value.declared}
    return Ranked(method(value, "arbitrary", **kinds), framed=True)


def _last_not_null(value: Value) -> Ranked | None:
    return Ranked(_element(value, -1), framed=True) if value.uses else None


def _nth(value: Value, position: Value) -> Ranked | None:
    if not value.uses or position.is_null:
        return None
    kinds = {"type": value.type, "declared": value.declared}
    if isinstance(position.literal, int):
        index = literal(position.literal - 1, INTEGER)
    else:
        index = operator("-", position, literal(1, INTEGER), position.type)
    return Ranked(method(value, "nth", index, **kinds), framed=True)


def _nth_not_null(value: Value, position: Value) -> Ranked | None:
    if not value.uses or not isinstance(position.literal, int) or position.literal < 1:
        return None
    return Ranked(_element(value, position.literal - 1), framed=True)


def _fill(value: Value) -> Ranked | None:
    return Ranked(builtin("fill", value, type=value.type, aggregate=True))


_ALIASES = {
    "rank_dense": "dense_rank",
    "first": "first_value",
    "arbitrary": "first_value",
    "last": "last_value",
}
_FUNCTIONS: dict[str, Spelling] = {
    "row_number": _rank("row_number"),
    "rank": _rank("rank"),
    "dense_rank": _rank("dense_rank"),
    "percent_rank": _rank("percent_rank", DOUBLE),
    "cume_dist": _rank("cume_dist", DOUBLE),
    "ntile": _ntile,
    "lag": _shift("lag"),
    "lead": _shift("lead"),
    "first_value": _end("first"),
    "last_value": _end("last"),
    "nth_value": _nth,
    "fill": _fill,
}
_IGNORING_NULLS: dict[str, Spelling] = {
    "lag": _shift_over_nulls(preceding=True),
    "lead": _shift_over_nulls(preceding=False),
    "first_value": _first_not_null,
    "last_value": _last_not_null,
    "nth_value": _nth_not_null,
    "any_value": _first_not_null,
}
WINDOW_FUNCTIONS = frozenset(_FUNCTIONS)
UNFRAMED = WINDOW_FUNCTIONS - {"first_value", "last_value", "nth_value"}
