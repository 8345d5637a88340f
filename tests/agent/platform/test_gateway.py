"""Whether the default gateway is there, asked of real neighbours in namespaces."""

from __future__ import annotations

import subprocess
import sys
import time
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from haidang_agent.platform import arp, gateway
from haidang_agent.platform.gateway import Gateway

from tests.agent.namespaces import Lan
from tests.lab import Node
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

PROC = Path("/proc")
ROUTER = Gateway("lan0", IPv4Address("10.9.0.2"))
AWAY = Gateway("lan0", IPv4Address("10.9.0.5"))
WITHOUT_RAW_FRAMES = ["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"]
ASK = (
    "import sys; from ipaddress import IPv4Address as A; from pathlib import Path; "
    "from haidang_agent.platform import gateway; "
    "print(gateway.answers(gateway.Gateway('lan0', A(sys.argv[1])), Path('/proc')))"
)


@pytest.fixture
def lan() -> Iterator[Lan]:
    with Lan(pcs=1) as made:
        made.agent.ip("route", "add", "default", "via", "10.9.0.2")
        yield made


def test_the_gateway_is_the_kernels_and_gone_with_the_route(lan):
    with Node(lan.agent.name).inside():
        found = gateway.default_gateway(Path("/proc/thread-self"))
        lan.agent.ip("route", "del", "default")
        gone = gateway.default_gateway(Path("/proc/thread-self"))

    assert (found, gone) == (ROUTER, None)


def test_it_answers_and_another_does_not(lan):
    with Node(lan.agent.name).inside():
        found = gateway.answers(ROUTER, PROC)
        before = time.monotonic()
        nobody = gateway.answers(AWAY, PROC)

    assert (found, nobody) == (True, False)
    assert time.monotonic() - before < 10


def test_a_gateway_that_drops_all_packets_answers_arp(lan):
    lan.pcs[0].drop("meta l4proto icmp")
    with Node(lan.agent.name).inside():
        assert gateway.answers(ROUTER, PROC) is True


def test_one_that_lost_the_first_question_is_asked_again(lan):
    """Half of the frames are lost on a bad cable."""
    lan.pcs[0].nft(
        "table arp test {\nchain input {\ntype filter hook input priority 0\nnumgen inc mod 3 < 2 drop\n}\n}\n"
    )
    with Node(lan.agent.name).inside():
        assert arp.ask("lan0", IPv4Address("10.9.0.1"), ROUTER.address) is True


def test_a_machine_that_has_no_address_yet_asks_by_a_probe(lan):
    """RFC 5227: 0.0.0.0 is the sender."""
    lan.agent.ip("address", "flush", "dev", "lan0")
    with Node(lan.agent.name).inside():
        assert gateway.answers(ROUTER, PROC) is True


@pytest.mark.parametrize(("address", "answer"), [("10.9.0.2", "True"), ("10.9.0.5", "False")])
def test_without_raw_frames_echo_and_the_neighbour_table_tell(lan, address, answer):
    lan.agent.sysctl("net.ipv4.ping_group_range", "0 2147483647")
    done = subprocess.run(
        lan.agent.command(*WITHOUT_RAW_FRAMES, sys.executable, "-c", ASK, address),
        check=True, capture_output=True, text=True,
    )  # fmt: skip

    assert done.stdout.strip() == answer


def test_without_raw_frames_a_gateway_that_drops_echoes_is_in_the_neighbour_table(lan):
    lan.agent.sysctl("net.ipv4.ping_group_range", "0 2147483647")
    lan.pcs[0].drop("meta l4proto { icmp, tcp }")
    done = subprocess.run(
        lan.agent.command(*WITHOUT_RAW_FRAMES, sys.executable, "-c", ASK, "10.9.0.2"),
        check=True, capture_output=True, text=True,
    )  # fmt: skip

    assert done.stdout.strip() == "True"


def test_links(lan):
    with Node(lan.agent.name).inside():
        assert (gateway.link_is_up("lan0"), gateway.any_link_is_up()) == (True, True)
        Node(lan._switch.name).ip("link set port1 down")
        eventually("the kernel notices", lambda: not gateway.link_is_up("lan0"), seconds=2)

        assert not gateway.any_link_is_up()
        assert not gateway.link_is_up("gone0")


def test_asking_on_an_interface_that_is_gone_is_an_error_not_a_no(lan):
    with Node(lan.agent.name).inside(), pytest.raises(OSError, match="No such device"):
        arp.ask("gone0", IPv4Address("10.9.0.1"), ROUTER.address)
