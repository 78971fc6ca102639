"""Write what ranking completions knows: counts over Ibis' own examples and the templates."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import ibert.completion
from ibert.evaluation.completion.counting import counts_of_everything
from ibert.files import written_whole

PATH = Path(ibert.completion.__file__).with_name("counts.json")


def main() -> int:
    """Count, and write the file whole."""
    warnings.simplefilter("ignore")
    data = counts_of_everything()
    with written_whole(PATH) as file:
        file.write(data)
    print(f"{PATH.name}: {len(data):,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
