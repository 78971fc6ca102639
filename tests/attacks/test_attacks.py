"""Nothing gets past the walls; without them, each attempt reaches its goal."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from ibert.evaluation.attacks.corpus import GOALS, Attack, attacks, table_of_layers
from ibert.evaluation.attacks.watch import TRIES, Canaries, Host
from ibert.sandbox import ALL_LAYERS, Layer

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it looks on through /proc")

SECONDS = 1.0
UNGUARDED_SECONDS = 3.0  # nobody enforces it there
BY_HAND = pytest.mark.skipif("IBERT_ALL_ATTACKS" not in os.environ, reason="half an hour")

SAMPLE = 6  # one in so many is made each time where they only prove that the tests can fail
AT_ONCE = 4  # attempts that never end, on two cores
POSSIBLE = [attack for attack in attacks() if attack.possible]
# Sources that are hard to parse, to walk or to compile; no bomb without walls: Python refuses most.
BOMBS = {
    "parentheses": "expr = " + "(" * 60_000 + "users" + ")" * 60_000,
    "signs": "expr = users.limit(" + "-" * 30_000 + "1)",
    "terms": "expr = users.limit(" + "+".join(["1"] * 20_000) + ")",
    "chain of methods": "expr = users" + ".distinct()" * 5_000,
    "lambdas": "x = " + "lambda: " * 5_000 + "1\nexpr = users",
    "branches": "x = " + "1 if 1 else " * 5_000 + "1\nexpr = users",
    "indents": "".join(" " * i + "if True:\n" for i in range(300)) + " " * 300 + "expr = users",
    "digits": "x = " + "9" * 60_000 + "\nexpr = users",
    "null byte": "expr = users\0",
    "surrogate": "expr = '\ud800'",
    "nested type": "from ibis.expr.datatypes import Array, int64\nkind = int64\n"
    "for _ in range(5000): kind = Array(kind)\nexpr = users.select(n=ibis.literal(None, kind))",
    "nested value": "age = users.age\nfor i in range(3000): age = age + 1\n"
    "expr = users.select(n=age)",
    "nested tables": "expr = users\nfor i in range(500): expr = expr.mutate(age=_.age + 1)",
}
FEWEST = {
    "comparator": 8,
    "disguise": 15,
    "forge": 15,
    "interpreter": 20,
    "introspection": 20,
    "names": 10,
    "network": 8,
    "persist": 10,
    "process": 15,
    "read": 30,
    "resources": 20,
    "signal": 6,
    "template": 10,
    "write": 15,
}


def guarded(canaries: Canaries, layers: Iterable[Layer]) -> Host:
    """Give a host with some layers; a process and a clock it always has."""
    settings = json.dumps({"seconds": SECONDS, "layers": sorted(layers)})
    return Host(canaries, SECONDS, ("attacks.walls", settings))


@pytest.fixture(scope="module")
def canaries() -> Iterator[Canaries]:
    with Canaries() as canaries:
        yield canaries


@pytest.fixture(scope="module")
def all_walls(canaries: Canaries) -> Iterator[Host]:
    with guarded(canaries, ALL_LAYERS) as host:
        yield host


@pytest.fixture(scope="module")
def no_walls(canaries: Canaries) -> Iterator[Host]:
    with Host(canaries, UNGUARDED_SECONDS, ("attacks.bare",), bare=True) as host:
        yield host


@pytest.fixture(scope="module")
def some_walls(canaries: Canaries, request: pytest.FixtureRequest) -> Iterator[Host]:
    with guarded(canaries, request.param) as host:
        yield host


def sampled(chosen: Iterable[Attack]) -> list[object]:
    """Take a few; the others are for those who have time."""
    return [
        pytest.param(attack, id=attack.name, marks=[BY_HAND] if number % SAMPLE else [])
        for number, attack in enumerate(chosen)
    ]


def test_the_corpus_covers_every_kind() -> None:
    names = [attack.name for attack in attacks()]
    assert len(names) == len(set(names))
    counts = {kind: sum(attack.kind == kind for attack in attacks()) for kind in GOALS}
    assert {kind: fewest for kind, fewest in FEWEST.items() if counts[kind] < fewest} == {}
    for attack in attacks():
        sources = [attack.code, attack.sql, attack.stream]
        assert sum(source is not None for source in sources) == 1, attack.name
        assert attack.stopped_by, attack.name
        assert set(attack.stopped_by) <= {*Layer, "process"}, attack.name


@pytest.mark.parametrize("attack", [pytest.param(item, id=item.name) for item in POSSIBLE])
def test_nothing_gets_past_all_walls(all_walls: Host, attack: Attack) -> None:
    assert all_walls.attempt(attack) == set()


@pytest.mark.parametrize("source", [pytest.param(code, id=name) for name, code in BOMBS.items()])
def test_a_source_that_is_hard_to_read_is_no_bomb(all_walls: Host, source: str) -> None:
    attack = Attack(name="bomb", kind="resources", goal="use up the reader", code=source)
    assert all_walls.attempt(attack) == set()


def never_ends(attack: Attack) -> bool:
    return attack.name.startswith("cpu-")


@pytest.mark.parametrize("attack", sampled(a for a in POSSIBLE if not never_ends(a)))
def test_every_attempt_reaches_its_goal_without_walls(no_walls: Host, attack: Attack) -> None:
    # On a busy machine it may run out of time; once is proof enough.
    tried = (no_walls.attempt(attack) for _ in range(TRIES))
    assert any(reached if attack.stream else reached & GOALS[attack.kind] for reached in tried)


def test_what_never_ends_outlasts_its_limit_without_walls(no_walls: Host) -> None:
    endless = [attack for attack in POSSIBLE if never_ends(attack)]
    late: set[str] = set()
    for start in range(0, len(endless), AT_ONCE):
        late |= no_walls.outlasting(endless[start : start + AT_ONCE])
    assert {attack.name for attack in endless} - late == set()


@pytest.mark.parametrize("some_walls", [pytest.param((), id="process alone")], indirect=True)
@pytest.mark.parametrize(
    "attack",
    sampled(a for a in POSSIBLE if a.stopped_by and "process" not in a.stopped_by),
)
def test_a_process_alone_does_not_stop_it(some_walls: Host, attack: Attack) -> None:
    assert some_walls.attempt(attack)


@pytest.mark.parametrize(
    ("some_walls", "attack"),
    [
        pytest.param((layer,), attack, id=f"{layer}: {attack.name}", marks=BY_HAND)
        for layer in sorted(ALL_LAYERS - (set() if os.geteuid() == 0 else {Layer.PRIVILEGES}))
        for attack in POSSIBLE
        if layer in attack.stopped_by and "process" not in attack.stopped_by
    ],
    indirect=["some_walls"],
)
def test_a_layer_alone_stops_it(some_walls: Host, attack: Attack) -> None:
    assert some_walls.attempt(attack) == set()


def test_the_security_page_counts_what_each_layer_stops() -> None:
    page = (Path(__file__).parents[2] / "docs" / "security.md").read_text(encoding="utf-8")
    assert table_of_layers() in page
    assert f"{len(attacks())} attempts" in page
