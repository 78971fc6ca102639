"""Learning from rewards: trl's GRPO, with the verifier as its reward.

The model answers each question several times, and moves towards those of its answers that came
further than the others.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ibert.diagnostics import Diagnostic, IbertError
from ibert.model.missing import require
from ibert.training import ranks
from ibert.training.grading import REWARDS, Grade, Submission
from ibert.training.plan import Plan
from ibert.training.rewards import Graders
from ibert.training.rows import TrainingRow
from ibert.training.supervised import Figures, callback, loop_arguments, lora


def reinforcement_trainer(
    model: Any,
    planned: Plan,
    folder: Path,
    graders: Graders,
    *,
    on_log: Callable[[int, Figures], None],
    on_evaluate: Callable[[int, Any], bool],
) -> Any:
    """Make the trainer.

    Parameters
    ----------
    model
        What is trained.
    planned
        The run.
    folder
        Takes the checkpoints.
    graders
        Judge the answers.
    on_log
        Is told the figures of a step: the reward, and the share of each grade.
    on_evaluate
        Is given the model every so many steps; says whether the run should end.

    Raises
    ------
    IbertError
        IB910: there are several processes.
    """
    if ranks.count() > 1:
        message = "rewards are learned in one process"
        hint = "start it without accelerate launch"
        raise IbertError([Diagnostic(code="IB910", message=message, hint=hint)])
    trl = require("trl", "train")
    datasets = require("datasets", "train")
    transformers = require("transformers", "train")
    transformers.utils.logging.disable_progress_bar()
    config = planned.config
    order = [index for rows in planned.sequences for index in rows]
    with warnings.catch_warnings(action="ignore", category=FutureWarning):
        arguments = trl.GRPOConfig(
            **loop_arguments(config, folder, planned.steps, model),
            num_generations=config.reward.candidates,
            max_completion_length=config.reward.tokens,
            temperature=config.reward.temperature,
            beta=config.reward.divergence,
            # As in evaluations: names of control tokens in a query are text.
            chat_template_kwargs={"sanitize_control_tokens": True},
        )
    made = trl.GRPOTrainer(
        model=model,
        reward_funcs=[reward_by(graders, planned.learned)],
        args=arguments,
        train_dataset=datasets.Dataset.from_dict(
            {
                "prompt": [
                    _messages(planned.learned[index], config.data.prompt) for index in order
                ],
                "row": order,
            }
        ),
        processing_class=planned.tokenization.tokenizer,
        peft_config=None if config.adapter is None else lora(config.adapter),
        callbacks=[callback(config, folder, planned.digest, on_log, on_evaluate)],
    )
    made.create_model_card = lambda **_: None  # trl's card knows nothing of the run
    made.remove_callback(transformers.PrinterCallback)
    return made


def reward_by(graders: Graders, rows: Sequence[TrainingRow]) -> Callable[..., list[float | None]]:
    """Give the reward as trl calls it.

    Parameters
    ----------
    graders
        Judge the answers.
    rows
        Those that the column `row` of the data counts; each has a case.
    """
    cases = [one for row in rows if (one := row.case) is not None]
    assert len(cases) == len(rows)

    def verified(
        completions: Sequence[Sequence[dict[str, str]]],
        row: Sequence[int],
        log_metric: Callable[[str, float], None],
        **_: object,
    ) -> list[float | None]:
        answered = zip(completions, map(cases.__getitem__, row), strict=True)
        grades = graders.grades([Submission(case, said["content"]) for (said,), case in answered])
        for grade in Grade:
            log_metric(f"grades/{grade}", grades.count(grade) / len(grades))
        return [REWARDS[grade] for grade in grades]

    return verified


def _messages(row: TrainingRow, style: str) -> list[dict[str, str]]:
    return [msgspec.to_builtins(message) for message in row.prompt(style).messages]
