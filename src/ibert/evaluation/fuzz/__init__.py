"""Random queries over random tables: what the translator says, held against DuckDB."""

from ibert.evaluation.fuzz.runner import Finding, FuzzReport, Outcome, run

__all__ = ["Finding", "FuzzReport", "Outcome", "run"]
