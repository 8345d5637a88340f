"""Echoes by a gateway's MAC, in namespaces: no route is needed, and only what answers our own question counts."""

from __future__ import annotations

import select
import socket
import subprocess
import sys
import time
from contextlib import closing
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from haidang_agent.platform.packet import GatewayEcho, checksum
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.namespaces import Namespace, open_files
from tests.lab import Node

if TYPE_CHECKING:
    from collections.abc import Iterator

OWN, GATEWAY = IPv4Address("10.9.0.1"), IPv4Address("10.9.0.2")
BEYOND = "198.51.100.9"
ODD_GATEWAY = Path(__file__).with_name("odd_gateway.py")
OPEN_ONE = (
    "from ipaddress import IPv4Address as A; from haidang_agent.platform.packet import GatewayEcho; "
    "GatewayEcho('lan0', A('10.9.0.1'), A('10.9.0.2'))"
)


class Line(NamedTuple):
    """The router (`agent`, which has no default route) and the ISP's gateway, joined without a switch.

    A Linux bridge may take the padding off what it passes on.
    """

    agent: Namespace
    gateway: Namespace


@pytest.fixture(scope="module")
def lan() -> Iterator[Line]:
    with Namespace() as agent, Namespace() as gateway:
        agent.ip("link", "add", "lan0", "type", "veth", "peer", "name", "lan0", "netns", gateway.name)
        for number, machine in enumerate((agent, gateway), start=1):
            machine.ip("link", "set", "lan0", "address", f"02:00:00:00:00:{number:02x}", "up")
            machine.ip("address", "add", f"10.9.0.{number}/28", "dev", "lan0")
        gateway.ip("address", "add", f"{BEYOND}/32", "dev", "lo")
        yield Line(agent, gateway)


@pytest.fixture
def echo(lan: Line) -> Iterator[GatewayEcho]:
    with Node(lan.agent.name).inside():
        made = GatewayEcho("lan0", OWN, GATEWAY)
    with closing(made):
        yield made


def heard(echo: GatewayEcho, *, seconds: float = 6.0) -> list[int]:
    """What comes first."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        select.select(echo.sockets(), [], [], left)
        if found := echo.replies():
            return [number for number, _ in found]
    return []


def find_gateway(echo: GatewayEcho) -> None:
    echo.ask_gateway()
    deadline = time.monotonic() + 6
    while echo.gateway_answered is None and time.monotonic() < deadline:
        select.select(echo.sockets(), [], [], 0.5)
        echo.replies()
    assert echo.gateway_answered is not None


def test_an_echo_goes_where_no_route_leads(lan, echo):
    assert "default" not in lan.agent.ip("route")
    find_gateway(echo)
    number = echo.send(BEYOND)

    assert heard(echo) == [number]


def test_before_the_gateway_has_answered_nothing_leaves(echo):
    with pytest.raises(OSError, match="the gateway on lan0 has not answered ARP"):
        echo.send(BEYOND)


def test_neither_firewall_nor_connection_tracking_of_the_router_has_a_say(lan, echo):
    lan.agent.drop("ip saddr 198.51.100.0/24")
    try:
        find_gateway(echo)
        number = echo.send(BEYOND)

        assert heard(echo) == [number]
    finally:
        lan.agent.accept_all()


def test_a_gateway_with_another_mac_is_found_when_it_is_asked_for_again(lan, echo):
    """The ISP has changed its device."""
    gateway = lan.gateway
    find_gateway(echo)
    gateway.ip("link", "set", "lan0", "address", "02:00:00:00:00:99")
    try:
        echo.send(BEYOND)
        assert heard(echo, seconds=0.3) == []
        before = echo.gateway_answered
        echo.ask_gateway()
        while echo.gateway_answered == before:
            assert select.select(echo.sockets(), [], [], 2)[0]
            echo.replies()
        number = echo.send(BEYOND)

        assert heard(echo) == [number]
    finally:
        gateway.ip("link", "set", "lan0", "address", "02:00:00:00:00:02")


def test_an_interface_that_goes_down_and_comes_back_is_used_again(lan, echo):
    find_gateway(echo)
    lan.agent.ip("link", "set", "lan0", "down")
    try:
        with pytest.raises(OSError, match="Network is down"):
            echo.send(BEYOND)
        assert echo.replies() == []
    finally:
        lan.agent.ip("link", "set", "lan0", "up")
    number = echo.send(BEYOND)

    assert heard(echo) == [number]


def test_two_on_one_interface_do_not_hear_each_other(lan, echo):
    """As with the agent and `haidang-agent wan` beside it."""
    with Node(lan.agent.name).inside():
        other = GatewayEcho("lan0", OWN, GATEWAY)
    with closing(other):
        for each in (echo, other):
            find_gateway(each)
        number = echo.send(BEYOND)

        assert heard(echo) == [number]
        assert other.replies() == []


@pytest.fixture
def odd(lan: Line) -> Iterator[None]:
    """The gateway's own system is silent; a program answers in its place."""
    gateway = lan.gateway
    gateway.sysctl("net.ipv4.icmp_echo_ignore_all", "1")
    with subprocess.Popen(
        gateway.command(sys.executable, "-IS", str(ODD_GATEWAY), "lan0"), stdout=subprocess.PIPE
    ) as responder:
        try:
            assert responder.stdout.readline() == b"ready\n"
            yield
        finally:
            responder.kill()
            gateway.sysctl("net.ipv4.icmp_echo_ignore_all", "0")


