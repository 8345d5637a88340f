"""The `place` probe: by agent.toml, and by the roll call across a router between two VLANs, in network namespaces."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path
from typing import Self

import pytest
from haidang_agent.config import Config
from haidang_agent.probe import Host, MachineTime, Memory, ProbeError, Watch
from haidang_agent.probes.place import PROBE, Place, Settings
from haidang_agent.rollcall.asking import Answer, call
from haidang_agent.runner import Runner
from haidang_agent.tables import Agent, Privacy, Seconds

from tests.lab import Node
from tests.lab.node import add_namespaces, cable, remove_namespaces
from tests.servers import free_port

KEY = bytes(range(32))
PC, PC_BY_WIFI = IPv4Address("10.20.2.2"), IPv4Address("10.20.3.2")
INFO, LISTENING = "school_machine_info", "haidang_rollcall_listening"
PORT = free_port()
ON_LOOPBACK = Settings(listen=f"127.0.0.1:{PORT}")


def told(place: Place) -> dict[tuple[str, ...], float]:
    return {(metric.name, *labels): value for metric, value, labels in place.collect()}


@contextmanager
def running(settings: Settings = ON_LOOPBACK, host: Host | None = None, **watch: object) -> Iterator[Place]:
    """A machine whose unit's key is known, unless `watch` says otherwise."""
    host = host or Host(watch=Watch(roles=("host",), **({"unit_key": KEY} | watch)))
    place = PROBE.start(settings, host)
    try:
        yield place
    finally:
        place.close()


def with_mainboard(sys: Path, serial: str) -> Path:
    """A /sys whose mainboard has this serial number, and whose one network card is a physical one."""
    for file, text in {
        "class/dmi/id/product_uuid": "4c4c4544-0039-3510-8056-b7c04f4a3032",
        "class/dmi/id/board_serial": serial,
        "class/net/eth0/type": "1",
        "class/net/eth0/addr_assign_type": "0",
        "class/net/eth0/address": "3c:52:82:01:02:03",
        "class/net/eth0/device/vendor": "0x8086",
    }.items():
        (sys / file).parent.mkdir(parents=True, exist_ok=True)
        (sys / file).write_text(text + "\n")
    return sys


class Vlans:
    """The site's agent at 10.20.1.2, a PC at 10.20.2.2 and at another address, and the router between them."""

    def __init__(self) -> None:
        self.site, self.router, self.pc = (Node(f"hd-{os.getpid()}-{name}") for name in ("site", "router", "pc"))
        self._nodes = (self.site, self.router, self.pc)

    def __enter__(self) -> Self:
        add_namespaces(self._nodes)
        for vlan, node in enumerate((self.site, self.pc), start=1):
            node.ip(
                cable("eth0", f"vlan{vlan}", self.router),
                f"addr add 10.20.{vlan}.2/24 dev eth0",
                "link set eth0 up",
                f"route add default via 10.20.{vlan}.1",
            )
            self.router.ip(f"addr add 10.20.{vlan}.1/24 dev vlan{vlan}", f"link set vlan{vlan} up")
        self.pc.ip(f"addr add {PC_BY_WIFI}/32 dev lo")
        self.router.ip(f"route add {PC_BY_WIFI} via {PC}")
        self.router.sysctl({"ipv4/ip_forward": "1"})
        return self

    def __exit__(self, *_: object) -> None:
        remove_namespaces(self._nodes)

    def call(self, lab: str, key: bytes = KEY, address: IPv4Address = PC, *, seconds: float = 20.0) -> list[Answer]:
        """The site's agent calls the roll; it is done once it has heard of all."""
        with self.site.inside():
            return call({address: lab}, key, MachineTime(), timeout_seconds=seconds)


@pytest.fixture(scope="module")
def vlans() -> Iterator[Vlans]:
    with Vlans() as built:
        yield built


def test_what_nobody_told_is_empty() -> None:
    with running(unit_key=b"") as place:
        assert told(place) == {(INFO, "", ""): 1}


def test_agent_toml_tells_room_and_use_and_other_probes_hear_it() -> None:
    host = Host(watch=Watch(use="management", room="lab-1"))
    with running(host=host) as place:
        assert told(place) == {(INFO, "lab-1", "management"): 1}
    assert host.evidence.ask("place") == {"lab": "lab-1", "use": "management"}


def test_the_sites_agent_learns_which_machine_it_is_and_tells_it_its_room(vlans, tmp_path) -> None:
    host = Host(sys=with_mainboard(tmp_path, "BRD90817"), watch=Watch(unit_key=KEY))
    with vlans.pc.inside(), running(Settings(), host) as place:
        assert told(place) == {(INFO, "", ""): 1, (LISTENING,): 1}
        (answer,) = vlans.call("Phòng máy 1")
        assert told(place) == {(INFO, "Phòng máy 1", ""): 1, (LISTENING,): 1}

    assert answer == Answer(PC, answer.machine, strong=True, macs=("3c:52:82:01:02:03",), lab="")
    assert answer.machine


