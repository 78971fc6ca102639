"""What a run gives away: its adapter, or a whole model that is proved to answer as it does."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import msgspec

from ibert.diagnostics import Diagnostic, IbertError
from ibert.model.checkpoint import checkpoint_folder
from ibert.model.missing import require
from ibert.model.settings import ModelSettings
from ibert.training.card import Kind, base_of, card, gguf, revision_of
from ibert.training.runs import FINAL, RESULT, Run, read_run
from ibert.training.snapshot import read_rows

PROBES = 4  # rows on which logits are compared,
LONGEST = 128  # each up to so many tokens
# How far logits may be from the adapter's, relative to the largest: what rounding to the type does.
TOLERANCES = {"float32": 1e-4, "bfloat16": 2e-2}
Dtype = Literal["float32", "bfloat16"]


class Merged(msgspec.Struct, frozen=True, kw_only=True):
    """How close a merged model is to its adapter.

    Parameters
    ----------
    difference
        The largest between two logits, relative to the largest logit.
    agreeing
        The share of places where both hold the same token likeliest.
    """

    difference: float
    agreeing: float


def export(run: Path, out: Path) -> Path:
    """Copy what a run trained, with its card: the adapter, or the model where it has none.

    Parameters
    ----------
    run
        The folder of the run.
    out
        The folder that is made.

    Raises
    ------
    IbertError
        IB913: there is no such run; IB914: it is not finished, or `out` is there already.
    """
    found = _finished(run)
    with _made(out) as folder:
        shutil.copytree(run / FINAL, folder, dirs_exist_ok=True)
        (folder / "training_args.bin").unlink(missing_ok=True)  # a pickle
        _name_base(folder, found)
        kind: Kind = "adapter" if found.config.adapter else "model"
        (folder / "README.md").write_text(card(run, found, out.name, kind), encoding="utf-8")
    return out


def export_merged(run: Path, out: Path, *, dtype: Dtype = "float32") -> Merged:
    """Write the model that has a run's adapter in its weights, with its card.

    The written model is read again and compared with the adapter on rows that were learned.

    Parameters
    ----------
    run
        The folder of the run.
    out
        The folder that is made.
    dtype
        Of the weights that are written.

    Raises
    ------
    IbertError
        As for `export`; IB914 as well where the run has no adapter, or the merged model's logits
        are not the adapter's.
    """
    found = _finished(run)
    if found.config.adapter is None:
        raise _refused(f"the run {found.name!r} trained no adapter: there is nothing to merge")
    transformers, torch = require("transformers"), require("torch")
    automatic = transformers.AutoModelForCausalLM
    assert found.config.model is not None
    settings = ModelSettings(model=found.config.model, revision=found.config.revision)
    # In float32, whatever it was trained in: rounding the sum once is enough.
    base = automatic.from_pretrained(
        checkpoint_folder(settings), dtype=torch.float32, local_files_only=True
    )
    adapted = require("peft").PeftModel.from_pretrained(base, run / FINAL).eval()
    probes = [tokens[:LONGEST] for tokens in islice(read_rows(run / "data"), PROBES)]
    wanted = [_logits(adapted, tokens) for tokens in probes]
    with _made(out) as folder:
        merged = adapted.merge_and_unload(safe_merge=True).to(getattr(torch, dtype))
        merged.save_pretrained(folder)
        transformers.AutoTokenizer.from_pretrained(run / FINAL).save_pretrained(folder)
        written = automatic.from_pretrained(folder, dtype=getattr(torch, dtype)).eval()
        closeness = compared(wanted, [_logits(written, tokens) for tokens in probes])
        # What is not a number is not close, either.
        if not closeness.difference <= TOLERANCES[dtype]:
            message = (
                f"the merged model in {dtype} does not answer as the adapter does: "
                f"its logits differ by {closeness.difference:.1e} of the largest"
            )
            raise _refused(message, f"at most {TOLERANCES[dtype]:.0e} is rounding")
        text = card(run, found, out.name, "merged") + gguf(out.name)
        (folder / "README.md").write_text(text, encoding="utf-8")
    return closeness


def compared(wanted: list[Any], given: list[Any]) -> Merged:
    """Compare logits of the same rows, place by place."""
    torch = require("torch")
    one, other = torch.cat(wanted), torch.cat(given)
    same = one.argmax(-1) == other.argmax(-1)
    return Merged(
        difference=float((one - other).abs().max() / one.abs().max()),
        agreeing=float(same.float().mean()),
    )


def _logits(model: Any, tokens: list[int]) -> Any:
    torch = require("torch")
    with torch.inference_mode():
        return model(input_ids=torch.tensor([tokens])).logits[0].float()


def _finished(run: Path) -> Run:
    found = read_run(run)
    if not (run / RESULT).is_file():
        hint = "go on with `ibert train --resume auto`"
        raise _refused(f"the run {found.name!r} did not come to its end", hint)
    return found


def _name_base(folder: Path, run: Run) -> None:
    """Name the base of an adapter as others know it: where it lay on this machine says nothing."""
    path = folder / "adapter_config.json"
    if path.is_file():
        config = json.loads(path.read_bytes())
        config |= {
            "base_model_name_or_path": base_of(run.config),
            "revision": revision_of(run.config),
        }
        path.write_text(json.dumps(config, indent=2, sort_keys=True), encoding="utf-8")


@contextmanager
def _made(out: Path) -> Iterator[Path]:
    """Make a folder whole or not at all."""
    if out.exists():
        raise _refused(f"{str(out)!r} is there already", "choose another --out")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as scratch:
        folder = Path(scratch, out.name)
        folder.mkdir()
        yield folder
        folder.rename(out)


def _refused(message: str, hint: str | None = None) -> IbertError:
    return IbertError([Diagnostic(code="IB914", message=message, hint=hint)])
