"""What is open, what was, and how often: over restarts, and whatever an attacker makes up."""

from __future__ import annotations

import json

from haidang_agent.intrusion.case import STEADY_SECONDS
from haidang_agent.intrusion.keeper import MOST_NEW, MOST_OPEN, MOST_PAST
from haidang_agent.probe import Memory, Totals

from tests.agent.intrusion.cases import NOW, QUIET, incident, keeper, told

ACTIVE = ("school_incident_active", "arp_spoof", "critical")
TOTAL = ("school_incidents_total", "arp_spoof", "critical")
MINUTE = 61.0


def test_every_kind_that_is_watched_for_is_told_as_zero() -> None:
    assert told(keeper()) == {
        (name, *labels): 0.0
        for name in ("school_incident_active", "school_incidents_total")
        for labels in (("arp_spoof", "critical"), ("ip_conflict", "warning"), ("ip_conflict", "critical"))
    }


def test_one_incident_is_active_and_counted_once_however_often_it_shows() -> None:
    kept = keeper()
    for second in range(120):
        kept.report("lan", incident(at=NOW + second), NOW + second)
        kept.tick(NOW + second)
    assert (told(kept)[ACTIVE], told(kept)[TOTAL]) == (1, 1)
    kept.close("lan", incident(), NOW + 500)

    assert (told(kept)[ACTIVE], told(kept)[TOTAL]) == (0, 1)


def test_what_is_taken_back_in_time_is_never_counted() -> None:
    """A counter cannot fall: ip_conflict that turns out to be arp_spoof is taken back within seconds."""
    kept = keeper()
    kept.report("lan", incident(), NOW)
    kept.tick(NOW + 5)
    kept.withdraw("lan", incident())
    kept.tick(NOW + MINUTE)

    assert (told(kept)[ACTIVE], told(kept)[TOTAL]) == (0, 0)


def test_a_short_one_is_counted_when_it_is_over() -> None:
    kept = keeper()
    kept.report("lan", incident(), NOW)
    kept.close("lan", incident(), NOW + 5)

    assert (told(kept)[ACTIVE], told(kept)[TOTAL]) == (0, 1)


def test_it_counts_as_the_worst_it_was_and_is_active_as_what_it_is() -> None:
    kept = keeper()
    for severity, at in (("warning", NOW), ("critical", NOW), ("warning", NOW + STEADY_SECONDS + 1)):
        kept.report("lan", incident("ip_conflict", severity, at), at)
    kept.tick(NOW + STEADY_SECONDS + MINUTE)
    values = told(kept)

    assert values["school_incident_active", "ip_conflict", "warning"] == 1
    assert values["school_incidents_total", "ip_conflict", "critical"] == 1
    assert values["school_incidents_total", "ip_conflict", "warning"] == 0


def test_it_is_not_better_before_it_stays_so() -> None:
    """Else each turn would be a message."""
    kept = keeper()
    severities = set()
    for second in range(600):
        severity = "warning" if second // 15 % 2 else "critical"
        kept.report("lan", incident("ip_conflict", severity, NOW + second), NOW + second)
        severities |= {labels[2] for labels, value in told(kept).items() if value and labels[0] == ACTIVE[0]}

    assert severities == {"critical"}


def restarted(memory: Memory, totals: Totals, now: float):
    """From what is stored of it."""
    stored = json.loads(json.dumps({"memory": memory.copy(), "totals": totals.copy()}))
    totals = Totals(stored["totals"])
    return keeper(Memory(stored["memory"]), totals, now)


def test_one_that_goes_on_after_a_restart_is_the_same() -> None:
    memory, totals = Memory(), Totals()
    before = keeper(memory, totals)
    case, _ = before.report("lan", incident(), NOW)
    before.tick(NOW + MINUTE)
    after = restarted(memory, totals, NOW + 3600)
    assert told(after)[ACTIVE] == 1
    same, is_new = after.report("lan", incident(at=NOW + 3650), NOW + 3650)
    after.tick(NOW + 3650 + QUIET * 2)

    assert case
    assert same
    assert (same.id, is_new, same.first, same.last) == (case.id, False, NOW, NOW + 3650)
    assert (told(after)[ACTIVE], told(after)[TOTAL]) == (1, 1)


