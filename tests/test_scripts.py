"""Scripts, parameters, comments, places: the code and the errors of `data/scripts.yaml`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import ibert
from ibert import fixtures
from ibert.catalog import Catalog
from ibert.translator.translation import Program
from ibert.verifier import Verifier

CASES = yaml.safe_load(Path(__file__).with_name("data").joinpath("scripts.yaml").read_text("utf-8"))
CATALOG = Catalog.from_ddl(fixtures.SCHEMA_SQL)


@pytest.fixture(scope="module")
def verifier(databases: list[Path]) -> Iterator[Verifier]:
    with Verifier([databases]) as verifier:
        yield verifier


def program(case: dict[str, Any]) -> Program:
    return Program(case["sql"], CATALOG, case.get("dialect", "duckdb"))


@pytest.mark.parametrize(
    "case", [case for case in CASES if "error" not in case], ids=lambda case: case["name"]
)
def test_script(case: dict[str, Any], verifier: Verifier) -> None:
    translated = program(case)
    assert translated.code() == case["code"]
    checks = translated.checks()
    assert checks
    for check in checks:
        verdict = verifier.verify(check.sql, check.code, dialect=check.dialect)
        assert verdict.status.value == case.get("status", "VERIFIED"), verdict


@pytest.mark.parametrize(
    "case", [case for case in CASES if "error" in case], ids=lambda case: case["name"]
)
def test_refusal(case: dict[str, Any]) -> None:
    with pytest.raises(ibert.IbertError) as raised:
        program(case)
    assert case["error"] in str(raised.value)
