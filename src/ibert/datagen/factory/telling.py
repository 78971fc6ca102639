"""What code does, in words: for questions that it answers, and for comments above it."""

from __future__ import annotations

from dataclasses import dataclass

import ibis.expr.operations as ops

from ibert.compilation import Program
from ibert.documentation.phrases import Phrases, wrapped
from ibert.documentation.sentences import Sentences

WIDTH = 86  # of a comment, without its sign
LONGEST = 4  # lines of a comment
_VAGUE = ("Compute a table.", "Compute figures", "Filter the rows.", "Join 3 tables.")


@dataclass(frozen=True)
class Told:
    """What is told of an expression.

    Attributes
    ----------
    summary
        A sentence in the imperative.
    steps
        What the summary leaves out, a sentence each.
    columns
        Those of the result; with what they are, unless it is told by their names.
    known
        The names that mean something to who has not seen the code.
    is_sound
        Whether it is said which rows are meant: no subquery looks at the rows around it, and no
        table is combined with itself.
    """

    summary: str
    steps: tuple[str, ...]
    columns: tuple[tuple[str, str | None], ...]
    known: frozenset[str]
    is_sound: bool

    @property
    def is_useful(self) -> bool:
        """Whether it says more than that there is a table."""
        says = bool(self.steps) or not self.summary.startswith(_VAGUE)
        return says and self.is_sound

    @property
    def is_task(self) -> bool:
        """Whether it can be done by who has not seen the code: no part of it is code."""
        texts = [self.summary, *self.steps, *(said or "" for _, said in self.columns)]
        quoted = [part for text in texts for part in text.split("`")[1::2]]
        made = {step.split("`")[1] for step in self.steps if step.startswith("`")}
        known = self.known | made
        return self.is_useful and all(
            part in known if part.isidentifier() else "(" not in part for part in quoted
        )

    def question(self, asked: str) -> str:
        """Ask for code that does it."""
        task = self.summary[0].lower() + self.summary[1:].rstrip(".")
        parts = [asked.format(task), " ".join(self.steps)]
        listed = "\n".join(f"- {one}" for one in self._listed())
        return "\n\n".join(filter(None, [*parts, f"The result has the columns:\n{listed}"]))

    def text(self) -> str:
        """Tell it all."""
        listed = "\n".join(f"- {one}" for one in self._listed())
        parts = [self.summary, " ".join(self.steps), f"The result has the columns:\n\n{listed}"]
        return "\n\n".join(filter(None, parts))

    def _listed(self) -> list[str]:
        return [f"`{name}`: {said}" if said else f"`{name}`" for name, said in self.columns]

    def comment(self) -> str:
        """Give a comment for the code; empty where nothing useful can be said in a few lines."""
        whole = " ".join((self.summary, *self.steps)).replace("`", "")
        for text in (whole, self.summary.replace("`", "")):
            lines = wrapped(text, WIDTH)
            if len(lines) <= LONGEST and self.is_useful:
                return "".join(f"# {line}\n" for line in lines)
        return ""


def told_of(program: Program) -> Told:
    r"""Tell what a program does.

    Examples
    --------
    >>> from ibert.catalog import Catalog
    >>> catalog = Catalog.from_any({"t": {"g": "string", "x": "int64"}})
    >>> code = 'expr = con.table("t").group_by("g").agg(a=_.x.min(), b=_.x.max()).order_by("g")'
    >>> print(told_of(Program(f"from ibis import _\n{code}", catalog)).text())
    Compute `a` and `b` per `g`.
    <BLANKLINE>
    The rows are sorted by `g`.
    <BLANKLINE>
    The result has the columns:
    <BLANKLINE>
    - `g`
    - `a`: the smallest `x`
    - `b`: the largest `x`
    """
    op = program.expr.as_table().op()
    sentences = Sentences(Phrases({}))
    summary = sentences.summary(op)
    steps = [step for step in sentences.steps(op) if not _says(summary, step)]
    columns = [(name, sentences.column(op, name)) for name in op.schema.names]
    known = {*op.schema.names}
    for table in op.find(ops.UnboundTable):
        known |= {table.name, *table.schema.names}
    is_sound = not op.find((ops.ScalarSubquery, ops.ExistsSubquery)) and not any(
        sentences.name(one.left) == sentences.name(one.right) for one in op.find(ops.Set)
    )
    return Told(summary, tuple(steps), tuple(columns), frozenset(known), is_sound)


def _says(summary: str, step: str) -> bool:
    """Tell whether a summary says all of a step."""
    said = step.removesuffix(".")
    if " where " in said and said.endswith(" are kept"):
        return said.removesuffix(" are kept").partition(" where ")[2] in summary
    if summary.startswith("Take the ") and said.startswith(("The rows are sorted", "At most")):
        return " after the first " not in said
    if " grouped by " in said:
        return f" per {said.partition(' grouped by ')[2]}" in summary
    return said in (summary, "Duplicate rows are left out") and "distinct" in summary
