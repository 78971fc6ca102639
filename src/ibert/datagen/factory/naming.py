"""How tables and columns are called: other names for those of a domain."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from random import Random

import msgspec

from ibert.catalog import Catalog
from ibert.datagen.factory.domains import Domain, Kind


class Naming(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A way to write names.

    Parameters
    ----------
    case
        `camel`, `pascal`, `upper`, or as it is.
    before
        What may stand before the names of tables.
    singular
        Whether tables are called by one of their rows.
    words
        Words by what they are replaced with.
    """

    case: str = ""
    before: tuple[str, ...] = ()
    singular: bool = False
    words: Mapping[str, str] = {}

    def table(self, name: str) -> str:
        """Write the name of a table.

        Examples
        --------
        >>> Naming(case="pascal").table("lab_results"), Naming(singular=True).table("stores")
        ('LabResults', 'store')
        """
        if self.singular:
            name = name[:-3] + "y" if name.endswith("ies") else name.removesuffix("s")
        before = Random(name).choice(self.before) if self.before else ""
        return before + self.column(name)

    def column(self, name: str) -> str:
        """Write the name of a column.

        Examples
        --------
        >>> Naming(case="camel").column("joined_on"), Naming(words={"unit": "u"}).column("unit_id")
        ('joinedOn', 'u_id')
        """
        words = [self.words.get(word, word) for word in name.split("_")]
        match self.case:
            case "upper":
                return "_".join(words).upper()
            case "camel":
                return words[0] + "".join(word.capitalize() for word in words[1:])
            case "pascal":
                return "".join(word.capitalize() for word in words)
        return "_".join(words)


@cache
def namings() -> Mapping[str, Naming]:
    """Give the ways to write names."""
    text = files("ibert.datagen.factory").joinpath("naming.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, Naming])


def renamed(domain: Domain, naming: str) -> Domain:
    """Give a domain with other names of its tables and columns.

    Examples
    --------
    >>> from ibert.datagen.factory.domains import draw_domain
    >>> list(renamed(draw_domain(Random(1)), "facts").catalog)
    ['stg_buildings', 'fct_meters']
    """
    names = new_names(domain, naming)
    kinds: dict[str, Mapping[str, Kind]] = {
        names[table]: {names[column]: kind for column, kind in columns.items()}
        for table, columns in domain.kinds.items()
    }
    types = {
        names[table]: {names[column]: dtype for column, dtype in schema.items()}
        for table, schema in domain.catalog.to_dict().items()
    }
    return Domain(domain.name, Catalog.from_dict(types), kinds)


def new_names(domain: Domain, naming: str) -> dict[str, str]:
    """Give the new name of each old one; one that another has already stays as it is."""
    how = namings()[naming]
    found: dict[str, str] = {}
    for table, columns in domain.kinds.items():
        for name, write in ((table, how.table), *((column, how.column) for column in columns)):
            if name not in found:
                new = write(name)
                taken = {one.casefold() for one in found.values()}
                found[name] = name if new.casefold() in taken else new
    return found
