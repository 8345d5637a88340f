"""What is to be told is tried by the agent's own program first."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from haidang_collector.registry.config_check import UnfitConfigError, check_layer
from haidang_collector.registry.config_layers import DEFAULT, Layer
from haidang_collector.registry.config_versions import put
from haidang_collector.registry.models import Agent, Lab

if TYPE_CHECKING:
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
