"""The functions of DuckDB: their names, what else they are called, and what they return.

`python -m ibert.translator.functions.signatures` reads them off the installed DuckDB and writes
`signatures.json`.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ibert.translator import datatypes as dt
from ibert.translator.datatypes import NULL, UNKNOWN, Type, common, list_of, map_of
from ibert.translator.functions.results import RETURNS, SPECIAL

_FILE = Path(__file__).with_name("signatures.json")

_AGGREGATE, _MACRO = "aggregate", "macro"
_WINDOW_ONLY = {
    *("cume_dist", "dense_rank", "fill", "first_value", "lag", "last_value", "lead", "nth_value"),
    *("ntile", "percent_rank", "rank", "row_number"),
}

# Names that are wanted as the main one, beside those that DuckDB itself knows as aliases.
_ALIASES = {
    "argmax": "arg_max",
    "argmin": "arg_min",
    "array_append": "list_append",
    "array_prepend": "list_prepend",
    "array_push_back": "list_append",
    "array_reverse": "list_reverse",
    "current_catalog": "current_database",
    "datediff": "date_diff",
    "datepart": "date_part",
    "datesub": "date_sub",
    "datetrunc": "date_trunc",
    "ends_with": "ends_with",
    "geometric_mean": "geomean",
    "greatest_common_divisor": "gcd",
    "get_current_timestamp": "now",
    "instr": "strpos",
    "json_extract_path": "json_extract",
    "json_extract_path_text": "json_extract_string",
    "least_common_multiple": "lcm",
    "list": "array_agg",
    "percentile_cont": "quantile_cont",
    "percentile_disc": "quantile_disc",
    "pow": "power",
    "prefix": "starts_with",
    "rank_dense": "dense_rank",
    "roundbankers": "round_even",
    "suffix": "ends_with",
    "today": "current_date",
    "transaction_timestamp": "now",
    "wavg": "weighted_avg",
}


class Signature(NamedTuple):
    """One way to call a function.

    Parameters
    ----------
    parameters
        The types of its parameters; `any` and the templates `t`, `k`, `v` among them.
    varargs
        The type of the arguments that may follow, if any may.
    returns
        The type of its result, which may be a template.
    """

    parameters: tuple[Type, ...]
    varargs: Type | None
    returns: Type


def is_function(name: str) -> bool:
    """Tell whether DuckDB has a function of a name, whatever its case.

    Examples
    --------
    >>> is_function("Upper"), is_function("initcap")
    (True, False)
    """
    return canonical(name) in _functions()


def is_aggregate(name: str) -> bool:
    """Tell whether a name is that of an aggregate function; macros that aggregate are among them.

    Examples
    --------
    >>> is_aggregate("max"), is_aggregate("geomean"), is_aggregate("row_number")
    (True, True, False)
    """
    name = canonical(name)
    if name in _WINDOW_ONLY:
        return False
    return name in _AGGREGATE_MACROS or _functions().get(name, (None,))[0] == _AGGREGATE


def canonical(name: str) -> str:
    """Give the one name that stands for all the names of a function.

    Examples
    --------
    >>> [canonical(name) for name in ("LEN", "array_has", "apply", "substr", "instr")]
    ['length', 'list_contains', 'list_transform', 'substring', 'strpos']
    """
    name = name.lower()
    return _aliases().get(name, name)


def result_type(name: str, arguments: Sequence[Type], literals: Sequence[Any] = ()) -> Type | None:
    """Give the type that DuckDB has for the result of a call.

    Parameters
    ----------
    name
        Any name of the function.
    arguments
        The types of the arguments.
    literals
        The Python values of the arguments that are literals, and None for the others: the digits
        of `round`, the field of `struct_extract` and the like decide on the type too.

    Returns
    -------
    Type or None
        `UNKNOWN` where it cannot be told from the types; None if there is no such function, or
        none with that number of arguments.

    Examples
    --------
    >>> result_type("sum", [dt.INTEGER]).name
    'hugeint'
    >>> result_type("round", [dt.decimal(12, 4), dt.INTEGER], [None, 2])
    Type(name='decimal', args=(12, 2))
    >>> result_type("no_such_function", []) is None
    True
    """
    name = canonical(name)
    if not _takes(name, len(arguments)):
        return None
    given = [*literals, *[None] * (len(arguments) - len(literals))]
    found = SPECIAL[name](list(arguments), given) if name in SPECIAL else RETURNS.get(name)
    if found is not None:
        return found
    if name == "date_add":
        return result_type("add", arguments, given)
    if name == "list_aggregate":
        other = given[1] if isinstance(given[1], str) else ""
        types = [arguments[0].element, *arguments[2:]]
        return result_type(other, types, [None, *given[2:]]) or UNKNOWN
    if name.startswith("list_") and is_aggregate(name[5:]) and len(arguments) == 1:
        return result_type(name[5:], [arguments[0].element])
    return _resolved(name, tuple(arguments))


def _takes(name: str, count: int) -> bool:
    """Tell whether a function can be called with a number of arguments."""
    if name in _WINDOW_ONLY:
        return True
    known = _signatures(name) if name in _functions() else ()
    return any(_expanded(signature, count) is not None for signature in known)


@functools.cache
def _data() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(_FILE.read_text(encoding="utf-8"))
    return loaded


def _functions() -> dict[str, tuple[str, list[str]]]:
    functions: dict[str, tuple[str, list[str]]] = _data()["functions"]
    return functions


def _aliases() -> dict[str, str]:
    aliases: dict[str, str] = _data()["aliases"]
    return aliases


@functools.cache
def _signatures(name: str) -> tuple[Signature, ...]:
    return tuple(_read(text) for text in _functions()[name][1])


def _read(text: str) -> Signature:
    """Read `"VARCHAR; ANY... -> VARCHAR"`."""
    before, _, returns = text.partition(" -> ")
    types = before.split("; ") if before else []
    varargs = _read_type(types.pop()[:-3]) if types and types[-1].endswith("...") else None
    return Signature(tuple(map(_read_type, types)), varargs, _read_type(returns))


_NAMES = {
    "TIMESTAMP WITH TIME ZONE": dt.TIMESTAMPTZ,
    "TIME WITH TIME ZONE": Type("timetz"),
    '"NULL"': NULL,
    "MAP(K, V)": map_of(Type("k"), Type("v")),
    'MAP("NULL", "NULL")': map_of(NULL, NULL),
    'STRUCT("key" K, "value" V)': Type("struct", (("key", Type("k")), ("value", Type("v")))),
    "STRUCT(K, V)": Type("struct", (("key", Type("k")), ("value", Type("v")))),
    "LIST": UNKNOWN,
    "ARRAY": UNKNOWN,
    "MAP": UNKNOWN,
    "STRUCT()": UNKNOWN,
    "DECIMAL": Type("decimal", (None, None)),
    "FLOAT[ANY]": list_of(dt.FLOAT),
    "DOUBLE[ANY]": list_of(dt.DOUBLE),
    "FLOAT[3]": Type("array", (dt.FLOAT, 3)),
    "DOUBLE[3]": Type("array", (dt.DOUBLE, 3)),
}
_TEMPLATES = ("t", "k", "v")
_OPEN = ("any", "invalid", "struct", "union", "type", "agg_state")  # tell nothing about a result


@functools.cache
def _read_type(text: str) -> Type:
    if text in _NAMES:
        return _NAMES[text]
    if text.endswith("[]"):
        return list_of(_read_type(text[:-2]))
    return Type(text.lower())


# What DuckDB's binder counts for an implicit cast to a type; the cheapest way to call wins.
_COSTS = {
    "bigint": 101,
    "integer": 102,
    "hugeint": 103,
    "double": 104,
    "decimal": 105,
    "timestamp_ns": 119,
    "timestamp": 120,
    "timestamp_ms": 121,
    "timestamp_s": 122,
    "timestamptz": 123,
    "varchar": 149,
}
_OTHER, _ANY, _TO_JSON, _LITERAL_ONLY = 110, 5, 1_000, 10_000
_WIDER = {
    "date": ("timestamp", "timestamptz", "timestamp_ns", "timestamp_ms", "timestamp_s"),
    "timestamp_s": ("timestamp", "timestamptz", "timestamp_ns", "timestamp_ms"),
    "timestamp_ms": ("timestamp", "timestamptz", "timestamp_ns"),
    "timestamp": ("timestamptz", "timestamp_ns"),
    "timestamp_ns": ("timestamp",),
    "time": ("timetz",),
    "float": ("double",),
    "decimal": ("float", "double"),
    "enum": ("varchar",),
}


def _cost(source: Type, target: Type) -> int | None:
    """Count what it takes to pass a type for a parameter; None if it cannot be passed."""
    if target.name == "any":
        return _ANY
    if target.name in _TEMPLATES or source in (target, UNKNOWN):
        return 0
    if source == NULL:
        return _COSTS.get(target.name, _OTHER)
    if target == dt.JSON:
        return _TO_JSON
    if target.is_list and source.is_list:
        return _cost(source.element, target.element)
    if target.name == source.name and target.name in ("map", "struct", "decimal", "union"):
        return 0
    if source.name == "json" and target.name == "varchar":
        return 1
    if source.name in dt.INTEGERS and target.is_numeric:
        fits = target.name not in dt.INTEGERS or common(source, target) == target
        return _COSTS.get(target.name, _OTHER) if fits else _LITERAL_ONLY
    if target.name in _WIDER.get(source.name, ()):
        return _COSTS.get(target.name, _OTHER)
    return _LITERAL_ONLY if source.name == "varchar" else None


def _resolved(name: str, arguments: tuple[Type, ...]) -> Type:
    found: dict[int, set[Type]] = {}
    for signature in _signatures(name):
        parameters = _expanded(signature, len(arguments))
        cost = None if parameters is None else _total_cost(arguments, parameters)
        if parameters is not None and cost is not None:
            result = _filled(signature.returns, parameters, arguments)
            found.setdefault(cost, set()).add(result)
    if found:
        results = found[min(found)]
    else:
        results = {_substituted(signature.returns, {}) for signature in _signatures(name)}
    return results.pop() if len(results) == 1 else UNKNOWN


def _total_cost(arguments: Sequence[Type], parameters: Sequence[Type]) -> int | None:
    total = 0
    for argument, parameter in zip(arguments, parameters, strict=True):
        cost = _cost(argument, parameter)
        if cost is None:
            return None
        total += cost
    return total


def _expanded(signature: Signature, count: int) -> tuple[Type, ...] | None:
    """Give the parameters for a number of arguments; None if it is not the right one."""
    more = count - len(signature.parameters)
    if more == 0:
        return signature.parameters
    if more < 0 or signature.varargs is None:
        return None
    return (*signature.parameters, *[signature.varargs] * more)


def _filled(returns: Type, parameters: Sequence[Type], arguments: Sequence[Type]) -> Type:
    """Put the types of the arguments in place of templates."""
    bound: dict[str, Type] = {}
    for parameter, argument in zip(parameters, arguments, strict=True):
        for name, found in _bound(parameter, argument):
            bound[name] = common(bound[name], found) if name in bound else found
    return _substituted(returns, bound)


def _bound(parameter: Type, argument: Type) -> Iterator[tuple[str, Type]]:
    if parameter.name in _TEMPLATES:
        yield parameter.name, argument
    elif parameter.is_list and argument.is_list:
        yield from _bound(parameter.element, argument.element)
    elif parameter.name == argument.name == "map":
        for one, other in zip(parameter.args, argument.args, strict=True):
            yield from _bound(one, other)
    elif parameter.name == argument.name == "struct":
        for (_, one), (_, other) in zip(parameter.args, argument.args, strict=False):
            yield from _bound(one, other)


def _substituted(kind: Type, bound: dict[str, Type]) -> Type:
    if kind.name in _TEMPLATES:
        return bound.get(kind.name, UNKNOWN)
    if kind.args == (None, None) or (kind.name in _OPEN and not kind.args):
        return UNKNOWN
    if kind.name == "list":
        element = _substituted(kind.element, bound)
        return UNKNOWN if element == UNKNOWN else list_of(element)
    if kind.name == "map":
        return map_of(*(_substituted(part, bound) for part in kind.args))
    if kind.name == "struct":
        return Type("struct", tuple((n, _substituted(part, bound)) for n, part in kind.args))
    return kind


_AGGREGATE_MACROS = {
    *("geomean", "json_group_array", "json_group_object", "json_group_structure", "weighted_avg"),
}


_QUERY = """
    SELECT function_name, alias_of, function_type, parameter_types, varargs, return_type
    FROM duckdb_functions()
    WHERE schema_name = 'main' AND function_type IN ('scalar', 'aggregate', 'macro')
        AND regexp_full_match(function_name, '[A-Za-z]\\w*')
    ORDER BY ALL
