"""The card of a model: what it is, from the record of the run that made it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any, Literal

import msgspec

from ibert.model.settings import MODEL, ModelSettings
from ibert.training import snapshot
from ibert.training.config import TrainingConfig
from ibert.training.runs import RESULT, Run

# The licence of each model that is known, which what is made of it inherits.
LICENCES = {MODEL: "apache-2.0"}
_EVALUATED = """\
The share of the answers to {cases} held-out rows that hold when they are executed, in all and by
task; no held-out row has the structure of one that was learned.

"""
_FOLDER = files("ibert.training")


Kind = Literal["adapter", "merged", "model"]


def card(folder: Path, run: Run, name: str, kind: Kind) -> str:
    """Write the card of a model.

    Parameters
    ----------
    folder
        Of the run.
    run
        Its record.
    name
        Of the model.
    kind
        An adapter, a model with one in its weights, or one of which all weights were trained.
    """
    config = run.config
    # Where the base lay is nobody's business.
    shown = msgspec.structs.replace(config, model=config.model and base_of(config))
    held = snapshot.read_snapshot(folder / "data")
    result = msgspec.json.decode((folder / RESULT).read_bytes())
    rows = [
        (task, f"{held.rows[task]:,}", f"{held.tokens[task]:,}", f"{held.learned[task]:,}")
        for task in held.rows
    ]
    facts = run.facts
    versions = facts.versions if facts else {}
    said = {
        "name": name,
        "base": base_of(config),
        "library": "peft" if kind == "adapter" else "transformers",
        "what": _what(config, kind),
        "method": config.method,
        "files": ", ".join(f"`{path}`" for path in config.data.files),
        "data": held.digest,
        "rows": _table(("task", "rows", "tokens", "learned"), rows),
        "evaluated": _evaluated(run, result["cases"]),
        "steps": f"{run.step:,}",
        "figures": _table(
            ("figure", ""), [(key, f"{value:.4f}") for key, value in run.figures.items()]
        ),
        "versions": ", ".join(f"{package} {number}" for package, number in versions.items()),
        "git": facts.git if facts else None,
        "config": msgspec.json.format(msgspec.json.encode(shown), indent=2).decode(),
        **_licence(config),
    }
    return Template(_FOLDER.joinpath("card.md").read_text(encoding="utf-8")).substitute(said)


def gguf(name: str) -> str:
    """Say how a merged model becomes a file for llama.cpp."""
    return Template(_FOLDER.joinpath("gguf.md").read_text(encoding="utf-8")).substitute(name=name)


def base_of(config: TrainingConfig) -> str:
    """Give the model that a run began with, as others know it.

    Examples
    --------
    >>> from ibert.training.config import Data
    >>> base_of(TrainingConfig(data=Data(files=("a.jsonl",)), model="/home/me/models/tiny"))
    'tiny'
    """
    if config.model is None:
        return "none"
    return config.model if config.model in LICENCES else Path(config.model).name


def revision_of(config: TrainingConfig) -> str | None:
    """Give the commit of the model that a run began with; None: it is not from the hub."""
    if config.model is None:
        return None
    return ModelSettings(model=config.model, revision=config.revision).pinned


def _evaluated(run: Run, cases: int) -> str:
    if not run.evaluations:
        return "It was not: nothing was held out."
    tasks = sorted({task for one in run.evaluations for task in one.tasks})
    rows = [
        (f"{one.step:,}", f"{one.accuracy:.1%}", *(f"{one.tasks[task]:.1%}" for task in tasks))
        for one in run.evaluations
    ]
    return _EVALUATED.format(cases=cases) + _table(("step", "all", *tasks), rows)


def _what(config: TrainingConfig, kind: Kind) -> str:
    if config.scratch is not None:
        return "A small model in the architecture of Qwen2, made from scratch"
    revision = revision_of(config)
    base = base_of(config) + (f" at `{revision}`" if revision else "")
    return {
        "adapter": f"A LoRA adapter for {base}, made",
        "merged": f"{base} with a LoRA adapter in its weights, made",
        "model": f"{base}, fine-tuned",
    }[kind]


def _licence(config: TrainingConfig) -> dict[str, str]:
    if config.scratch is not None:
        return {"licence": "apache-2.0", "terms": "Apache-2.0, as the project that made it."}
    licence = LICENCES.get(config.model or "")
    if licence is None:
        return {"licence": "other", "terms": f"That of {base_of(config)}, which is not known here."}
    return {"licence": licence, "terms": f"{licence}, as {base_of(config)}."}


def _table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)
