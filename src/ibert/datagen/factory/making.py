"""Make the shards of a configuration that are not there yet."""

from __future__ import annotations

import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import msgspec

from ibert.datagen.factory.runners import local, on_ray, processors
from ibert.datagen.factory.shard import Config, is_done, shard_path
from ibert.diagnostics import Diagnostic, IbertError
from ibert.files import written_whole
from ibert.verifier import VERIFIER_VERSION

PACKAGES = ("ibert", "ibis-framework", "duckdb", "sqlglot", "pyarrow")
RUNNERS = ("local", "ray")

Progress = Callable[[int, int], None]


class Plan(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a folder of shards was begun with.

    Parameters
    ----------
    config
        What decides the rows.
    versions
        Of what decides them, too.
    """

    config: Config
    versions: dict[str, str]


def plan_of(config: Config) -> Plan:
    """Give the plan of a configuration with what is installed."""
    return Plan(config=config, versions=versions())


def versions() -> dict[str, str]:
    """Give the versions of what decides the rows."""
    installed = {package: version(package) for package in PACKAGES}
    return {"python": platform.python_version(), "verifier": str(VERIFIER_VERSION), **installed}


def plan_path(folder: Path) -> Path:
    """Give the place of a folder's plan."""
    return folder / "plan.json"


def read_plan(folder: Path) -> Plan:
    """Read the plan of a folder of shards.

    Raises
    ------
    IbertError
        IB001 if there is none, IB951 if it cannot be read.
    """
    path = plan_path(folder)
    try:
        return msgspec.json.decode(path.read_bytes(), type=Plan)
    except FileNotFoundError as error:
        hint = "`ibert data generate-all` makes one"
        diagnostic = Diagnostic(code="IB001", message="no plan", source=str(path), hint=hint)
        raise IbertError([diagnostic]) from error
    except msgspec.DecodeError as error:
        diagnostic = Diagnostic(code="IB951", message=str(error), source=str(path))
        raise IbertError([diagnostic]) from error


def make_shards(
    config: Config,
    folder: Path,
    *,
    workers: int | None = None,
    runner: str = "local",
    address: str | None = None,
    progress: Progress | None = None,
) -> list[Path]:
    """Make the shards of a configuration that are not in a folder yet.

    Parameters
    ----------
    config
        What to make.
    folder
        Where the shards go. Those of a run that was killed are kept.
    workers
        How many at a time; by default one for each processor.
    runner
        `local` or `ray`.
    address
        Of a Ray cluster; None: one on this machine.
    progress
        Told how many shards there are, of how many.

    Returns
    -------
    list
        The shards, in the order of their numbers.

    Raises
    ------
    IbertError
        IB951 if the folder holds shards of another configuration or other versions.
    """
    plan = plan_of(config)
    if plan_path(folder).exists():
        _check_same(plan, folder)
    else:
        with written_whole(plan_path(folder)) as file:
            file.write(msgspec.json.format(msgspec.json.encode(plan)) + b"\n")
    todo = [number for number in range(config.shards) if not is_done(folder, number)]
    done = config.shards - len(todo)
    count = workers or processors()
    if runner == "ray":
        finished = on_ray(config, todo, folder, address, count)
    else:
        finished = local(config, todo, folder, count)
    for _ in finished:
        done += 1
        if progress:
            progress(done, config.shards)
    return [shard_path(folder, number) for number in range(config.shards)]


def _check_same(plan: Plan, folder: Path) -> None:
    found = read_plan(folder)
    if found != plan:
        message = "the folder holds shards of another configuration or of other versions"
        hint = "give another folder, or delete this one"
        source = str(plan_path(folder))
        diagnostic = Diagnostic(code="IB951", message=message, source=source, hint=hint)
        raise IbertError([diagnostic])
