"""What devices answer while a long sweep goes on, or late, is not lost."""

from __future__ import annotations

import threading
from ipaddress import IPv4Address, IPv4Network

from haidang_agent.discovery import asking
from haidang_agent.discovery.asking import PATIENT_SECONDS, SILENT_HOSTS, Asker
from haidang_agent.discovery.survey import Plan, survey
from haidang_agent.platform.sweeping import Pace

from tests.agent.discovery.saying import node_status, on, services
from tests.lab.lan import Host, Wire
from tests.lab.node import Node
from tests.waiting import eventually

ADDRESSES, PASSES = 62, 2
PACE = ADDRESSES * PASSES / (PATIENT_SECONDS + 1)
QUIET_SECONDS = 1.5
NETBIOS = 137


def test_who_answers_long_before_the_sweep_ends_is_heard():
    """The printer answers at once, and nobody else says anything later."""
    printer = Host("00:11:22:00:00:01", ("10.9.0.9",), on(5353, services("_ipp._tcp")))
    with Wire([printer], ["10.9.0.1/26"]) as wire, Node(wire.agent.name).inside():
        found = survey(Plan((IPv4Network("10.9.0.0/26"),), packets_per_second=PACE))

    assert {device.mac: device.verdict.class_ for device in found.devices}[printer.mac] == "printer"


class SlowLater(Pace):
    """Once `finishing`, each question has the next wait for longer than answers are waited for; the first sets `over`.

    That is the one for details, which comes between the two waits.
    """

    def __init__(self):
        super().__init__(1000)
        self.finishing, self.over = False, threading.Event()

    def hold(self, frames=1):
        super().hold(frames)
        if self.finishing:
            self.sent(int(self.per_second * (QUIET_SECONDS + 0.5)))
            self.over.set()


def test_a_host_that_was_put_off_is_waited_for_however_late_it_was_asked(monkeypatch):
    """Of the first four one answers in the second wait, and the fifth is asked when that is about to end."""
    monkeypatch.setattr(asking, "QUIET_SECONDS", QUIET_SECONDS)
    monkeypatch.setattr(asking, "MOST_SECONDS", 60.0)
    pace = SlowLater()

    def late(came):
        return node_status(("LATE", 0)) if came.target[1] == NETBIOS and pace.over.wait(60) else None

    printer = Host("00:11:22:00:00:01", ("10.9.0.2",), on(5353, services("_ipp._tcp")))
    others = [Host(f"8c:ec:4b:00:00:0{number}", (f"10.9.0.{number}",)) for number in (3, 4, 5)]
    slow = Host("8c:ec:4b:00:00:06", ("10.9.0.6",), late)
    fifth = Host("8c:ec:4b:00:00:07", ("10.9.0.7",), on(NETBIOS, node_status(("FIFTH", 0))))
    asked = [IPv4Address(host.addresses[0]) for host in (*others, slow, fifth)]
    assert len(asked) == SILENT_HOSTS + 1
    own, networks = IPv4Address("10.9.0.1"), (IPv4Network("10.9.0.0/24"),)
    with (
        Wire([printer, *others, slow, fifth]) as wire,
        Node(wire.agent.name).inside(),
        Asker(own, networks, (), pace, hurry=True) as asker,
    ):
        asker.ask_everybody()
        eventually("the printer", lambda: asker.take() or asker.heard, seconds=10)
        for address in asked:
            asker.ask_host(address)
        pace.finishing = True
        asker.finish()

    assert asker.heard[asked[-2]].of("name") == ("LATE",)
    assert asker.heard[asked[-1]].of("name") == ("FIFTH",)
