"""A run that is killed at any write of a checkpoint goes on from the newest whole one."""

import builtins
import io
import itertools
import os
import random
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from training_examples import write_examples

from ibert.training import checkpoints, read_config
from ibert.training.config import TrainingConfig
from ibert.training.run import AUTO, train

CONFIG = """
device = "cpu"
[data]
files = ["{examples}"]
prompt = "bare"
max_length = 200
held_out = 0.0
[scratch]
vocabulary = 400
hidden = 32
intermediate = 64
layers = 2
heads = 2
[optimisation]
learning_rate = 1e-2
batch_size = 2
steps = 5
warmup = 0.0
[checkpoints]
every = 2
keep = 1
"""
STEP = 4  # whose checkpoint is torn; the one before it is of step 2
WRITES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.truncate", "ibert.half"}


class Halves:
    """A file of which a half of each write is on the disk before the other one."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def write(self, text: Any) -> None:
        middle = len(text) // 2
        self._file.write(text[:middle])
        self._file.flush()
        sys.audit("ibert.half")
        self._file.write(text[middle:])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> "Halves":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def die_at(number: int) -> None:
    """Have this process killed at its write of a number, and show all writes to who counts them."""
    import safetensors.torch
    import torch
    import transformers

    opened, writes = builtins.open, itertools.count(1)

    def counted(event: str, args: tuple) -> None:
        writing = event == "open" and args[2] is not None and args[2] & (os.O_WRONLY | os.O_RDWR)
        if (event in WRITES or writing) and next(writes) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    def halved(file: Any, mode: str = "r", *args: Any, **options: Any) -> Any:
        found = opened(file, mode, *args, **options)
        return Halves(found) if "w" in mode else found

    def save(value: object, path: str) -> None:
        buffer = io.BytesIO()
        saved(value, buffer)
        with halved(path, "wb") as file:
            file.write(buffer.getvalue())

    def save_file(tensors: dict, path: str, metadata: dict | None = None) -> None:
        with halved(path, "wb") as file:
            file.write(safetensors.torch.save(tensors, metadata))

    # Those of torch and safetensors are not written by Python, which alone tells what it opens.
    saved, torch.save = torch.save, save
    transformers.modeling_utils.safe_save_file = save_file
    builtins.open = halved
    sys.addaudithook(counted)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> TrainingConfig:
    folder = tmp_path_factory.mktemp("killed")
    examples = write_examples(folder / "train.jsonl", range(20, 30))
    path = folder / "config.toml"
    path.write_text(CONFIG.format(examples=examples))
    return read_config(path)


@pytest.fixture(scope="module")
def torn(config: TrainingConfig, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list]:
    """A whole run, and what one that was killed at each write left."""
    import transformers

    folder = tmp_path_factory.mktemp("torn")
    run, left = folder / "run", []
    save = transformers.Trainer._save_checkpoint
    remove = checkpoints.keep_newest

    def killed(self: Any, *args: Any) -> None:
        if self.state.global_step == STEP:
            for number in itertools.count(1):
                if (place := killed_at(number)) is None:
                    break
                left.append(place)
        save(self, *args)

    def killed_at(number: int) -> Path | None:
        """Save in another process, which dies there; None if it lives that long."""
        before = shutil.copytree(run, folder / "before", dirs_exist_ok=True)
        state = random.getstate()  # forking draws another one
        if not (child := os.fork()):
            random.setstate(state)
            die_at(number)
            end_after(remove)
            return None
        status = os.waitpid(child, 0)[1]
        assert status in (0, signal.SIGKILL), status
        found = run.rename(folder / f"killed at {number}")
        shutil.copytree(before, run)
        return found if status else None

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(transformers.Trainer, "_save_checkpoint", killed)
        train(config, run)
    return run, left


def end_after(remove: Callable[[Path, int], None]) -> None:
    """End this process where a checkpoint is done with."""

    def ended(run: Path, number: int) -> None:
        remove(run, number)
        os._exit(0)

    checkpoints.keep_newest = ended


def digests(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_what_is_whole_is_taken_wherever_the_run_was_killed(torn: tuple[Path, list]) -> None:
    _, left = torn
    names = set()
    for place in left:
        copy = shutil.copytree(place, place.with_name("looked at"))
        found = checkpoints.newest_whole(copy)
        assert found is not None, place
        names.add(found.name)
        there = sorted(path.name for path in copy.glob("*checkpoint-*"))
        if found.name == "checkpoint-2":
            assert set(there) <= {"checkpoint-2", f"torn-checkpoint-{STEP}.0"}
        else:
            assert digests(found) == digests(left[-1] / found.name)
        shutil.rmtree(copy)
    assert names == {"checkpoint-2", f"checkpoint-{STEP}"}
    assert len(left) > 20


def test_going_on_ends_where_the_run_without_a_break_does(
    torn: tuple[Path, list], config: TrainingConfig
) -> None:
    run, left = torn
    wanted = (run / "final" / "model.safetensors").read_bytes()
    # All that go on from one checkpoint are alike: the first, one in the middle and the last do.
    for place in (left[0], left[len(left) // 2], left[-1]):
        result = train(config, place, resume=AUTO)
        assert result.steps == 5
        assert (place / "final" / "model.safetensors").read_bytes() == wanted
