"""COLLATE in comparisons and sort keys, as the functions that DuckDB applies for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlglot import exp

from ibert.translator.refusal import Refusal

# What is compared under a collation is compared under both of its sides.
_COMPARISONS = (
    *(exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ, exp.NullSafeNEQ),
    *(exp.Like, exp.Glob, exp.Between, exp.In),
)


def _lower(node: exp.Expr) -> exp.Expr:
    if isinstance(node, exp.Literal) and node.is_string and node.name.isascii():
        return exp.Literal.string(node.name.lower())
    return exp.Lower(this=node)


def _function(name: str) -> Callable[[exp.Expr], exp.Expr]:
    def written(node: exp.Expr) -> exp.Expr:
        if isinstance(node, exp.Literal) and node.is_string and node.name.isascii():
            return node
        return exp.Anonymous(this=name, expressions=[node])

    return written


_FUNCTIONS: dict[str, Callable[[exp.Expr], exp.Expr] | None] = {
    "nocase": _lower,
    "noaccent": _function("strip_accents"),
    "nfc": _function("nfc_normalize"),
    "binary": None,
    "c": None,
    "posix": None,
}


def uncollated(query: exp.Expr) -> exp.Expr:
    """Give a query with functions in place of COLLATE, which is changed for it.

    Raises
    ------
    Refusal
        For other collations than those that are functions, and in other places.

    Examples
    --------
    >>> import sqlglot
    >>> uncollated(sqlglot.parse_one("SELECT a FROM t WHERE a COLLATE NOCASE = 'X'")).sql()
    "SELECT a FROM t WHERE LOWER(a) = 'x'"
    """
    for node in list(query.find_all(exp.Collate)):
        place: exp.Expr = node
        while isinstance(place.parent, exp.Paren):
            place = place.parent
        functions = list(_functions(node))
        parent = place.parent
        if isinstance(parent, _COMPARISONS):
            operands = _operands(parent)
            if any(part is not place and part.find(exp.Collate) for part in operands):
                raise Refusal("COLLATE on both sides of a comparison", node, "write it once")
        elif _is_key(place):
            operands = [place]
        else:
            hint = "write lower(…) or strip_accents(…) where values are compared"
            raise Refusal("COLLATE outside of comparisons and sort keys", node, hint)
        node.replace(node.this)
        for operand in operands:
            _apply(functions, node.this if operand is node else operand)
    return query


def _functions(node: exp.Expr) -> Iterator[Callable[[exp.Expr], exp.Expr]]:
    """Give what a collation applies, the innermost first: `NOCASE.NOACCENT` strips, then lowers."""
    name = node.expression
    words = [part.name for part in name.parts] if isinstance(name, exp.Column) else [name.name]
    for word in reversed([part for text in words for part in text.split(".")]):
        if word.casefold() not in _FUNCTIONS:
            raise Refusal(f"the collation {word}", node, f"there are {', '.join(_FUNCTIONS)}")
        function = _FUNCTIONS[word.casefold()]
        if function is not None:
            yield function


def _operands(comparison: exp.Expr) -> list[exp.Expr]:
    """Give what a comparison compares."""
    if comparison.args.get("query") or comparison.args.get("unnest"):
        raise Refusal("COLLATE beside a query", comparison, "join the query")
    named = [comparison.args.get(name) for name in ("this", "expression", "low", "high")]
    return [part for part in [*named, *comparison.expressions] if isinstance(part, exp.Expr)]


def _is_key(node: exp.Expr) -> bool:
    """Whether it is a key of ORDER BY or of PARTITION BY."""
    return isinstance(node.parent, exp.Ordered) or (
        isinstance(node.parent, exp.Window) and node.arg_key == "partition_by"
    )


def _apply(functions: list[Callable[[exp.Expr], exp.Expr]], node: exp.Expr) -> None:
    for function in functions:
        parent, key, index = node.parent, node.arg_key, node.index
        made = function(node)
        assert parent is not None
        assert key is not None
        parent.set(key, made, index=index)
        node = made
