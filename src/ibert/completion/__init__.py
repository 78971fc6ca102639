"""Complete unfinished Ibis code: what stands at the cursor, what may, and what is likeliest."""

from ibert.completion.completer import Model, Proposal, Site, building, model, proposals, site_at
from ibert.completion.ranking import Counter, Counts, Ranking

__all__ = [
    "Counter",
    "Counts",
    "Model",
    "Proposal",
    "Ranking",
    "Site",
    "building",
    "model",
    "proposals",
    "site_at",
]
