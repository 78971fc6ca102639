"""Write what was found as Markdown that a person reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ibert.answers.examples import Example, Output
from ibert.answers.retrieval import Found
from ibert.api_index import Entry

_CLOSE = 0.6  # of the best score: what is as good an answer


def answer_text(found: Sequence[Found], example: Example | None, output: Output | None) -> str:
    """Say what to use and why, show an example with its result, and what else there is.

    Parameters
    ----------
    found
        Names, the best first.
    example, output
        Code that shows the first of them, and what it gives.
    """
    used = example.names if example else ()
    main, others = found[0], found[1:]
    beside = [item for item in others if item.name in used or item.score >= _CLOSE * main.score]
    related = [item.name for item in others if item not in beside]
    parts = [_described(main), *map(_described, beside[:3])]
    related = [item.name for item in beside[3:]] + related
    if example and output:
        parts += [f"```python\n{example.module.rstrip()}\n```", rows_table(output)]
    if related:
        parts.append("Related: " + ", ".join(f"`{name}`" for name in related))
    parts.append("Sources: " + ", ".join(f"`{item.entry.path}`" for item in found))
    return "\n\n".join(parts) + "\n"


def _described(item: Found) -> str:
    """Say what a name is and does, and what it is called elsewhere if that was asked."""
    lines = [f"**`{_signature(item)}`**: {_sentence(item.entry.summary)}"]
    if item.known_as:
        lines.append(item.known_as)
    if item.entry.deprecated:
        lines.append(f"It is deprecated: {_sentence(item.entry.deprecated)}")
    return " ".join(lines)


def _signature(item: Found) -> str:
    """Give a name with its parameters, without their types."""
    entry = item.entry
    if entry.kind not in ("function", "method", "selector"):
        return item.name
    return f"{item.name}({', '.join(_parameters(entry))})"


def _parameters(entry: Entry) -> Iterator[str]:
    starred = False
    for parameter in entry.parameters:
        starred = starred or parameter.name.startswith("*")
        if parameter.keyword_only and not starred:
            yield "*"
            starred = True
        default = f"={parameter.default}" if parameter.default is not None else ""
        yield f"{parameter.name}{default}"


def _sentence(text: str) -> str:
    text = text.strip() or "Ibis does not say what it does"
    return text if text.endswith((".", "!", "?")) else f"{text}."


def rows_table(output: Output) -> str:
    """Write rows as a table of Markdown."""
    heads = [_cell(name) for name in output.columns]
    rows = [[_cell(value) for value in row] for row in output.rows]
    lines = [heads, ["---"] * len(heads), *rows]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    more = output.count - len(rows)
    return f"{table}\n\n({more} more row{'s' * (more != 1)})" if more else table


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
