"""Who was seen within 30 days: one record a device, kept as one text."""

from __future__ import annotations

import json

import pytest
from haidang_agent.labs.roster import MOST_CARDS, MOST_RECORDS, Roster
from hypothesis import given
from hypothesis import strategies as st

A, B, C = "8c:ec:4b:00:00:0a", "8c:ec:4b:00:00:0b", "8c:ec:4b:00:00:0c"
ONE, TWO = "11" * 16, "22" * 16
CARDS = st.lists(st.integers(0, 20).map(lambda n: f"8c:ec:4b:00:00:{n:02x}"), min_size=1, max_size=4)
MACHINES = st.sampled_from(["", "", ONE, TWO, "33" * 16])


def seen(roster: Roster, day: int, *cards: str, machine: str = "", class_: str = "computer", room: str = "") -> None:
    record = roster.meet(cards, machine)
    record.judge(class_)
    record.seen, record.room = day, room


def facts(roster: Roster) -> list[tuple]:
    return [
        (each.cards, each.class_, each.room, each.seen, each.machine, each.answered, each.own_room)
        for each in roster.records
    ]


def test_a_verdict_beats_unknown_also_if_unknown_comes_later():
    roster = Roster()
    for class_ in ("unknown", "computer", "unknown"):
        roster.meet([A]).judge(class_)

    assert [each.class_ for each in roster.records] == ["computer"]


def test_a_newer_verdict_beats_an_older_one_but_not_an_agents_word():
    roster = Roster()
    for class_ in ("printer", "computer"):
        roster.meet([A]).judge(class_)
    roster.meet([A]).answered = 3
    roster.meet([A]).judge("printer")

    assert roster.by_card(A).class_ == "computer"


def test_a_replaced_card_is_the_same_machine():
    roster = Roster()
    seen(roster, 1, A, machine=ONE, room="lab-1")
    seen(roster, 9, B, machine=ONE, room="lab-2")

    assert facts(roster) == [([B, A], "computer", "lab-2", 9, ONE, None, False)]


def test_two_cards_are_one_machine_once_their_agent_names_both():
    roster = Roster()
    seen(roster, 1, A, room="lab-1")
    seen(roster, 2, B)
    roster.meet([A, B])

    assert len(roster.records) == 1
    assert roster.by_card(A) is roster.by_card(B)
    assert roster.by_card(A).seen == 2


def test_two_strong_ids_are_two_machines_and_a_dongle_moves_with_its_user():
    roster = Roster()
    seen(roster, 1, A, C, machine=ONE)
    seen(roster, 1, B, machine=TWO)
    seen(roster, 2, B, C, machine=TWO)

    assert [(each.cards, each.machine) for each in roster.records] == [([A], ONE), ([B, C], TWO)]
    assert roster.by_card(C).machine == TWO


def test_after_30_days_it_is_forgotten():
    roster = Roster()
    seen(roster, 0, A)
    seen(roster, 1, B)

    assert roster.forget(30) == 0
    assert len(roster.records) == 2
    assert roster.forget(31) == 0
    assert [each.cards for each in roster.records] == [[B]]
    assert roster.by_card(A) is None


def test_an_agent_that_has_not_answered_for_30_days_is_none_and_its_room_no_longer_its_own():
    roster = Roster()
    record = roster.meet([A])
    record.seen, record.answered, record.own_room = 31, 0, True
    roster.forget(31)

    assert (record.answered, record.own_room) == (None, False)


def test_of_too_many_the_oldest_go_first_and_are_counted():
    roster = Roster()
    for number in range(MOST_RECORDS + 5):
        seen(roster, 7 if number > 4 else 6, f"8c:ec:4b:00:{number >> 8:02x}:{number & 255:02x}")

    assert roster.forget(8) == 5
    assert len(roster.records) == MOST_RECORDS
    assert {each.seen for each in roster.records} == {7}


def test_the_cards_of_one_device_are_bounded():
    roster = Roster()
    for number in range(40):
        roster.meet([A, f"8c:ec:4b:00:01:{number:02x}"], ONE)

    assert len(roster.by_card(A).cards) == MOST_CARDS
    assert roster.by_card("8c:ec:4b:00:01:00") is None


@given(st.lists(st.tuples(CARDS, MACHINES)))
def test_whoever_is_met_each_card_and_each_strong_id_has_one_record(met):
    roster = Roster()
    for cards, machine in met:
        record = roster.meet(cards, machine)
        assert all(roster.by_card(card) is record for card in cards)
    held = [card for each in roster.records for card in each.cards]
    machines = [each.machine for each in roster.records if each.machine]

    assert len(held) == len(set(held))
    assert len(machines) == len(set(machines))
    assert facts(Roster(roster.text())) == facts(roster)


def test_what_is_stored_is_what_was_kept():
    roster = Roster()
    seen(roster, 3, A, B, machine=ONE, room="Phòng máy 1")
    roster.by_card(A).answered, roster.by_card(A).own_room = 2, True
    seen(roster, 4, C, class_="printer")

    assert facts(Roster(json.loads(json.dumps(roster.text())))) == [
        ([A, B], "computer", "Phòng máy 1", 3, ONE, 2, True),
        ([C], "printer", "", 4, "", None, False),
    ]


@pytest.mark.parametrize(
    "stored",
    [
        None,
        7,
        "",
        "{",
        "[" * 100_000,
        '{"rooms": [], "rows": [["8cec4b00000a", "computer", 0, 1]]}',
        '{"rooms": [""], "rows": [7, [], ["8cec4b00000a", "computer", -1, 1], [1, "computer", 0, 1]]}',
        '{"rooms": [""], "rows": [["8cec4b00000a", 1, 0, 1], ["8cec4b00000a", "computer", 0, null]]}',
        '{"rooms": {}, "rows": []}',
    ],
)
def test_what_was_not_stored_by_us_is_passed_over(stored):
    assert not Roster(stored).records
