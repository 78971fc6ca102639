"""Values and predicates in words, and in code where there are no words for them."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

import ibis.expr.operations as ops

from ibert.documentation.knowledge import listed
from ibert.translator.datatypes import UNKNOWN
from ibert.translator.decompilation.expressions import Expressions
from ibert.translator.decompilation.literals import python_value
from ibert.translator.decompilation.tables import Reader
from ibert.translator.refusal import Refusal
from ibert.translator.values import FunctionNode, RelationNode, Value

_LONGEST = 120  # characters of code in a sentence
MOST_NAMED = 6  # names in a list

_COMPARED: dict[type[ops.Node], str] = {
    ops.Equals: "is",
    ops.NotEquals: "is not",
    ops.Greater: "is greater than",
    ops.GreaterEqual: "is at least",
    ops.Less: "is less than",
    ops.LessEqual: "is at most",
    ops.StringContains: "contains",
    ops.StartsWith: "starts with",
    ops.EndsWith: "ends with",
    ops.StringSQLLike: "is like",
}
_FIGURES: dict[type[ops.Node], str] = {
    ops.Count: "the number of {} that are not NULL",
    ops.CountDistinct: "the number of distinct {}",
    ops.ApproxCountDistinct: "about the number of distinct {}",
    ops.Sum: "the sum of {}",
    ops.Mean: "the mean of {}",
    ops.Min: "the smallest {}",
    ops.Max: "the largest {}",
    ops.Median: "the median of {}",
    ops.StandardDev: "the standard deviation of {}",
    ops.Variance: "the variance of {}",
    ops.Any: "whether {} is true in any row",
    ops.All: "whether {} is true in all rows",
    ops.ArrayCollect: "the array of all {}",
    ops.ExtractYear: "the year of {}",
    ops.ExtractQuarter: "the quarter of {}",
    ops.ExtractMonth: "the month of {}",
    ops.ExtractDay: "the day of the month of {}",
    ops.ExtractHour: "the hour of {}",
    ops.ExtractMinute: "the minute of {}",
    ops.Date: "the day of {}",
    ops.Uppercase: "{} in upper case",
    ops.Lowercase: "{} in lower case",
    ops.StringLength: "the length of {}",
    ops.Reverse: "{} backwards",
    ops.Strip: "{} without white space around it",
    ops.Abs: "the absolute value of {}",
    ops.Sqrt: "the square root of {}",
    ops.Floor: "{} rounded down",
    ops.Ceil: "{} rounded up",
    ops.ArrayLength: "the number of elements of {}",
}
_RANKS: dict[type[ops.Node], str] = {
    ops.RowNumber: "the row number",
    ops.MinRank: "the rank",
    ops.DenseRank: "the dense rank",
}


def pivoted(op: ops.Node) -> tuple[ops.StructColumn, ...]:
    """Give the structs by which `Table.pivot_longer` makes rows of columns, if it made a value."""
    match op:
        case ops.Field(name=name, rel=ops.Project(values=values)):
            return pivoted(values[name])
        case ops.Unnest(arg=ops.Array(exprs=pieces)) if all(
            isinstance(piece, ops.StructColumn) for piece in pieces
        ):
            return tuple(pieces)
    return ()


class Phrases:
    """Says what values are.

    Parameters
    ----------
    stand_ins
        Parameters of the function, by the values that stand for them.

    Examples
    --------
    >>> import ibis
    >>> t = ibis.table({"x": "int64", "s": "string"}, name="t")
    >>> phrases = Phrases({7919: "least"})
    >>> phrases.predicate(((t.x > 7919) & t.s.lower().isin(["a", "b"])).op())
    "`x` is greater than `least` and `s.lower()` is one of 'a', 'b'"
    >>> phrases.value((t.x.sum() / t.count()).op())
    '`x.sum() / rows.count()`'
    """

    def __init__(self, stand_ins: Mapping[Any, str]) -> None:
        self._stand_ins = stand_ins

    def name(self, name: str) -> str:
        """Write the name of a column, or of the parameter that names it."""
        return f"`{self.plain(name)}`"

    def plain(self, name: str) -> str:
        """Give a name; parameters that are a part of it stand in braces."""
        if name in self._stand_ins:
            return self._stand_ins[name]
        for mark, parameter in self._stand_ins.items():
            if isinstance(mark, str):
                name = name.replace(mark, f"{{{parameter}}}")
        return name

    def names(self, names: Iterable[str]) -> str:
        """Write a list of names, a long one by its length."""
        found = list(names)
        return (
            listed([self.name(one) for one in found])
            if len(found) <= MOST_NAMED
            else (f"{len(found)} columns")
        )

    def number(self, value: Any) -> str:
        """Write the value of a limit."""
        if isinstance(value, ops.Node):
            return self.value(value)
        return f"`{self._stand_ins[value]}`" if value in self._stand_ins else str(value)

    def value(self, op: ops.Node) -> str:
        """Say a value."""
        match op:
            case ops.Alias(arg=inner):
                return self.value(inner)
            case ops.Field(name=name, rel=ops.Aggregate(metrics=metrics)) if "(" in name:
                return self.figure(metrics[name])  # without a name of its own
            case ops.Field(name=name):
                return self.name(name)
            case ops.StructField(field=name) if pieces := pivoted(op.arg):
                return self._of_pieces([piece.values[piece.names.index(name)] for piece in pieces])
            case ops.ScalarSubquery(rel=ops.Aggregate(parent=parent, metrics=metrics)) if (
                isinstance(parent, ops.UnboundTable)
            ):
                (metric,) = metrics.values()
                return f"{self.figure(metric)} over all rows of `{parent.name}`"
            case ops.Literal(value=value) if not isinstance(value, dict) and _hashable(value):
                if value in self._stand_ins and not isinstance(value, bool):
                    return f"`{self._stand_ins[value]}`"
                return self._literal(value)
        code = self.code(op)
        return f"`{code}`" if code else "a computed value"

    def _of_pieces(self, parts: list[ops.Value]) -> str:
        """Say what a column holds whose rows come from several columns."""
        said = list(dict.fromkeys(map(self.value, parts)))
        if len(said) > MOST_NAMED:
            return f"one of {len(said)} values"
        return listed(said, "or") if len(said) > 1 else said[0]

    def _literal(self, value: Any) -> str:
        if value is None:
            return "NULL"
        try:
            text = ast.unparse(python_value(value))
        except Refusal:
            return "a constant"
        return text if len(text) < _LONGEST and '"""' not in text else "a long text"

    def code(self, op: ops.Node) -> str | None:
        """Write a value as Ibis code, in which columns are names; None where there is none."""
        try:
            value = Expressions(Reader(op), fields=_AnyField(self)).value(op)
            node = _Named(self._stand_ins).visit(value.node)
            text = ast.unparse(ast.fix_missing_locations(node))
        except (Refusal, AttributeError, TypeError, KeyError):
            return None
        if len(text) > _LONGEST or "`" in text or '"""' in text or "\n" in text:
            return None
        return text

    def figure(self, op: ops.Node) -> str:
        """Say an aggregate."""
        match op:
            case ops.Alias(arg=inner):
                return self.figure(inner)
            case ops.CountStar(where=where):
                counted = f" where {self.predicate(where)}" if where is not None else ""
                return f"the number of rows{counted}"
            case ops.Coalesce(arg=(ops.Field() as field, ops.Literal() as other)):
                return f"{self.value(field)}, or {self.value(other)} where it is NULL"
            case ops.Add(left=ops.WindowFunction(func=func) as window, right=ops.Literal(value=1)):
                if type(func) in _RANKS:  # Ibis counts from 0
                    return f"{_RANKS[type(func)]}{self._over(window)}, from 1"
            case ops.WindowFunction(func=ops.Reduction() as inner, start=None, end=None) if (
                not op.order_by
            ):
                return f"{self.figure(inner)}{self._over(op)}"
        words = _FIGURES.get(type(op))
        inner = op.__args__[0] if op.__args__ else None
        if words is None or not isinstance(inner, ops.Field):
            return self.value(op)
        if getattr(op, "distinct", False):
            words = words.replace("{}", "distinct {}")
        ordered = self._ordered(getattr(op, "order_by", ()))
        return (
            f"{words.format(self.value(inner))}{ordered}{self._where(getattr(op, 'where', None))}"
        )

    def _over(self, window: ops.WindowFunction) -> str:
        within = f" within each {self._parts(window.group_by)}" if window.group_by else ""
        return within + self._ordered(window.order_by)

    def _ordered(self, keys: Iterable[ops.SortKey]) -> str:
        said = [
            self.value(key.arg) + ("" if key.ascending else " from the largest") for key in keys
        ]
        return f" in the order of {listed(said)}" if said else ""

    def _parts(self, parts: Iterable[ops.Node]) -> str:
        return listed([self.value(part) for part in parts])

    def _where(self, where: ops.Node | None) -> str:
        return "" if where is None else f" in rows where {self.predicate(where)}"

    def predicate(self, op: ops.Node) -> str:
        """Say a condition, such that "rows where" can stand before it."""
        match op:
            case ops.And(left=left, right=right):
                return f"{self._part(left)} and {self._part(right)}"
            case ops.Or(left=left, right=right):
                return f"{self._part(left, ops.And)} or {self._part(right, ops.And)}"
            case ops.IsNull(arg=inner):
                return f"{self.value(inner)} is NULL"
            case ops.NotNull(arg=inner):
                return f"{self.value(inner)} is not NULL"
            case ops.Not(arg=ops.IsNull(arg=inner)):
                return f"{self.value(inner)} is not NULL"
            case ops.Not(arg=ops.InValues(value=value, options=options)):
                return f"{self.value(value)} is none of {', '.join(map(self.value, options))}"
            case ops.Not(arg=ops.Field() as inner):
                return f"{self.value(inner)} is false"
            case ops.InValues(value=value, options=options):
                return f"{self.value(value)} is one of {', '.join(map(self.value, options))}"
            case ops.Between(arg=value, lower_bound=lower, upper_bound=upper):
                shown = self.value(value), self.value(lower), self.value(upper)
                return "{} is between {} and {}".format(*shown)
            case ops.Field():
                return f"{self.value(op)} is true"
            case ops.InSubquery(needle=needle, rel=relation):
                return f"{self.value(needle)} is among {self._values_of(relation)}"
            case ops.Not(arg=ops.InSubquery(needle=needle, rel=relation)):
                return f"{self.value(needle)} is not among {self._values_of(relation)}"
            case ops.ExistsSubquery():
                return "there is a matching row in another table"
        words = self.compared(op)
        if words is None:
            code = self.code(op)
            return f"`{code}` is true" if code else "a condition holds"
        left, right = op.__args__[:2]
        return f"{self.value(left)} {words} {self.value(right)}"

    def _values_of(self, relation: ops.Relation) -> str:
        tables = {table.name: None for table in relation.find(ops.UnboundTable)}
        of = f" of {listed([f'`{name}`' for name in tables])}" if tables else ""
        return f"the values of {self.name(relation.schema.names[0])}{of}"

    def compared(self, op: ops.Node) -> str | None:
        """Say what a comparison asks of its sides; None where there is no word for it."""
        words = _COMPARED.get(type(op))
        if words in ("is", "is not") and not isinstance(op.__args__[1], ops.Literal):
            return {"is": "equals", "is not": "differs from"}[words]
        return words

    def _part(self, op: ops.Node, other: type[ops.Node] = ops.Or) -> str:
        said = self.predicate(op)
        return f"({said})" if isinstance(op, other) else said


