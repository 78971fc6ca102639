"""What the tests share: databases that are made once."""

import os
from collections.abc import Iterator
from pathlib import Path

import ibis
import pytest
from catalogs import FIXTURE
from hypothesis import settings

from ibert import fixtures
from ibert.catalog import Catalog
from ibert.sandbox import ALL_LAYERS, Layer, Limits, Sandbox

# Read when torch is imported: on a busy machine two threads mostly wait for each other.
os.environ["OMP_NUM_THREADS"] = "1"

# A busy machine is not a failure.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

QUICK = Limits(seconds=2, memory_bytes=1 << 29, output_bytes=1 << 16, result_rows=1000)


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The fixture tables, and the same rows in another order."""
    return fixtures.write_databases(tmp_path_factory.mktemp("fixtures"))


@pytest.fixture(scope="session")
def unchecked(databases):
    """A sandbox with small limits that lets code say anything."""
    with Sandbox(databases, limits=QUICK, layers=ALL_LAYERS - {Layer.POLICY}) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def sandbox(databases):
    """A sandbox with small limits."""
    with Sandbox(databases, limits=QUICK) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def shop() -> Catalog:
    """The catalog of the fixture tables."""
    return Catalog.from_any(FIXTURE)


@pytest.fixture
def connection() -> Iterator[ibis.BaseBackend]:
    """A backend without tables."""
    backend = ibis.duckdb.connect()
    yield backend
    backend.disconnect()
