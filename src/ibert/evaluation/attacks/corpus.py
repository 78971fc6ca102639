"""The attack corpus: `corpus/*.yaml`, one item per attempt."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path

import msgspec
import yaml

from ibert.sandbox import Layer

FOLDER = Path(__file__).with_name("corpus")

# What an attempt is judged by, and the SQL behind it for those who smuggle it through.
REFERENCE = "SELECT country, COUNT(*) AS n FROM users GROUP BY country"
GOOD = "expr = users.group_by('country').agg(n=_.count())"
BAD = "expr = users.group_by('country').agg(n=_.age.count())"
WITH_FUNCTION = """
@ibis.udf.scalar.python
def same(x: int) -> int:
    return x
expr = users.select(n=same(_.user_id))
"""

# What each kind is after; in a run without walls each attempt has to reach one of them.
GOALS = {
    "read": {"secret"},
    "write": {"file"},
    "network": {"contact"},
    "process": {"file", "secret", "left over"},
    "interpreter": {"file", "secret"},
    "introspection": {"file", "secret"},
    "template": {"secret"},
    "resources": {
        "time",
        "memory",
        "output",
        "threads",
        "descriptors",
        "processes",
        "file",
        "next",
    },
    "forge": {"verdict", "next"},
    "persist": {"next"},
    "signal": {"victim", "host", "time", "next"},
    "comparator": {"verdict"},
    "names": {"secret", "file", "control", "output", "next"},
    "disguise": {"verdict"},
}


class Attack(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One attempt to get past the walls.

    Parameters
    ----------
    name
        Unique.
    kind
        What it is after: a key of `GOALS`.
    goal
        The same in a sentence.
    code
        A would-be answer.
    sql
        Or hostile SQL.
    stream
        Or the name of a function in `attacks.streams` that makes a hostile Arrow stream.
    stopped_by
        The layers of which each one alone stops it.
    needs
        The machine that it is written for, if it is for one only.
    """

    name: str
    kind: str
    goal: str
    code: str | None = None
    sql: str | None = None
    stream: str | None = None
    stopped_by: tuple[str, ...] = ()
    needs: str | None = None

    @property
    def possible(self) -> bool:
        """Whether this machine is one that it is written for."""
        return self.needs in (None, platform.machine())

    def filled(self, values: dict[str, str]) -> Attack:
        """Put values in the place of `@NAMES@`."""
        return msgspec.structs.replace(
            self, code=_filled(self.code, values), sql=_filled(self.sql, values)
        )


def _filled(text: str | None, values: dict[str, str]) -> str | None:
    for name, value in values.items():
        text = text and text.replace(f"@{name}@", value)
    return text


@cache
def attacks() -> tuple[Attack, ...]:
    """Read the corpus."""
    items = []
    for path in sorted(FOLDER.glob("*.yaml")):
        items += yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    return tuple(msgspec.convert(item, Attack) for item in items)


def table_of_layers() -> str:
    """Say in Markdown what each layer stops by itself, and what no other kernel layer stops."""
    stopped = [set(attack.stopped_by) for attack in attacks()]
    layers = ["process", *(str(layer) for layer in Layer)]
    lines = ["| layer | attempts that it stops alone | that only it or the policy stops |"]
    lines.append("|---|---|---|")
    for layer in sorted(layers, key=lambda name: -sum(name in names for names in stopped)):
        alone = sum(layer in names for names in stopped)
        only = sum(names - {Layer.POLICY} == {layer} for names in stopped)
        if layer == Layer.POLICY:
            only = sum(names == {layer} for names in stopped)
        lines.append(f"| {layer} | {alone} | {only} |")
    return "\n".join(lines)
