"""The verifier's verdicts, and that these cases notice when the verifier is broken."""

from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import QUICK
from msgspec import structs
from verdicts import Case, cases

from ibert.sandbox import Failure, Result
from ibert.verdict import Status, Verdict
from ibert.verifier import Job, Verifier, comparison, verify, verify_many

JUDGE = Verifier([])  # judging alone runs nothing


@pytest.mark.parametrize("case", cases(), ids=lambda case: case.name)
def test_verdict(case: Case) -> None:
    assert case.judged(JUDGE) == case.expected


def test_a_difference_shows_the_rows() -> None:
    case = next(case for case in cases() if case.name == "null_is_not_zero")
    difference = JUDGE.judge(case.reference, case.execution).evidence.difference
    assert difference.columns == ("id", "x")
    assert difference.missing == (("3", "NULL"),)
    assert difference.unexpected == (("3", "0"),)


def test_a_failure_names_the_exception_and_the_line() -> None:
    case = next(case for case in cases() if case.name == "raises_on_its_own")
    (diagnostic,) = JUDGE.judge(case.reference, case.execution).diagnostics
    assert (diagnostic.code, diagnostic.message, diagnostic.span.line) == (
        "IB302",
        "ValueError: no",
        1,
    )


Patch = Callable[[pytest.MonkeyPatch], None]


def _never(*_: object, **__: object) -> None:
    return None


def _compare_with(monkeypatch: pytest.MonkeyPatch, **fixed: object) -> None:
    """Let comparisons see other arguments than the ones they were given."""
    real = comparison.compare
    monkeypatch.setattr(
        verify, "compare", lambda want, have, **given: real(want, have, **{**given, **fixed})
    )


def _map_values(monkeypatch: pytest.MonkeyPatch, change: Callable[[object], object]) -> None:
    real = comparison.rows_of

    def changed(value: object) -> object:
        return (
            tuple(map(changed, value))
            if isinstance(value, tuple) and value[:1] != ("bool",)
            else change(value)
        )

    monkeypatch.setattr(comparison, "rows_of", lambda table: [changed(row) for row in real(table)])


def _ignore_duplicates(monkeypatch: pytest.MonkeyPatch) -> None:
    real = comparison._unmatched
    monkeypatch.setattr(
        comparison,
        "_unmatched",
        lambda want, have: real(list(dict.fromkeys(want)), list(dict.fromkeys(have))),
    )


def _ignore_booleans(monkeypatch: pytest.MonkeyPatch) -> None:
    real = comparison._canonical
    monkeypatch.setattr(
        comparison, "_canonical", lambda v: "bool" if isinstance(v, bool) else real(v)
    )


def _swallow_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Verifier.judge

    def judge(self: Verifier, reference: object, execution: object) -> Verdict:
        if isinstance(reference, Failure) or isinstance(execution, Failure):
            return Verdict(status=Status.VERIFIED)
        return real(self, reference, execution)

    monkeypatch.setattr(Verifier, "judge", judge)


def _sort_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "_is_map", lambda value: True)


def _fold_names(monkeypatch: pytest.MonkeyPatch) -> None:
    real = comparison._names_differ

    def folded(want: Result, have: Result, named: object) -> object:
        names = [[name.lower() for name in result.columns] for result in (want, have)]
        changed = [structs.replace(r, columns=n) for r, n in zip((want, have), names, strict=True)]
        return real(*changed, named)

    monkeypatch.setattr(comparison, "_names_differ", folded)


def _judge_first_key(monkeypatch: pytest.MonkeyPatch) -> None:
    real = verify.compare

    def judged(want: Result, have: Result, *, order: list | None = None, **rest: object) -> object:
        return real(want, have, order=order and [key[:1] for key in order], **rest)

    monkeypatch.setattr(verify, "compare", judged)


def _only(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """Look at one of the two results only."""
    real = verify.compare
    is_raw = path == "raw"
    monkeypatch.setattr(
        verify,
        "compare",
        lambda want, have, **rest: real(want, have, **rest) if bool(have.types) == is_raw else None,
    )


def _empty_is_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify, "_unproved", lambda *_: Verdict(status=Status.VERIFIED))


FAULTS: dict[str, Patch] = {
    "never compares": lambda m: m.setattr(verify, "compare", _never),
    "ignores the number of columns": lambda m: m.setattr(comparison, "_columns_differ", _never),
    "ignores names": lambda m: m.setattr(comparison, "_names_differ", _never),
    "ignores types": lambda m: m.setattr(comparison, "_types_differ", _never),
    "ignores rows": lambda m: m.setattr(comparison, "_rows_differ", _never),
    "ignores order": lambda m: _compare_with(m, order=None),
    "wants any name": lambda m: _compare_with(m, named=None),
    "takes NULL for zero": lambda m: _map_values(m, lambda v: 0 if v is None else v),
    "takes NULL for NaN": lambda m: _map_values(m, lambda v: ("float", "NaN") if v is None else v),
    "takes NULL for the empty string": lambda m: _map_values(m, lambda v: "" if v is None else v),
    "ignores duplicates": _ignore_duplicates,
    "ignores booleans": _ignore_booleans,
    "ignores the order of items": _sort_lists,
    "ignores the case of names": _fold_names,
    "judges the first sort key alone": _judge_first_key,
    "has a tolerance of 0.1": lambda m: m.setattr(comparison, "TOLERANCE", 0.1),
    "has a tolerance of 1e-5": lambda m: m.setattr(comparison, "TOLERANCE", 1e-5),
    "has no tolerance": lambda m: m.setattr(comparison, "TOLERANCE", 0.0),
    "takes empty for proof": _empty_is_proof,
    "swallows exceptions": _swallow_failures,
    "never fetches": lambda m: _only(m, "raw"),
    "only fetches": lambda m: _only(m, "fetched"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_verifier_is_noticed(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    FAULTS[fault](monkeypatch)
    noticed = [case.name for case in cases() if _judged_or_raised(case) != case.expected]
    assert noticed


def _judged_or_raised(case: Case) -> object:
    try:
        return case.judged(JUDGE)
    except (ValueError, IndexError) as error:  # what a broken comparison may run into
        return type(error)


def test_planted_faults_are_planted_on_a_sound_verifier() -> None:
    assert [case.name for case in cases() if case.judged(JUDGE) != case.expected] == []


def test_code_of_one_origin_shares_a_child_and_nobody_pays_for_a_neighbour(
    databases: list[Path],
) -> None:
    sql, good = "SELECT country FROM users WHERE age > 30", "users.filter(_.age > 30).country"
    jobs = [
        Job(sql, f"expr = {good}.as_table()", origin="x"),
        Job(sql, "while True: pass", origin="x"),
        Job("SELECT (", "users", origin="x"),
        Job(sql, "print('x' * 2_000_000)\nexpr = users.select('country')", origin="x"),
        Job(sql, "expr = users.filter(_.age > 50).select('country')", origin="x"),
        Job(sql, "expr = users.filter(_.age > 30).select('country')", origin="x"),
    ]
    found = [verdict.status for verdict in verify_many(jobs, [databases], workers=1, limits=QUICK)]
    wanted = [Status.VERIFIED, *[Status.FAILED] * 3, Status.REFUTED, Status.VERIFIED]
    assert found == wanted