"""


def collect() -> dict[str, Any]:
    """Read the functions of the installed DuckDB.

    Returns
    -------
    dict
        `functions`: by canonical name the kind and the signatures as text; `aliases`.
    """
    import duckdb

    with duckdb.connect() as connection:
        rows = connection.execute(_QUERY).fetchall()
    named = {str(row[0]).lower() for row in rows}
    aliases = {
        str(name).lower(): str(main).lower()
        for name, main, *_ in rows
        if main is not None and str(main).lower() in named
    }
    preferred = {alias: main for alias, main in _ALIASES.items() if alias in named or main in named}
    aliases = {
        alias: preferred.get(main, main)
        for alias, main in (aliases | preferred).items()
        if preferred.get(main, main) != alias
    }
    functions: dict[str, tuple[str, set[str]]] = {}
    for name, _, kind, parameters, varargs, returns in rows:
        main = aliases.get(str(name).lower(), str(name).lower())
        texts = functions.setdefault(main, (kind, set()))[1]
        if kind == _MACRO:
            parameters, returns = ["ANY"] * len(parameters), "ANY"
        types = [*parameters, *([f"{varargs}..."] if varargs else [])]
        texts.add(f"{'; '.join(types)} -> {returns}")
    return {
        "aliases": dict(sorted(aliases.items())),
        "functions": {name: (kind, sorted(texts)) for name, (kind, texts) in functions.items()},
    }


def main() -> None:
    """Write `signatures.json`."""
    text = json.dumps(collect(), indent=0, sort_keys=True, ensure_ascii=False)
    _FILE.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
