"""Find what Ibis code does in silence and nobody means: rules over code that is read, not run."""

from ibert.checker.checking import check, fixed
from ibert.checker.rules import RULES

__all__ = ["RULES", "check", "fixed"]
