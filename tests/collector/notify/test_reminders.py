"""Who was told of something critical hears of it again while it goes on and nobody takes it on."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from haidang_collector.incidents.handling import act

from tests.collector.notify.conftest import DIGEST, NIGHT, NOON

if TYPE_CHECKING:
    from tests.collector.notify.conftest import Office

GATHER, REMIND = timedelta(seconds=10), timedelta(hours=4)
FIRST = NOON + GATHER
LAN, MINH, BAC, SO = "lan@u1.edu.vn", "minh@u1.edu.vn", "bac@so.edu.vn", "so@so.edu.vn"
ALONE = {"escalate_seconds": 86_400}


def test_it_is_told_again_and_again_to_everybody_who_heard_of_it(office: Office) -> None:
    office.tell(NOON, "U1")
    for now in (FIRST, *(NOON + timedelta(minutes=minute) for minute in (15, 30, 45))):
        office.compose(now)
    late = NOON + timedelta(hours=5)

    assert sorted(person for person, _ in office.compose(late)) == [BAC, LAN, MINH, SO]
    again = office.messages()[-1]
    assert "Anh/chị nhận lại tin này vì" in again.body
    assert again.subject.startswith("[CHƯA AI NHẬN] U1: InternetDown (từ 12:00 25/11/2026)")
    assert office.compose(late + REMIND - timedelta(seconds=1)) == []
    assert {each.number for each in office.tellings() if each.kind == "reminder" and each.told_at} == {1}
    assert {each.number for each in office.tellings() if each.kind == "reminder" and not each.told_at} == {2}


def test_it_does_not_wake_anybody_a_second_time(office: Office) -> None:
    office.use(limits=ALONE)
    office.tell(NIGHT, "U1")

    assert [person for person, _ in office.compose(NIGHT + GATHER)] == [LAN]
    assert office.compose(NIGHT + REMIND + GATHER) == []
    assert [person for person, _ in office.compose(DIGEST)] == [LAN]


@pytest.mark.parametrize("how", ["ack", "close", "over", "warning", "off"])
def test_it_ends_when_somebody_takes_it_on_or_it_is_over(office: Office, how: str) -> None:
    office.use(limits=ALONE | {"remind_hours": 0 if how == "off" else 4})
    office.tell(NOON, "U1", severity="warning" if how == "warning" else "critical")
    office.compose(FIRST)
    if how in ("ack", "close"):
        act(office.database, 1, how, "lan")  # type: ignore[arg-type]
    if how == "over":
        office.tell(NOON + timedelta(hours=1), "U1", start=NOON, ended=True)
        office.compose(NOON + timedelta(hours=2))
    made = len(office.messages())
    office.compose(FIRST + REMIND)
    office.compose(FIRST + 2 * REMIND)

    assert len(office.messages()) == made
    assert {each.dropped for each in office.tellings() if each.kind == "reminder"} <= {"over", "taken on"}


def test_one_that_fires_again_after_a_false_end_has_reminders_of_its_own_only(office: Office) -> None:
    office.use(limits=ALONE)
    office.tell(NOON, "U1")
    office.compose(FIRST)
    office.tell(NOON + timedelta(minutes=2), "U1", start=NOON, ended=True)
    office.tell(NOON + timedelta(hours=1), "U1", start=NOON)
    office.compose(NOON + timedelta(hours=1) + GATHER)

    assert office.compose(FIRST + REMIND) == []
    assert [person for person, _ in office.compose(FIRST + REMIND + timedelta(hours=1))] == [LAN]


def test_reminders_are_within_the_hourly_limit(office: Office) -> None:
    """
    Each of five incidents has its own time, yet there is one message.
    """
    office.use(limits=ALONE | {"per_hour": 1, "spacing_seconds": 0})
    office.tell(NOON, "U1")
    office.compose(FIRST)
    office.tell(NOON + timedelta(minutes=1), "U1", name="A1")
    office.compose(FIRST + timedelta(hours=1))
    hour = [FIRST + REMIND + timedelta(minutes=minute) for minute in range(0, 60, 10)]
    made = [now for now in hour for person, _ in office.compose(now) if person == LAN]

    assert made == [FIRST + REMIND]
