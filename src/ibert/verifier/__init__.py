"""The verifier: run SQL and Ibis code on the same tables, compare, and give a verdict."""

from ibert.verifier.comparison import compare
from ibert.verifier.parallel import groups, verify_many
from ibert.verifier.verify import Job, Verifier

# Raised whenever a change could turn a verdict over.
VERIFIER_VERSION = 2

__all__ = ["VERIFIER_VERSION", "Job", "Verifier", "compare", "groups", "verify_many"]
