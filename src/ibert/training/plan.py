"""What a run does, decided before it begins: the rows, the order, the steps."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import msgspec

from ibert.diagnostics import Diagnostic, IbertError
from ibert.model.checkpoint import checkpoint_folder
from ibert.model.settings import ModelSettings
from ibert.model.tokenization import Tokenization
from ibert.training.config import TrainingConfig
from ibert.training.encoding import Encoding, encode, packed
from ibert.training.mixture import Mixture
from ibert.training.rows import TrainingRow, read_rows, split
from ibert.training.scratch import write_tokenizer
from ibert.training.snapshot import Snapshot, snapshot_of

# When a run looks at itself, and where it runs; what became of the data is in the sequences.
_DECIDE_NOTHING = ("checkpoints", "evaluation", "wandb", "device", "data")
_WINDOW = 32  # steps of which the rows are sorted by length


class Plan(NamedTuple):
    """A run before it begins.

    Parameters
    ----------
    config
        What was asked for.
    tokenization
        Of the model.
    encoding, mixture
        The rows, and how they are drawn.
    learned
        The rows, before they were tokens.
    held_out
        The rows that are kept for evaluation.
    sequences
        The rows that share a sequence, in the order in which they are learned.
    steps
        How many there are.
    snapshot
        What the rows hold.
    unjudged
        By task, the rows that are left out because nothing judges answers to them.
    """

    config: TrainingConfig
    tokenization: Tokenization
    encoding: Encoding
    mixture: Mixture
    learned: tuple[TrainingRow, ...]
    held_out: tuple[TrainingRow, ...]
    sequences: list[list[int]]
    steps: int
    snapshot: Snapshot
    unjudged: dict[str, int]

    @property
    def digest(self) -> str:
        """A hash of all that decides what is learned: a run that goes on has the same."""
        settings = msgspec.to_builtins(self.config)
        deciding = {name: one for name, one in settings.items() if name not in _DECIDE_NOTHING}
        content = [self.snapshot.digest, self.sequences, self.steps, deciding]
        return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()


def settings_of(config: TrainingConfig) -> ModelSettings:
    """Say which model is trained."""
    assert config.model is not None
    return ModelSettings(
        model=config.model,
        revision=config.revision,
        device=config.device,
        dtype=config.dtype,
        bits=None if config.adapter is None else config.adapter.bits,
    )


def plan(config: TrainingConfig, folder: Path, *, processes: int = 1) -> Plan:
    """Read, tokenise and order the rows of a run.

    Parameters
    ----------
    config
        The run.
    folder
        Takes the tokenizer that is made from scratch.
    processes
        How many train together, each on rows of its own.

    Raises
    ------
    IbertError
        Examples or the model's tokenizer cannot be read, or no row is left.
    """
    learned, held_out = split(read_rows(config.data.files), config.data.held_out)
    unjudged: Counter[str] = Counter()
    if config.method == "grpo":
        unjudged.update(row.task for row in learned if row.case is None)
        learned = [row for row in learned if row.case is not None]
    if not learned:
        raise _nothing_left(config, held_out, unjudged, 0)
    if config.scratch is None:
        tokenization = Tokenization(checkpoint_folder(settings_of(config)))
    else:
        corpus = [text for row in learned for text in (*row.fields.values(), row.answer)]
        write_tokenizer(folder, corpus, config.scratch.vocabulary)
        tokenization = Tokenization(folder)
    data = config.data
    encoding = encode(learned, tokenization, style=data.prompt, max_length=data.max_length)
    if not encoding.rows:
        raise _nothing_left(config, held_out, unjudged, sum(encoding.dropped.values()))
    mixture = Mixture([row.task for row in encoding.rows], config.sampling, config.seed)
    sequences, steps = _ordered(config, encoding, mixture, processes)
    snapshot = snapshot_of(encoding, len(held_out))
    by_id = {row.id: row for row in learned}
    return Plan(
        config=config,
        tokenization=tokenization,
        encoding=encoding,
        mixture=mixture,
        learned=tuple(by_id[row.id] for row in encoding.rows),
        held_out=tuple(held_out),
        sequences=sequences,
        steps=steps,
        snapshot=snapshot,
        unjudged=dict(sorted(unjudged.items())),
    )


def _nothing_left(
    config: TrainingConfig, held_out: list[TrainingRow], unjudged: Counter[str], long: int
) -> IbertError:
    hint = (
        f"{long} are longer than max_length = {config.data.max_length}, {len(held_out)} are held "
        f"out, nothing judges answers to {unjudged.total()}"
    )
    message = f"no row of {', '.join(config.data.files)} is left to learn from"
    return IbertError([Diagnostic(code="IB911", message=message, hint=hint)])


def _ordered(
    config: TrainingConfig, encoding: Encoding, mixture: Mixture, processes: int
) -> tuple[list[list[int]], int]:
    """Give the sequences in order, and how many steps they make."""
    chosen = config.optimisation
    a_step = chosen.batch_size * chosen.accumulation * processes
    answered = config.method == "grpo"  # by the model itself, several times
    if answered:
        a_step //= config.reward.candidates
    lengths = [len(row.tokens) for row in encoding.rows]
    drawn = chosen.epochs * len(mixture)
    while True:
        order = list(islice(mixture.order(), drawn))
        if config.data.packing and not answered:
            sequences = packed(lengths, order, config.data.max_length)
        else:
            sequences = [[index] for index in _alike(order, lengths, a_step, config.seed)]
        steps = max(1, len(sequences) // a_step)
        if chosen.steps is None or steps >= chosen.steps:
            return sequences, chosen.steps or steps
        drawn *= 2


def _alike(order: list[int], lengths: list[int], size: int, seed: int) -> list[int]:
    """Bring rows of similar length into one step, within windows; the steps in a random order."""
    found: list[int] = []
    window = _WINDOW * size
    for start in range(0, len(order), window):
        near = sorted(order[start : start + window], key=lengths.__getitem__)
        steps = [near[i : i + size] for i in range(0, len(near), size)]
        last = [steps.pop()] if len(steps[-1]) < size else []
        random.Random(seed * 1_000_003 + start).shuffle(steps)
        found += [index for one in (*steps, *last) for index in one]
    return found
