"""What devices answer while a long sweep goes on is not lost."""

from __future__ import annotations

from ipaddress import IPv4Network

from haidang_agent.discovery.asking import PATIENT_SECONDS
from haidang_agent.discovery.survey import Plan, survey

from tests.agent.discovery.saying import on, services
from tests.lab.lan import Host, Wire
from tests.lab.node import Node

ADDRESSES, PASSES = 62, 2
PACE = ADDRESSES * PASSES / (PATIENT_SECONDS + 1)


def test_who_answers_long_before_the_sweep_ends_is_heard():
    """The printer answers at once, and nobody else says anything later."""
    printer = Host("00:11:22:00:00:01", ("10.9.0.9",), on(5353, services("_ipp._tcp")))
    with Wire([printer], ["10.9.0.1/26"]) as wire, Node(wire.agent.name).inside():
        found = survey(Plan((IPv4Network("10.9.0.0/26"),), packets_per_second=PACE))

    assert {device.mac: device.verdict.class_ for device in found.devices}[printer.mac] == "printer"
