"""The trainer of trl, behind one door: rows as tokens go in, checkpoints and figures come out.

Which rows come when, what is learned of them and how they share sequences is decided before; trl
has the loop, the adapter and the devices.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ibert.model.missing import require
from ibert.training import checkpoints, ranks
from ibert.training.config import Adapter, TrainingConfig
from ibert.training.encoding import IGNORED, Encoded

Figures = dict[str, float]


class Batches:
    """Puts rows into batches: tokens, labels and the task of each token.

    Parameters
    ----------
    rows
        All rows. An item of the data is the numbers of those that share a sequence.
    tasks
        The names of the tasks, in the order of their numbers.
    padding
        The token that fills up.
    """

    def __init__(self, rows: Sequence[Encoded], tasks: Sequence[str], padding: int) -> None:
        self._rows = rows
        self._number = {task: number for number, task in enumerate(tasks)}
        self._padding = padding

    def __call__(self, items: Sequence[dict[str, list[int]]]) -> dict[str, Any]:
        """Make a batch of sequences."""
        torch = require("torch")
        sequences = [[self._rows[index] for index in item["rows"]] for item in items]
        width = max(sum(len(row.tokens) for row in rows) for rows in sequences)
        shape = (len(sequences), width)
        tokens = torch.full(shape, self._padding)
        labels = torch.full(shape, IGNORED)
        places = torch.zeros(shape, dtype=torch.long)
        task = torch.full(shape, -1)
        for line, rows in enumerate(sequences):
            start = 0
            for row in rows:
                span = slice(start, start + len(row.tokens))
                tokens[line, span] = torch.tensor(row.tokens)
                labels[line, span] = torch.tensor(row.labels)
                labels[line, start] = IGNORED  # nothing stands before it
                places[line, span] = torch.arange(len(row.tokens))
                task[line, span] = self._number[row.task]
                start = span.stop
        batch = {"input_ids": tokens, "labels": labels, "task_ids": task}
        if all(len(rows) == 1 for rows in sequences):
            return {**batch, "attention_mask": (task >= 0).long()}
        # Places that begin again part the rows of a sequence: transformers keeps them apart.
        return {**batch, "position_ids": places}


def trainer(
    model: Any,
    rows: Sequence[Encoded],
    sequences: Sequence[Sequence[int]],
    config: TrainingConfig,
    folder: Path,
    *,
    steps: int,
    padding: int,
    tokenizer: Any,
    run: str,
    on_log: Callable[[int, Figures], None],
    on_evaluate: Callable[[int, Any], bool],
) -> Any:
    """Make the trainer.

    Parameters
    ----------
    model
        What is trained.
    rows
        All rows.
    sequences
        The rows that share a sequence, in the order in which they are learned.
    config
        The run.
    folder
        Takes the checkpoints.
    steps
        How many there are.
    padding, tokenizer
        Of the model.
    run
        The digest of the run, for checkpoints.
    on_log
        Is told the figures of a step.
    on_evaluate
        Is given the model every so many steps; says whether the run should end.
    """
    trl = require("trl", "train")
    datasets = require("datasets", "train")
    tasks = sorted({row.task for row in rows})
    transformers = require("transformers", "train")
    transformers.utils.logging.disable_progress_bar()
    with warnings.catch_warnings(action="ignore", category=FutureWarning):
        arguments = trl.SFTConfig(**_arguments(config, folder, steps, model))
    made = _multi_task_trainer(tasks)(
        model=model,
        args=arguments,
        train_dataset=datasets.Dataset.from_dict({"rows": [list(one) for one in sequences]}),
        data_collator=Batches(rows, tasks, padding),
        processing_class=tokenizer,
        peft_config=None if config.adapter is None else lora(config.adapter),
        callbacks=[callback(config, folder, run, on_log, on_evaluate)],
    )
    made.remove_callback(transformers.PrinterCallback)
    return made


def lora(adapter: Adapter) -> Any:
    """Give what peft calls an adapter."""
    return require("peft", "train").LoraConfig(
        r=adapter.rank,
        lora_alpha=adapter.alpha,
        lora_dropout=adapter.dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
        bias="none",
    )


def _arguments(config: TrainingConfig, folder: Path, steps: int, model: Any) -> dict[str, Any]:
    return {
        **loop_arguments(config, folder, steps, model),
        "max_length": None,
        "train_sampling_strategy": "sequential",
        "dataset_kwargs": {"skip_prepare_dataset": True},
    }


def loop_arguments(config: TrainingConfig, folder: Path, steps: int, model: Any) -> dict[str, Any]:
    """Give the arguments that all of trl's trainers take."""
    chosen = config.optimisation
    on_cpu = model.device.type == "cpu"
    return {
        "output_dir": str(folder),
        "max_steps": steps,
        "per_device_train_batch_size": chosen.batch_size,
        "gradient_accumulation_steps": chosen.accumulation,
        "activation_checkpointing": chosen.checkpointing,
        "learning_rate": chosen.learning_rate,
        "lr_scheduler_type": chosen.schedule,
        "warmup_steps": math.ceil(chosen.warmup * steps),
        "weight_decay": chosen.weight_decay,
        "max_grad_norm": chosen.clip,
        "seed": config.seed,
        "data_seed": config.seed,
        "shuffle_dataset": False,
        "remove_unused_columns": False,
        "save_strategy": "steps",
        "save_steps": config.checkpoints.every,
        "logging_steps": 1,
        "logging_strategy": "steps",
        "report_to": "none",
        "disable_tqdm": True,
        "ddp_find_unused_parameters": False,
        "use_cpu": on_cpu,
        "bf16": not on_cpu and config.dtype != "float32",
    }


