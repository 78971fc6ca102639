"""How well completion ranks, on real code that its ranking was not counted on."""

from ibert.evaluation.completion.measure import CompletionScore, Hits, measure

__all__ = ["CompletionScore", "Hits", "measure"]
