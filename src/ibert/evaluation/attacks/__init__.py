"""Attempts to get past the sandbox and the verifier, and what watches them."""

from ibert.evaluation.attacks.attempts import Attempts, attempt_all
from ibert.evaluation.attacks.corpus import Attack, attacks

__all__ = ["Attack", "Attempts", "attacks", "attempt_all"]
