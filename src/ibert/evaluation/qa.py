"""How many questions are answered with the names that answer them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from importlib import resources
from itertools import islice

import msgspec

from ibert.answer import Answer
from ibert.api_index import api_index
from ibert.tasks.qa import TASK, ask
from ibert.verdict import Status

QUESTIONS = "questions.toml"
UNANSWERABLE = "off_topic_questions.txt"
_NAME = re.compile(r"`((?:ibis|s|dt|[A-Z]\w*)(?:\.\w+)+)")


class Miss(msgspec.Struct, frozen=True):
    """A question whose answer does not name what it should."""

    question: str
    wanted: tuple[str, ...]
    given: tuple[str, ...]


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """What came of the questions.

    Parameters
    ----------
    name
        The task.
    cases
        How many questions there are that Ibis answers.
    hit1, hit5
        How many answers name something wanted first, or among the first five.
    verified
        How many of them show an example that ran.
    invented
        How many names in them the installed Ibis does not have.
    unanswerable, refused
        How many questions there are that are not about Ibis, and how many of them are refused.
    misses
        Of `hit5`.
    """

    name: str
    cases: int
    hit1: int
    hit5: int
    verified: int
    invented: int
    unanswerable: int
    refused: int
    misses: tuple[Miss, ...]


def answer_all(
    limit: int | None = None, *, progress: Callable[[int, int], None] | None = None
) -> Answers:
    """Ask every question and count the hits."""
    wanted = dict(islice(tomllib.loads(_text(QUESTIONS)).items(), limit))
    strange = _text(UNANSWERABLE).splitlines()[:limit]
    index, misses, first, verified, invented = api_index(), [], 0, 0, 0
    for done, (question, names) in enumerate(wanted.items(), 1):
        answer = ask(question)
        paths = {entry.path for name in names if (entry := index.get(name))}
        first += answer.sources[:1] != () and answer.sources[0] in paths
        verified += answer.verdict.verified
        invented += sum(name not in index for name in _named(answer))
        if not paths.intersection(answer.sources):
            misses.append(Miss(question, tuple(names), answer.sources))
        if progress:
            progress(done, len(wanted))
    refused = sum(ask(question).verdict.status is Status.REFUSED for question in strange)
    return Answers(
        name=TASK,
        cases=len(wanted),
        hit1=first,
        hit5=len(wanted) - len(misses),
        verified=verified,
        invented=invented,
        unanswerable=len(strange),
        refused=refused,
        misses=tuple(misses),
    )


def _named(answer: Answer) -> Iterator[str]:
    """Yield the names that an answer gives."""
    yield from _NAME.findall(answer.code)


def _text(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")
