"""Ibis to SQL: compile for a dialect, with the names and comments of the code."""

from ibert.compilation.compiler import compiled
from ibert.compilation.dialects import Target, target_of
from ibert.compilation.explanation import explained
from ibert.compilation.program import Program

__all__ = ["Program", "Target", "compiled", "explained", "target_of"]
