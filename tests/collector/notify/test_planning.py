"""Who hears of what, and when: by registry, severity, category, time, and what others did meanwhile."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
from haidang_collector.incidents.handling import act
from haidang_collector.notify.channels import Outcome
from haidang_collector.notify.settings import Quiet
from haidang_collector.notify.times import due

from tests.collector.notify.conftest import DIGEST, NIGHT, NOON, ZONE

if TYPE_CHECKING:
    from datetime import datetime

    from tests.collector.notify.conftest import Office

GATHER = timedelta(seconds=10)
ESCALATE = timedelta(minutes=15)
LAN, MINH, HUNG, MAI = "lan@u1.edu.vn", "minh@u1.edu.vn", "hung@u2.edu.vn", "mai@u3.edu.vn"
BAC, NAM, SO, TEAM = "bac@so.edu.vn", "nam@so.edu.vn", "so@so.edu.vn", "ungcuu@so.edu.vn"


def plan(office: Office, begin: datetime) -> list[tuple[str, str, float]]:
    return [(each.person, each.kind, (each.due_at - begin).total_seconds()) for each in office.tellings()]


def test_a_critical_alert_climbs_from_the_officer_to_the_city(office: Office) -> None:
    office.tell(NIGHT, "U1")

    assert plan(office, NIGHT) == [
        (LAN, "firing", 10), (MINH, "escalated", 900), (BAC, "escalated", 1800), (SO, "escalated", 2700),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("unit", "district", "first", "after"),
    [("U2", "", HUNG, 10), ("U3", "", MAI, 10), ("U4", "", SO, 10), (None, "Quận Nam", NAM, 0), (None, "", SO, 0)],
)
def test_where_nobody_is_registered_the_next_is_told_at_once(
    office: Office, unit: str | None, district: str, first: str, after: float
) -> None:
    """
    What is larger than a unit is not gathered with anything.
    """
    office.tell(NOON, unit, severity="warning", district=district)

    assert plan(office, NOON) == [(first, "firing", after)]


def test_an_attack_is_told_to_the_security_team_too(office: Office) -> None:
    office.use(security={"name": "Tổ ứng cứu", "email": [TEAM]})
    office.tell(NOON, "U1", name="RogueDhcpServer", category="security")
    office.tell(NOON, "U1", name="RiskyPort", category="security", severity="warning")
    told = office.compose(NOON + GATHER)

    assert [person for person, *_ in told] == [LAN, MINH, TEAM]
    assert dict(told)[TEAM] == "[NGHIÊM TRỌNG] U1: RogueDhcpServer (từ 12:00 25/11/2026)"
    assert dict(told)[LAN] == f"{dict(told)[TEAM]} và 1 việc nữa"


def test_what_is_mere_information_is_told_to_nobody(office: Office) -> None:
    office.tell(NOON, "U1", severity="info")
    office.tell(NOON, None, name="Watchdog", severity="none")

    assert office.tellings() == []


@pytest.mark.parametrize(
    ("now", "then"),
    [
        (NOON, NOON),
        (NIGHT, DIGEST),
        (DIGEST - timedelta(hours=1, seconds=1), DIGEST),
        (DIGEST - timedelta(hours=1), DIGEST - timedelta(hours=1)),
        (NOON + timedelta(days=3, hours=10), DIGEST + timedelta(days=4)),
        (NOON + timedelta(days=4), DIGEST + timedelta(days=4)),
        (NOON + timedelta(days=8), DIGEST + timedelta(days=8)),
    ],
    ids=["noon", "night", "before six", "six", "Saturday night", "Sunday", "holiday"],
)
def test_what_is_not_critical_waits_for_the_morning_of_a_working_day(now: datetime, then: datetime) -> None:
    from zoneinfo import ZoneInfo  # noqa: PLC0415

    quiet = Quiet(holidays=(date(2026, 12, 3),))

    assert due("warning", now, quiet, ZoneInfo(ZONE)) == then
    assert due("critical", now, quiet, ZoneInfo(ZONE)) == now


def test_one_digest_tells_of_the_whole_night_and_of_what_is_over(office: Office) -> None:
    for number in range(3):
        office.tell(NIGHT + timedelta(minutes=number), "U1", name=f"A{number}", severity="warning")
    office.tell(
        NIGHT + timedelta(minutes=9),
        "U1",
        name="A1",
        severity="warning",
        start=NIGHT + timedelta(minutes=1),
        ended=True,
    )

    assert office.compose(DIGEST - timedelta(seconds=1)) == []
    assert [person for person, _ in office.compose(DIGEST)] == [LAN]
    (message,) = office.messages()
    assert all(f"U1: A{number}" in message.body for number in range(3))
    assert message.body.index("A1") > message.body.index("A0"), "what is over comes last"
    assert "22:31 25/11/2026" in message.body
    assert "22:39 25/11/2026" in message.body


def test_a_person_in_charge_of_many_units_gets_one_message(office: Office) -> None:
    for number in range(50):
        office.tell(NOON + timedelta(seconds=number / 10), None, name=f"A{number}", district="Quận Nam")

    assert [person for person, _ in office.compose(NOON + GATHER + timedelta(seconds=5))] == [NAM]
    assert all(f"A{number}" in office.messages()[0].body for number in range(50))


def test_resolved_is_told_to_whom_firing_was_told_and_to_nobody_else(office: Office) -> None:
    office.tell(NOON, "U1")
    office.compose(NOON + GATHER)
    over = NOON + timedelta(minutes=5)
    office.tell(over, "U1", start=NOON, ended=True)
    office.tell(over, "U1", start=NOON, ended=True)

    assert [person for person, _ in office.compose(over + GATHER)] == [LAN]
    assert office.compose(NOON + timedelta(hours=2)) == [], "an escalation of what is over tells nobody"


def test_what_was_over_before_anybody_was_told_is_one_message(office: Office) -> None:
    office.tell(NOON, "U1")
    office.tell(NOON + timedelta(seconds=5), "U1", start=NOON, ended=True)

    ((person, subject),) = office.compose(NOON + timedelta(seconds=20))
    assert person == LAN
    assert "12:00 25/11/2026" in subject
    assert office.compose(NOON + timedelta(hours=1)) == []


def test_nobody_takes_it_on_so_the_next_hears_of_it_until_somebody_does(office: Office) -> None:
    office.tell(NOON, "U1")
    office.compose(NOON + GATHER)

    assert [person for person, _ in office.compose(NOON + ESCALATE)] == [MINH]
    act(office.database, 1, "ack", "lan")
    assert office.compose(NOON + 2 * ESCALATE) == []
    assert [each.dropped for each in office.tellings() if each.kind != "reminder"] == [None, None, "taken on", None]


def test_who_cannot_be_told_is_not_waited_for(office: Office) -> None:
    office.tell(NOON, "U1")
    now = NOON + GATHER
    office.compose(now)
    office.settle_all(now, Outcome("failed", "550 no such user"))

    assert [person for person, _ in office.compose(now + timedelta(seconds=1))] == [MINH]


def test_at_most_so_many_messages_an_hour_and_the_rest_in_one(office: Office) -> None:
    office.use(limits={"per_hour": 3, "spacing_seconds": 0})
    made = []
    for minute in range(70):
        now = NOON + timedelta(minutes=minute)
        office.tell(now, "U2", name=f"A{minute}")
        made += [now for person, _ in office.compose(now + GATHER) if person == HUNG]

    assert len(made) == 6, "three, and when an hour is over the rest in one, and so on"
    assert all(later - earlier >= timedelta(hours=1) for earlier, later in zip(made, made[3:], strict=False))
    bodies = "".join(message.body for message in office.messages() if message.person == HUNG)
    missing = {f"A{minute}" for minute in range(61) if not re.search(rf"U2: A{minute}\b", bodies)}
    assert missing == set(), "nothing is left out"


def test_news_that_come_quickly_after_a_message_wait_for_one_another(office: Office) -> None:
    office.tell(NOON, "U1")
    office.compose(NOON + GATHER)
    for second in (11, 12, 15):
        office.tell(NOON + timedelta(seconds=second), "U1", name=f"A{second}")

    assert office.compose(NOON + timedelta(seconds=39)) == []
    ((person, _),) = office.compose(NOON + timedelta(seconds=40))
    assert person == LAN
    assert all(f"A{second}" in office.messages()[-1].body for second in (11, 12, 15))


def test_an_alert_that_fires_again_after_a_false_end_is_told_anew(office: Office) -> None:
    office.tell(NOON, "U1")
    office.compose(NOON + GATHER)
    office.tell(NOON + timedelta(minutes=2), "U1", start=NOON, ended=True)
    office.tell(NOON + timedelta(minutes=4), "U1", start=NOON)

    ((person, subject),) = office.compose(NOON + timedelta(minutes=5))
    assert person == LAN
    assert subject.endswith("(từ 12:00 25/11/2026)"), "and no end"
    assert [(each.kind, each.dropped) for each in office.tellings() if each.person == LAN] == [
        ("firing", None), ("resolved", "told anew"), ("firing", None), ("reminder", "told anew"), ("reminder", None),
    ]  # fmt: skip


def test_a_deputy_is_told_while_somebody_is_away(office: Office) -> None:
    away = {
        "of": LAN,
        "name": "Thầy Nam",
        "email": "nam@u1.edu.vn",
        "first": date(2026, 11, 20),
        "last": date(2026, 11, 25),
    }
    office.use(deputy=[away])
    office.tell(NOON, "U1", severity="warning")
    office.tell(NOON + timedelta(days=1), "U1", name="A", severity="warning")

    assert [each.person for each in office.tellings()] == ["nam@u1.edu.vn", LAN]


def test_at_night_others_may_be_told(office: Office) -> None:
    """
    The route of the file says so; by day it is as ever.
    """
    office.use(route=[{"severity": "critical", "time": "quiet", "tell": [["city"], ["officer"]]}])
    office.tell(NOON, "U1")
    office.tell(NIGHT, "U1", name="A")

    assert plan(office, NOON)[0] == (LAN, "firing", 10)
    assert plan(office, NIGHT)[-2:] == [(SO, "firing", 10), (LAN, "escalated", 900)]


def test_everybody_in_their_language_by_their_channels(
    office: Office, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("secrets") / "lan"
    file.write_text("tgram://123456789:abcdefg_hijklmnop/12315544/")
    office.use(
        channel=[{"name": "lan-telegram", "url_file": str(file)}],
        person=[{"email": LAN, "language": "en", "channels": ["email", "lan-telegram"]}],
    )
    office.tell(NOON, "U1")
    office.compose(NOON + GATHER)
    mail, phone = office.messages()

    assert (mail.address, phone.address) == (LAN, "lan-telegram")
    assert "[CRITICAL] U1: InternetDown (en) (since 2026-11-25 12:00)" == mail.subject == phone.subject
    assert "https://hd.example/incidents/1" in mail.body
    assert "https://hd.example/incidents/1" in phone.body
    assert "tgram" not in repr([vars(message) for message in office.messages()])


def test_while_the_centre_is_cut_off_schools_are_not_told_that_they_are(office: Office) -> None:
    """
    Whoever is back when the centre is was never offline; whoever is not hears of it then.
    """
    office.tell(NOON, None, name="CentreCutOff", category="platform")
    office.tell(NOON, "U1", "U3")
    office.tell(NOON, "U2", name="RogueDhcpServer", category="security")
    minutes = [NOON + timedelta(minutes=minute) for minute in (1, 2, 20)]
    first = [person for now in minutes for person, _ in office.compose(now)]
    back = NOON + timedelta(minutes=21)
    office.tell(back, None, name="CentreCutOff", category="platform", start=NOON, ended=True)
    office.tell(back, "U1", start=NOON, ended=True)
    office.compose(back + timedelta(minutes=1))
    told = "".join(message.body for message in office.messages())

    assert set(first) >= {SO, HUNG}
    assert {LAN, MAI}.isdisjoint(first)
    assert "U3: InternetDown" in told
    assert "U1: InternetDown" not in told
    assert {each.dropped for each in office.tellings() if each.person == LAN} == {"the centre was cut off"}
