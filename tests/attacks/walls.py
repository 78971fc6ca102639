"""The product's verifier with some of its layers: `python -m attacks.walls SETTINGS SOCKET`.

What it shows is what the command line prints on a terminal.
"""

from __future__ import annotations

import io
import json
import sys
from functools import partial
from unittest import mock

from ibert.cli.output import note, print_difference
from ibert.evaluation.attacks.guarded import Guarded
from ibert.evaluation.attacks.host import bounded, serve
from ibert.sandbox import Layer, Sandbox
from ibert.verdict import Verdict


class Terminal(io.StringIO):
    """A stream to which programs write as they do to a terminal."""

    def isatty(self) -> bool:
        return True


def shown(verdict: Verdict) -> str:
    stderr, sys.stderr = sys.stderr, Terminal()
    try:
        for diagnostic in verdict.diagnostics:
            note(str(diagnostic))
        if verdict.evidence.difference:
            print_difference(verdict.evidence.difference)
        return sys.stderr.getvalue()
    finally:
        sys.stderr = stderr


def main(settings: str, path: str) -> None:
    bounded()
    chosen = json.loads(settings)
    layers = frozenset(map(Layer, chosen["layers"]))
    with (
        mock.patch("ibert.verifier.verify.Sandbox", partial(Sandbox, layers=layers)),
        Guarded(chosen["seconds"], shown) as guarded,
    ):
        serve(path, guarded.judge)


if __name__ == "__main__":
    main(*sys.argv[1:])
