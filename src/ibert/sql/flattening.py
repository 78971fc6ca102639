"""FLATTEN of Snowflake as UNNEST: a row for each element, with its index from 0."""

from __future__ import annotations

from sqlglot import exp

from ibert.sql.rules import TEXTS, UnknownMeaningError, bare

_ELEMENTS = exp.DataType.build("JSON[]", dialect="duckdb")


def flattened(node: exp.Expr, dialect: str) -> None:
    """Write the FLATTEN of a query as UNNEST, and count its index from 0.

    Raises
    ------
    UnknownMeaningError
        It is not known to be given an array, or more than VALUE and INDEX is asked for.

    Examples
    --------
    >>> from sqlglot import parse_one
    >>> query = parse_one("SELECT f.value FROM TABLE(FLATTEN(j:a)) AS f", dialect="snowflake")
    >>> flattened(query, "snowflake")
    >>> query.sql("duckdb")
    "SELECT f.value FROM UNNEST(CAST(j -> '$.a' AS JSON[])) WITH ORDINALITY AS f(value, index)"
    """
    places = [node.args.get("from_"), *node.args.get("joins", ())]
    sources = [
        place.this
        for place in places
        if place and isinstance(place.this, exp.Lateral | exp.TableFromRows)
        if isinstance(place.this.this, exp.Explode)
    ]
    if len(sources) > 1:
        raise UnknownMeaningError("several FLATTEN in one query", node, "take a subquery for each")
    for source in sources:
        array, is_json = _array(source)
        alias = source.args.get("alias")
        name = alias.name if alias and alias.name else "flattened"
        columns = [exp.to_identifier("value")]
        source.replace(
            exp.Unnest(
                expressions=[array],
                alias=exp.TableAlias(this=exp.to_identifier(name), columns=columns),
                offset=exp.to_identifier("index"),
            )
        )
        _rename(node, name.casefold(), is_json)


def _array(source: exp.Expr) -> tuple[exp.Expr, bool]:
    """Give the array, and whether its elements are JSON."""
    call = source.this
    array = call.this
    if isinstance(array, exp.Kwarg):
        if array.this.name.upper() != "INPUT":
            raise UnknownMeaningError("FLATTEN without INPUT first", source, "write INPUT => first")
        array = array.expression
    if call.expressions:
        raise UnknownMeaningError(
            "FLATTEN with more than INPUT", source, "only FLATTEN(INPUT => array) can be translated"
        )
    inner = bare(array)
    if isinstance(inner, exp.JSONExtract | exp.ParseJSON) or inner.is_type(
        exp.DType.JSON, exp.DType.VARIANT
    ):
        return exp.Cast(this=inner.copy(), to=_ELEMENTS.copy()), True
    if not inner.is_type(exp.DType.ARRAY):
        raise UnknownMeaningError(
            "FLATTEN of something that is not known to be an array",
            source,
            "give the column the type ARRAY or JSON in the catalog",
        )
    return inner.copy(), False


def _rename(node: exp.Expr, table: str, is_json: bool) -> None:
    for column in list(node.find_all(exp.Column)):
        if column.table.casefold() not in ("", table):
            continue
        name = column.name.casefold()
        if column.table and name not in ("value", "index"):
            raise UnknownMeaningError(
                f"{column.name} of FLATTEN", column, "VALUE and INDEX can be translated"
            )
        if name == "index":
            _count_from_zero(column, node)
        cast = column.parent
        if name == "value" and is_json and isinstance(cast, exp.Cast) and cast.to.is_type(*TEXTS):
            path = exp.JSONPath(expressions=[exp.JSONPathRoot()])
            cast.replace(
                exp.JSONExtractScalar(this=column.copy(), expression=path, scalar_only=False)
            )


def _count_from_zero(column: exp.Column, node: exp.Expr) -> None:
    made: exp.Expr = exp.Sub(this=column.copy(), expression=exp.Literal.number(1))
    is_projection = column.parent is node and column.arg_key == "expressions"
    column.replace(exp.alias_(made, column.name) if is_projection else exp.Paren(this=made))
