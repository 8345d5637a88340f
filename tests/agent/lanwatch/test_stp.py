"""Who leads the spanning tree: taken over, failed, back again."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from haidang_agent.lanwatch.detectors.stp_root_changed import StpRootChanged
from haidang_agent.lanwatch.frames import dissect
from haidang_agent.lanwatch.lan import Lan
from haidang_agent.lanwatch.pcap import Packet
from haidang_agent.probe import Memory
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.lanwatch.building import START, Timed, found, mac

if TYPE_CHECKING:
    from collections.abc import Iterable

    from haidang_agent.lanwatch.incident import Change

CORE, BACKUP, SWITCH, EVIL = "3c:52:82:00:00:01", "a4:5d:36:00:30:03", "3c:52:82:00:00:77", "00:0c:29:00:20:66"
GROUP = "01:80:c2:00:00:00"


def root_id(priority: int, who: str, vlan: int = 0) -> bytes:
    return struct.pack("!H", priority | vlan) + mac(who)


def bpdu(root: bytes, bridge: str = SWITCH, version: int = 2) -> bytes:
    """A rapid BPDU (802.1w) as an 802.3 frame; version 0 is the old configuration BPDU (802.1D)."""
    body = struct.pack("!HBBB", 0, version, 2 if version else 0, 0x3C) + root + struct.pack("!I", 4)
    body += root_id(0x8000, bridge) + struct.pack("!HHHHH", 0x8001, 0x100, 0x1400, 0x200, 0xF00) + bytes(version // 2)
    content = b"\x42\x42\x03" + body
    return mac(GROUP) + mac(bridge) + struct.pack("!H", len(content)) + content.ljust(46, b"\0")


def hellos(root: bytes, since: float, until: float, bridge: str = SWITCH, version: int = 2) -> list[Timed]:
    """Every two seconds."""
    return [(since + 2 * number, bpdu(root, bridge, version)) for number in range(int((until - since) / 2))]


def changes(frames: Iterable[Timed], memory: Memory | None = None) -> list[Change]:
    detector = StpRootChanged(Lan())
    detector.memory = memory or Memory()
    return list(fed(detector, frames))


def fed(detector: StpRootChanged, frames: Iterable[Timed]) -> Iterable[Change]:
    for when, data in frames:
        frame = dissect(Packet(1, START + when, 0, 1, len(data), data))
        assert frame is not None
        yield from detector.tick(frame.time)
        yield from detector.feed(frame)


HONEST = root_id(0x1000, CORE)
SUCCESSOR = root_id(0x8000, BACKUP)
LEARNT = hellos(HONEST, 0, 60)


@pytest.mark.parametrize("version", [0, 2])
@pytest.mark.parametrize(
    ("usurper", "severity"),
    [(root_id(0, EVIL), "critical"), (root_id(0x1000, EVIL), "warning"), (root_id(0x8000, EVIL), "info")],
    ids=["better priority", "lower MAC address", "higher"],
)
def test_a_root_that_was_never_seen_is_told(version, usurper, severity):
    frames = [*hellos(HONEST, 0, 60, version=version), *hellos(usurper, 60, 110, version=version)]

    assert found(frames) == [("stp_root_changed", severity)]
    told = changes(frames)
    assert told[0].incident.subject == {"mac": EVIL, "known_mac": CORE}
    assert str(usurper[0] << 8) in told[0].incident.evidence.told()


def test_a_takeover_is_told_within_seconds_and_a_failure_is_given_time_to_mend():
    (first, *_rest) = changes([*LEARNT, *hellos(root_id(0, EVIL), 60, 80)])

    assert first.incident.last_seen - first.incident.first_seen <= 4
    assert changes([*LEARNT, *hellos(SUCCESSOR, 60, 95)]) == []


def test_it_is_over_when_the_old_root_is_back():
    told = changes([*LEARNT, *hellos(root_id(0, EVIL), 60, 80), *hellos(HONEST, 80, 90)])

    assert [change.state for change in told if change.state != "changed"] == ["opened", "closed"]
    assert told[-1].incident.last_seen <= START + 80


def test_it_is_over_when_nothing_more_is_heard_and_accepted_after_an_hour():
    detector = StpRootChanged(Lan())
    list(fed(detector, [*LEARNT, *hellos(root_id(0, EVIL), 60, 80)]))
    assert [change.state for change in detector.tick(START + 300)] == ["closed"]

    told = changes([*LEARNT, *hellos(root_id(0, EVIL), 60, 8000)])
    assert [change.state for change in told if change.state != "changed"] == ["opened", "closed"]
    assert told[-1].incident.last_seen == pytest.approx(START + 3660, abs=5)


def test_a_power_cut_alarms_once_at_most_and_not_the_next_time():
    """The root is back last; until then the others elect one of their own."""
    memory = Memory()
    night = [*LEARNT, *hellos(SUCCESSOR, 100, 5000), *hellos(HONEST, 5000, 5100)]
    first = changes(night, memory)
    again = changes([(when + 10_000, frame) for when, frame in night], memory)

    assert {change.incident.severity for change in first} == {"info"}
    assert first[-1].state == "closed"
    assert again == []


def test_bridges_that_start_up_while_it_learns_are_no_news():
    own = root_id(0x8000, SWITCH)

    assert changes([*hellos(own, 0, 20), *hellos(HONEST, 20, 200)]) == []
    assert changes([*LEARNT, *hellos(own, 60, 64), *hellos(HONEST, 64, 200)]) == []


def test_what_changed_while_the_agent_was_off_is_told():
    memory = Memory()
    changes(LEARNT, memory)

    (first, *_rest) = changes(hellos(root_id(0, EVIL), 5000, 5020), memory)
    assert (first.state, first.incident.subject["known_mac"]) == ("opened", CORE)


def test_every_vlan_has_a_tree_of_its_own():
    """Also one that begins later."""
    trees = [(0, root_id(0x1000, CORE, 1)), (0, root_id(0x1000, CORE, 20)), (100, root_id(0, BACKUP, 30))]

    assert changes((when, bpdu(tree)) for when in range(0, 300, 2) for since, tree in trees if when >= since) == []


def test_a_takeover_of_one_vlan_is_told_while_the_others_go_on():
    def spoken(when: float) -> Iterable[bytes]:
        return root_id(0x1000, CORE, 1), root_id(0, EVIL, 20) if when > 60 else root_id(0x1000, CORE, 20)

    told = changes((when, bpdu(root)) for when in range(0, 100, 2) for root in spoken(when))
    assert {change.incident.subject["mac"] for change in told} == {EVIL}


@given(st.lists(st.tuples(st.floats(0, 1e5), st.binary(max_size=60)), max_size=40).map(sorted))
def test_any_bpdu_whatever(messages):
    detector = StpRootChanged(Lan())
    for when, content in messages:
        data = mac(GROUP) + mac(EVIL) + struct.pack("!H", 3 + len(content)) + b"\x42\x42\x03" + content
        frame = dissect(Packet(1, START + when, 0, 1, len(data), data))
        assert frame is not None
        assert all(change.incident.kind == "stp_root_changed" for change in detector.feed(frame))
