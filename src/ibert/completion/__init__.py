"""Complete unfinished Ibis code: what stands at the cursor, what may, and what is likeliest."""

from ibert.completion.completer import Model, Proposal, Site, building, model, proposals, site_at
from ibert.completion.context import Context
from ibert.completion.ranking import Counts, Ranking, features

__all__ = [
    "Context",
    "Counts",
    "Model",
    "Proposal",
    "Ranking",
    "Site",
    "building",
    "features",
    "model",
    "proposals",
    "site_at",
]
