"""Which of two DHCP servers is believed by a machine that watches for long, and when it is over."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from haidang_agent.lanwatch.frames import dissect
from haidang_agent.lanwatch.pcap import Packet
from haidang_agent.lanwatch.watch import Watch

from tests.agent.lanwatch.building import dhcp_client, dhcp_server, ip, mac

if TYPE_CHECKING:
    from collections.abc import Iterable

OWN, PC = "3c:52:82:00:00:01", "00:1f:16:00:10:02"
OURS, OTHER = ("02:00:00:00:00:02", "10.77.1.1"), ("02:00:00:00:00:03", "192.168.5.1")
HOUR, DAY = 3600.0, 86400.0


class Wire:
    """A watch that is fed, and what it said: (seconds, state, MAC address of the suspect)."""

    def __init__(self) -> None:
        self.watch = Watch()
        self.watch.lan.own = frozenset([mac(OWN)])
        self.said: list[tuple[float, str, str]] = []
        self._number = 0

    def feed(self, at: float, frame: bytes) -> None:
        self._number += 1
        taken = dissect(Packet(self._number, at, 1, 1, len(frame), frame))
        assert taken
        self._note(at, self.watch.feed(taken))

    def tick(self, at: float) -> None:
        self._note(at, self.watch.tick(at))

    def _note(self, at: float, changes: Iterable) -> None:
        self.said += [
            (at, change.state, change.incident.subject["mac"])
            for change in changes
            if change.incident.kind == "rogue_dhcp" and change.state != "changed"
        ]

    def answers(self, at: float, *servers: tuple[str, str], to: str = PC) -> None:
        """A client asks, and these answer, in this order."""
        self.feed(at, dhcp_client(1, int(at), to))
        for number, server in enumerate(servers, 1):
            self.feed(at + 0.01 * number, dhcp_server(2, int(at), to, server))


def suspects(wire: Wire) -> list[str]:
    return [suspect for _at, state, suspect in wire.said if state == "opened"]


def test_without_any_knowledge_the_first_is_believed() -> None:
    wire = Wire()
    wire.answers(0, OTHER, OURS)

    assert suspects(wire) == [OURS[0]]


def test_the_router_that_this_machine_uses_is_believed_although_it_answers_later() -> None:
    wire = Wire()
    wire.watch.lan.dhcp_servers.routers = frozenset([ip(OURS[1])])
    wire.answers(0, OTHER, OURS)

    assert suspects(wire) == [OTHER[0]]


def test_whom_the_school_has_named_is_believed_before_the_router() -> None:
    wire = Wire()
    wire.watch.lan.dhcp_servers.routers = frozenset([ip(OTHER[1])])
    wire.watch.lan.dhcp_servers.school_servers = frozenset([mac(OURS[0])])
    wire.answers(0, OTHER, OURS)

    assert set(suspects(wire)) == {OTHER[0]}


def test_two_that_the_school_has_named_are_no_incident() -> None:
    wire = Wire()
    wire.watch.lan.dhcp_servers.school_servers = frozenset([ip(OURS[1]), ip(OTHER[1])])
    wire.answers(0, OTHER, OURS)

    assert suspects(wire) == []


def test_a_router_that_was_replaced_days_ago_is_no_measure() -> None:
    wire = Wire()
    wire.answers(0, OURS)
    wire.answers(4 * DAY, OTHER)

    assert suspects(wire) == []


def test_one_that_was_known_before_the_restart_is_believed() -> None:
    before, after = Wire(), Wire()
    before.answers(0, OURS)
    before.answers(1, OTHER)
    after.watch.lan.dhcp_servers.recall(before.watch.lan.dhcp_servers.keep())
    after.answers(100, OTHER, OURS)

    assert suspects(after) == [OTHER[0]]


def test_the_answers_of_the_school_s_own_do_not_keep_it_open() -> None:
    wire = Wire()
    wire.answers(0, OURS, OTHER)
    for minute in range(1, 200):
        wire.answers(minute * 60, OURS)

    opened, closed = wire.said
    assert (opened[1:], closed[1]) == (("opened", OTHER[0]), "closed")
    assert HOUR < closed[0] < HOUR + 120


def test_it_is_over_when_it_answers_this_machine_no_more() -> None:
    """Three of our questions, a minute apart; not an hour."""
    wire = Wire()
    wire.answers(0, OURS, OTHER, to=OWN)
    for minute in range(1, 10):
        wire.answers(minute * 60, OURS, to=OWN)

    assert [state for _at, state, _suspect in wire.said] == ["opened", "closed"]
    assert 180 <= wire.said[1][0] <= 300


def test_one_that_never_answers_this_machine_stays_as_long_as_others_hear_of_it() -> None:
    """It may know its victims."""
    wire = Wire()
    wire.answers(0, OURS, OTHER)
    for minute in range(1, 40):
        wire.answers(minute * 60, OURS, to=OWN)

    assert [state for _at, state, _suspect in wire.said] == ["opened"]


def test_it_is_told_again_when_it_comes_back() -> None:
    wire = Wire()
    wire.answers(0, OURS, OTHER, to=OWN)
    for minute in range(1, 10):
        wire.answers(minute * 60, OURS, to=OWN)
    wire.answers(1000, OURS, OTHER, to=OWN)

    assert suspects(wire) == [OTHER[0]] * 2


def test_alone_it_is_told_where_the_school_has_named_another() -> None:
    wire = Wire()
    wire.watch.lan.dhcp_servers.school_servers = frozenset([ip(OURS[1])])
    wire.answers(0, OTHER)
    wire.tick(HOUR + 60)

    assert [(state, suspect) for _at, state, suspect in wire.said] == [("opened", OTHER[0]), ("closed", OTHER[0])]


def changes(wire: Wire, frames: Iterable[tuple[float, bytes]]) -> list[tuple[str, str]]:
    """State and severity of each incident, wherever one of them changes."""
    said: list[tuple[str, str]] = []
    for number, (at, frame) in enumerate(frames, 1):
        taken = dissect(Packet(number, at, 1, 1, len(frame), frame))
        assert taken
        told = [(change.state, change.incident.severity) for change in wire.watch.feed(taken)]
        said += [each for each in told if not said or each[1] != said[-1][1] or each[0] == "closed"]
    return said


NAME_SERVER, WPAD = (6, ip("10.77.1.1")), (252, b"http://192.168.5.1/wpad.dat")


def test_a_pair_stays_a_pair_when_a_client_asks_one_of_them_for_less() -> None:
    frames = []
    for at in (0.0, 60.0, 120.0):
        more = [NAME_SERVER] if at != 60 else []
        frames.append((at, dhcp_server(2, int(at), PC, OURS, router=OURS[1], more=[NAME_SERVER])))
        frames.append((at + 0.01, dhcp_server(2, int(at), PC, OTHER, router=OURS[1], more=more)))

    assert changes(Wire(), frames) == [("opened", "info")]


@pytest.mark.parametrize("more", [(121, b"\x01\x00" + ip(OTHER[1])), (249, b"\x00" + ip(OTHER[1])), WPAD])
def test_who_tells_the_same_and_a_way_around_it_is_no_pair(more: tuple[int, bytes]) -> None:
    """Routes go before the router; the proxy's settings are fetched from wherever DHCP says."""
    frames = [
        (0.0, dhcp_server(2, 1, PC, OURS, router=OURS[1])),
        (0.1, dhcp_server(2, 1, PC, OTHER, router=OURS[1], more=[more])),
    ]

    assert changes(Wire(), frames) == [("opened", "critical")]