@pytest.mark.usefixtures("odd")
@pytest.mark.parametrize(("target", "times"), [(1, 1), (5, 5), (6, 1)], ids=["padded", "five times", "IP options"])
def test_an_answer_counts_however_it_is_packed(echo, target, times):
    """Ethernet pads the 44 bytes of ours to 46."""
    find_gateway(echo)
    number = echo.send(f"198.51.100.{target}")

    found = heard(echo)
    while len(found) < times:
        found += heard(echo)
    assert found == [number] * times


@pytest.mark.usefixtures("odd")
@pytest.mark.parametrize("target", [2, 3, 7], ids=["cut short", "other text", "a request"])
def test_what_is_no_answer_to_us_is_passed_over(echo, target):
    find_gateway(echo)
    echo.send(f"198.51.100.{target}")
    number = echo.send("198.51.100.1")

    assert heard(echo) == [number]


def test_without_the_capability_it_is_refused(lan):
    done = subprocess.run(
        lan.agent.command("setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw", sys.executable, "-c", OPEN_ONE),
        check=False, capture_output=True, text=True,
    )  # fmt: skip

    assert done.stderr.splitlines()[-1] == "PermissionError: [Errno 1] Operation not permitted"


def test_on_an_interface_that_is_not_there_it_is_refused_and_nothing_left_open(lan):
    before = open_files()
    with Node(lan.agent.name).inside(), pytest.raises(OSError, match="No such device"):
        GatewayEcho("gone0", OWN, GATEWAY)

    assert open_files() == before


def test_numbers_go_round(lan, echo):
    find_gateway(echo)
    echo._sequence = 65534

    assert [echo.send(BEYOND) for _ in range(3)] == [65535, 0, 1]


def test_a_flood_does_not_keep_it_from_other_work(lan, echo):
    """At most so many are read at once."""
    find_gateway(echo)
    for _ in range(600):
        echo.send(BEYOND)
    select.select(echo.sockets(), [], [], 2)
    found = [len(echo.replies()) for _ in range(10)]

    assert max(found) <= 256


@given(st.binary(max_size=60).filter(lambda noise: len(noise) % 2 == 0))
def test_a_packet_with_its_checksum_sums_to_zero(packet):
    """RFC 1071, section 1."""
    assert checksum(packet + checksum(packet).to_bytes(2)) in (0, 0xFFFF)
    assert checksum(packet) == socket.htons(checksum(_swapped(packet)))


def _swapped(packet: bytes) -> bytes:
    """The sum does not depend on the byte order (section 2)."""
    return b"".join(packet[at : at + 2][::-1] for at in range(0, len(packet), 2))
