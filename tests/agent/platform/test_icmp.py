"""Echo sockets that are bound to an interface and an address, in namespaces."""

from __future__ import annotations

import select
import socket
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from haidang_agent.platform.icmp import Pinger

from tests.agent.namespaces import Lan, open_files
from tests.lab import Node

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def lan() -> Iterator[Lan]:
    with Lan(pcs=1) as made:
        made.agent.sysctl("net.ipv4.ping_group_range", "0 2147483647")
        made.agent.ip("address", "add", "10.9.0.7/28", "dev", "lan0")
        yield made


def answered(pinger: Pinger, address: str, seconds: float = 5.0) -> bool:
    number = pinger.send(address)
    while select.select([pinger], [], [], seconds)[0]:
        if number in [found for found, _ in pinger.replies()]:
            return True
    return False


def test_bound_to_the_interface_that_leads_there_it_is_answered(lan):
    with Node(lan.agent.name).inside(), closing(Pinger(socket.AF_INET, "lan0")) as pinger:
        assert answered(pinger, "10.9.0.2")


def test_bound_to_another_interface_it_is_not(lan):
    """Whatever the routing table says."""
    with Node(lan.agent.name).inside():
        lan.agent.ip("link", "add", "wan0", "type", "veth", "peer", "name", "end0")
        for end in ("wan0", "end0"):
            lan.agent.ip("link", "set", end, "up")
        lan.agent.ip("address", "add", "10.8.0.1/28", "dev", "wan0")
        with closing(Pinger(socket.AF_INET, "wan0")) as pinger:
            assert not answered(pinger, "10.9.0.2", 0.3)


def test_the_source_is_the_address_it_is_bound_to(lan):
    """A host that answers only this one does so."""
    (pc,) = lan.pcs
    pc.drop("ip saddr 10.9.0.1 icmp type echo-request")
    try:
        with Node(lan.agent.name).inside():
            with closing(Pinger(socket.AF_INET, "lan0", "10.9.0.7")) as pinger:
                assert answered(pinger, "10.9.0.2")
            with closing(Pinger(socket.AF_INET, "lan0", "10.9.0.1")) as pinger:
                assert not answered(pinger, "10.9.0.2", 0.3)
    finally:
        pc.accept_all()


@pytest.mark.parametrize(("interface", "source"), [("gone0", ""), ("lan0", "192.0.2.1")])
def test_what_is_not_there_is_refused_and_nothing_left_open(lan, interface, source):
    before = open_files()
    with Node(lan.agent.name).inside(), pytest.raises(OSError, match=r"No such device|Cannot assign"):
        Pinger(socket.AF_INET, interface, source)

    assert open_files() == before
