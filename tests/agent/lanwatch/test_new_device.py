"""Strangers in protected networks; who was learnt, was away for the summer, or is the router is none."""

from __future__ import annotations

from ipaddress import IPv4Network

import pytest
from haidang_agent.intrusion.preparing import prepare, watched
from haidang_agent.intrusion.settings import Settings
from haidang_agent.lanwatch.frames import dissect
from haidang_agent.lanwatch.pcap import Packet
from haidang_agent.lanwatch.watch import Watch
from haidang_agent.probe import Memory

from tests.agent.lanwatch.building import EVIL, OTHER, PC, ROUTER, START, announces, asks, found, mac

DAY = 86400.0
PROTECTED = Settings(protected=("10.0.9.0/24",), learning_days=1)
SERVER, PHONE = PC, "da:a1:19:00:00:07"


class Network:
    """A live watch, and what it told: state and MAC address."""

    def __init__(self, settings: Settings = PROTECTED, memory: Memory | None = None) -> None:
        self.watch = Watch()
        self.told: list[tuple[str, str]] = []
        prepare(self.watch, settings, memory or Memory())

    def hear(self, when: float, data: bytes) -> None:
        frame = dissect(Packet(1, START + when, 0, 1, len(data), data))
        assert frame is not None
        self._take(self.watch.feed(frame))

    def wait(self, until: float) -> None:
        self._take(self.watch.tick(START + until))

    def _take(self, changes) -> None:
        self.told += [
            (change.state, change.incident.subject.get("mac", "many"))
            for change in changes
            if change.state != "changed"
        ]


def test_a_stranger_is_told_after_the_days_of_learning_and_known_later():
    lan = Network()
    lan.hear(0, asks(SERVER, "10.0.9.2", "10.0.9.1"))
    lan.hear(0.9 * DAY, announces(OTHER, "10.0.9.3"))
    lan.hear(1.1 * DAY, asks(SERVER, "10.0.9.2", "10.0.9.1"))
    assert lan.told == []

    lan.hear(1.1 * DAY, asks(EVIL, "10.0.9.66", "10.0.9.2"))
    lan.hear(1.1 * DAY + 60, asks(EVIL, "10.0.9.66", "10.0.9.2"))
    assert lan.told == [("opened", EVIL)]
    lan.wait(1.1 * DAY + 3700)
    assert lan.told[1:] == [("closed", EVIL)]
    lan.hear(2 * DAY, asks(EVIL, "10.0.9.66", "10.0.9.2"))
    assert len(lan.told) == 2


def test_who_stays_is_known_after_a_day():
    lan = Network(Settings(protected=("10.0.9.0/24",), learning_days=0))
    for minute in range(0, 2 * 1440, 30):
        lan.hear(60 * minute, asks(EVIL, "10.0.9.66", "10.0.9.2"))

    assert lan.told == [("opened", EVIL), ("closed", EVIL)]


@pytest.mark.parametrize(("days", "told"), [(100, []), (200, [("opened", SERVER)])])
def test_it_is_remembered_over_restarts_and_a_summer_but_not_for_ever(days, told):
    """The other is here all the time."""
    memory = Memory()
    lan = Network(memory=memory)
    lan.hear(0, asks(SERVER, "10.0.9.2", "10.0.9.1"))
    for day in range(days):
        lan.hear(day * DAY, asks(OTHER, "10.0.9.3", "10.0.9.1"))
        lan.wait(day * DAY + 100)
    later = Network(memory=memory)
    later.hear(days * DAY, asks(OTHER, "10.0.9.3", "10.0.9.1"))
    later.hear(days * DAY, asks(SERVER, "10.0.9.2", "10.0.9.1"))

    assert lan.told + later.told == told


def test_who_is_told_of_is_no_friend_for_a_restart():
    memory = Memory()
    lan = Network(Settings(protected=("10.0.9.0/24",), learning_days=0), memory)
    for when in (0, 100, 200):
        lan.hear(when, asks(EVIL, "10.0.9.66", "10.0.9.1"))
    again = Network(Settings(protected=("10.0.9.0/24",), learning_days=0), memory)
    again.hear(300, asks(EVIL, "10.0.9.66", "10.0.9.1"))

    assert again.told == [("opened", EVIL)]


@pytest.mark.parametrize(
    "frame",
    [
        asks(EVIL, "10.0.8.66", "10.0.9.2"),
        asks(EVIL, "0.0.0.0", "10.0.9.2"),
        announces("00:00:5e:00:01:05", "10.0.9.1"),
        announces(ROUTER, "10.0.9.7"),
    ],
    ids=["of another network", "a probe", "VRRP", "this machine"],
)
def test_not_told(frame):
    lan = Network(Settings(protected=("10.0.9.0/24",), learning_days=0))
    lan.watch.lan.own = frozenset((mac(ROUTER),))
    lan.hear(0, frame)

    assert lan.told == []


def test_a_made_up_address_is_named_as_such():
    lan = Network(Settings(protected=("10.0.9.0/24",), learning_days=0))
    detector = lan.watch.kinds["new_device"]
    sentences = []
    for who in (PHONE, EVIL):
        data = asks(who, "10.0.9.66", "10.0.9.2")
        frame = dissect(Packet(1, START, 0, 1, len(data), data))
        assert frame is not None
        sentences += [change.incident.evidence.told() for change in detector.feed(frame)]

    assert "made up" in sentences[0]
    assert "VMware" in sentences[1]


def test_invented_devices_are_one_incident_and_take_no_room():
    lan = Network(Settings(protected=("10.0.8.0/22",), learning_days=0))
    for number in range(1000):
        who = (0x0200_0000_0000 + number).to_bytes(6).hex(":")
        lan.hear(number / 100, asks(who, str(IPv4Network("10.0.8.0/22")[number % 1000 + 1]), "10.0.9.1"))
    opened = [who for state, who in lan.told if state == "opened"]
    lan.wait(10_000)

    assert len(opened) == 17
    assert opened[-1] == "many"
    assert [state for state, _ in lan.told].count("closed") == 17


def test_without_a_protected_network_it_is_off():
    lan = Network(Settings())
    lan.hear(0, asks(EVIL, "10.0.9.66", "10.0.9.2"))

    assert lan.told == []
    assert "new_device" not in watched(lan.watch, Settings())
    assert "new_device" in watched(lan.watch, PROTECTED)
    assert found([(0, asks(EVIL, "10.0.9.66", "10.0.9.2"))]) == []


def test_a_network_that_is_none_is_refused():
    with pytest.raises(ValueError, match=r"protected: .*10\.0\.9\.1/24.*write as 10\.20\.9\.0/24"):
        prepare(Watch(), Settings(protected=("10.0.9.1/24",)), Memory())
