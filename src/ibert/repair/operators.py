"""Repairs of Python's operators and statements where Ibis wants its own."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator

from ibert.repair.fault import Candidate, Fault

_COST = 0.4


def bitwise(fault: Fault) -> Iterator[Candidate]:
    """Write `&` and `|` for `and` and `or`."""
    source = fault.source
    for node in fault.nodes(ast.BoolOp):
        sign = "&" if isinstance(node.op, ast.And) else "|"
        pieces = []
        for left, right in zip(node.values, node.values[1:], strict=False):
            start, end = source.outer(left)[1], source.outer(right)[0]
            between = source.text[start:end]
            word = "and" if isinstance(node.op, ast.And) else "or"
            pieces.append((start, end, between.replace(word, sign)))
        for value in node.values:
            start, end = source.start(value), source.end(value)
            if source.outer(value) == (start, end) and source.operand(value) != source.of(value):
                pieces += [(start, start, "("), (end, end, ")")]
        title = f"conditions are connected with {sign}"
        yield Candidate(source.replaced(*_merged(pieces)), title, _COST)


def _merged(pieces: list[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Join insertions at the ends of a replaced place with it."""
    pieces = sorted(pieces, key=lambda piece: (piece[0], piece[1], piece[2] != ")"))
    found: list[tuple[int, int, str]] = []
    for start, end, text in pieces:
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], end, found[-1][2] + text)
        else:
            found.append((start, end, text))
    return found


def inverted(fault: Fault) -> Iterator[Candidate]:
    """Write `~` for `not`."""
    source = fault.source
    for node in fault.nodes(ast.UnaryOp):
        if isinstance(node.op, ast.Not):
            bracketed = source.outer(node.operand) != (
                source.start(node.operand),
                source.end(node.operand),
            )
            inner = source.text[slice(*source.outer(node.operand))]
            text = inner if bracketed else source.operand(node.operand)
            if not bracketed and isinstance(node.operand, ast.BinOp):
                text = f"({text})"
            yield Candidate(
                source.with_node(node, f"~{text}"), "a condition is inverted with ~", _COST
            )


def membership(fault: Fault) -> Iterator[Candidate]:
    """Write `.isin()` for `in`."""
    source = fault.source
    for node in fault.nodes(ast.Compare):
        if len(node.ops) == 1 and isinstance(node.ops[0], ast.In | ast.NotIn):
            method = "isin" if isinstance(node.ops[0], ast.In) else "notin"
            group = node.comparators[0]
            text = f"{source.receiver(node.left)}.{method}({source.of(group)})"
            title = f"membership is asked with .{method}()"
            yield Candidate(source.with_node(node, text), title, _COST)


def none_comparison(fault: Fault) -> Iterator[Candidate]:
    """Write `.isnull()` for `is None`, everywhere in what raised at once."""
    source = fault.source
    pieces = []
    for node in fault.nodes(ast.Compare):
        match node:
            case ast.Compare(
                ops=[ast.Is() | ast.IsNot() | ast.Eq() | ast.NotEq() as op],
                comparators=[ast.Constant(value=None)],
            ):
                method = "isnull" if isinstance(op, ast.Is | ast.Eq) else "notnull"
                text = f"{source.receiver(node.left)}.{method}()"
                pieces.append((source.start(node), source.end(node), text))
    if pieces:
        yield Candidate(source.replaced(*pieces), "NULL is asked for with .isnull()", _COST)


def chained(fault: Fault) -> Iterator[Candidate]:
    """Write two comparisons for `a < x < b`."""
    source = fault.source
    for node in fault.nodes(ast.Compare):
        if len(node.ops) > 1 and all(len(_leaves(fault, side)) == 1 for side in node.comparators):
            sides = [node.left, *node.comparators]
            signs = _signs(fault, node)
            texts = [source.text[slice(*source.outer(side))] for side in sides]
            parts = [
                f"({left} {sign} {right})"
                for left, sign, right in zip(texts, signs, texts[1:], strict=False)
            ]
            yield Candidate(
                source.with_node(node, " & ".join(parts)),
                "a chain of comparisons becomes several, connected with &",
                _COST + 0.1,
            )


def regrouped(fault: Fault) -> Iterator[Candidate]:
    """Put comparisons in parentheses: `&` and `|` bind more tightly."""
    source = fault.source
    for node in fault.nodes(ast.Compare):
        sides = [_leaves(fault, side) for side in (node.left, *node.comparators)]
        if all(len(side) == 1 for side in sides):
            continue
        signs = _signs(fault, node)
        text, pending = "", ""
        for i, side in enumerate(sides):
            for j, (leaf, connective) in enumerate(side):
                text += f" {connective} " if connective else ""
                starts = i + 1 < len(sides) and j == len(side) - 1
                ends = i > 0 and j == 0
                if ends and starts:  # a chain in earnest: this is not the fault
                    pending = ""
                    break
                text += f"({leaf}" if starts else f"{leaf})" if ends else leaf
                text += f" {signs[i]} " if starts else ""
        else:
            pending = text
        if pending and pending.count("(") == pending.count(")"):
            title = "comparisons stand in parentheses beside & and |"
            yield Candidate(source.with_node(node, pending), title, _COST)


def _leaves(fault: Fault, node: ast.expr) -> list[tuple[str, str]]:
    """Split what `&` and `|` connect without parentheses: each text with the sign before it."""
    source = fault.source
    bare = source.outer(node) == (source.start(node), source.end(node))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd | ast.BitOr) and bare:
        sign = "&" if isinstance(node.op, ast.BitAnd) else "|"
        (first, _), *rest = _leaves(fault, node.right)
        return [*_leaves(fault, node.left), (first, sign), *rest]
    return [(source.text[slice(*source.outer(node))], "")]


def _signs(fault: Fault, node: ast.Compare) -> list[str]:
    source = fault.source
    sides = [node.left, *node.comparators]
    return [
        source.text[source.outer(left)[1] : source.outer(right)[0]].strip()
        for left, right in itertools.pairwise(sides)
    ]


def regrouped_unary(fault: Fault) -> Iterator[Candidate]:
    """Put what `~` inverts in parentheses: it binds more tightly than a comparison."""
    source = fault.source
    for node in (fault.region, *source.above(fault.region)):
        match node:
            case ast.Compare(left=ast.UnaryOp(op=ast.Invert(), operand=operand)):
                start = source.start(operand)
                text = source.text[start : source.end(node)]
                title = "~ inverts a comparison in parentheses"
                piece = (start, source.end(node), f"({text})")
                yield Candidate(source.replaced(piece), title, _COST)


def conditional(fault: Fault) -> Iterator[Candidate]:
    """Write `ibis.ifelse()` for `a if condition else b`."""
    source = fault.source
    around = (fault.region, *source.above(fault.region), *fault.nodes(ast.IfExp))
    for node in dict.fromkeys(around):
        if isinstance(node, ast.IfExp):
            parts = (source.of(part) for part in (node.test, node.body, node.orelse))
            text = f"ibis.ifelse({', '.join(parts)})"
            title = "the database chooses with ibis.ifelse()"
            yield Candidate(source.with_node(node, text), title, _COST)
