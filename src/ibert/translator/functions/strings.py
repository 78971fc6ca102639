"""Functions of texts.

What Ibis does otherwise than DuckDB stays a function of DuckDB: `strip` takes off every white
space, `re_replace` replaces every match, `find` and `substr` count from 0, `lpad` never shortens,
an index that is out of range gives NULL where `split_part` gives an empty text.
"""

from __future__ import annotations

import re
from functools import reduce

from ibert.translator.datatypes import BIGINT, BOOLEAN, INTEGER, JSON, VARCHAR, Type, list_of
from ibert.translator.functions.rules import Rule
from ibert.translator.values import Value, cast, literal, method, null, operator, subscript

_TEXTS = list_of(VARCHAR)
# Ibis counts from the end with the length of the text: before its start it counts back again.
_EXACT_FROM_END = -1
# The characters that Ibis strips.
_WHITE_SPACE = set(" \t\n\r\v\f")


def text(value: Value) -> Value | None:
    """Give a value that Ibis takes for a text too; None for what DuckDB does not take for one.

    Examples
    --------
    >>> text(literal(1, INTEGER)) is None
    True
    """
    if value.is_null:
        return null(VARCHAR)
    if value.type == VARCHAR or value.type.name == "enum":
        return value if value.declared.dtype == VARCHAR.dtype else cast(value, VARCHAR)
    return cast(value, VARCHAR) if value.type == JSON else None


def _method(name: str, result: Type = VARCHAR, declared: Type | None = None) -> Rule:
    """Give the rule for a method of a text whose arguments are texts."""

    def rule(*arguments: Value) -> Value | None:
        texts = [text(argument) for argument in arguments]
        known = [value for value in texts if value is not None]
        if len(known) < len(texts):
            return None
        return method(known[0], name, *known[1:], type=result, declared=declared)

    return rule


def _stripped(name: str) -> Rule:
    def rule(value: Value, *characters: Value) -> Value | None:
        base = text(value)
        if base is None or not characters or set(_string(characters[0]) or "") != _WHITE_SPACE:
            return None
        return method(base, name, type=VARCHAR)

    return rule


def _string(value: Value) -> str | None:
    """Give a constant text."""
    return value.literal if value.is_literal and isinstance(value.literal, str) else None


def _integer(value: Value) -> int | None:
    """Give a constant integer."""
    found = value.literal if value.is_literal else None
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _is_integer(value: Value) -> bool:
    return value.type.is_integer and value.declared.is_integer


def _repeated(value: Value, times: Value) -> Value | None:
    base = text(value)
    if base is None or not _is_integer(times):
        return None
    return method(base, "repeat", times, type=VARCHAR)


def _left(value: Value, count: Value) -> Value | None:
    base, known = text(value), _integer(count)
    if base is None or known is None or known < 0:
        return None
    return method(base, "left", count, type=VARCHAR)


def _right(value: Value, count: Value) -> Value | None:
    base = text(value)
    if base is None or not _is_integer(count):
        return None
    return method(base, "right", count, type=VARCHAR)


def _substring(value: Value, start: Value, *length: Value) -> Value | None:
    base, first = text(value), _integer(start)
    if base is None or not first or not all(map(_is_length, length)):
        return None
    if first < 0 and not length:
        return method(base, "right", -first, type=VARCHAR)
    if first < _EXACT_FROM_END:
        return None
    return method(base, "substr", first - 1 if first > 0 else first, *length, type=VARCHAR)


def _is_length(value: Value) -> bool:
    known = _integer(value)
    return _is_integer(value) and (known is None or known >= 0)


def _position(value: Value, searched: Value) -> Value | None:
    found = _method("find", BIGINT)(value, searched)
    return found and operator("+", found, literal(1, INTEGER), BIGINT)


def _padded(name: str) -> Rule:
    """Give the rule for padding with one character; the method alone would not shorten."""

    def rule(value: Value, length: Value, fill: Value) -> Value | None:
        base, known = text(value), _integer(length)
        if base is None or known is None or known < 0 or len(_string(fill) or "") != 1:
            return None
        return method(method(base, name, known, fill, type=VARCHAR), "left", known, type=VARCHAR)

    return rule


def _part(value: Value, separator: Value, number: Value) -> Value | None:
    """Read the first and the last part, which every text has."""
    base, place = text(value), {1: 0, -1: -1}.get(_integer(number) or 0)
    if base is None or place is None or not _string(separator):
        return None
    return subscript(method(base, "split", separator, type=_TEXTS), place, VARCHAR)


def _concatenated(*values: Value) -> Value | None:
    parts = [_filled(value) for value in values if not value.is_null]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    empty = literal("", VARCHAR)
    return reduce(lambda one, other: operator("+", one, other, VARCHAR), known or [empty])


