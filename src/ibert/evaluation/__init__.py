"""Evaluation: suites of queries, the engines that translate them, and how many come out equal."""

from ibert.evaluation.engines import ENGINES, NATIVE, Engine
from ibert.evaluation.score import Outcome, Reason, Score, evaluate
from ibert.evaluation.strength import Strength, measure
from ibert.evaluation.suites import SUITES, Case, Source, Suite, load_suite

__all__ = [
    "ENGINES",
    "NATIVE",
    "SUITES",
    "Case",
    "Engine",
    "Outcome",
    "Reason",
    "Score",
    "Source",
    "Strength",
    "Suite",
    "evaluate",
    "load_suite",
    "measure",
]
