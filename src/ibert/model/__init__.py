"""The model engine: language models that propose, while the verifier decides."""

from ibert.model.generation import Backend, Chat, FillIn, Generated, GenerationSettings, Message
from ibert.model.refinement import Refined, Refinement, refine
from ibert.model.settings import ModelSettings, open_backend

__all__ = [
    "Backend",
    "Chat",
    "FillIn",
    "Generated",
    "GenerationSettings",
    "Message",
    "ModelSettings",
    "Refined",
    "Refinement",
    "open_backend",
    "refine",
]
