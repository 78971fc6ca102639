"""The processes of a run: `accelerate launch` starts one for each device, a single one otherwise.

All of them plan alike and train together. The first alone writes: the record, the marks of
checkpoints, what is mirrored. What depends on files is decided there, and the others are told.
"""

from __future__ import annotations

import os
from typing import Any, TypeVar

from ibert.model.missing import require

T = TypeVar("T")


def count() -> int:
    """Give how many processes there are.

    Examples
    --------
    >>> count(), is_first(), agreed("alone")
    (1, True, 'alone')
    """
    return int(os.environ.get("WORLD_SIZE", "1"))


def is_first() -> bool:
    """Whether this is the process that writes."""
    return int(os.environ.get("RANK", "0")) == 0


def join(*, on_cpu: bool) -> None:
    """Meet the other processes, each on its own device."""
    if count() > 1:
        require("accelerate").PartialState(cpu=on_cpu)


def meet() -> None:
    """Wait until all processes are here."""
    if count() > 1:
        require("torch").distributed.barrier()


def agreed(value: T) -> T:
    """Give what the first process has to all of them."""
    if count() == 1:
        return value
    box = [value]
    require("torch").distributed.broadcast_object_list(box)
    return box[0]


def summed(tensor: Any) -> Any:
    """Add up what the processes have."""
    if count() > 1:
        require("torch").distributed.all_reduce(tensor)
    return tensor
