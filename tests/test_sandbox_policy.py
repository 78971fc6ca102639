"""What code may say, and what is said about the rest."""

import inspect
import re
from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import pytest

from ibert.documents import load_path
from ibert.sandbox import Profile
from ibert.sandbox.policy import PolicyError, check, policy
from ibert.sandbox.protocol import Code

CASES = load_path(Path(__file__).parent / "data" / "policy.yaml").value


@pytest.mark.parametrize("code", CASES["allowed"])
def test_ibis_code_is_allowed(code: str) -> None:
    check(Code(code))


@pytest.mark.parametrize("case", CASES["refused"], ids=lambda case: case["code"])
def test_what_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(PolicyError, match=r".") as caught:
        check(Code(case["code"], constants=1))
    assert case["reason"] in str(caught.value)
    assert case.get("hint", "") in (caught.value.hint or "")
    assert caught.value.line in range(1, 1 + len(case["code"].splitlines()))


def test_a_refusal_has_its_place() -> None:
    with pytest.raises(PolicyError) as caught:
        check(Code("x = 1\nexpr = orders.mutate(a=_.b.execute())"))
    assert (caught.value.line, caught.value.column) == (2, 24)


@pytest.mark.parametrize(
    "code", ["con.sql('SELECT 1')", "orders.sql('SELECT 1')", "orders.execute()", "con.raw_sql('')"]
)
def test_a_users_own_code_may_hold_sql(code: str) -> None:
    check(Code(code, Profile.OWN))


@pytest.mark.parametrize("code", ["import os", "orders.__class__", "con.con", "ibis.util"])
def test_a_users_own_code_is_held_to_the_rest(code: str) -> None:
    with pytest.raises(PolicyError):
        check(Code(code, Profile.OWN))


def test_a_memtable_has_the_values_of_the_query() -> None:
    code = "import datetime\nibis.memtable({'a': [datetime.date(2024, 1, 31), None]})"
    check(Code(code, constants=4))
    check(Code(code, constants=None))
    with pytest.raises(PolicyError, match="more values"):
        check(Code(code, constants=3))


@pytest.mark.parametrize("text", ["(" * 5000, "-" * 60_000 + "1", "x\0", "x = '" + "a" * 70_000])
def test_monsters_are_errors(text: str) -> None:
    with pytest.raises((SyntaxError, PolicyError)):
        check(Code(text))


@pytest.mark.parametrize("text", ["x" + ".a" * 500, "x = [" + "1," * 21_000 + "]"])
def test_deep_and_long_code_is_refused(text: str) -> None:
    with pytest.raises(PolicyError, match=r"nested|long"):
        check(Code(text))


# Public methods of expressions that reach a backend, and are allowed all the same.
REVIEWED = {
    "pivot_longer": "compiles a regular expression",
    "pivot_wider": "without `names` it reads them from the data, which runs beside those",
}
REACHES = re.compile(
    r"\b(execute|to_py\w+|to_pa\w+|to_p\w+|raw_sql|create_\w+|compile)\(|_(find|get)_backend|\bopen\("
)


def test_no_method_of_ibis_executes_unseen() -> None:
    refused = policy().attributes
    for kind in vars(ir).values():
        if not (inspect.isclass(kind) and issubclass(kind, ir.Expr)):
            continue
        for name, method in inspect.getmembers(kind, inspect.isfunction):
            if name.startswith("_") or name in refused or name in REVIEWED:
                continue
            source = inspect.getsource(method).replace(method.__doc__ or "", "")
            assert not REACHES.search(source.partition(":\n")[2]), f"{kind.__name__}.{name}"


def test_what_is_listed_exists() -> None:
    from importlib import import_module

    for module, names in policy().modules.items():
        if module.startswith("ibis.udf"):
            continue
        found = import_module(module)
        missing = {name for name in names if not hasattr(found, name)}
        assert missing <= {"UTC", "fmean"} | {"cbrt", "exp2"}, module
