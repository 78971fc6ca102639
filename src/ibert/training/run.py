"""A training run: what is learned, the loop, its record and its checkpoints, in one folder."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from ibert.diagnostics import Diagnostic, IbertError
from ibert.files import written_whole
from ibert.model.generation import GenerationSettings
from ibert.model.local import LocalModel, load
from ibert.model.missing import require
from ibert.training import checkpoints, ranks, snapshot
from ibert.training.config import TrainingConfig
from ibert.training.execution import Outcome, accuracies, by_task, spread
from ibert.training.grading import SEEDS, Grade, Grader, Submission
from ibert.training.grpo import reinforcement_trainer
from ibert.training.plan import Plan, plan, settings_of
from ibert.training.rewards import Graders
from ibert.training.rows import TrainingRow
from ibert.training.runs import CONFIG, FINAL, RESULT
from ibert.training.scratch import new_model
from ibert.training.snapshot import write_snapshot
from ibert.training.supervised import trainer
from ibert.training.tracking import FACTS, RECORD, Facts, Mirror, Record, facts, write_facts

AUTO = Path("auto")
Told = Callable[[str], None]


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What a run gave.

    Parameters
    ----------
    steps, tokens, seconds
        What was done, in this process.
    parameters
        How many weights are trained.
    untrained, accuracy
        The share of held-out rows whose generated answer holds, before and at the end.
    cases
        Of how many.
    tasks
        The share at the end, of each task.
    best_step
        The evaluation that was best.
    stopped_early
        Whether evaluations stopped getting better.
    grades
        For `grpo`: how many of the model's answers got each grade.
    """

    steps: int
    tokens: int
    seconds: float
    parameters: int
    untrained: float
    accuracy: float
    cases: int
    tasks: dict[str, float] = {}
    best_step: int
    stopped_early: bool = False
    grades: dict[str, int] = {}


def train(
    config: TrainingConfig,
    folder: Path,
    *,
    resume: Path | None = None,
    told: Told | None = None,
) -> Result:
    """Train a model as a configuration says.

    Parameters
    ----------
    config
        The run.
    folder
        Takes the record, the checkpoints and the model.
    resume
        Goes on from this checkpoint; `Path("auto")`: from the newest whole one in the folder, if
        there is one.
    told
        Is told what happens.

    Raises
    ------
    IbertError
        Something that the run needs is missing, or a checkpoint cannot be gone on from.
    """
    first = ranks.is_first()
    if first and resume is None and (folder / RECORD).exists():
        message = f"{str(folder)!r} holds a run already"
        hint = "go on with --resume auto, or choose another --out"
        raise IbertError([Diagnostic(code="IB912", message=message, hint=hint)])
    torch = require("torch", "train")
    ranks.join(on_cpu=config.device == "cpu" or not torch.cuda.is_available())
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        planned = plan(config, scratch, processes=ranks.count())
        start = ranks.agreed(_checkpoint(folder, resume, planned.digest) if first else None)
        torch.manual_seed(config.seed)
        model = _model(config, planned)
        found = facts(planned.snapshot.digest)
        if first:
            _write(folder, planned, found)
        mirror = record = None
        if first and config.wandb is not None:
            mirror = stack.enter_context(Mirror(config.wandb, folder, config, found))
        if first:
            record = stack.enter_context(Record(folder / RECORD, mirror))
        # Rows of evaluations are other ones than those of rewards.
        grader = stack.enter_context(Grader(SEEDS[:1]))
        # Judges start when they are first asked.
        graders = stack.enter_context(Graders(config.reward.judges, config.reward.seconds))
        said = told if first and told is not None else _nothing
        run = _Run(planned, folder, record, mirror, grader, graders, said)
        return run.ended(model, start)


def _nothing(_: str) -> None:
    """Say nothing: the first process has said it."""


def _write(folder: Path, planned: Plan, found: Facts) -> None:
    """Write what a run is, before it begins."""
    folder.mkdir(parents=True, exist_ok=True)
    write_snapshot(folder / "data", planned.encoding, planned.snapshot)
    with written_whole(folder / CONFIG) as file:
        file.write(msgspec.json.format(msgspec.json.encode(planned.config), indent=2) + b"\n")
    write_facts(folder, found)


def _checkpoint(folder: Path, resume: Path | None, run: str) -> Path | None:
    if resume is None:
        return None
    found = checkpoints.newest_whole(folder) if resume == AUTO else resume
    return None if found is None else checkpoints.whole(found, run)


def _model(config: TrainingConfig, planned: Plan) -> Any:
    if config.scratch is None:
        return load(settings_of(config)).model
    length = config.data.max_length + config.evaluation.tokens
    return new_model(
        planned.tokenization.tokenizer, config.scratch, length=length, seed=config.seed
    )


class _Score(NamedTuple):
    accuracy: float
    step: int


