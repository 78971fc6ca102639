"""The command line: parse the input, call one public function, render what it gives.

Exit codes: 0 verified or done; 1 refused, refuted or findings; 2 usage, or a missing part.
stdout holds only code, JSON or the text that was asked for; everything else goes to stderr.
"""

from ibert.cli.main import main

__all__ = ["main"]
