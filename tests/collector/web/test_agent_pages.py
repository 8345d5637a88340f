"""Agents by state and version, those of one's scope; taking one's right to push away."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

import httpx
import pytest
from haidang_collector.registry.facts import AgentFact, Sighting
from haidang_collector.registry.models import Agent
from haidang_collector.web.agent_rows import is_behind

from tests.collector.access.house import NEAR, House, inhabited
from tests.collector.running import client_of
from tests.collector.web.desk import BIDI, HOSTILE, Desk, assert_harmless
from tests.collector.web.reading import Page

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    yield from inhabited(tmp_path)


@pytest.fixture
def peopled(house: House) -> House:
    people(house)
    return house


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, Desk]]:
    """A city that stays as it is, and who only looks at it."""
    for house in inhabited(tmp_path_factory.mktemp("house")):
        people(house)
        yield house, Desk(house, "city", "reader")


@pytest.fixture
def reader(still: tuple[House, Desk]) -> Desk:
    """Who looks while the agent that is heard has just spoken: after 40 s it would be silent."""
    house, desk = still
    house.registry.record_seen({"a-heard": Sighting(time.time(), stopped=False)})
    return desk


def people(house: House) -> None:
    """An agent in every state."""
    for name, unit, more in (
        ("heard", "TH-001", {"seen": 3, "version": "99.0"}),
        ("silent", "TH-001", {"seen": 500, "version": "0.0.9", "roles": "router host"}),
        ("bye", "TH-002", {"seen": 9, "stopped": True, "os": "win32"}),
        ("never", "TH-002", {}),
        ("revoked", "TH-003", {"seen": 9, "revoked": True, "version": "0.0.1"}),
    ):
        add(house, name, unit, **more)


def add(
    house: House, name: str, unit: str, *, seen: float | None = None, stopped: bool = False, revoked: bool = False,
    version: str = "99.0", os: str = "linux", roles: str = "site",
) -> None:  # fmt: skip
    with house.database.write() as session:
        session.add(
            Agent(
                id=f"a-{name}", unit=unit, key_hash="0" * 64, roles=roles, version=version, os=os,
                enrolled_at=datetime.now(UTC), last_seen=None if seen is None else time.time() - seen, stopped=stopped,
                revoked_at=datetime.now(UTC) if revoked else None,
            )
        )  # fmt: skip


def listed(text: str) -> list[str]:
    return re.findall(r"a-(\w+)</span>", text)


def test_what_is_to_be_looked_at_comes_first(reader: Desk) -> None:
    text = reader.page("/agents")

    assert listed(text) == ["silent", "never", "bye", "heard", "revoked"]
    shown = Page(text).text
    for state in ("Silent", "Never heard yet", "Switched off in order", "Heard", "Revoked"):
        assert state in shown
    assert "0.0.9 older" in shown
    assert "0.0.1 older" not in shown, "a revoked one is nobody's work"


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("state=silent", ["silent"]),
        ("state=revoked", ["revoked"]),
        ("version=behind", ["silent"]),
        ("role=router", ["silent"]),
        ("os=win32", ["bye"]),
        ("q=TH-002", ["never", "bye"]),
        ("q=truong+a-heard", ["heard"]),
        ("district=Qu%E1%BA%ADn+3", ["revoked"]),
        ("q=%01%ff", ["silent", "never", "bye", "heard", "revoked"]),
        ("state=nothing", []),
    ],
)
def test_agents_are_found(reader: Desk, query: str, names: list[str]) -> None:
    assert listed(reader.page(f"/agents?{query}")) == names


def test_everybody_sees_those_of_their_scope(peopled: House) -> None:
    near = Desk(peopled, "near", "operator", district=NEAR)
    own = Desk(peopled, "own", "operator", unit="TH-002")

    assert listed(near.page("/agents")) == ["silent", "never", "bye", "heard"]
    assert listed(own.page("/agents")) == ["never", "bye"]
    assert near.get("/agents/revoke/a-revoked").status_code == 403
    assert near.get("/agents/revoke/a-nowhere").status_code == 403
    own.post("/agents/revoke/a-heard", {}, status=403)
    assert Desk(peopled, "city", "operator").get("/agents/revoke/a-nowhere").status_code == 404


def test_an_agent_is_revoked_after_asking(peopled: House) -> None:
    near = Desk(peopled, "near", "operator", district=NEAR)
    assert "Revoke this agent?" in near.page("/agents/revoke/a-heard")
    near.post("/agents/revoke/a-heard", {"csrf": "forged"}, status=403)

    answer = near.send("/agents/revoke/a-heard", {})

    assert answer.headers["location"] == "/agents?q=TH-001"
    assert [agent.agent for agent in peopled.registry.agents() if agent.revoked] == ["a-heard", "a-revoked"]
    assert peopled.deeds("agent") == [("near", "agent.revoked", "a-heard")]
    assert "It is revoked already" in near.page("/agents/revoke/a-heard")


def test_readers_revoke_nothing(peopled: House) -> None:
    reader = Desk(peopled, "reader", "reader")

    assert "/agents/revoke" not in reader.page("/agents")
    assert reader.get("/agents/revoke/a-heard").status_code == 403
    reader.post("/agents/revoke/a-heard", {}, status=403)


def test_what_agents_say_of_themselves_is_text(house: House) -> None:
    for number, value in enumerate((HOSTILE, "javascript:alert(1)", BIDI)):
        add(house, str(number), "TH-001", seen=3, version=value, os=value, roles=f"site {value}")
    desk = Desk(house, "city", "operator")

    assert_harmless(desk.page("/agents"))
    for number in range(3):
        assert_harmless(desk.page(f"/agents/revoke/a-{number}"))


@pytest.mark.parametrize(
    ("version", "newest", "behind"),
    [
        ("0.9", "0.10", True),
        ("0.10.0", "0.9.9", False),
        ("1.0", "1.0.1", True),
        ("1.0.1", "1.0.1+local.5", False),
        ("unknown", "1.0", False),
        ("9" * 400, "1.0", False),
    ],
)
def test_versions_are_told_apart_as_numbers(version: str, newest: str, behind: bool) -> None:
    since = datetime.now(UTC)
    agent = AgentFact("a-x", "TH-001", NEAR, ("site",), version, "linux", since, None, stopped=False, revoked=False)

    assert is_behind(agent, newest) == behind


class Counted:
    """A store that tells what collectors counted against agents; `away`: it does not answer."""

    def __init__(self) -> None:
        self.away = False
        self.told = [("a-silent", "rate", 61.4), ("a-silent", "label", 0.2), ("a-revoked", "malformed", 7.0)]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.away:
            return httpx.Response(503)
        left_out = re.search(r'reason![=~]"([^"]*)"', unquote_plus(request.content.decode()))
        result = [
            {"metric": {"agent": agent, "reason": reason}, "value": [time.time(), str(times)]}
            for agent, reason, times in self.told
            if not (left_out and re.fullmatch(left_out[1], reason))
        ]
        return httpx.Response(200, json={"status": "success", "data": {"resultType": "vector", "result": result}})


def test_who_is_refused_is_named_first_and_unknown_is_said(tmp_path: Path) -> None:
    house, store = House(tmp_path), Counted()
    people(house)
    try:
        with client_of(house.settings, store=httpx.MockTransport(store)) as house.client:
            near = Desk(house, "near", "operator", district=NEAR)
            text = near.page("/agents")
            assert listed(text)[0] == "silent"
            assert "revoked" not in listed(text), "it is another district's"
            shown = Page(text).text
            assert re.search(r"(?<!\d)1\W+Refused within the hour", shown)
            assert "refused within the hour: 62 (too many requests or measurements, labels that cannot be)" in shown
            assert listed(near.page("/agents?refused=1")) == ["silent"]

            store.told.append(("a-heard", "rate", 500.0))
            assert listed(near.page("/agents"))[:2] == ["heard", "silent"]

            store.told = [("a-heard", "too_old", 3.0), ("a-silent", "store_refused", 9.0)]
            old = Page(near.page("/agents?refused=1")).text
            assert "refused within the hour: 3 (too old: may be a sound agent after a long absence)" in old
            assert "its clock" in old
            assert "no sound agent sends" not in old
            assert listed(near.page("/agents?refused=1")) == ["heard"]

            store.away = True
            away = near.page("/agents")
            assert "Which agents are refused is not known now" in Page(away).text
            assert "Refused within the hour" not in away
    finally:
        house.registry.close()
