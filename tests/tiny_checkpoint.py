"""A tiny checkpoint with random weights in the format of Qwen2.5-Coder-Instruct."""

from pathlib import Path

from ibert.training.config import Scratch
from ibert.training.scratch import new_model, write_tokenizer

SHAPE = Scratch(hidden=64, intermediate=192, layers=2, heads=4)


def write_checkpoint(folder: Path, corpus: list[str], *, vocabulary: int = 1024) -> Path:
    """Write a model of 0.2 million parameters, and a tokenizer that knows the corpus."""
    from transformers import GenerationConfig

    tokenizer = write_tokenizer(folder, corpus, vocabulary)
    model = new_model(tokenizer, SHAPE, length=32_768, seed=0)
    ends = tokenizer.convert_tokens_to_ids(["<|im_end|>", "<|endoftext|>"])
    # As published for the real model: what the engine must not take over.
    model.generation_config = GenerationConfig(
        eos_token_id=ends,
        pad_token_id=ends[1],
        do_sample=True,
        temperature=0.7,
        top_p=0.8,
        top_k=20,
        repetition_penalty=1.1,
    )
    model.save_pretrained(folder)
    return folder
