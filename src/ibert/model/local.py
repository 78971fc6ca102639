"""A model in this process: transformers, with an adapter of peft and weights in 4 or 8 bits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ibert.model.checkpoint import adapter_folder, checkpoint_folder
from ibert.model.generation import Chat, FillIn, Generated, GenerationSettings, Prompt
from ibert.model.missing import missing, require
from ibert.model.settings import ModelSettings
from ibert.model.tokenization import Tokenization


class LocalModel:
    """A model in this process; `load` makes one.

    Parameters
    ----------
    model
        A causal language model of transformers, or one of peft around it.
    tokenization
        Its tokenizer.
    """

    def __init__(self, model: Any, tokenization: Tokenization) -> None:
        from transformers import GenerationConfig

        self.model = model
        self.tokenization = tokenization
        # What the checkpoint prefers (a penalty on repetition, sampling) is not what was asked for.
        model.generation_config = GenerationConfig()
        model.eval()

    @property
    def place(self) -> str:
        """What it computes on, and in which numbers."""
        return f"{self.model.device}, {str(self.model.dtype).removeprefix('torch.')}"

    @property
    def fills_in(self) -> bool:
        """Whether its tokenizer has tokens for code with a gap."""
        return self.tokenization.fills_in

    def generate(
        self, prompts: Sequence[Prompt], settings: GenerationSettings
    ) -> list[list[Generated]]:
        """Give each prompt's candidates; prompts of similar length share a batch."""
        import torch

        torch.manual_seed(settings.seed)
        encoded = [self.tokenization.prompt(prompt) for prompt in prompts]
        order = sorted(range(len(prompts)), key=lambda i: (len(encoded[i]), i))
        found: list[list[Generated]] = [[] for _ in prompts]
        for kind in (Chat, FillIn):
            mine = [i for i in order if isinstance(prompts[i], kind)]
            for start in range(0, len(mine), settings.batch_size):
                chosen = mine[start : start + settings.batch_size]
                ends = self.tokenization.ends(prompts[chosen[0]])
                rows = self._batch([encoded[i] for i in chosen], ends, settings)
                for place, i in enumerate(chosen):
                    mine_rows = rows[place * settings.candidates :][: settings.candidates]
                    found[i] = [self._generated(row, encoded[i], ends) for row in mine_rows]
        return found

    def _batch(
        self, prompts: list[list[int]], ends: list[int], settings: GenerationSettings
    ) -> list[list[int]]:
        """Generate after prompts of one batch; `candidates` rows for each, without the prompt."""
        import torch
        from transformers import GenerationConfig

        batch = self.tokenization.tokenizer.pad({"input_ids": prompts}, return_tensors="pt")
        drawn = {"temperature": settings.temperature, "top_p": settings.top_p, "top_k": 0}
        config = GenerationConfig(
            do_sample=settings.temperature > 0,
            num_return_sequences=settings.candidates,
            max_new_tokens=settings.max_new_tokens,
            eos_token_id=ends,
            pad_token_id=self.tokenization.padding,
            **(drawn if settings.temperature > 0 else {}),
        )
        with torch.inference_mode():
            rows = self.model.generate(**batch.to(self.model.device), generation_config=config)
        return [row.tolist() for row in rows[:, batch["input_ids"].shape[1] :]]

    def _generated(self, row: list[int], prompt: list[int], ends: list[int]) -> Generated:
        length = next((i + 1 for i, token in enumerate(row) if token in ends), None)
        return Generated(
            text=self.tokenization.decode(row, ends),
            prompt_tokens=len(prompt),
            tokens=length or len(row),
            finished=length is not None,
        )


def load(settings: ModelSettings) -> LocalModel:
    """Load a model, with its adapter, onto the device that the settings name.

    Raises
    ------
    IbertError
        IB901 to IB903: a package, the model, its adapter or the device is missing.
    """
    transformers = require("transformers")
    torch = require("torch")
    folder = checkpoint_folder(settings)
    adapter = None if settings.adapter is None else adapter_folder(settings.adapter)
    device = _device(settings, torch)
    tokenization = Tokenization(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder,
        local_files_only=True,
        dtype=_dtype(settings, torch, device),
        **_quantisation(settings, device),
    )
    if adapter is not None:
        model = require("peft").PeftModel.from_pretrained(model, adapter)
    return LocalModel(model if settings.bits else model.to(device), tokenization)


def _device(settings: ModelSettings, torch: Any) -> str:
    """Choose the device; one that was named and is not there is missing."""
    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    there["cpu"] = True
    if settings.device == "auto":
        return next(name for name, available in there.items() if available)
    if not there[settings.device]:
        what = f"this machine, or its torch, has no {settings.device} device"
        raise missing("IB903", what, "choose another device")
    return settings.device


def _dtype(settings: ModelSettings, torch: Any, device: str) -> Any:
    name = settings.dtype
    if name == "auto":
        name = "bfloat16" if device == "cuda" else "float32"
    return getattr(torch, name)


def _quantisation(settings: ModelSettings, device: str) -> dict[str, Any]:
    """Give what loads weights in 4 or 8 bits."""
    if settings.bits is None:
        return {}
    if device != "cuda":
        what = f"weights in {settings.bits} bits need a CUDA device, and this is {device}"
        raise missing("IB903", what, "leave the bits out, or go where CUDA is")
    require("bitsandbytes", extra=None)
    from transformers import BitsAndBytesConfig

    if settings.bits == 8:
        config = BitsAndBytesConfig(load_in_8bit=True)
    else:
        config = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype="bfloat16"
        )
    return {"quantization_config": config, "device_map": {"": 0}}