def test_another_system_and_another_card_are_the_same_machine(vlans, tmp_path) -> None:
    """What ties a dual boot and a replaced network card together."""
    machines = set()
    for system in ("windows", "linux"):
        sys = with_mainboard(tmp_path / system, "BRD90817")
        (sys / "class/net/eth0/address").write_text(f"00:1b:21:00:00:{len(machines):02x}\n")
        with vlans.pc.inside(), running(Settings(), Host(sys=sys, watch=Watch(unit_key=KEY))) as place:
            told(place)
            machines |= {(answer.machine, answer.strong) for answer in vlans.call("")}

    assert len(machines) == 1
    assert machines.pop()[1]


def test_it_answers_under_the_address_it_was_asked_at(vlans) -> None:
    """A PC by cable and Wi-Fi at once sends everything by one of them, and answers from elsewhere do not count."""
    with vlans.pc.inside(), running(Settings()) as place:
        told(place)

        assert [answer.address for answer in vlans.call("", address=PC_BY_WIFI)] == [PC_BY_WIFI]


def test_its_own_agent_toml_has_the_last_word(vlans) -> None:
    with vlans.pc.inside(), running(Settings(), room="lab-9") as place:
        told(place)
        (answer,) = vlans.call("lab-1")
        assert (INFO, "lab-9", "") in told(place)

    assert answer.lab == "lab-9"


def test_the_room_is_remembered_until_the_site_says_another_thing(vlans) -> None:
    memory = Memory()
    host = Host(memory=memory, watch=Watch(unit_key=KEY))
    with vlans.pc.inside(), running(Settings(), host) as place:
        told(place)
        vlans.call("lab-1")
    again = Host(memory=Memory(memory.copy()), watch=Watch(unit_key=KEY))
    with vlans.pc.inside(), running(Settings(), again) as place:
        assert (INFO, "lab-1", "") in told(place)
        vlans.call("")
        assert (INFO, "", "") in told(place)


def test_another_schools_agent_hears_nothing_and_says_nothing(vlans) -> None:
    with vlans.pc.inside(), running(Settings()) as place:
        told(place)
        assert vlans.call("lab-1", key=bytes(32), seconds=0.5) == []
        assert (INFO, "", "") in told(place)


@pytest.mark.parametrize("settings", [Settings(listen=""), Settings()], ids=["off", "no key"])
def test_it_does_not_listen_unless_it_is_to_and_can(vlans, settings: Settings) -> None:
    key = KEY if not settings.listen else b""
    with vlans.pc.inside(), running(settings, unit_key=key) as place:
        assert told(place) == {(INFO, "", ""): 1}
        assert vlans.call("lab-1", seconds=0.5) == []


def test_a_taken_port_is_told_and_taken_once_it_is_free(caplog) -> None:
    with running() as place:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
            other.bind(("127.0.0.1", PORT))
            assert told(place) == told(place) == {(INFO, "", ""): 1, (LISTENING,): 0}
        assert told(place) == {(INFO, "", ""): 1, (LISTENING,): 1}

    assert [record.getMessage() for record in caplog.records] == [
        f"the roll call cannot be answered on UDP 127.0.0.1:{PORT}: [Errno 98] Address already in use"
    ]


def test_the_port_is_free_when_the_probe_is_closed_even_if_it_is_asked_once_more() -> None:
    with running() as place:
        told(place)
    told(place)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", PORT))


@pytest.mark.parametrize("listen", ["9811", "localhost:9811", "0.0.0.0:0", "0.0.0.0:65536", "[::]:9811", "1.2.3.4:x"])
def test_an_address_that_is_none_is_named(listen: str) -> None:
    with pytest.raises(ProbeError, match=r"misconfigured: \[probes.place\] listen = .*; write as 0.0.0.0:9811"):
        PROBE.start(Settings(listen=listen), Host())


def test_the_configuration_reaches_the_probe_and_the_key_nobody_else() -> None:
    agent = Agent(roles=("host",), push_interval=Seconds(1), use="teaching", lab="lab-1")
    config = Config(agent=agent, privacy=Privacy(unit_key=KEY.hex()), probes={"place": ON_LOOPBACK})
    runner = Runner({"place": PROBE}, config, Host())
    try:
        samples = {sample.metric.name: sample for sample in runner.run("place").samples}
    finally:
        runner.close()

    assert samples[INFO].labels == ("lab-1", "teaching")
    assert samples[LISTENING].value == 1
    assert not any(KEY.hex() in repr(thing) or repr(KEY) in repr(thing) for thing in (config, runner._host.watch))