class _Run:
    def __init__(
        self,
        planned: Plan,
        folder: Path,
        record: Record | None,
        mirror: Mirror | None,
        grader: Grader,
        graders: Graders,
        told: Told,
    ) -> None:
        self._plan = planned
        self._folder = folder
        self._record = record
        self._mirror = mirror
        self._grader = grader
        self._graders = graders
        self._told = told
        self._cases: list[TrainingRow] = []
        self._tokens = 0
        self._scores: list[_Score] = []
        self._tasks: dict[str, float] = {}
        self._stopped = False

    def ended(self, model: Any, start: Path | None) -> Result:
        """Train to the end, evaluate, and save the model."""
        tokenization, config = self._plan.tokenization, self._plan.config
        self._cases = self._sound(spread(self._plan.held_out, config.evaluation.cases))
        untrained = self._evaluated(0, model) if start is None else 0.0
        model.train()
        loop = self._loop(model)
        began = time.monotonic()
        loop.train(resume_from_checkpoint=None if start is None else str(start))
        seconds = time.monotonic() - began
        step = loop.state.global_step
        score = self._evaluated(step, loop.model)
        loop.save_model(str(self._folder / FINAL))  # all processes give their parts of it
        best = max(self._scores, key=lambda one: (one.accuracy, -one.step))
        result = Result(
            steps=step,
            tokens=self._tokens,
            seconds=round(seconds, 1),
            parameters=sum(one.numel() for one in loop.model.parameters() if one.requires_grad),
            untrained=untrained,
            accuracy=score,
            cases=len(self._cases),
            tasks=self._tasks,
            best_step=best.step,
            stopped_early=self._stopped,
            grades={grade.value: count for grade, count in self._graders.counts.items()},
        )
        if self._record is not None:
            (self._folder / FINAL / "training_args.bin").unlink(missing_ok=True)  # a pickle
            tokenization.tokenizer.save_pretrained(self._folder / FINAL)
            with written_whole(self._folder / RESULT) as file:
                file.write(msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n")
        if self._mirror is not None:
            self._keep(self._mirror)
        return result

    def _sound(self, rows: list[TrainingRow]) -> list[TrainingRow]:
        """Leave out rows whose own answer is not right: no answer to them can be."""
        held = [self._grade(row, row.answer) for row in rows] if self._record is not None else []
        found = [
            row for row, one in zip(rows, ranks.agreed(held), strict=True) if one is Grade.EQUAL
        ]
        if len(found) < len(rows):
            self._told(f"{len(rows) - len(found)} held-out rows prove nothing, and are not asked")
        return found

    def _grade(self, row: TrainingRow, answer: str) -> Grade:
        assert row.case is not None
        return self._grader.grade(Submission(row.case, answer))

    def _keep(self, mirror: Mirror) -> None:
        """Keep what is small: how it came about, and an adapter."""
        names = (CONFIG, FACTS, RESULT, RECORD)
        mirror.keep("record", [self._folder / name for name in names])
        mirror.keep("data", [self._folder / "data" / snapshot.FACTS])
        if self._plan.config.adapter is not None:
            mirror.keep("adapter", [self._folder / FINAL])

    def _loop(self, model: Any) -> Any:
        """Make the trainer of the method."""
        config, tokenization = self._plan.config, self._plan.tokenization
        if config.method == "grpo":
            return reinforcement_trainer(
                model,
                self._plan,
                self._folder,
                self._graders,
                on_log=self._log,
                on_evaluate=self._is_enough,
            )
        return trainer(
            model,
            self._plan.encoding.rows,
            self._plan.sequences,
            config,
            self._folder,
            steps=self._plan.steps,
            padding=tokenization.padding,
            tokenizer=tokenization.tokenizer,
            run=self._plan.digest,
            on_log=self._log,
            on_evaluate=self._is_enough,
        )

    def _log(self, step: int, figures: dict[str, float]) -> None:
        if self._record is not None:
            self._record.add("train", step, figures)
        self._tokens = int(figures.get("tokens", self._tokens))
        if "loss" in figures and (step % 50 == 0 or step == 1):
            self._told(f"step {step} of {self._plan.steps}: loss {figures['loss']:.3f}")

    def _evaluated(self, step: int, model: Any) -> float:
        if self._scores and self._scores[-1].step == step:
            return self._scores[-1].accuracy
        # All processes write the same answers: where weights are shared out, none can alone.
        answers = self._answers(model)
        figures = ranks.agreed({} if self._record is None else self._judged(step, answers))
        score = figures["accuracy"]
        self._tasks = dict(by_task(figures))
        self._scores.append(_Score(score, step))
        self._told(
            f"step {step}: {score:.1%} of {len(self._cases)} held-out rows hold when executed"
        )
        return score

    def _answers(self, model: Any) -> list[str]:
        """Have the model answer the cases."""
        config = self._plan.config
        training, kept = model.training, model.generation_config
        settings = GenerationSettings(max_new_tokens=config.evaluation.tokens, batch_size=16)
        asked = [row.prompt(config.data.prompt) for row in self._cases]
        generated = LocalModel(model, self._plan.tokenization).generate(asked, settings)
        model.generation_config = kept
        model.train(training)
        return [candidates[0].text for candidates in generated]

    def _judged(self, step: int, answers: list[str]) -> dict[str, float]:
        """Execute answers, and write what came of them."""
        outcomes = [
            Outcome(row.id, row.task, answer, self._grade(row, answer))
            for row, answer in zip(self._cases, answers, strict=True)
        ]
        figures = accuracies(outcomes)
        with written_whole(self._folder / "samples" / f"{step:06}.json") as file:
            file.write(msgspec.json.format(msgspec.json.encode(outcomes), indent=2) + b"\n")
        if self._record is not None:
            self._record.add("evaluation", step, figures)
        if self._mirror is not None:
            self._mirror.show_samples(step, outcomes)
        return figures

    def _is_enough(self, step: int, model: Any) -> bool:
        """Evaluate; say whether the last ones were no better than one before them."""
        self._evaluated(step, model)
        patience = self._plan.config.evaluation.patience
        if patience is not None and len(self._scores) > patience:
            earlier = max(one.accuracy for one in self._scores[:-patience])
            self._stopped = all(one.accuracy <= earlier for one in self._scores[-patience:])
        return self._stopped