def test_after_a_restart_the_two_sides_may_have_changed_places() -> None:
    """Which of two servers was heard first is another each time."""
    memory, totals = Memory(), Totals()
    keeper(memory, totals).report("lan", incident("rogue_dhcp", mac="a", known_mac="b"), NOW)
    before = keeper(memory, totals)
    before.report("lan", incident("rogue_dhcp", mac="a", known_mac="b"), NOW)
    before.store(NOW)
    after = restarted(memory, totals, NOW + 60)
    _case, is_new = after.report("lan", incident("rogue_dhcp", mac="b", known_mac="a"), NOW + 61)

    assert not is_new


def test_one_that_nobody_tells_of_again_after_a_restart_is_over() -> None:
    memory, totals = Memory(), Totals()
    before = keeper(memory, totals)
    before.report("lan", incident(), NOW)
    before.tick(NOW + 1)
    after = restarted(memory, totals, NOW + 100)
    after.tick(NOW + 100 + QUIET - 1)
    assert told(after)[ACTIVE] == 1
    after.tick(NOW + 100 + QUIET + 1)

    assert (told(after)[ACTIVE], told(after)[TOTAL]) == (0, 1)
    (past,) = memory_of(after)["past"]
    assert past["ended"] == NOW, "it ended when it was last seen, as far as anybody knows"


def memory_of(kept) -> dict:
    kept.store(NOW)
    return kept._memory.recall("intrusion")


def test_one_of_last_week_is_not_taken_up_again() -> None:
    memory, totals = Memory(), Totals()
    before = keeper(memory, totals)
    before.report("lan", incident(), NOW)
    before.tick(NOW + 1)
    after = restarted(memory, totals, NOW + 7 * 86400)

    assert (told(after)[ACTIVE], told(after)[TOTAL]) == (0, 1)


def test_what_another_version_kept_is_forgotten() -> None:
    memory = Memory({"intrusion": {"open": [{"id": "of another version"}], "past": [], "left_out": 0}})

    assert told(keeper(memory))[ACTIVE] == 0


def test_an_attacker_cannot_make_it_grow() -> None:
    memory = Memory()
    kept = keeper(memory)
    for number in range(10 * MOST_OPEN):
        hour = NOW + number * 3600
        kept.report("lan", incident(name="x" * 9000, mac=f"m{number}"), hour)
    kept.store(NOW)
    open_ones = memory.recall("intrusion")["open"]
    assert (len(open_ones), memory.recall("intrusion")["left_out"]) == (MOST_OPEN, 9 * MOST_OPEN)
    for number in range(10 * MOST_OPEN):
        hour = NOW + (10 * MOST_OPEN + number) * 3600
        one = incident(name="x" * 9000, mac=f"n{number}")
        kept.close("lan", incident(name="x" * 9000, mac=f"m{number}"), NOW)
        kept.report("lan", one, hour)
        kept.close("lan", one, hour)
    kept.store(NOW)

    stored = json.dumps(memory.recall("intrusion"))
    assert len(memory.recall("intrusion")["past"]) == MOST_PAST
    assert len(stored) < 100_000


def test_hundreds_made_up_at_once_leave_room_for_others() -> None:
    kept = keeper()
    for number in range(500):
        kept.report("lan", incident("ip_conflict", "warning", mac=f"m{number}"), NOW)
    kept.report("lan", incident(), NOW)
    values = told(kept)

    assert values["school_incident_active", "ip_conflict", "warning"] == MOST_NEW
    assert values[ACTIVE] == 1


def test_decoys_do_not_hide_what_is_worse() -> None:
    """Of many kinds over hours, and of the attack's own kind within minutes."""
    kept = keeper()
    for number in range(2 * MOST_OPEN):
        kept.report("lan", incident(f"kind {number % 8}", "warning", mac=f"m{number}"), NOW + number * 100)
    later = NOW + 2 * MOST_OPEN * 100
    for number in range(MOST_NEW):
        kept.report("lan", incident("ip_conflict", "warning", mac=f"c{number}"), later)
    kept.report("lan", incident("ip_conflict", "critical", mac="router"), later)
    kept.report("lan", incident(), later)
    values = told(kept)

    assert values["school_incident_active", "ip_conflict", "critical"] == 1
    assert values[ACTIVE] == 1


def test_a_clock_that_is_set_back_does_not_stop_the_count() -> None:
    kept = keeper()
    kept.report("lan", incident(), NOW)
    kept.tick(NOW - 86400)

    assert told(kept)[TOTAL] == 1
