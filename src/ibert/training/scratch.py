"""A small model in Qwen2's architecture with its own tokenizer, made from examples alone."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ibert.model.missing import require
from ibert.training.config import Scratch

# In the order of Qwen's tokenizer, with whether it calls them special.
ADDED = {
    "<|endoftext|>": True,
    "<|im_start|>": True,
    "<|im_end|>": True,
    "<|fim_prefix|>": False,
    "<|fim_middle|>": False,
    "<|fim_suffix|>": False,
    "<|fim_pad|>": False,
    "<|repo_name|>": False,
    "<|file_sep|>": False,
}
# How Qwen2 parts text into words, with one digit a word.
WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content']"
    " + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def write_tokenizer(folder: Path, corpus: Iterable[str], vocabulary: int) -> Any:
    """Make a byte-level BPE tokenizer as Qwen's from text, and write it into a folder."""
    tokenizers = require("tokenizers")
    transformers = require("transformers")
    models, pre, trainers = tokenizers.models, tokenizers.pre_tokenizers, tokenizers.trainers
    tokenizer = tokenizers.Tokenizer(models.BPE(byte_fallback=False))
    tokenizer.normalizer = tokenizers.normalizers.NFC()
    words = pre.Split(tokenizers.Regex(WORDS), behavior="isolated", invert=False)
    byte_level = pre.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre.Sequence([words, byte_level])
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - len(ADDED),
        special_tokens=[],
        show_progress=False,
        initial_alphabet=pre.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(corpus, trainer)
    # After the training, so that they get the last ids, as in Qwen.
    tokenizer.add_tokens(
        [
            tokenizers.AddedToken(name, special=special, normalized=False)
            for name, special in ADDED.items()
        ]
    )
    fast = transformers.Qwen2Tokenizer(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        unk_token=None,
        bos_token=None,
        extra_special_tokens=["<|im_start|>"],
    )
    fast.chat_template = TEMPLATE
    fast.save_pretrained(folder)
    return fast


def new_model(tokenizer: Any, shape: Scratch, *, length: int, seed: int) -> Any:
    """Make a model with random weights.

    Parameters
    ----------
    tokenizer
        Says how many tokens there are.
    shape
        Its size.
    length
        Tokens that it can read.
    seed
        Of the weights.
    """
    torch = require("torch")
    transformers = require("transformers")
    torch.manual_seed(seed)
    end, padding = tokenizer.convert_tokens_to_ids(["<|im_end|>", "<|endoftext|>"])
    return transformers.Qwen2ForCausalLM(
        transformers.Qwen2Config(
            vocab_size=len(tokenizer),
            hidden_size=shape.hidden,
            intermediate_size=shape.intermediate,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            num_key_value_heads=shape.heads,
            max_position_embeddings=length,
            tie_word_embeddings=True,
            bos_token_id=padding,
            eos_token_id=end,
            pad_token_id=padding,
            dtype="float32",
        )
    )
