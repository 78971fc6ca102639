"""The rows that examples are proved on, by name: whoever has the name can make them again."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from random import Random
from typing import Self

from ibert import fixtures
from ibert.catalog import Catalog
from ibert.database import write_databases
from ibert.datagen.factory.domains import Domain, draw_domain
from ibert.datagen.factory.naming import namings, renamed
from ibert.diagnostics import Diagnostic, IbertError
from ibert.sandbox import Profile
from ibert.sandbox.in_process import InProcess
from ibert.verifier import Verifier
from ibert.verifier.witness import write_witnesses

WITNESSES = 2  # sets of rows that a generated catalog has
_FIXTURES, _DOMAIN = "fixtures", "domain"
WITNESSED = "witnesses"  # that the verifier makes for a query of a row


def fixture_database(seed: int) -> str:
    """Name the fixture tables of a seed."""
    return f"{_FIXTURES}:{seed}"


def domain_database(seed: int, number: int) -> str:
    """Name a generated catalog and its rows."""
    return f"{_DOMAIN}:{seed}:{number}"


def renamed_database(name: str, naming: str) -> str:
    """Name the tables of a generated catalog that are called otherwise."""
    return f"{name}:{naming}"


@lru_cache(maxsize=8)
def domain_of(name: str) -> Domain:
    """Draw the domain that a name stands for.

    Examples
    --------
    >>> [list(domain_of(name).catalog) for name in ("domain:0:1", "domain:0:1:upper")]
    [['bookings', 'hotels', 'reviews'], ['BOOKINGS', 'HOTELS', 'REVIEWS']]
    """
    drawn, naming = _parts(name)
    domain = draw_domain(Random(drawn))
    return renamed(domain, naming) if naming else domain


def _parts(name: str) -> tuple[str, str]:
    """Take the naming off the name of a generated catalog."""
    parts = name.split(":")
    return ":".join(parts[:3]), parts[3] if len(parts) > 3 else ""


def catalog_named(name: str) -> Catalog:
    """Give the tables of a database.

    Raises
    ------
    IbertError
        IB952 for a name of another form.

    Examples
    --------
    >>> catalog_named("domain:0:1") == domain_of("domain:0:1").catalog
    True
    """
    plain, naming = _parts(name)
    kind, *numbers = plain.split(":")
    if naming and naming not in namings():
        numbers = []
    if kind == _FIXTURES and len(numbers) == 1 and numbers[0].isdigit():
        return Catalog.from_ddl(fixtures.SCHEMA_SQL)
    if kind == _DOMAIN and len(numbers) == 2 and all(map(str.isdigit, numbers)):
        return domain_of(name).catalog
    hint = "fixtures:SEED, domain:SEED:NUMBER or domain:SEED:NUMBER:NAMING"
    message = f"no database {name!r}"
    raise IbertError([Diagnostic(code="IB952", message=message, hint=hint)])


def write_named(name: str, folder: Path) -> list[list[Path]]:
    """Write a database: for each witness its files, the second with the rows in reverse."""
    catalog = catalog_named(name)
    if name.startswith(_FIXTURES):
        return [fixtures.write_databases(folder, int(name.partition(":")[2]))]
    found = []
    for witness in range(WITNESSES):
        place = folder / str(witness)
        place.mkdir()
        rows = domain_of(name).rows(Random(f"{name}:{witness}"))
        found.append(write_databases(place, catalog.to_ddl(), rows))
    return found


class Prover(Verifier):
    """Judges on the rows of a database, which has a name; a context manager.

    Attributes
    ----------
    name
        Of the database.
    catalog
        Its tables.
    kin
        The tables before they were renamed: examples over both belong into one split.
    """

    name: str
    catalog: Catalog
    kin: Catalog

    def __enter__(self) -> Self:
        return self


class OwnProver(Prover):
    """Judges what iBERT itself wrote, in this process: see `InProcess`.

    Parameters
    ----------
    name
        Of a database.
    folder
        Where its files go.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with OwnProver("fixtures:0", Path(folder)) as prover:
    ...         prover.execute("con.table('users').count()").raw.table.to_pydict()
    {'0': [40]}
    """

    def __init__(self, name: str, folder: Path) -> None:
        witnesses = write_named(name, folder)
        super().__init__(witnesses)
        self._sandbox = InProcess([path for paths in witnesses for path in paths])
        self.name = name
        self.catalog = catalog_named(name)
        self.kin = catalog_named(_parts(name)[0])


class StrangersProver(Prover):
    """Judges what others wrote, in the sandbox, on rows that are made for a query.

    Parameters
    ----------
    catalog
        The tables.
    sql
        The query, of DuckDB's dialect.
    seed
        Makes the rows.
    folder
        Where they go.

    Raises
    ------
    IbertError
        The SQL does not parse, or a column's type cannot be generated.
    """

    def __init__(self, catalog: Catalog, sql: str, seed: int, folder: Path) -> None:
        witnesses = write_witnesses(folder, catalog, sql, seed=seed)
        super().__init__([witness.paths for witness in witnesses], profile=Profile.OWN)
        self.name = f"{WITNESSED}:{seed}"
        self.catalog = self.kin = catalog
