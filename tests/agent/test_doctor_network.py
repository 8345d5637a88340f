"""The doctor in networks that lack something: no way out, a silent router, a firewall, a taken port."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from haidang_agent.config import Config
from haidang_agent.doctor_school import school
from haidang_agent.rollcall.message import PORT
from haidang_agent.tables import Agent, Lab, Privacy

from tests.agent.namespaces import Namespace, addresses, run

if TYPE_CHECKING:
    from collections.abc import Iterator

AGENT = Path(sys.executable).parent / "haidang-agent"
DROP = """table inet t {{
chain i {{
type filter hook input priority 0; policy drop;
ct state established accept
{rule}
}}
}}
"""


@pytest.fixture
def place() -> Iterator[Namespace]:
    with Namespace() as namespace:
        yield namespace


def told(namespace: Namespace, folder: Path) -> dict[str, dict[str, Any]]:
    """What the doctor of a machine there says, by check."""
    file = folder / "agent.toml"
    file.write_text(f'[agent]\nroles = ["host"]\nstate_dir = "{folder}"\n', encoding="utf-8")
    command = namespace.command("sh", "-c", f"{AGENT} doctor --json --config {file} || true")
    return {each["check"]: each for each in json.loads(run(*command))["doctor"]}


def test_no_way_out(place: Namespace, tmp_path: Path) -> None:
    found = told(place, tmp_path)["default route"]

    assert (found["state"], found["found"]) == ("warn", "there is none")


def test_a_router_that_does_not_answer(place: Namespace, tmp_path: Path) -> None:
    addresses(["10.9.0.1/24"], place)
    place.ip("route", "add", "default", "via", "10.9.0.254")

    found = told(place, tmp_path)["default route"]

    assert (found["state"], found["found"]) == ("warn", "the router 10.9.0.254 does not answer")


@pytest.mark.parametrize(
    ("rules", "state"),
    [
        ("", "ok"),
        (DROP.format(rule="tcp dport 22 accept"), "warn"),
        (DROP.format(rule="udp dport { 53, 9811 } accept"), "ok"),
    ],
    ids=["none", "closed", "let in"],
)
def test_a_firewall_that_keeps_the_roll_call_out(place: Namespace, tmp_path: Path, rules: str, state: str) -> None:
    if rules:
        place.nft(rules)

    assert told(place, tmp_path)["firewall"]["state"] == state


def of_school(config: Config, samples: Any = None) -> dict[str, tuple[str, str]]:
    """State and case by check, of a machine that is enrolled and answers the roll call."""
    found = school(config, samples, enrolled=True, in_roll_call=True)
    return {each.check: (each.state, each.case) for each in found}


def test_a_room_that_nobody_registered() -> None:
    own = Agent(lab="Phòng 2")

    assert of_school(Config(agent=own))["computer room"] == ("warn", "room_unknown")
    assert of_school(Config(agent=own, lab=(Lab("Phòng 2"),)))["computer room"] == ("ok", "")
    assert of_school(Config(lab=(Lab("Phòng 2"),)))["computer room"] == ("ok", "")
    assert of_school(Config())["computer room"] == ("ok", "no_rooms")


def test_a_room_that_cannot_be_read() -> None:
    faulty = school(Config(lab=(Lab("A", vlan=9999), Lab("B"))), None, enrolled=False, in_roll_call=False)

    assert [(each.state, each.case) for each in faulty] == [("warn", "room_faulty"), ("ok", "")]


def test_the_units_key_is_known_or_not_and_never_shown() -> None:
    key = "ab" * 32
    config = Config(privacy=Privacy(unit_key=key))

    assert of_school(Config())["unit key"] == ("warn", "no_unit_key")
    assert of_school(config)["unit key"] == ("ok", "")
    assert not any(key in repr(each) for each in school(config, None, enrolled=True, in_roll_call=True))


def test_another_program_on_the_roll_calls_port() -> None:
    listening = {"haidang_rollcall_listening": {(): 0.0}}

    assert of_school(Config(), listening)["roll call"] == ("warn", "roll_call_taken")
    assert of_school(Config(), {"haidang_rollcall_listening": {(): 1.0}})["roll call"] == ("ok", "")
    assert "roll call" not in of_school(Config(), {})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("0.0.0.0", PORT))
        assert of_school(Config())["roll call"] == ("warn", "roll_call_taken")
