"""What a training run is: a TOML file, read strictly."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from ibert.diagnostics import Diagnostic, IbertError, Span, did_you_mean
from ibert.documents import read_text

Positive = Annotated[int, msgspec.Meta(ge=1)]
Share = Annotated[float, msgspec.Meta(ge=0, lt=1)]
_WRONG = re.compile(r"(?P<what>.*) - at `\$\.?(?P<path>[^`]*)`")
_UNKNOWN = re.compile(r"unknown field `(?P<name>[^`]+)`(?: - at `\$(?P<path>[^`]*)`)?")


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Data(_Section, frozen=True, kw_only=True):
    """Which examples are learned, and how they are asked.

    Parameters
    ----------
    files
        Folders of datasets, or JSONL files of rows or examples, relative to where the command runs.
    prompt
        `task` asks as the engine does, with the task's system message and its examples; `bare`
        says only the query, the code or the question.
    max_length
        Tokens of a prompt with its answer. Longer rows are dropped, and counted.
    held_out
        The share of structures that is kept for evaluation.
    packing
        Whether short rows share a sequence; none sees another.
    """

    files: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    prompt: Literal["task", "bare"] = "task"
    max_length: Positive = 2048
    held_out: Share = 0.05
    packing: bool = False


class Sampling(_Section, frozen=True, kw_only=True):
    """How often the tasks are drawn.

    Parameters
    ----------
    weights
        Of each task, beside how many rows it has; 1 where nothing is said, 0 leaves it out.
    temperature
        1 draws tasks by how many rows they have; the higher, the more alike.
    """

    weights: dict[str, Annotated[float, msgspec.Meta(ge=0)]] = {}
    temperature: Annotated[float, msgspec.Meta(gt=0)] = 1.0


class Adapter(_Section, frozen=True, kw_only=True):
    """A LoRA adapter on the linear layers of the model.

    Parameters
    ----------
    rank, alpha, dropout
        As LoRA calls them.
    bits
        4 or 8 loads the model quantised (QLoRA); on CUDA only.
    """

    rank: Positive = 16
    alpha: Positive = 32
    dropout: Share = 0.05
    bits: Literal[4, 8] | None = None


class Scratch(_Section, frozen=True, kw_only=True):
    """A small model in Qwen2's architecture, and its tokenizer, made from the examples.

    Parameters
    ----------
    vocabulary
        Tokens of the tokenizer: those of all bytes, those of Qwen's turns and gaps, and more.
    hidden, intermediate
        Widths of the layers.
    layers, heads
        How many there are.
    """

    vocabulary: Annotated[int, msgspec.Meta(ge=265)] = 2048
    hidden: Positive = 160
    intermediate: Positive = 448
    layers: Positive = 4
    heads: Positive = 5


class Optimisation(_Section, frozen=True, kw_only=True):
    """How the weights are changed.

    Parameters
    ----------
    learning_rate, schedule, warmup, weight_decay, clip
        Of AdamW; `warmup` is the share of the steps in which the rate rises, `clip` the largest
        norm of a gradient.
    batch_size, accumulation
        Sequences that go through the model at once, and batches that make a step.
    epochs
        How often as many rows are drawn as there are.
    steps
        Ends sooner, or later; None: when the epochs are over.
    checkpointing
        Whether activations are computed again instead of kept.
    """

    learning_rate: float = 2e-4
    schedule: Literal["constant", "linear", "cosine"] = "cosine"
    warmup: Share = 0.03
    weight_decay: float = 0.0
    clip: float = 1.0
    batch_size: Positive = 8
    accumulation: Positive = 1
    epochs: Positive = 1
    steps: Positive | None = None
    checkpointing: bool = False


class Reward(_Section, frozen=True, kw_only=True):
    """How a model learns from what the verifier says about its own answers (GRPO).

    Parameters
    ----------
    candidates
        How many answers to a query are compared. Whole groups of them make a step.
    tokens
        After how many an answer is cut off.
    temperature
        Of what is drawn.
    divergence
        How much is lost by leaving the model that training began with; 0 keeps none of it.
    judges
        Processes that judge answers.
    seconds
        After how long a judge is killed that has not answered.
    """

    candidates: Annotated[int, msgspec.Meta(ge=2)] = 8
    tokens: Positive = 512
    temperature: Annotated[float, msgspec.Meta(gt=0)] = 1.0
    divergence: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    judges: Positive = 2
    seconds: Annotated[float, msgspec.Meta(gt=0)] = 60.0


class Checkpoints(_Section, frozen=True, kw_only=True):
    """When the state is saved: every so many steps, and how many of the last are kept."""

    every: Positive = 200
    keep: Positive = 2


class Evaluation(_Section, frozen=True, kw_only=True):
    """When answers to rows that are held out are generated and executed.

    Parameters
    ----------
    every
        Steps; None: only at the end.
    cases
        How many rows.
    tokens
        After how many an answer is cut off.
    patience
        Evaluations without a better one after which the run ends; None: it goes on.
    """

    every: Positive | None = None
    cases: Positive = 50
    tokens: Positive = 512
    patience: Positive | None = None


class TrainingConfig(_Section, frozen=True, kw_only=True):
    """A run; `read_config` reads it.

    Parameters
    ----------
    method
        `sft` learns the answers of examples; `grpo` learns from rewards for its own ones.
    model, revision
        A name on the hub or a folder, and its commit. Not with `scratch`.
    seed
        Of all that is drawn.
    device, dtype
        As for the engine.
    adapter
        What is trained; without it all weights are.
    scratch
        The model that is made instead of one that is loaded.
    wandb
        The project that mirrors the record in Weights & Biases; None: no mirror.
    """

    data: Data
    method: Literal["sft", "grpo"] = "sft"
    model: str | None = None
    revision: str | None = None
    seed: int = 0
    device: Literal["auto", "cuda", "mps", "cpu"] = "auto"
    dtype: Literal["auto", "bfloat16", "float32"] = "auto"
    adapter: Adapter | None = None
    scratch: Scratch | None = None
    sampling: Sampling = Sampling()
    optimisation: Optimisation = Optimisation()
    reward: Reward = Reward()
    checkpoints: Checkpoints = Checkpoints()
    evaluation: Evaluation = Evaluation()
    wandb: str | None = None


def read_config(path: str | Path, *, method: str | None = None) -> TrainingConfig:
    """Read a configuration.

    Parameters
    ----------
    path
        A TOML file.
    method
        Takes the place of the file's.

    Raises
    ------
    IbertError
        IB910: it is no TOML, names what does not exist, or a value is out of its range.
    """
    text = read_text(path)
    source = str(path)
    try:
        given = tomllib.loads(text) | ({} if method is None else {"method": method})
        config = msgspec.convert(given, TrainingConfig)
    except tomllib.TOMLDecodeError as error:
        raise _refused(f"no TOML: {error}", source) from error
    except msgspec.ValidationError as error:
        raise _explained(str(error), text, source) from error
    if (config.model is None) == (config.scratch is None):
        message = "name a model to train, or describe one in [scratch]: one of the two"
        raise _refused(message, source)
    if config.scratch is not None and config.adapter is not None:
        raise _refused("a model that is made from scratch has no [adapter]", source)
    answers = config.optimisation.batch_size * config.optimisation.accumulation
    if config.method == "grpo" and answers % config.reward.candidates:
        message = f"a step has {answers} answers, which are no whole groups of candidates"
        hint = f"make batch_size * accumulation a multiple of {config.reward.candidates}"
        raise _refused(message, source, hint=hint)
    return config


def _explained(message: str, text: str, source: str) -> IbertError:
    found = _UNKNOWN.search(message)
    if found is None:
        return _out_of_range(message[:1].lower() + message[1:], text, source)
    name, section = found["name"], (found["path"] or "").strip(".")
    where = f"[{section}]" if section else "a configuration"
    hint = did_you_mean(name, _fields(section), "names")
    return _refused(f"{where} has no {name!r}", source, span=_place(name, text), hint=hint)


def _out_of_range(message: str, text: str, source: str) -> IbertError:
    found = _WRONG.fullmatch(message)
    if found is None:
        return _refused(message, source)
    name = found["path"].rpartition(".")[2].partition("[")[0]
    return _refused(f"{found['path']}: {found['what']}", source, span=_place(name, text))


def _place(name: str, text: str) -> Span | None:
    """Find the line of a setting, or of a section."""
    lines = text.splitlines()
    line = next((i for i, one in enumerate(lines, 1) if one.split("=")[0].strip() == name), None)
    line = line or next((i for i, one in enumerate(lines, 1) if one.strip() == f"[{name}]"), None)
    return None if line is None else Span(line, lines[line - 1].index(name) + 1)


def _fields(section: str) -> tuple[str, ...]:
    kinds = (Data, Sampling, Adapter, Scratch, Optimisation, Reward, Checkpoints, Evaluation)
    kind = {one.__name__.lower(): one for one in kinds}.get(section, TrainingConfig)
    return tuple(kind.__struct_fields__)


def _refused(
    message: str, source: str, *, span: Span | None = None, hint: str | None = None
) -> IbertError:
    return IbertError(
        [Diagnostic(code="IB910", message=message, source=source, span=span, hint=hint)]
    )