def _filled(value: Value) -> Value | None:
    """Give a part of CONCAT, which takes NULL for an empty text."""
    if _string(value) is not None:
        return value
    if _integer(value) is not None:
        return literal(str(value.literal), VARCHAR)
    part = _as_text(value)
    return part and method(part, "fill_null", "", type=VARCHAR)


def _as_text(value: Value) -> Value | None:
    """Write a value as a text where DuckDB does so by itself."""
    kind = value.type
    if kind.is_numeric or kind.is_temporal or kind == BOOLEAN:
        exact = cast(value, kind) if value.is_literal and kind.is_decimal else value
        return cast(exact, VARCHAR) if kind.dtype is not None else None
    return text(value)


def _joined(separator: Value, *values: Value) -> Value | None:
    base, parts = text(separator), [_as_text(value) for value in values]
    known = [part for part in parts if part is not None]
    if base is None or len(known) < len(parts) or not known:
        return None
    return method(base, "join", known, type=VARCHAR)


def _digest(algorithm: str) -> Rule:
    def rule(value: Value) -> Value | None:
        base = text(value)
        return base and method(base, "hexdigest", algorithm, type=VARCHAR)

    return rule


def _pattern(value: Value, *flags: Value) -> Value | None:
    """Give a pattern with the options of DuckDB written into it, if that can be done."""
    if not flags:
        return text(value)
    pattern, options = _string(value), _string(flags[0])
    if pattern is None or options is None or not set(options) <= set("cis"):
        return None
    if "c" in options and "i" in options:
        return None
    inline = "".join(sorted(set(options) - {"c"}))
    return literal(f"(?{inline}){pattern}" if inline else pattern, VARCHAR)


def _matched(name: str, result: Type) -> Rule:
    """Give the rule for a method with a pattern, which options may follow."""

    def rule(value: Value, pattern: Value, *flags: Value) -> Value | None:
        base, written = text(value), _pattern(pattern, *flags)
        if base is None or written is None:
            return None
        return method(base, name, written, type=result)

    return rule


def _matched_whole(value: Value, pattern: Value, *flags: Value) -> Value | None:
    base, known = text(value), _string(pattern)
    if base is None or known is None or "\\Q" in known:
        return None
    scoped = f"(?:{known})" if "|" in known or "(?" in known else known
    written = _pattern(literal(f"^{scoped}$", VARCHAR), *flags)
    return written and method(base, "re_search", written, type=BOOLEAN)


def _replaced(value: Value, pattern: Value, replacement: Value, *flags: Value) -> Value | None:
    """Read a replacement of all matches, or of the only one that there can be."""
    options = _string(flags[0]) if flags else ""
    if options is None or ("g" not in options and not _matches_once(_string(pattern) or "")):
        return None
    rest = literal(options.replace("g", ""), VARCHAR)
    base, written = text(value), _pattern(pattern, *([rest] if rest.literal else []))
    new = text(replacement)
    if base is None or written is None or new is None:
        return None
    return method(base, "re_replace", written, new, type=VARCHAR)


def _matches_once(pattern: str) -> bool:
    """Whether a pattern can match at the start of a text only."""
    return pattern.startswith("^") and "|" not in pattern and not re.search(r"\(\?\w", pattern)


def _extracted(
    value: Value, pattern: Value, group: Value | None = None, *flags: Value
) -> Value | None:
    base, written = text(value), _pattern(pattern, *flags)
    number = 0 if group is None else _integer(group)
    if base is None or written is None or number is None or number < 0:
        return None
    return method(base, "re_extract", written, number, type=VARCHAR)


def _type_of(value: Value) -> Value | None:
    return None if value.is_literal else method(value, "typeof", type=VARCHAR)


RULES: dict[str, Rule] = {
    "ascii": _method("ascii_str", INTEGER),
    "concat": _concatenated,
    "concat_ws": _joined,
    "contains": _method("contains", BOOLEAN),
    "ends_with": _method("endswith", BOOLEAN),
    "left": _left,
    "length": _method("length", BIGINT, INTEGER),
    "levenshtein": _method("levenshtein", BIGINT),
    "lower": _method("lower"),
    "lpad": _padded("lpad"),
    "ltrim": _stripped("lstrip"),
    "md5": _digest("md5"),
    "regexp_extract": _extracted,
    "regexp_full_match": _matched_whole,
    "regexp_matches": _matched("re_search", BOOLEAN),
    "regexp_replace": _replaced,
    "repeat": _repeated,
    "replace": _method("replace"),
    "reverse": _method("reverse"),
    "right": _right,
    "rpad": _padded("rpad"),
    "rtrim": _stripped("rstrip"),
    "sha256": _digest("sha256"),
    "split_part": _part,
    "starts_with": _method("startswith", BOOLEAN),
    "string_split": _method("split", _TEXTS),
    "string_split_regex": _matched("re_split", _TEXTS),
    "strpos": _position,
    "substring": _substring,
    "translate": _method("translate"),
    "trim": _stripped("strip"),
    "typeof": _type_of,
    "upper": _method("upper"),
}