def test_who_takes_the_identifier_of_the_school_s_own_is_told() -> None:
    wire = Wire()
    wire.watch.lan.dhcp_servers.school_servers = frozenset([ip(OURS[1])])
    wire.answers(0, OURS)
    wire.feed(1, dhcp_server(2, 1, PC, (OTHER[0], OURS[1]), router=OTHER[1]))

    assert suspects(wire) == [OTHER[0]]


def test_one_that_takes_the_place_of_a_silent_one_is_a_warning_and_accepted_after_a_day() -> None:
    """Replaced, or held down: nobody can tell. We ask each minute."""
    asked = [(minute * 60.0, dhcp_client(1, minute, OWN)) for minute in range(60 * 27)]
    before = [(at + 0.1, dhcp_server(2, 1, OWN, OURS)) for at, _ in asked[:60]]
    after = [(at + 0.1, dhcp_server(2, 1, OWN, OTHER)) for at, _ in asked[60:]]

    assert changes(Wire(), sorted(asked + before + after)) == [
        ("opened", "critical"),
        ("changed", "warning"),
        ("closed", "warning"),
    ]


def test_after_a_restart_it_is_known_who_used_to_answer() -> None:
    before, after = Wire(), Wire()
    before.answers(0, OURS, to=OWN)
    after.watch.lan.dhcp_servers.recall(before.watch.lan.dhcp_servers.keep())
    asked = [(1000 + minute * 60.0, dhcp_client(1, minute, OWN)) for minute in range(10)]
    answers = [(at + 0.1, dhcp_server(2, 1, OWN, OTHER)) for at, _ in asked]

    assert changes(after, sorted(asked + answers)) == [("opened", "critical"), ("changed", "warning")]
