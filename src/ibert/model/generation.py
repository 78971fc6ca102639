"""What is asked of a language model, and what it gives: the words that all backends share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import msgspec

from ibert.diagnostics import Diagnostic, IbertError


class Message(msgspec.Struct, frozen=True):
    """One message of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


class Chat(msgspec.Struct, frozen=True):
    """A conversation whose next message the model writes."""

    messages: tuple[Message, ...]


class FillIn(msgspec.Struct, frozen=True):
    """Code with a gap, which the model fills."""

    prefix: str
    suffix: str = ""


Prompt = Chat | FillIn


class GenerationSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How text is generated; nothing is left to what a checkpoint or a server prefers.

    Parameters
    ----------
    max_new_tokens
        After how many tokens an answer is cut off.
    temperature
        0 takes the likeliest token each time; above 0 tokens are drawn.
    top_p
        Tokens are drawn from the likeliest that together have this probability.
    candidates
        How many answers each prompt gets.
    seed
        Of what is drawn.
    batch_size
        How many prompts are generated for at once.

    Raises
    ------
    IbertError
        IB905 if a setting means nothing.

    Examples
    --------
    >>> GenerationSettings(candidates=4)
    Traceback (most recent call last):
    ibert.diagnostics.IbertError: IB905 4 candidates at temperature 0 are all the same
      hint: choose a temperature above 0, or 1 candidate
    """

    max_new_tokens: int = 512
    temperature: float = 0.0
    top_p: float = 1.0
    candidates: int = 1
    seed: int = 0
    batch_size: int = 8

    def __post_init__(self) -> None:
        if self.candidates > 1 and self.temperature == 0:
            message = f"{self.candidates} candidates at temperature 0 are all the same"
            hint = "choose a temperature above 0, or 1 candidate"
            raise IbertError([Diagnostic(code="IB905", message=message, hint=hint)])
        for name in ("max_new_tokens", "candidates", "batch_size"):
            if getattr(self, name) < 1:
                message = f"{name} is {getattr(self, name)}, and has to be at least 1"
                raise IbertError([Diagnostic(code="IB905", message=message)])
        if self.temperature < 0 or not 0 < self.top_p <= 1:
            message = "temperature has to be at least 0, and top_p above 0 and at most 1"
            raise IbertError([Diagnostic(code="IB905", message=message)])


class Generated(msgspec.Struct, frozen=True, kw_only=True):
    """One answer of a model.

    Parameters
    ----------
    text
        What it wrote.
    prompt_tokens, tokens
        How long the prompt and the answer are.
    finished
        Whether the model ended the answer itself; it was cut off otherwise.
    """

    text: str
    prompt_tokens: int
    tokens: int
    finished: bool = True


class Backend(Protocol):
    """Something that generates text."""

    @property
    def fills_in(self) -> bool:
        """Whether it takes code with a gap as such; it is asked in words otherwise."""
        ...

    def generate(
        self, prompts: Sequence[Prompt], settings: GenerationSettings
    ) -> list[list[Generated]]:
        """Give each prompt's candidates."""
        ...
