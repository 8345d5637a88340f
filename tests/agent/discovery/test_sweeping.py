"""The ARP sweep on a real wire: complete, polite, and undeceived by lost frames."""

from __future__ import annotations

import json
import sys
from collections import Counter
from ipaddress import IPv4Address
from itertools import pairwise

import pytest
from haidang_agent.platform import arp
from haidang_agent.platform.sweeping import MOST_CLAIMANTS, Answers, Pace
from hypothesis import given
from hypothesis import strategies as st

from tests.lab.lan import Host, Wire, pcs

SWEEP = """
import json, sys
from ipaddress import IPv4Address, IPv4Network
from haidang_agent.platform.sweeping import Pace, sweep
own, network, pace, hurry = sys.argv[1:]
found = sweep("lan0", IPv4Address(own), IPv4Network(network), Pace(float(pace)), hurry=hurry == "hurry")
print(json.dumps({str(address): macs for address, macs in found.items()}))
"""
LOSS = """table netdev loss {{
chain in {{
type filter hook ingress device lan0 priority 0
numgen random mod 100 < {percent} drop
}}
}}
"""


def sweep(wire: Wire, network: str, own: str = "10.9.0.1", pace: float = 1000, hurry: str = "") -> dict[str, list[str]]:
    done = wire.command(sys.executable, "-W", "error", "-c", SWEEP, own, network, str(pace), hurry)
    assert done.stderr == ""
    return json.loads(done.stdout)


def truth(hosts: list[Host]) -> dict[str, list[str]]:
    return {address: [host.mac] for host in hosts for address in host.addresses}


@pytest.mark.parametrize("hurry", ["", "hurry"])
def test_254_addresses_of_a_24_are_all_found_within_the_pace(hurry):
    """This machine has the first. Nobody who answers is asked again, and nobody outside is asked."""
    hosts = pcs(253)
    with Wire(hosts) as wire:
        found = sweep(wire, "10.9.0.0/24", hurry=hurry)

    assert found == truth(hosts)
    assert wire.stand_in.busiest_second <= 1000
    assert set(wire.stand_in.questions) == set(found)
    assert wire.stand_in.questions.total() <= 1.02 * len(found)  # a late answer may be asked for again


def test_never_more_than_a_thousand_frames_in_any_second():
    hosts = pcs(254)
    with Wire(hosts, ["10.9.0.1/22"]) as wire:
        found = sweep(wire, "10.9.0.0/22", hurry="hurry")

    assert found == truth(hosts)
    assert wire.stand_in.busiest_second <= 1000
    assert wire.stand_in.questions.total() < 1200


def test_5_percent_loss_hides_few_and_invents_nobody():
    """A second pass: of 200, each is missed with a chance of 0.25 %."""
    hosts = pcs(200)
    with Wire(hosts) as wire:
        wire.agent.nft(LOSS.format(percent=5))
        found = sweep(wire, "10.9.0.0/24", hurry="hurry")

    assert found.items() <= truth(hosts).items()
    assert len(found) >= 196


def test_a_hurried_sweep_of_a_large_network_notices_loss_and_asks_all_again():
    """Every fourth address is in use, 20 % of the answers are lost: one pass finds 200, two find 240."""
    hosts = [Host(f"8c:ec:4b:00:00:{n:02x}", (str(IPv4Address("10.9.0.4") + 4 * n),)) for n in range(250)]
    with Wire(hosts, ["10.9.0.1/22"]) as wire:
        wire.agent.nft(LOSS.format(percent=20))
        found = sweep(wire, "10.9.0.0/22", hurry="hurry")

    assert found.items() <= truth(hosts).items()
    assert len(found) >= 225
    assert wire.stand_in.busiest_second <= 1000


def test_a_patient_sweep_asks_every_silent_address_twice():
    """Not only a sample of them."""
    with Wire(pcs(2)) as wire:
        sweep(wire, "10.9.0.0/25")
    asked = wire.stand_in.questions

    assert Counter(asked[f"10.9.0.{number}"] for number in range(4, 127)) == {2: 123}


def test_a_slow_pace_is_kept():
    with Wire(pcs(13)) as wire:
        sweep(wire, "10.9.0.0/28", pace=20)
    times = wire.stand_in.times

    assert min(later - earlier for earlier, later in pairwise(times)) > 0.02
    assert times[-1] - times[0] >= 12 / 20 - 0.06


def test_a_network_without_an_address_of_ours_is_asked_as_nobody():
    """An ARP probe (RFC 5227)."""
    hosts = pcs(3, "10.30.0.2")
    with Wire(hosts, []) as wire:
        found = sweep(wire, "10.30.0.0/28", own="0.0.0.0")

    assert found == truth(hosts)


def test_all_who_answer_for_one_address_are_told():
    with Wire([*pcs(2), Host("cc:2d:e0:00:00:01", ("10.9.0.3",))]) as wire:
        found = sweep(wire, "10.9.0.0/29")

    assert sorted(found["10.9.0.3"]) == ["8c:ec:4b:00:00:01", "cc:2d:e0:00:00:01"]


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@given(st.lists(st.floats(0, 2), min_size=30, max_size=120), st.integers(1, 20))
def test_whatever_delays_the_sender_no_second_holds_more(delays, rate):
    """Even where it makes up for a delay."""
    clock = Clock()
    pace, sent = Pace(rate, clock), []
    for delay in delays:
        clock.now += delay if delay > 1 else 0.0
        while wait := pace.wait():
            clock.now += wait
        pace.sent()
        sent.append(clock.now)

    assert all(later - earlier >= 1 - 1e-6 for earlier, later in zip(sent, sent[rate:], strict=False))


MINE, MY_ADDRESS, THEIRS = bytes.fromhex("3c5282000001"), IPv4Address("10.9.0.1").packed, bytes.fromhex("8cec4b000002")
WANTED = IPv4Address("10.9.0.2").packed


def reply(mac: bytes = THEIRS, sender: bytes = WANTED, target: bytes = MY_ADDRESS, operation: int = arp.REPLY) -> bytes:
    return arp.FRAME.pack(MINE, mac, *arp.ETHERNET_IPV4, operation, mac, sender, MINE, target)


@pytest.mark.parametrize(
    ("frame", "is_answer"),
    [
        (reply(), True),
        (reply() + bytes(18), True),
        (reply(operation=arp.REQUEST), False),
        (reply(target=WANTED), False),
        (reply(sender=MY_ADDRESS), False),
        (reply(mac=arp.BROADCAST), False),
        (reply(mac=bytes(6)), False),
        (reply(mac=MINE), False),
        (reply()[:41], False),
    ],
)
def test_only_a_reply_to_a_question_of_ours_counts(frame, is_answer):
    answers = Answers(MINE, MY_ADDRESS)
    answers.frame(WANTED)
    answers.take(frame)

    assert answers.found == ({WANTED: [THEIRS]} if is_answer else {})


def test_those_who_claim_one_address_are_bounded():
    answers = Answers(MINE, MY_ADDRESS)
    answers.frame(WANTED)
    for number in range(1000):
        answers.take(reply(mac=THEIRS[:4] + number.to_bytes(2)))

    assert len(answers.found[WANTED]) == MOST_CLAIMANTS


@given(st.binary(max_size=80))
def test_no_frame_upsets_it(noise):
    answers = Answers(MINE, MY_ADDRESS)
    answers.frame(WANTED)
    answers.take(noise)
    answers.take(reply()[: len(noise)])

    assert answers.found.keys() <= {WANTED}
