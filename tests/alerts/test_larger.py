"""What is larger than a school, and the alerting's own safety: real Alertmanager, real SMTP server, a webhook."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.alerts.people import People, alert, listening_people
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OUTAGE = {"alertname": "IspOutage", "severity": "critical", "category": "link", "isp": "VNPT"}
ROGUE = {
    "alertname": "RogueDhcpServer", "severity": "critical", "category": "security", "kind": "rogue_dhcp",
    "unit": "TH-001", "district": "Quận 1",
}  # fmt: skip
BOTH = {"RogueDhcpServer", "ArpSpoofing"}
WATCHDOG = {"alertname": "Watchdog", "severity": "none"}


@pytest.fixture
def people(tmp_path: Path) -> Iterator[People]:
    with listening_people(tmp_path) as running:
        yield running


def test_each_district_and_the_city_is_a_message_and_nothing_of_a_school_is_held_back(people: People) -> None:
    people.post(
        alert(OUTAGE | {"district": "Quận 1"}, {"summary": "Quận 1"}),
        alert(OUTAGE | {"district": "Quận 2"}, {"summary": "Quận 2"}),
        alert(OUTAGE | {"alertname": "IspOutageInCity"}, {"summary": "thành phố"}),
        alert(ROGUE, {"summary": "DHCP"}),
    )
    subjects = {people.mail(number)["Subject"].partition(" (")[0] for number in range(1, 5)}
    people.post(
        *(alert(OUTAGE | {"district": place}, {"summary": place}, ended=True) for place in ("Quận 1", "Quận 2")),
        alert(OUTAGE | {"alertname": "IspOutageInCity"}, {"summary": "thành phố"}, ended=True),
    )
    over = {people.mail(number)["Subject"].partition(" (")[0] for number in range(5, 8)}

    assert subjects == {f"[CẢNH BÁO · ALERT] {what}" for what in ("Quận 1", "Quận 2", "thành phố", "DHCP")}
    assert over == {f"[ĐÃ HẾT · RESOLVED] {what}" for what in ("Quận 1", "Quận 2", "thành phố")}
    assert len(people.mails) == 7


@pytest.mark.parametrize("status", [503, 400])
def test_what_is_critical_is_mailed_once_though_the_collector_takes_nothing(tmp_path: Path, status: int) -> None:
    """The direct way. What the collector could not take it gets when it is back."""
    with listening_people(tmp_path) as people:
        people.status = status
        people.post(alert(ROGUE, {"summary": "DHCP"}))
        mail = people.mail(1)
        eventually("the collector was asked", lambda: people.refused >= 1, seconds=10)
        people.status = 200
        people.post(alert(ROGUE | {"alertname": "ArpSpoofing"}, {"summary": "ARP"}))
        people.mail(2)
        eventually("the collector hears of both", lambda: set(people.told("firing")) == BOTH, seconds=20)

        assert mail["Subject"].startswith("[CẢNH BÁO · ALERT] DHCP")
        assert len(people.mails) == 2, "one for each news"


def test_the_watchdog_alone_keeps_a_dead_mans_switch_from_going_off(tmp_path: Path) -> None:
    """With the receiver of docs/alerts.md: the watchdog is all it hears, again and again, and nobody else does."""
    with listening_people(tmp_path, dead_man=True) as people:
        people.post(alert(WATCHDOG, {"summary": "đang hoạt động"}), alert(ROGUE, {"summary": "DHCP"}))
        eventually("the switch is held twice", lambda: len(people.held) >= 2, seconds=20)
        people.mail(1)
        eventually("the webhook hears of the attack", lambda: people.told("firing") == ["RogueDhcpServer"], seconds=10)

        assert {name for notification in people.held for name in _names(notification)} == {"Watchdog"}
        assert len(people.mails) == 1


def _names(notification: dict[str, list[dict[str, dict[str, str]]]]) -> list[str]:
    return [each["labels"]["alertname"] for each in notification["alerts"]]
