"""A fault of an online system is told once, by the real Alertmanager: of the larger one's schools nobody hears."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.alerts.people import People, alert, listening_people
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVICE = {"severity": "warning", "category": "service", "service": "smas"}
DISTRICT = SERVICE | {"alertname": "ServiceDownInDistrict", "district": "Quận 1"}
SCHOOL = SERVICE | {"alertname": "ServiceDown", "unit": "TH-001", "district": "Quận 1"}
ELSEWHERE = SCHOOL | {"unit": "TH-002", "district": "Quận 2"}
CITY = SERVICE | {"alertname": "ServiceDownInCity"}
TEXT = {"summary": "smas hỏng", "description": "", "summary_en": "smas fails", "description_en": ""}


@pytest.fixture
def people(tmp_path: Path) -> Iterator[People]:
    with listening_people(tmp_path) as running:
        yield running


def test_the_larger_fault_keeps_the_smaller_quiet_and_what_was_told_before_ends_with_it(people: People) -> None:
    people.post(alert(SCHOOL, TEXT))
    people.mail(1)
    people.post(alert(DISTRICT, TEXT))
    people.mail(2)
    people.post(alert(SCHOOL | {"unit": "TH-009"}, TEXT), alert(ELSEWHERE, TEXT))
    elsewhere = people.mail(3)
    people.post(alert(CITY, TEXT))
    people.mail(4)
    people.post(alert(ELSEWHERE | {"unit": "TH-010"}, TEXT), alert(SCHOOL | {"service": "vietschool"}, TEXT))
    other = people.mail(5)
    eventually("all five are told", lambda: len(people.told("firing")) >= 5, seconds=30)
    heard = {each["labels"].get("unit") for sent in people.notifications for each in sent["alerts"]}
    people.post(*(alert(labels, TEXT, ended=True) for labels in (CITY, DISTRICT, SCHOOL)))
    eventually("all three ends are told", lambda: len(people.told("resolved")) >= 3, seconds=30)

    assert [mail["X-Haidang-Unit"] for mail in (elsewhere, other)] == ["TH-002", "TH-001"]
    assert sorted(people.told("resolved")) == ["ServiceDown", "ServiceDownInCity", "ServiceDownInDistrict"]
    assert heard == {None, "TH-001", "TH-002"}


def test_a_shared_server_is_one_message_and_a_school_without_internet_is_told_of_that_alone(people: People) -> None:
    portals = {"alertname": "PortalsDownInCity", "severity": "critical", "category": "service"}
    portal = {"alertname": "PortalDown", "severity": "warning", "category": "service", "unit": "TH-001"}
    offline = {"alertname": "InternetDown", "severity": "critical", "category": "link", "unit": "TH-002"}
    people.post(alert(portals, TEXT), alert(offline, TEXT))
    people.mail(2)
    inside = SCHOOL | {"unit": "TH-002", "severity": "info", "alertname": "PublicServiceUnreachableFromSchool"}
    everywhere = SCHOOL | {"unit": "TH-002", "alertname": "PublicServiceDown"}
    held = (portal, SCHOOL | {"unit": "TH-002"}, inside)
    people.post(*(alert(labels, TEXT) for labels in (*held, SCHOOL, everywhere)))
    people.mail(4)
    eventually("all four are told", lambda: len(people.told("firing")) >= 4, seconds=30)

    assert sorted(people.told("firing")) == ["InternetDown", "PortalsDownInCity", "PublicServiceDown", "ServiceDown"]
