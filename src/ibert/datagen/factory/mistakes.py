"""Examples of errors: a root's code with a fault, what it raises when it is run, and the root."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files

from ibert.datagen.factory.root import Root, Tally, is_lasting
from ibert.datagen.factory.row import Content, Row
from ibert.datagen.mutation.faults import FAULTS, mutants
from ibert.datagen.mutation.sample import Sample
from ibert.diagnostics import IbertError
from ibert.sandbox import Failure, FailureKind
from ibert.sql.parse import parse_as_written
from ibert.tasks.sql_to_ibis import sql_to_ibis
from ibert.verdict import Difference, Status
from ibert.verifier import mutation

TASK = "error_resolution"
LOUD, SILENT = 3, 1  # faults of a root: those that raise, and those that give other rows
TRIED = 12  # kinds of faults until there are enough
SHOWN = 3  # rows of a difference


def mistakes(root: Root, tally: Tally) -> Iterator[Row]:
    """Yield faults that raise, then one that runs and gives something else."""
    yield from _loud(root, tally)
    if root.source == "query":
        yield from _silent(root, tally)


def _loud(root: Root, tally: Tally) -> Iterator[Row]:
    chance = root.chance(TASK)
    sample = Sample(root.code, root.catalog, f"{root.origin.root}:{TASK}")
    made = tried = 0
    for kind in chance.sample(list(FAULTS), len(FAULTS)):
        if made == LOUD or tried == TRIED:
            return
        found = mutants(sample, kind)
        if not found:
            continue
        tried += 1
        outcome = root.prover.execute(found[0])
        if not isinstance(outcome, Failure) or outcome.kind is not FailureKind.RAISED:
            tally.reject(TASK, f"{kind}: it does not raise")
        elif not is_lasting(outcome.message):
            tally.reject(TASK, "the message is another one each time")
        else:
            made += 1
            yield root.row(
                Content(
                    task=TASK,
                    variant=kind,
                    tables=root.tables,
                    input=found[0],
                    error=raised(outcome),
                    target=root.code,
                    explanation=f"{_why(kind)} {_changes(found[0], root.code)}",
                )
            )


def _silent(root: Root, tally: Tally) -> Iterator[Row]:
    """Translate the query with a fault in it: code that runs, and differs on some rows."""
    chance = root.chance(f"{TASK} silent")
    found = mutation.mutants(parse_as_written(root.sql), root.catalog)
    for mutant in chance.sample(found, min(SILENT, len(found))):
        try:
            code = sql_to_ibis(mutant.sql, root.catalog, verify=False).code
        except IbertError:
            tally.reject(TASK, "silent: the fault is not translated")
            continue
        verdict = root.prover.verify(root.sql, code)
        difference = verdict.evidence.difference
        if verdict.status is not Status.REFUTED or difference is None or difference.kind != "rows":
            tally.reject(TASK, "silent: the rows do not differ")
            continue
        yield root.row(
            Content(
                task=TASK,
                dialect="duckdb",
                variant=f"silent_{mutant.operator.replace(' ', '_')}",
                tables=root.tables,
                input=code,
                error=difference_text(root.sql, difference),
                target=root.code,
                explanation=f"{_why(mutant.operator)} {_changes(code, root.code)}",
            )
        )


def raised(failure: Failure) -> str:
    """Say what was raised; code that has no file is called none.

    Examples
    --------
    >>> raised(Failure(FailureKind.RAISED, "invalid syntax (<ibis>, line 5)", "SyntaxError"))
    'SyntaxError: invalid syntax (line 5)'
    """
    return f"{failure.exception}: {failure.message.replace('(<ibis>, line', '(line')}"


@cache
def _reasons() -> Mapping[str, str]:
    text = files("ibert.datagen.factory").joinpath("reasons.toml").read_text(encoding="utf-8")
    return dict(tomllib.loads(text))


def _why(kind: str) -> str:
    """Say what is wrong with a kind of fault."""
    return _reasons()[kind.replace(" ", "_")]


def difference_text(sql: str, difference: Difference) -> str:
    """Say what rows show that code does not give what it should."""
    lines = [f"The result differs from that of the SQL: {difference.message}"]
    for what, rows in (("missing", difference.missing), ("unexpected", difference.unexpected)):
        lines += [f"{what}: {_row(difference.columns, row)}" for row in rows[:SHOWN]]
    return "\n".join([*lines, "The SQL:", sql])


def _row(columns: tuple[str, ...], row: tuple[str, ...]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in zip(columns, row, strict=False))


def _changes(old: str, new: str) -> str:
    """Say what to change, line by line."""
    wrong_lines, right_lines = old.splitlines(), new.splitlines()
    matcher = difflib.SequenceMatcher(None, wrong_lines, right_lines, autojunk=False)
    said = []
    for kind, start, end, first, last in matcher.get_opcodes():
        before, after = wrong_lines[start:end], right_lines[first:last]
        if kind == "equal":
            continue
        if len(before) == len(after):
            said += [
                f"Write `{b.strip()}`, not `{a.strip()}`."
                for a, b in zip(before, after, strict=True)
            ]
        else:
            said.append(_change(_inline(before), _inline(after)))
    return " ".join(filter(None, said))


def _inline(lines: list[str]) -> str:
    """Write lines in one: statements apart, parts of one together."""
    found = [line for line in lines if line]
    are_statements = not any(line.startswith((" ", ")")) for line in found)
    return ("` and `" if are_statements else " ").join(line.strip() for line in found)


def _change(wrong: str, right: str) -> str:
    """Say what comes in place of what."""
    if wrong and right:
        return f"Write `{right}`, not `{wrong}`."
    return f"Add `{right}`." if right else f"Leave out `{wrong}`." if wrong else ""