def _multi_task_trainer(tasks: Sequence[str]) -> Any:
    """Make trl's trainer say the loss of each task, too."""
    trl, torch = require("trl", "train"), require("torch", "train")

    class MultiTaskTrainer(trl.SFTTrainer):  # type: ignore[misc, name-defined]
        """Sums what each task loses; its tokens are those of all tasks."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self._sums = self._nothing()
            self._read = 0

        def _nothing(self) -> Any:
            """Give zeros: of each task what it lost and its tokens, and all that was read."""
            return torch.zeros(2 * len(tasks) + 1, device=self.model.device)

        def compute_loss(self, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
            task = inputs.pop("task_ids")
            labels = inputs["labels"]
            kept: list[Any] = []
            hook = model.register_forward_hook(lambda _m, _a, output: kept.append(output))
            try:
                loss = super().compute_loss(model, inputs, *args, **kwargs)
            finally:
                hook.remove()
            learned = labels[:, 1:] != IGNORED
            lost = -kept[0].log_probs.detach()
            if lost.shape != learned.shape:  # with or without the last place, or flattened
                lost = lost.reshape(labels.shape[0], -1)[:, : learned.shape[1]]
            for number in range(len(tasks)):
                mine = learned & (task[:, 1:] == number)
                self._sums[2 * number] += lost[mine].sum()
                self._sums[2 * number + 1] += mine.sum()
            self._sums[-1] += (task >= 0).sum()
            return loss

        def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
            *sums, read = ranks.summed(self._sums).tolist()
            self._sums = self._nothing()
            for task, lost, tokens in zip(tasks, sums[::2], sums[1::2], strict=True):
                if tokens:
                    logs[f"loss/{task}"] = lost / tokens
                    logs[f"tokens/{task}"] = int(tokens)
            self._read += int(read)
            logs["tokens"] = self._read
            super().log(logs, *args, **kwargs)

        def create_model_card(self, *_args: Any, **_kwargs: Any) -> None:
            """Leave it: trl's card knows nothing of the run."""

    return MultiTaskTrainer


def callback(
    config: TrainingConfig,
    folder: Path,
    run: str,
    on_log: Callable[[int, Figures], None],
    on_evaluate: Callable[[int, Any], bool],
) -> Any:
    """Give what a trainer calls: for the record, the checkpoints and the evaluations."""
    transformers = require("transformers", "train")

    class Callback(transformers.TrainerCallback):  # type: ignore[misc, name-defined]
        """Keeps the record, marks checkpoints that are whole, evaluates, and ends in time."""

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
            on_log(state.global_step, dict(logs or {}))

        def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            ranks.meet()  # each process has its own part in it
            if ranks.is_first():
                written = folder / f"checkpoint-{state.global_step}"
                (written / "training_args.bin").unlink(missing_ok=True)  # a pickle
                checkpoints.mark(written, step=state.global_step, run=run)
                checkpoints.keep_newest(folder, config.checkpoints.keep)

        def on_step_end(self, args: Any, state: Any, control: Any, **given: Any) -> Any:
            every = config.evaluation.every
            if (
                every
                and state.global_step % every == 0
                and on_evaluate(state.global_step, given["model"])
            ):
                control.should_training_stop = True
            return control

    return Callback()
