"""Open ports of real sockets in namespaces; exceptions; whom nobody may look at; what is remembered."""

from __future__ import annotations

import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import pytest
from haidang_agent.intrusion.check import Site
from haidang_agent.intrusion.checks.risky_port import CHECK, open_ports, run
from haidang_agent.intrusion.devices import Device, Rounds
from haidang_agent.intrusion.settings import Settings
from haidang_agent.probe import Host, Memory, ProbeError

from tests.agent.intrusion.looking import look
from tests.agent.namespaces import Lan, Namespace

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVICES = Path(__file__).with_name("services.py")
CAMERA = ("02:00:00:00:00:02", "10.9.0.2", "camera")
PC = ("02:00:00:00:00:03", "10.9.0.3", "computer")
ROUTER = ("02:00:00:00:00:03", "10.9.0.3", "network")


@contextmanager
def offering(machine: Namespace, *ports: str) -> Iterator[subprocess.Popen[str]]:
    command = machine.command(sys.executable, str(SERVICES), *ports)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process
        finally:
            process.kill()


@pytest.fixture(scope="module")
def lan() -> Iterator[Lan]:
    with Lan(pcs=2) as made:
        yield made


def test_open_services_are_told_by_service_and_worse_on_cameras_and_routers(lan: Lan) -> None:
    with offering(lan.pcs[0], "23", "80", "9999") as camera, offering(lan.pcs[1], "23", "445"):
        looked = look(lan.agent, "risky_port", devices=[CAMERA, PC])
        lines = [camera.stdout.readline() for _ in range(2)] if camera.stdout else []

    assert {key[0]: severity for key, (severity, _) in looked.found.items()} == {
        "Telnet": "critical", "SMB": "info", "HTTP administration": "info",
    }  # fmt: skip
    assert looked.found["Telnet",][1] == "Telnet is open to the whole network at 10.9.0.2 (camera), 10.9.0.3 (computer)"
    assert sorted(lines) == ["23 0\n", "80 0\n"], "connected once each, and nothing was sent"


def test_telnet_of_a_pc_alone_is_a_warning_and_what_is_closed_is_none(lan: Lan) -> None:
    with offering(lan.pcs[1], "2323"):
        assert look(lan.agent, "risky_port", devices=[CAMERA, PC]).found == {
            ("Telnet",): ("warning", "Telnet is open to the whole network at 10.9.0.3 (computer)")
        }


def test_a_router_that_opens_ports_by_upnp(lan: Lan) -> None:
    with offering(lan.pcs[1], "upnp"):
        assert list(look(lan.agent, "risky_port", devices=[ROUTER]).found) == [("UPnP port opening",)]
        assert look(lan.agent, "risky_port", devices=[PC]).found == {}, "a PC is not asked"


@pytest.mark.parametrize(
    ("allowed", "left"),
    [
        (["445"], {"Telnet"}),
        (["10.9.0.3"], set()),
        (["10.9.0.0/24:23"], {"SMB"}),
        (["10.9.0.3:23", "10.9.0.3:445"], set()),
        (["10.9.0.2"], {"Telnet", "SMB"}),
    ],
)
def test_exceptions(lan: Lan, allowed, left) -> None:
    with offering(lan.pcs[1], "23", "445"):
        looked = look(lan.agent, "risky_port", devices=[PC], risky_ports_allowed=allowed)

    assert {key[0] for key in looked.found} == left


def test_an_exception_that_cannot_be_read_is_named(lan: Lan) -> None:
    looked = look(lan.agent, "risky_port", devices=[PC], risky_ports_allowed=["printer:23"])

    assert looked.problem.startswith("misconfigured: risky_ports_allowed 'printer:23'")


def test_only_other_devices_of_the_own_subnets_are_looked_at(lan: Lan) -> None:
    strangers = [("02:00:00:00:00:09", "203.0.113.9", "computer"), ("02:00:00:00:00:01", "10.9.0.1", "computer")]
    looked = look(lan.agent, "risky_port", devices=strangers)

    assert (looked.found, looked.memory["intrusion_risky_port"]) == ({}, {})


def test_a_device_is_looked_at_once_a_day_and_what_it_showed_holds_meanwhile(lan: Lan) -> None:
    with offering(lan.pcs[1], "23"):
        first = look(lan.agent, "risky_port", devices=[PC])
    again = look(lan.agent, "risky_port", devices=[PC], memory=first.memory)
    off = look(lan.agent, "risky_port", devices=[], memory=first.memory)
    next_day = look(lan.agent, "risky_port", devices=[PC], memory=first.memory, risky_ports_every_seconds=0.001)

    assert first.found == again.found == off.found != {}
    assert next_day.found == {}


def test_without_the_probe_lan_nothing_is_known() -> None:
    with pytest.raises(ProbeError, match="the probe lan has not told yet"):
        run(Site(Settings(), Host(), (), Event()))


def test_it_can_be_switched_off() -> None:
    assert CHECK.every(Settings(risky_ports_every_seconds=0)) == 0
    assert CHECK.every(Settings()) == 60


def test_many_devices_take_turns_and_are_forgotten_in_time() -> None:
    memory, now = Memory(), 1e9
    devices = [
        Device(f"00:0c:29:00:{n >> 8:02x}:{n & 255:02x}", f"10.0.{n >> 8}.{n & 255}", "other") for n in range(30)
    ]
    phone = Device("da:a1:19:00:00:07", "10.0.0.200", "phone")
    seen: list[Device] = []
    for turn in range(4):
        rounds = Rounds(memory, "turns")
        due = rounds.due(devices, now + turn, 86400)
        for device in due:
            rounds.note(device, ["23"], now + turn)
        rounds.keep(devices, now + turn)
        seen += due
    assert sorted(seen) == sorted(devices)

    rounds = Rounds(memory, "turns")
    rounds.note(phone, ["23"], now)
    rounds.keep(devices[:10], now + 2 * 86400)
    assert len(list(rounds.shown())) == 30
    rounds.keep(devices[:10], now + 8 * 86400)
    assert len(list(rounds.shown())) == 10


def test_a_silent_host_is_not_waited_for_long() -> None:
    began = time.monotonic()
    with Namespace():
        assert open_ports("192.0.2.1", [23, 80]) == set()
    assert time.monotonic() - began < 20
