"""What is to be told is tried by the agent's own program first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier
from typing import TYPE_CHECKING

import pytest
from haidang_collector.registry.config_check import MOST_TRIES, UnfitConfigError, check_layer, checked
from haidang_collector.registry.config_layers import DEFAULT, Layer
from haidang_collector.registry.config_marks import LayersChangedError, marks
from haidang_collector.registry.config_versions import ConfigLayerError, in_force, put
from haidang_collector.registry.models import Agent, Lab

if TYPE_CHECKING:
    from haidang_collector.registry.config_marks import Marks
    from haidang_collector.registry.store import Registry


def router(registry: Registry, name: str) -> None:
    """Of TH-001."""
    made = Agent(id=name, unit="TH-001", key_hash="", roles="router", version="", os="", enrolled_at=datetime.now(UTC))
    with registry.database.write() as session:
        session.add(made)


def test_a_fault_is_told_with_whom_it_would_meet(registry: Registry) -> None:
    router(registry, "a-1")
    faulty = {"agent": {"push_interval": "1h"}}

    for layer, whom in (
        (DEFAULT, ["TH-001 and 1 more"]),
        (Layer("role", "router"), ["a-1 of TH-001"]),
        (Layer("role", "host"), ["role host"]),
    ):
        with pytest.raises(UnfitConfigError) as unfit:
            check_layer(registry.database, layer, faulty)
        assert [line.partition(": ")[0] for line in str(unfit.value).splitlines()] == whom
        assert '[agent] push_interval = 3600 s: must be from "1s" to "15s"' in str(unfit.value)


def test_what_only_the_agent_knows_is_refused(registry: Registry) -> None:
    """A key that no probe has, what is the school's alone to say, a room that cannot be."""
    faulty = {
        "probes": {"internet": {"tragets": ["192.0.2.1"]}},
        "agent": {"state_dir": "/tmp"},
    }
    room = {"lab": [{"name": "lab-1", "cidr": "10.20.1.5/24"}]}
    for tables, words in (
        (faulty, "[agent] state_dir: is for agent.toml only"),
        ({"probes": faulty["probes"]}, "[probes.internet] tragets: unknown; did you mean 'targets'"),
        (room, "has host bits set"),
    ):
        with pytest.raises(UnfitConfigError) as unfit:
            check_layer(registry.database, DEFAULT, tables)
        assert words in str(unfit.value)


def test_a_fault_that_is_there_already_holds_nothing_up(registry: Registry) -> None:
    """One unit's mistyped room must not keep a change from all the others."""
    with registry.database.write() as session:
        session.add(Lab(unit="TH-001", name="lab-1", cidr="10.20.1.5/24"))

    assert check_layer(registry.database, DEFAULT, {"agent": {"push_interval": "5s"}}) == 2


@pytest.mark.parametrize(
    ("layer", "whom"),
    [(Layer("role", "router"), "a-1 of TH-001"), (Layer("agent", "a-2"), "a-2 of TH-001")],
    ids=["its role's", "its own"],
)
def test_what_agents_are_told_besides_is_looked_at_too(registry: Registry, layer: Layer, whom: str) -> None:
    """What is narrower goes on with what is wider: a line's interface with its provider."""
    for name in ("a-1", "a-2"):
        router(registry, name)
    put(registry.database, DEFAULT, {"wan": [{"name": "wan1", "isp": "VNPT"}]}, "lan")
    put(registry.database, layer, {"wan": [{"name": "wan1", "interface": "eth1"}]}, "lan")

    with pytest.raises(UnfitConfigError) as unfit:
        check_layer(registry.database, DEFAULT, {})

    assert str(unfit.value) == f"{whom}: [[wan]] 1 isp is missing; add it"


ISP = {"wan": [{"name": "wan1", "isp": "VNPT"}]}
INTERFACE = {"wan": [{"name": "wan1", "interface": "eth1"}]}
"""Of use only together with the one above."""


def test_what_is_staged_is_looked_at_too(registry: Registry) -> None:
    """It is told to some already, and to all tomorrow."""
    put(registry.database, DEFAULT, ISP, "lan")
    put(registry.database, DEFAULT, {}, "lan", 50)

    with pytest.raises(UnfitConfigError) as unfit:
        check_layer(registry.database, Layer("unit", "TH-001"), INTERFACE)

    assert str(unfit.value) == "TH-001 (what is staged to 50 %): [[wan]] 1 isp is missing; add it"


def test_nothing_is_set_but_what_was_checked(registry: Registry) -> None:
    """Two changes, each of which is sound without the other: the second is looked at anew, and refused."""
    layer = Layer("unit", "TH-001")
    put(registry.database, DEFAULT, ISP, "lan")

    def after_others(since: Marks) -> int:
        put(registry.database, DEFAULT, {}, "hoa")
        return put(registry.database, layer, INTERFACE, "lan", since=since)

    with pytest.raises(UnfitConfigError, match="isp is missing"):
        checked(registry.database, layer, lambda: INTERFACE, after_others)
    assert in_force(registry.database, layer) == {}


def test_a_change_that_others_always_come_before_is_given_up(registry: Registry) -> None:
    layer = Layer("unit", "TH-001")
    tried: list[int] = []

    def after_others(since: Marks) -> int:
        tried.append(put(registry.database, DEFAULT, ISP, "hoa"))
        return put(registry.database, layer, {}, "lan", since=since)

    with pytest.raises(ConfigLayerError, match="others keep changing"):
        checked(registry.database, layer, dict, after_others)
    assert tried == list(range(1, MOST_TRIES + 1))


def test_of_two_that_checked_the_same_state_one_sets(registry: Registry) -> None:
    since, both = marks(registry.database), Barrier(2)

    def change(unit: str) -> bool:
        both.wait()
        try:
            put(registry.database, Layer("unit", unit), ISP, "lan", since=since)
        except LayersChangedError:
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(change, ("TH-001", "THCS-002"))) == [False, True]