class _AnyField(dict[ops.Field, Value]):
    """Every column by its bare name."""

    def __init__(self, phrases: Phrases) -> None:
        self._phrases = phrases

    def __bool__(self) -> bool:
        return True

    def __contains__(self, op: object) -> bool:
        return True

    def __missing__(self, op: ops.Field) -> Value:
        if pivoted(op):
            raise KeyError(op.name)  # it has no name that anyone gave
        return Value(ast.Name(self._phrases.plain(op.name), ast.Load()), UNKNOWN)


class _Named(ast.NodeTransformer):
    """Puts parameters where the values stand that stand for them."""

    def __init__(self, stand_ins: Mapping[Any, str]) -> None:
        self._stand_ins = stand_ins

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        value = node.value
        if isinstance(value, bool) or not _hashable(value) or value not in self._stand_ins:
            return node
        return ast.Name(self._stand_ins[value], ast.Load())

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, FunctionNode):
            return ast.Name(node.function.name, ast.Load())
        if isinstance(node, RelationNode):
            return ast.Name("rows", ast.Load())
        if isinstance(node, ast.expr) and type(node).__module__ != "ast":
            raise TypeError(type(node).__name__)
        return super().generic_visit(node)


def _hashable(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float) or hasattr(value, "isoformat")


def wrapped(text: str, width: int, indent: str = "") -> list[str]:
    """Break a text into lines; words are kept whole."""
    return textwrap.wrap(
        text,
        width,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
