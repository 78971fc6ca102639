"""The tables in scope and their Ibis schemas."""

from ibert.catalog.catalog import Catalog

__all__ = ["Catalog"]
