"""Window frames: their bounds, the groups of peers, and what EXCLUDE leaves of them."""

from __future__ import annotations

from typing import NamedTuple

from sqlglot import exp

from ibert.translator.correlation import column_for
from ibert.translator.datatypes import BIGINT, INTERVAL
from ibert.translator.functions.windows import Frame, over
from ibert.translator.refusal import Refusal
from ibert.translator.scope import Scope
from ibert.translator.values import Value, function, unary

EVERYTHING = Frame("rows", None, None)
_SIDES = ("start_side", "end_side")


class Span(NamedTuple):
    """A part of a frame.

    Parameters
    ----------
    frame
        Its own frame.
    within_peers
        Whether it is only of the rows that are equal in the keys of ORDER BY.
    """

    frame: Frame
    within_peers: bool = False


def frame_of(spec: exp.Expr, scope: Scope) -> tuple[Frame, str]:
    """Read a frame, and what its EXCLUDE leaves out: a word, or nothing."""
    kind = (spec.args.get("kind") or "RANGE").lower()
    start_side, end_side = (str(spec.args.get(side) or "").lower() for side in _SIDES)
    start = _bound(spec.args.get("start"), start_side, scope)
    end = 0 if spec.args.get("end") is None else _bound(spec.args["end"], end_side, scope)
    if (start is None and start_side == "following") or (end is None and end_side == "preceding"):
        raise Refusal("this window frame", spec)
    exclude = spec.args.get("exclude")
    word = exclude.name.lower() if exclude is not None else ""
    return Frame(kind, start, end), "" if word == "no others" else word


def _bound(bound: object, side: str, scope: Scope) -> Value | int | None:
    """Give a bound: 0 for the current row, negative before it, None if there is none."""
    if not isinstance(bound, exp.Expr):
        return 0 if str(bound).upper() == "CURRENT ROW" else None
    value = scope.value(bound)
    if value.is_literal and isinstance(value.literal, int):
        return -value.literal if side == "preceding" else value.literal
    if value.uses or (value.type != INTERVAL and not value.is_literal):
        raise Refusal("a window frame with a bound that is no constant", bound)
    return unary("-", value) if side == "preceding" else value


def spans(frame: Frame, exclude: str, ordered: bool) -> list[Span] | None:
    """Give the parts of a frame that EXCLUDE leaves, in order; None if they are no frames.

    Examples
    --------
    >>> [span.frame[1:] for span in spans(Frame("rows", -2, 2), "current row", ordered=True)]
    [(-2, -1), (1, 2)]
    >>> [span.frame[:] for span in spans(Frame("range", None, 0), "group", ordered=True)]
    [('groups', None, -1)]
    """
    kind, start, end = frame
    if any(bound is not None and not isinstance(bound, int) for bound in (start, end)):
        return None
    if kind == "range" and {start, end} <= {None, 0}:
        kind = "groups"
    has_self = _reaches(start, 0) and _reaches(0, end)
    if start is None and end is None and exclude == "current row":
        kind = "rows"
    elif kind == "rows" and exclude != "current row":
        kind = "groups" if start is None and end is None else ""
    if kind not in ("rows", "groups"):
        return None
    if not has_self:
        return [Span(Frame(kind, start, end))]
    if not ordered and kind == "groups":
        before, after = [], []
    else:
        before = [Span(Frame(kind, start, -1))] if _reaches(start, -1) else []
        after = [Span(Frame(kind, 1, end))] if _reaches(1, end) else []
    if kind == "rows" or exclude == "group":
        return before + after
    if exclude == "ties":
        return [*before, Span(Frame("rows", 0, 0)), *after]
    peers = [Span(Frame("rows", *bounds), within_peers=True) for bounds in ((None, -1), (1, None))]
    return [*before, *peers, *after]


def _reaches(start: object, end: object) -> bool:
    """Whether one bound is not behind another."""
    return start is None or end is None or start <= end  # type: ignore[operator]


def by_groups(
    frame: Frame, partition: list[Value], order: list[Value], scope: Scope
) -> tuple[Frame, list[Value]]:
    """Give a frame of groups, which Ibis has not, as one of the ranks of the groups."""
    if frame.kind != "groups" or {frame.start, frame.end} <= {None, 0}:
        return frame, order
    if not order or scope.grouping is not None or scope.relation is None:
        raise Refusal("a frame of GROUPS over this", None, "number the groups in a query within")
    rank = over(function("dense_rank", type=BIGINT), partition, order)
    assert rank is not None
    return frame._replace(kind="range"), [column_for("group_number", rank, scope)]
