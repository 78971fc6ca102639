"""Repair Ibis code that raises: shapes of errors, what repairs them, and a search for what runs."""

from ibert.repair.search import Repair, Repaired, Run, repair

__all__ = ["Repair", "Repaired", "Run", "repair"]
