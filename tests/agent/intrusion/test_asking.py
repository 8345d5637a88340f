"""When the agent asks at once who gives out addresses, so that a rogue is told soon although it asks hourly."""

from __future__ import annotations

import subprocess
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from haidang_agent.intrusion.asking import HEARD_SECONDS, STRANGE_SECONDS, Asking
from haidang_agent.lanwatch.frames import dissect
from haidang_agent.lanwatch.pcap import Packet
from haidang_agent.lanwatch.watch import Watch

from tests.agent.intrusion.watched import Watched
from tests.agent.lanwatch.building import EVERYBODY, bootp, datagram, dhcp_client, dhcp_server, ip, mac
from tests.agent.lanwatch.test_real_lan import FIRST, SECOND, dnsmasq
from tests.agent.namespaces import Lan

if TYPE_CHECKING:
    from pathlib import Path

OWN, PC, OTHER_PC = "3c:52:82:00:00:01", "00:1f:16:00:10:02", "00:1f:16:00:10:03"
OURS, ROGUE = ("02:00:00:00:00:02", "10.77.1.1"), ("02:00:00:00:00:03", "192.168.5.1")
DISCOVER, REQUEST, ACK, INFORM = 1, 3, 5, 8
TOLD_SECONDS = 45


class Wire:
    """A watch with one known server that was heard of at 0 seconds."""

    def __init__(self) -> None:
        self.watch = Watch()
        self.watch.lan.own = frozenset([mac(OWN)])
        self._asking = Asking(self.watch.lan)
        self.is_reason(0, dhcp_server(ACK, 1, PC, OURS))

    def is_reason(self, at: float, data: bytes) -> bool:
        frame = dissect(Packet(1, at, 1, 1, len(data), data))
        assert frame
        list(self.watch.feed(frame))
        return self._asking.is_reason(frame)


def takes(server: tuple[str, str], client: str = PC) -> bytes:
    """A client's REQUEST for what this server has offered (RFC 2131, section 4.3.2, selecting)."""
    return dhcp_client(REQUEST, 7, client, options=[(54, ip(server[1]))])


def unicast(client: str) -> bytes:
    return datagram((client, "0.0.0.0", 68), (OURS[0], OURS[1], 67), bootp(DISCOVER, 1, client))


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (takes(ROGUE), True),
        (takes(OURS), False),
        (takes(ROGUE, OWN), False),
        (dhcp_client(REQUEST, 1, PC), False),
        (dhcp_client(INFORM, 1, PC, options=[(54, ip(ROGUE[1]))]), False),
        (dhcp_client(DISCOVER, 1, OTHER_PC), True),
        (dhcp_client(DISCOVER, 1, OWN), False),
        (unicast(OTHER_PC), False),
        (dhcp_server(ACK, 1, PC, ROGUE), False),
        (datagram((PC, "10.0.0.3", 9), (EVERYBODY, "255.255.255.255", 9), b"x"), False),
    ],
)
def test_what_is_a_reason(frame: bytes, *, expected: bool) -> None:
    assert Wire().is_reason(1, frame) is expected


def test_a_server_is_known_as_long_as_it_was_heard_of_lately() -> None:
    wire = Wire()

    assert not wire.is_reason(HEARD_SECONDS - 1, takes(OURS))
    assert wire.is_reason(HEARD_SECONDS + 1, takes(OURS))


def test_a_client_is_a_stranger_once_a_day() -> None:
    wire, asks = Wire(), dhcp_client(DISCOVER, 1, PC)
    times = [1, 2, STRANGE_SECONDS, 3 * STRANGE_SECONDS]

    assert [wire.is_reason(at, asks) for at in times] == [True, False, False, True]


def test_in_another_network_the_same_address_is_another_server() -> None:
    data = takes(OURS)
    tagged = data[:12] + bytes.fromhex("81000014") + data[12:]

    assert Wire().is_reason(1, tagged)


@pytest.mark.timeout(300)
def test_a_rogue_is_told_in_time_although_the_agent_asks_hourly(tmp_path: Path) -> None:
    """Its answers to the PC do not reach the agent's port of the switch; what the PC asks for does."""
    with Lan(pcs=3) as lan, ExitStack() as stack:
        dnsmasq(lan.pcs[0], "10.77.1.1", stack)
        watched = stack.enter_context(Watched(lan.agent, tmp_path, dhcp_ask_every_seconds=3600, bait_every_seconds=0))
        watched.until("the school's own server is known", lambda told: told.dhcp_servers == ["10.77.1.1"])
        dnsmasq(lan.pcs[1], "192.168.5.1", stack)
        words = ("udhcpc", "-f", "-n", "-t", "10", "-i", "lan0", "-s", "/bin/true")
        client = stack.enter_context(subprocess.Popen(lan.pcs[2].command(*words), stderr=subprocess.DEVNULL))
        stack.callback(client.kill)
        told = watched.until("the rogue is told", lambda told: told.open, seconds=TOLD_SECONDS)

    assert [(case["kind"], case["subject"]["mac"], case["subject"]["known_mac"]) for case in told.open] == [
        ("rogue_dhcp", SECOND, FIRST)
    ]
