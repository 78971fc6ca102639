"""What training asks of trl, peft, transformers and datasets, held against what is installed."""

import ast
import dataclasses
import inspect
from collections.abc import Iterator
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

import ibert
from ibert.training.config import Data, TrainingConfig
from ibert.training.supervised import _arguments, loop_arguments

CONTRACTS = yaml.safe_load(Path(__file__).with_name("data").joinpath("contracts.yaml").read_text())
PACKAGES = ("trl", "peft", "transformers", "datasets")
SOURCES = [
    path
    for room in ("training", "model")
    for path in Path(ibert.__file__).parent.joinpath(room).glob("*.py")
]


def named(name: str) -> object:
    package, _, path = name.partition(".")
    return attrgetter(path)(import_module(package))


def missing_of(name: str, wanted: dict) -> list[str]:
    """Give what a name does not have of what is asked of it."""
    try:
        found = named(name)
    except AttributeError:
        return [name]
    parameters = inspect.signature(found).parameters if callable(found) else {}
    fields = (
        {one.name for one in dataclasses.fields(found)} if dataclasses.is_dataclass(found) else ()
    )
    there = {*dir(found), *fields}
    return [
        *(f"{name}({one}=)" for one in wanted.get("parameters", ()) if one not in parameters),
        *(f"{name}.{one}" for one in wanted.get("attributes", ()) if one not in there),
    ]


@pytest.mark.parametrize("name", CONTRACTS)
def test_what_is_asked_of_a_package_is_there(name: str) -> None:
    assert missing_of(name, CONTRACTS[name]) == []


def test_what_a_version_drops_is_named() -> None:
    wanted = {"parameters": ["r", "ranks"], "attributes": ["to_dict", "to_toml"]}
    assert missing_of("peft.LoraConfig", wanted) == [
        "peft.LoraConfig(ranks=)",
        "peft.LoraConfig.to_toml",
    ]
    assert missing_of("trl.PPOTrainer", {}) == ["trl.PPOTrainer"]


def test_all_that_is_asked_is_in_the_contracts() -> None:
    asked = [one for path in SOURCES for one in uses(ast.parse(path.read_text()))]
    assert {name for name, _ in asked} >= {"trl.SFTTrainer", "trl.GRPOTrainer", "peft.LoraConfig"}
    for name, keywords in asked:
        owner, _, attribute = name.rpartition(".")
        assert name in CONTRACTS or attribute in CONTRACTS.get(owner, {})["attributes"], name
        if "parameters" in CONTRACTS.get(name, {}):
            assert keywords <= {*CONTRACTS[name]["parameters"]}, name


def uses(module: ast.Module) -> Iterator[tuple[str, set[str]]]:
    """Yield the names of packages that code uses, each with the keywords of a call of it."""
    parents = {child: node for node in ast.walk(module) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(module):
        if isinstance(node, ast.ImportFrom) and node.module in PACKAGES:
            yield from ((f"{node.module}.{alias.name}", set()) for alias in node.names)
        if not isinstance(node, ast.Attribute) or isinstance(parents[node], ast.Attribute):
            continue
        path = dotted(node)
        if path.partition(".")[0] in PACKAGES:
            call = parents[node]
            called = isinstance(call, ast.Call) and call.func is node
            yield path, {one.arg for one in call.keywords if one.arg} if called else set()


def dotted(node: ast.expr) -> str:
    match node:
        case ast.Attribute(value=value, attr=name):
            return f"{dotted(value)}.{name}"
        case ast.Call(func=ast.Name("require"), args=[ast.Constant(package), *_]):
            return str(package)
        case ast.Name(name):
            return name
    return ""


@pytest.mark.parametrize(
    ("name", "arguments"), [("trl.SFTConfig", _arguments), ("trl.GRPOConfig", loop_arguments)]
)
def test_the_arguments_of_the_loop_are_in_the_contracts(name: str, arguments: object) -> None:
    config = TrainingConfig(data=Data(files=("a.jsonl",)), model="./tiny")
    model = SimpleNamespace(device=SimpleNamespace(type="cpu"))
    given = arguments(config, Path("run"), 1, model)
    assert {*given} <= {*CONTRACTS[name]["parameters"]}
