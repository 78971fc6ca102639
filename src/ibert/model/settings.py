"""Which model answers, and on what."""

from __future__ import annotations

import os
from typing import Literal

import msgspec

from ibert.model.generation import Backend

MODEL = "Qwen/Qwen2.5-Coder-1.5B-Instruct"
# The commit of each model on the hub that is known to work; others need a revision of their own.
REVISIONS = {MODEL: "2e1fd397ee46e1388853d2af2c993145b0f1098a"}
API_KEY = "IBERT_API_KEY"  # the variable with the key of an endpoint


class ModelSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which model answers, and on what.

    Parameters
    ----------
    model
        A name on the hub, or the folder of a checkpoint. Behind an endpoint: its name there.
    revision
        The commit on the hub. None: the one in `REVISIONS`.
    adapter
        The folder of a LoRA adapter.
    endpoint
        The URL of an OpenAI-compatible server; None loads the model into this process.
    device
        `auto` takes CUDA, then MPS, then the CPU: what there is. Any other is taken or missing.
    dtype
        `auto` takes bfloat16 on CUDA and float32 elsewhere.
    bits
        4 or 8 quantises the weights when they are loaded, on CUDA only.

    Examples
    --------
    >>> ModelSettings().pinned
    '2e1fd397ee46e1388853d2af2c993145b0f1098a'
    """

    model: str = MODEL
    revision: str | None = None
    adapter: str | None = None
    endpoint: str | None = None
    device: Literal["auto", "cuda", "mps", "cpu"] = "auto"
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    bits: Literal[4, 8] | None = None

    @property
    def pinned(self) -> str | None:
        """The commit on the hub that is meant, if one is."""
        return self.revision or REVISIONS.get(self.model)


def open_backend(settings: ModelSettings) -> Backend:
    """Open what the settings name: a model in this process, or an endpoint.

    Raises
    ------
    IbertError
        IB901 to IB904: a package, a model, a device or a server is missing.
    """
    if settings.endpoint is not None:
        from ibert.model.endpoint import Endpoint

        return Endpoint(settings.endpoint, settings.model, os.environ.get(API_KEY))
    from ibert.model.local import load

    return load(settings)
