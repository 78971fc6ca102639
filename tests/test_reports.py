"""Reports in several dialects: the code that they become, checked by text and by running both."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ibert
from ibert.documents import load_path
from ibert.verdict import Status
from ibert.verifier import Verifier

REPORTS = load_path(Path(__file__).parent / "data" / "reports.yaml").value


@pytest.fixture(scope="module")
def verifier(databases: list[Path]) -> Iterator[Verifier]:
    with Verifier([databases]) as verifier:
        yield verifier


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report["dialect"])
def test_report(report: dict[str, Any], shop: ibert.Catalog, verifier: Verifier) -> None:
    dialect = report["dialect"]
    code = ibert.sql_to_ibis(report["sql"], shop, dialect=dialect, verify=False).code
    assert code.rstrip() == report["code"].rstrip()
    verdict = verifier.verify(report["sql"], code, dialect=dialect)
    assert verdict.status is Status.VERIFIED, verdict
