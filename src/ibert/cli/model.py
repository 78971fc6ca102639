"""`ibert model`: get models; and the options of the commands that ask one."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click
from click.core import ParameterSource

from ibert.cli.output import note

if TYPE_CHECKING:
    from ibert.model import GenerationSettings, ModelSettings


@dataclass(frozen=True)
class ModelOptions:
    """The engine that was named, and what it is asked with."""

    engine: str
    model: str | None
    revision: str | None
    adapter: str | None
    endpoint: str | None
    device: str
    bits: int | None
    refine: int
    candidates: int
    temperature: float
    max_new_tokens: int

    def arguments(self) -> dict[str, Any]:
        """Give the arguments of a task; the compiler has none."""
        if self.engine == "compiler":
            return {}
        return {
            "engine": self.engine,
            "model": self.settings(),
            "refine": self.refine,
            "generation": self.generation(),
        }

    def settings(self) -> ModelSettings:
        """Give which model is meant."""
        import msgspec

        from ibert.model.settings import MODEL, ModelSettings

        given = {
            "model": self.model or MODEL,
            "revision": self.revision,
            "adapter": self.adapter,
            "endpoint": self.endpoint,
            "device": self.device,
            "bits": self.bits,
        }
        return msgspec.convert(given, ModelSettings)

    def generation(self) -> GenerationSettings:
        """Give how answers are generated."""
        from ibert.model.generation import GenerationSettings

        return GenerationSettings(
            candidates=self.candidates,
            temperature=self.temperature,
            max_new_tokens=self.max_new_tokens,
        )


_OPTIONS = (
    click.option(
        "--engine",
        type=click.Choice(["compiler", "model"]),
        default="compiler",
        show_default=True,
        help="What answers; neither takes the other's place.",
    ),
    click.option("--model", help="A model on the hub, or the folder of one."),
    click.option("--revision", help="The model's commit on the hub."),
    click.option("--adapter", help="The folder of a LoRA adapter."),
    click.option("--endpoint", help="An OpenAI-compatible server that has the model."),
    click.option(
        "--device",
        type=click.Choice(["auto", "cuda", "mps", "cpu"]),
        default="auto",
        help="For it.",
    ),
    click.option("--bits", type=click.Choice([4, 8]), help="Load the weights in so many bits."),
    click.option(
        "--refine",
        type=click.IntRange(min=0),
        default=0,
        show_default=True,
        help="How often the model may try again, told what is wrong.",
    ),
    click.option("--candidates", default=1, show_default=True, help="Answers in each round."),
    click.option("--temperature", default=0.0, show_default=True, help="0 draws nothing."),
    click.option("--max-new-tokens", default=512, show_default=True, help="Of each answer."),
)
_NAMES = tuple(ModelOptions.__dataclass_fields__)


def model_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of the engines; it takes them as `model_options`."""

    @functools.wraps(command)
    def collecting(**arguments: Any) -> None:
        chosen = ModelOptions(**{name: arguments.pop(name) for name in _NAMES})
        if chosen.engine == "compiler":
            _refuse_given()
        command(model_options=chosen, **arguments)

    for option in reversed(_OPTIONS):
        collecting = option(collecting)
    return collecting


def _refuse_given() -> None:
    """Refuse what the compiler would pass over in silence."""
    context = click.get_current_context()
    for parameter in context.command.params:
        given = context.get_parameter_source(parameter.name or "") is ParameterSource.COMMANDLINE
        if given and parameter.name in _NAMES and parameter.name != "engine":
            message = f"{parameter.opts[0]} is for --engine model; the compiler asks no model"
            raise click.UsageError(message)


@click.group()
def model() -> None:
    """Get the models that the engine `model` asks."""


@model.command()
@click.argument("name", required=False)
@click.option("--revision", help="The commit on the hub; the pinned one without it.")
def pull(name: str | None, revision: str | None) -> None:
    """Download the model NAME (Qwen2.5-Coder-1.5B-Instruct without it) from the hub.

    Prints the folder that it is in. Exits with 2 if the hub does not give it.
    """
    from ibert.model.checkpoint import pull as pull_checkpoint
    from ibert.model.settings import MODEL

    folder = pull_checkpoint(name or MODEL, revision)
    note(f"pulled {name or MODEL}")
    click.echo(folder)


@model.command()
@click.argument("run", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--out", type=click.Path(path_type=Path), help="Where it goes.  [default: a folder of the run]"
)
@click.option("--merged", is_flag=True, help="The whole model with the adapter in its weights.")
@click.option(
    "--dtype",
    type=click.Choice(["float32", "bfloat16"]),
    default="float32",
    show_default=True,
    help="Of a merged model's weights.",
)
def export(
    run: Path, out: Path | None, merged: bool, dtype: Literal["float32", "bfloat16"]
) -> None:
    """Write what RUN, a folder of `ibert train`, trained, with its model card.

    A merged model is read again and refused unless it answers as the adapter does: exits with 2.
    """
    from ibert.training.export import export as export_trained
    from ibert.training.export import export_merged

    if not merged:
        click.echo(export_trained(run, out or run / "model"))
        return
    folder = out or run / "merged"
    closeness = export_merged(run, folder, dtype=dtype)
    note(
        f"logits within {closeness.difference:.1e} of the adapter's; "
        f"{closeness.agreeing:.1%} of the likeliest tokens are the same"
    )
    click.echo(folder)
