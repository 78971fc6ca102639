"""What the translator declines: the construct, its place, and a way out."""

from __future__ import annotations

from sqlglot import exp

from ibert.diagnostics import IbertError


class RefusedError(IbertError):
    """SQL that was read has no translation; the diagnostics say what, where, and what to do."""


class Refusal(Exception):  # noqa: N818  what is raised within, and never reaches a user
    """A construct cannot be translated.

    Parameters
    ----------
    construct
        What it is, in words of SQL.
    node
        Where it stands.
    hint
        What to do instead.
    code
        The diagnostic's code.
    """

    def __init__(
        self,
        construct: str,
        node: exp.Expr | None = None,
        hint: str | None = None,
        code: str = "IB501",
    ) -> None:
        super().__init__(construct)
        self.construct = construct
        self.node = node
        self.hint = hint
        self.code = code
