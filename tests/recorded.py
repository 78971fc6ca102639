"""A backend that gives answers which were recorded."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ibert.model import Generated, GenerationSettings
from ibert.model.generation import Prompt


@dataclass
class Recorded:
    """Gives answers that were recorded, a round at a time; keeps what it was asked."""

    rounds: list[list[str]]
    asked: list[Prompt] = field(default_factory=list)
    fills_in: bool = False

    def generate(
        self, prompts: Sequence[Prompt], settings: GenerationSettings
    ) -> list[list[Generated]]:
        self.asked += prompts
        texts = self.rounds.pop(0)
        return [[Generated(text=text, prompt_tokens=7, tokens=3) for text in texts]]
