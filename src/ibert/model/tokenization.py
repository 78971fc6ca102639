"""Text and conversations as token ids, for generation and training alike; needs no torch.

What stands in messages is text, whatever it says: `<|im_end|>` in a query ends no turn.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ibert.model.generation import Chat, FillIn, Message, Prompt
from ibert.model.missing import missing, require

END_OF_TURN = "<|im_end|>"
END_OF_TEXT = "<|endoftext|>"
# Qwen's tokens for code with a gap, and those that end what fills it.
FILL_IN = ("<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>")
ENDS_FILLING = (END_OF_TEXT, END_OF_TURN, "<|fim_pad|>", "<|file_sep|>", "<|repo_name|>")


class Tokenization:
    """The tokenizer of a checkpoint, with its chat template.

    Parameters
    ----------
    folder
        The checkpoint.

    Raises
    ------
    IbertError
        IB901 if transformers is missing, IB902 if the checkpoint has no chat template or lacks
        a token that ends a turn.
    """

    def __init__(self, folder: Path) -> None:
        transformers = require("transformers")
        self.tokenizer: Any = transformers.AutoTokenizer.from_pretrained(
            folder, local_files_only=True, padding_side="left"
        )
        added = self.tokenizer.get_added_vocab()
        if not self.tokenizer.chat_template or not {END_OF_TURN, END_OF_TEXT} <= set(added):
            what = f"{str(folder)!r} is not a chat model with the tokens of Qwen2.5"
            raise missing("IB902", what, "ibert model pull")
        self._added: dict[str, int] = added
        self._control = re.compile("|".join(map(re.escape, sorted(added, key=len, reverse=True))))

    @property
    def padding(self) -> int:
        """The token that fills up batches."""
        return self._added[END_OF_TEXT]

    @property
    def fills_in(self) -> bool:
        """Whether there are tokens for code with a gap."""
        return set(FILL_IN) <= set(self._added)

    def ends(self, prompt: Prompt) -> list[int]:
        """Give the tokens that end an answer to a prompt."""
        names = ENDS_FILLING if isinstance(prompt, FillIn) else (END_OF_TURN, END_OF_TEXT)
        return [self._added[name] for name in names if name in self._added]

    def prompt(self, prompt: Prompt) -> list[int]:
        """Give the tokens after which the model writes.

        Raises
        ------
        IbertError
            IB902 if the model has no tokens for code with a gap.
        """
        if isinstance(prompt, Chat):
            return self._chat(prompt.messages)
        if not self.fills_in:
            raise missing("IB902", "the model cannot fill in code", "ibert model pull")
        before, after, middle = (self._added[name] for name in FILL_IN)
        return [before, *self.text(prompt.prefix), after, *self.text(prompt.suffix), middle]

    def answer(self, text: str) -> list[int]:
        """Give the tokens of an answer, with the one that ends the turn."""
        return [*self.text(text), self._added[END_OF_TURN]]

    def text(self, text: str) -> list[int]:
        """Give the tokens of plain text: names of control tokens in it are text, too."""
        pieces = []
        start = 0
        for found in self._control.finditer(text):
            # Cut within the name, where the tokenizer itself parts punctuation from letters.
            inside = len(found[0]) - len(found[0].lstrip("<|/"))
            cut = found.start() + (inside or 1)
            pieces.append(text[start:cut])
            start = cut
        pieces.append(text[start:])
        encoded = self.tokenizer(pieces, add_special_tokens=False)["input_ids"]
        return [token for piece in encoded for token in piece]

    def decode(self, tokens: Sequence[int], ends: Iterable[int]) -> str:
        """Give the text of an answer up to the token that ends it."""
        stop = set(ends)
        kept = next((tokens[:i] for i, token in enumerate(tokens) if token in stop), tokens)
        return str(self.tokenizer.decode(kept, skip_special_tokens=True))

    def _chat(self, messages: Iterable[Message]) -> list[int]:
        rows = [{"role": item.role, "content": item.content} for item in messages]
        return list(
            self.tokenizer.apply_chat_template(
                rows, add_generation_prompt=True, sanitize_control_tokens=True, return_dict=False
            )
        )
