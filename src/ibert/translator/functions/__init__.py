"""How Ibis spells the functions of DuckDB: tables by function name, one module per field.

A rule gets the arguments as values and gives the result; None sends the call on to the rule of
another field, and in the end to a builtin UDF, whose result type `signatures` knows.
"""

from ibert.translator.functions import dates, json, lists, numbers, strings
from ibert.translator.functions.rules import Rule

REGISTRY: dict[str, list[Rule]] = {}
for _field in (strings, numbers, dates, lists, json):
    for _name, _rule in _field.RULES.items():
        REGISTRY.setdefault(_name, []).append(_rule)
