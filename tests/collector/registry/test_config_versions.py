"""Versions of what agents are told: staged to a share of the fleet, put into force, taken back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from alembic import command
from haidang_collector.registry.agent_config import set_tables, told
from haidang_collector.registry.config_layers import DEFAULT, Layer, bucket
from haidang_collector.registry.config_versions import (
    KEPT,
    ConfigLayerError,
    history,
    in_force,
    put,
    roll_back,
    staged,
    standings,
    widen,
)
from haidang_collector.registry.database import Database, _alembic_config
from haidang_collector.registry.models import Agent
from haidang_collector.registry.tokens import UnknownUnitError
from sqlalchemy import text

if TYPE_CHECKING:
    from haidang_collector.registry.store import Registry

UNIT = Layer("unit", "TH-001")


def interval(seconds: int) -> dict[str, object]:
    return {"agent": {"push_interval": f"{seconds}s"}}


@pytest.fixture
def fleet(registry: Registry) -> list[str]:
    """A hundred agents of TH-001, of which the first is also the router."""
    names = [f"a-{number}" for number in range(100)]
    with registry.database.write() as session:
        session.add_all(
            Agent(id=name, unit="TH-001", key_hash="0" * 64, roles="router host" if name == "a-0" else "host",
                  version="1", os="linux", enrolled_at=datetime.now(UTC), stopped=False)
            for name in names
        )  # fmt: skip
    return names


def told_to(registry: Registry, agents: list[str]) -> dict[str, object]:
    return {agent: told(registry.database, "TH-001", agent).tables for agent in agents}


def test_what_is_staged_goes_to_the_same_share_and_the_others_keep_the_old(
    registry: Registry, fleet: list[str]
) -> None:
    database = registry.database
    put(database, DEFAULT, interval(15), "lan")
    put(database, DEFAULT, interval(5), "lan", percent=10)

    first = {agent for agent, tables in told_to(registry, fleet).items() if tables == interval(5)}
    assert first == {agent for agent in fleet if bucket(agent) < 10}
    assert told(database, "TH-001").tables == interval(15), "asked for nobody in particular: what all have"

    widen(database, DEFAULT, 50, "lan")
    more = {agent for agent, tables in told_to(registry, fleet).items() if tables == interval(5)}
    assert first < more < set(fleet)

    widen(database, DEFAULT, 100, "lan")
    assert set(map(str, told_to(registry, fleet).values())) == {str(interval(5))}
    assert [(each.number, each.staged) for each in standings(database)] == [(2, None)]


def test_shares_are_what_they_say() -> None:
    agents = [f"a-{number:012}" for number in range(10_000)]

    assert 900 < sum(bucket(agent) < 10 for agent in agents) < 1100
    assert {bucket(agent) for agent in agents} == set(range(100))


def test_taking_back_what_is_staged_leaves_the_rest_as_it_is(registry: Registry, fleet: list[str]) -> None:
    put(registry.database, UNIT, interval(15), "lan")
    put(registry.database, UNIT, interval(5), "lan", percent=99)

    assert roll_back(registry.database, UNIT, "lan") == 1
    assert set(map(str, told_to(registry, fleet).values())) == {str(interval(15))}


def test_going_back_passes_what_never_was_in_force_and_what_was_taken_back(registry: Registry) -> None:
    database = registry.database
    for seconds in (1, 2):
        put(database, UNIT, interval(seconds), "lan")
    put(database, UNIT, interval(3), "lan", percent=10)
    put(database, UNIT, interval(4), "lan")

    assert roll_back(database, UNIT, "lan") == 2
    put(database, UNIT, interval(5), "lan")
    assert [roll_back(database, UNIT, "lan") for _ in range(3)] == [2, 1, 0]
    assert in_force(database, UNIT) == {}
    with pytest.raises(ConfigLayerError, match="unit TH-001: nothing is set that could be taken back"):
        roll_back(database, UNIT, "lan")


def test_layers_lie_over_one_another_and_say_where_each_value_is_from(registry: Registry, fleet: list[str]) -> None:
    database = registry.database
    put(database, DEFAULT, {"agent": {"a": 1, "b": 1, "c": 1, "d": 1, "e": 1, "f": 1}}, "lan")
    put(database, Layer("district", "Quận Bắc"), {"agent": {"b": 2, "c": 2, "d": 2, "e": 2, "f": 2}}, "lan")
    put(database, UNIT, {"agent": {"c": 3, "d": 3, "e": 3, "f": 3}}, "lan")
    put(database, Layer("role", "host"), {"agent": {"d": 4, "e": 4, "f": 4}}, "lan")
    put(database, Layer("role", "router"), {"agent": {"e": 5, "f": 5}, "service": [{"name": "s", "url": "u"}]}, "lan")
    put(database, Layer("agent", "a-0"), {"agent": {"f": 6}}, "lan")

    router, computer = told(database, "TH-001", "a-0"), told(database, "TH-001", "a-1")

    assert router.tables["agent"] == {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": 6}
    assert router.origin == {
        "agent": {
            "a": "default, version 1", "b": "district Quận Bắc, version 1", "c": "unit TH-001, version 1",
            "d": "role host, version 1", "e": "role router, version 1", "f": "agent a-0, version 1",
        },
        "service": [{"name": "", "url": "role router, version 1"}],
    }  # fmt: skip
    assert computer.tables == {"agent": {"a": 1, "b": 2, "c": 3, "d": 4, "e": 4, "f": 4}}
    assert "agent a-0" not in computer.versions
    assert told(database, "THCS-002").tables["agent"]["c"] == 2


def test_the_history_says_who_set_what(registry: Registry) -> None:
    put(registry.database, DEFAULT, interval(1), "lan")
    put(registry.database, DEFAULT, interval(2), "minh")
    put(registry.database, DEFAULT, interval(3), "hoa", percent=5)

    told_of = [(each.number, each.who, each.state, each.tables) for each in history(registry.database, DEFAULT)]
    assert told_of == [
        (3, "hoa", "staged", interval(3)), (2, "minh", "in force", interval(2)), (1, "lan", "earlier", interval(1)),
    ]  # fmt: skip
    assert staged(registry.database, DEFAULT) == interval(3)


def test_old_versions_are_forgotten_but_not_what_is_in_force(registry: Registry) -> None:
    put(registry.database, DEFAULT, interval(1), "lan")
    for number in range(KEPT + 5):
        put(registry.database, DEFAULT, interval(number), "lan", percent=1)

    assert in_force(registry.database, DEFAULT) == interval(1)
    assert len(history(registry.database, DEFAULT)) == KEPT + 1


def test_what_was_in_force_before_many_tries_can_be_put_back(registry: Registry) -> None:
    put(registry.database, DEFAULT, interval(1), "lan")
    put(registry.database, DEFAULT, interval(2), "lan")
    for _ in range(KEPT + 5):
        put(registry.database, DEFAULT, interval(9), "lan", percent=1)
    put(registry.database, DEFAULT, interval(3), "lan")

    assert roll_back(registry.database, DEFAULT, "lan") == 2
    assert in_force(registry.database, DEFAULT) == interval(2)
    with pytest.raises(ConfigLayerError, match="version 1 is too old to be kept"):
        roll_back(registry.database, DEFAULT, "lan")
    assert in_force(registry.database, DEFAULT) == interval(2)


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (Layer("district", "Quận Xa"), "there is no unit in a district 'Quận Xa'"),
        (Layer("role", "spy"), "there is no role 'spy'; known are host, site, router"),
        (Layer("agent", "a-none"), "there is no agent 'a-none'"),
    ],
)
def test_a_layer_of_nobody_is_refused(registry: Registry, layer: Layer, words: str) -> None:
    with pytest.raises(ConfigLayerError, match=words):
        put(registry.database, layer, {}, "lan")
    with pytest.raises(UnknownUnitError):
        put(registry.database, Layer("unit", "TH-999"), {}, "lan")


def test_one_agent_is_not_staged(registry: Registry, fleet: list[str]) -> None:
    with pytest.raises(ConfigLayerError, match="one agent has no percentage"):
        put(registry.database, Layer("agent", "a-0"), {}, "lan", percent=10)
    with pytest.raises(ConfigLayerError, match="default: nothing is staged"):
        widen(registry.database, DEFAULT, 20, "lan")


def test_other_ways_to_set_make_a_version_too(registry: Registry) -> None:
    set_tables(registry.database, "TH-001", interval(5))
    set_tables(registry.database, None, interval(15))

    assert [(str(each.layer), each.number) for each in standings(registry.database)] == [
        ("default", 1),
        ("unit TH-001", 1),
    ]


def test_what_was_set_before_there_were_versions_is_the_first(url: str) -> None:
    database = Database(url)
    with database.write() as session:
        config = _alembic_config()
        config.attributes["connection"] = session.connection()
        command.upgrade(config, "0013")
        now = "'2026-11-24 08:00:00+00:00'"
        session.execute(text("INSERT INTO unit VALUES ('X1', 'N', 'D', 'primary', NULL, '{}')"))
        session.execute(text('INSERT INTO default_config VALUES (1, \'{"agent": {"a": 1}}\', ' + now + ")"))
        session.execute(text("INSERT INTO unit_config VALUES ('X1', '{\"agent\": {\"b\": 2}}', " + now + ")"))
        session.execute(
            text(
                "INSERT INTO agent (id, unit, key_hash, roles, version, os, enrolled_at, stopped)"
                f" VALUES ('a-1', 'X1', '{'0' * 64}', 'site', '1', 'linux', {now}, false)"
            )
        )

    database.upgrade()

    told_now = told(database, "X1", "a-1")
    assert (told_now.tables, told_now.versions) == ({"agent": {"a": 1, "b": 2}}, {"default": 1, "unit X1": 1})
    put(database, DEFAULT, {}, "lan")
    assert roll_back(database, DEFAULT, "lan") == 1
    assert in_force(database, DEFAULT) == {"agent": {"a": 1}}
    database.close()
