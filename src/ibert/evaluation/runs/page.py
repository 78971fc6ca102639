"""The report of a run: figures first, then the worst failures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ibert.evaluation.runs.cases import Case
from ibert.evaluation.runs.figures import Figures, Part, Rows
from ibert.evaluation.runs.record import Run
from ibert.evaluation.runs.scoring import Scored
from ibert.evaluation.runs.statistics import Share
from ibert.report import Case as Shown
from ibert.report import Figure, Page, Plot, Prose, Section, Table, bars
from ibert.report import Part as Piece
from ibert.report.plots import lines
from ibert.verdict import Status

FAILURES = 100  # that are shown
FEATURES = 30
# A wrong answer that runs is the worst; one that was declined does no harm.
_WORST = (
    *(Status.REFUTED, Status.CONDITIONAL, Status.CHECKED, Status.FAILED, Status.REFUSED),
    Status.VERIFIED,
)


def page(run: Run, figures: Figures, rows: Rows) -> Page:
    """Lay out what a run came to."""
    sections = [
        Section("Figures", list(_summary(figures))),
        Section("Tasks", _by(figures.tasks, "task")),
        Section("Difficulty", _by(figures.difficulties, "difficulty")),
        Section("Features", _by(dict(list(figures.features.items())[:FEATURES]), "feature")),
        Section("Several answers", list(_several(figures))),
        Section("Failures, the worst first", list(_failures(rows))),
        Section("Cases that are not sound", list(_unsound(figures))),
    ]
    return Page(
        title=f"{figures.engine}: {figures.total.right.share:.1%} of {figures.cases} cases",
        lead=(
            "An answer is right if running it proves it. Intervals are at 95%: Wilson's for "
            "shares, drawn over cases for pass@k."
        ),
        sections=[section for section in sections if section.parts],
        facts=dict(_facts(run)),
    )


def _summary(figures: Figures) -> Iterator[Piece]:
    total = figures.total
    yield Figure(f"{total.right.share:.1%}", "right", _interval(total.right))
    first = f"first round: {_interval(total.first)}"
    yield Figure(f"{100 * total.gain:+.1f}", "points by refinement", first)
    yield Figure(f"{total.oracle.share:.1%}", "of the references are right")
    yield Figure(f"{total.empty.share:.1%}", "of the empty answers are right")
    yield Figure(f"{figures.tokens:,}", "tokens written", f"{figures.prompt_tokens:,} read")
    yield Figure(f"{figures.seconds:,.1f} s", "of generating")
    yield Table(("verdict", "answers"), list(figures.statuses.items()))


def _interval(share: Share) -> str:
    return f"{share.count} of {share.cases}; {share.low:.1%} to {share.high:.1%}"


def _by(parts: Mapping[str, Part], what: str) -> list[Piece]:
    """Show parts as a plot with both baselines, and as a table."""
    if not parts:
        return []
    heads = (what, "cases", "right", "share", "from", "to", "first round", "pass@1", "references")
    return [_plot(parts), Table(heads, [_row(name, part) for name, part in parts.items()])]


def _plot(parts: Mapping[str, Part]) -> Plot:
    right = {name: part.right.share for name, part in parts.items()}
    series = {
        "right": right,
        "references": {name: part.oracle.share for name, part in parts.items()},
        "empty answers": {name: part.empty.share for name, part in parts.items()},
    }
    ends = {name: (part.right.low, part.right.high) for name, part in parts.items()}
    return bars(series, intervals={"right": ends}, axis="share of the cases", share=True)


def _row(name: str, part: Part) -> tuple[str | int, ...]:
    shares = (part.right.share, part.right.low, part.right.high, part.first.share)
    once = part.pass_at.get(1)
    return (
        name,
        part.cases,
        part.right.count,
        *(f"{share:.1%}" for share in shares),
        f"{once.value:.1%}" if once else "",
        f"{part.oracle.share:.1%}",
    )


def _several(figures: Figures) -> Iterator[Piece]:
    if len(figures.total.pass_at) < 2:
        return
    series = {
        name: [(float(k), found.value) for k, found in part.pass_at.items()]
        for name, part in {"all": figures.total, **figures.tasks}.items()
    }
    caption = "How likely one of so many answers of the first round is right."
    yield lines(series, caption=caption, axes=("answers", "pass@k"), share=True)


def _failures(rows: Rows) -> Iterator[Piece]:
    wrong = [(case, one) for case, one in rows if not one.is_right]
    wrong.sort(key=lambda row: (_WORST.index(row[1].status), row[0].task, row[0].name))
    if len(wrong) > FAILURES:
        yield Prose(f"These are {FAILURES} of {len(wrong)}; all are in scored.jsonl.")
    for case, one in wrong[:FAILURES]:
        yield Shown(f"{case.task}: {case.name}", one.status.value, _texts(case, one))


def _texts(case: Case, one: Scored) -> dict[str, str]:
    tried = {
        f"attempt {number}, round {attempt.round + 1}: {attempt.status.value}": (
            f"{attempt.code}\n\n{attempt.message}"
        )
        for number, attempt in enumerate(one.attempts, 1)
    }
    return {
        **case.input,
        "answer": one.answer or "(none)",
        "what is wrong": one.message,
        "reference": case.reference,
        **(tried if len(tried) > 1 else {}),
    }


def _unsound(figures: Figures) -> Iterator[Piece]:
    if figures.unsound:
        yield Prose("No answer, or any answer, is right here: what they say of the engine is void.")
        yield Table(("case", "why"), [(one.name, one.reason) for one in figures.unsound])


def _facts(run: Run) -> Iterator[tuple[str, str]]:
    yield "engine", run.engine
    if run.model is not None:
        yield "model", f"{run.model.model} at {run.model.pinned or 'no revision'}"
        if run.model.adapter:
            yield "adapter", run.model.adapter
    if run.place:
        yield "computed on", run.place
    settings = run.generation
    yield "candidates", f"{settings.candidates} at temperature {settings.temperature}"
    yield "batch size", str(settings.batch_size)
    yield "rounds", str(run.rounds + 1)
    yield "seeds", f"{run.seed} of the cases, {settings.seed} of the answers"
    yield "versions", ", ".join(f"{name} {number}" for name, number in run.versions.items())
    if run.prompts:
        yield "prompts", ", ".join(f"{task} {number}" for task, number in run.prompts.items())
