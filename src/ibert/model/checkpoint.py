"""Checkpoints: the folder of a model, local or from the hub."""

from __future__ import annotations

from pathlib import Path

from ibert.model.missing import missing, require
from ibert.model.settings import ModelSettings

NEEDED = ("config.json", "tokenizer_config.json")
WEIGHTS = ("*.safetensors", "*.json", "*.txt", "*.jinja", "LICENSE*")


def checkpoint_folder(settings: ModelSettings) -> Path:
    """Find the folder of a model: what was named, or its pinned revision in the hub's cache.

    Nothing is downloaded: `pull` does that.

    Raises
    ------
    IbertError
        IB902 if the model is not on this machine, or its folder is not one of a checkpoint.
    """
    local = Path(settings.model).expanduser()
    if local.is_dir():
        return _whole(local)
    if _is_path(settings.model):
        raise missing("IB902", f"there is no folder {settings.model!r}", "ibert model pull")
    hub = require("huggingface_hub")
    command = f"ibert model pull {settings.model}"
    if settings.pinned is None:
        what = f"the model {settings.model!r} has no pinned revision"
        raise missing("IB902", what, f"{command} --revision COMMIT")
    if settings.revision:
        command += f" --revision {settings.revision}"
    try:
        folder = hub.snapshot_download(
            settings.model,
            revision=settings.pinned,
            local_files_only=True,
            allow_patterns=list(WEIGHTS),
        )
    except (hub.errors.LocalEntryNotFoundError, hub.errors.HFValidationError) as error:
        what = f"the model {settings.model!r} at {settings.pinned} is not on this machine"
        raise missing("IB902", what, command) from error
    return _whole(Path(folder))


def adapter_folder(adapter: str) -> Path:
    """Find the folder of an adapter.

    Raises
    ------
    IbertError
        IB902 if there is none, or it holds no adapter.
    """
    folder = Path(adapter).expanduser()
    if not (folder / "adapter_config.json").is_file():
        what = f"there is no LoRA adapter in {adapter!r}"
        raise missing("IB902", what, "ibert train configs/lora.toml")
    return folder


def pull(model: str, revision: str | None = None) -> Path:
    """Download a model from the hub, at its pinned revision.

    Raises
    ------
    IbertError
        IB902 if no revision is known, or the hub does not give the model.
    """
    settings = ModelSettings(model=model, revision=revision)
    hub = require("huggingface_hub")
    if settings.pinned is None:
        what = f"the model {model!r} has no pinned revision"
        raise missing("IB902", what, f"ibert model pull {model} --revision COMMIT")
    errors = hub.errors
    try:
        folder = hub.snapshot_download(
            model, revision=settings.pinned, allow_patterns=list(WEIGHTS)
        )
    except (errors.HTTPError, errors.HFValidationError, OSError) as error:
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        what = f"the hub does not give {model!r} at {settings.pinned}: {reason}"
        raise missing("IB902", what, "hf auth login, or a way to huggingface.co") from error
    return _whole(Path(folder))


def _whole(folder: Path) -> Path:
    """Refuse a folder that is no whole checkpoint."""
    absent = [name for name in NEEDED if not (folder / name).is_file()]
    if not any(folder.glob("*.safetensors")):
        absent.append("*.safetensors")
    if absent:
        what = f"{str(folder)!r} is no checkpoint: it lacks {', '.join(absent)}"
        raise missing("IB902", what, "ibert model pull")
    return folder


def _is_path(model: str) -> bool:
    return model.startswith((".", "/", "~")) or model.count("/") != 1
