"""What people hear of an attack: the words of the advice, one message for a unit, and soon."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from haidang_advice import Kind, translations
from haidang_advice.kinds import KINDS

from tests.alerts.people import People, alert, listening_people
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIG = Path(__file__).parents[2] / "alerts/alertmanager.yml"
RULES = Path(__file__).parents[2] / "alerts/rules/incidents.yml"
ALERTS: dict[str, dict[str, Any]] = {
    match[1]: rule
    for rule in yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"][0]["rules"]
    if (match := re.fullmatch(r'unit:school_incident_kind:active\{kind="(\w+)"\}', rule["expr"]))
}
LOOP = {"alertname": "SwitchingLoop", "severity": "critical", "category": "security", "unit": "U1", "kind": "l2_loop"}
DHCP = LOOP | {"alertname": "RogueDhcpServer", "kind": "rogue_dhcp"}
SPOOF = LOOP | {"alertname": "ArpSpoofing", "kind": "arp_spoof"}
STORM = LOOP | {"alertname": "ArpStorm", "kind": "arp_storm"}
DOWN = {"alertname": "InternetDown", "severity": "critical", "category": "link", "unit": "U1"}


@pytest.fixture
def people(tmp_path: Path) -> Iterator[People]:
    with listening_people(tmp_path) as running:
        yield running


def test_each_kind_has_an_alert() -> None:
    assert ALERTS.keys() == KINDS.keys()


@pytest.mark.parametrize(("kind", "advice"), KINDS.items(), ids=KINDS)
def test_an_alert_says_what_the_advice_says(kind: str, advice: Kind) -> None:
    texts = ALERTS[kind]["annotations"]
    vi = translations("vi").gettext

    assert texts["summary"].endswith(f": {vi(advice.title)}")
    assert texts["summary_en"].endswith(f": {advice.title}")
    assert f"Việc cần làm: {vi(advice.remedy)} Máy nào" in texts["description"]
    assert f"What to do: {advice.remedy} Which machine" in texts["description_en"]


def test_an_attack_is_one_mail_and_what_is_added_is_told_within_seconds(people: People) -> None:
    people.post(alert(DHCP, {"summary": "DHCP"}), alert(SPOOF, {"summary": "ARP"}))
    first = people.mail(1)
    began = time.monotonic()
    later = alert(LOOP | {"alertname": "DnsSpoofing", "kind": "dns_spoof"}, {"summary": "DNS"})
    people.post(later | {"startsAt": "2024-03-05T01:45:00Z"})
    second = people.mail(2)

    assert first["X-Haidang-Alert"] == "ArpSpoofing, RogueDhcpServer"
    assert first["X-Haidang-Unit"] == "U1"
    assert time.monotonic() - began < 60
    assert second["Subject"].startswith("[CẢNH BÁO · ALERT] DNS (từ 08:45 05/03/2024)"), "what is new"
    assert second["Subject"].endswith(" [3]")


def test_a_loop_keeps_quiet_what_follows_from_it_but_not_an_outage(people: People) -> None:
    people.post(alert(LOOP, {"summary": "vòng lặp"}))
    people.mail(1)
    people.post(
        alert(STORM, {"summary": "bão"}),
        alert(DOWN | {"alertname": "AgentSilent", "severity": "warning", "agent": "a"}, {"summary": "im lặng"}),
        alert(STORM | {"unit": "U2"}, {"summary": "bão ở trường khác"}),
        alert(DOWN, {"summary": "mất Internet"}),
    )
    later = {(people.mail(number)["X-Haidang-Alert"], people.mail(number)["X-Haidang-Unit"]) for number in (2, 3)}

    assert later == {("ArpStorm", "U2"), ("InternetDown", "U1")}
    assert sorted(people.told("firing")) == ["ArpStorm", "InternetDown", "SwitchingLoop"]


def test_what_is_mere_information_sends_no_mail(people: People) -> None:
    people.post(alert(DHCP | {"severity": "info"}, {"summary": "DHCP"}))
    eventually("the webhook hears of it", lambda: people.told("firing") == ["RogueDhcpServer"], seconds=10)

    assert people.mails == []


def test_what_devices_offer_is_told_apart_from_an_attack(people: People) -> None:
    port = SPOOF | {"alertname": "RiskyPort", "kind": "risky_port", "severity": "warning"}
    people.post(alert(port, {"summary": "SMB"}), alert(SPOOF, {"summary": "ARP"}))
    told = {people.mail(number)["X-Haidang-Alert"] for number in (1, 2)}

    assert told == {"RiskyPort", "ArpSpoofing"}


@pytest.mark.parametrize("alertname", ["RiskyPort", "DefaultSnmpCommunity", "LanWatchBlind", "PostureFindings"])
@pytest.mark.parametrize("severity", ["critical", "warning"])
def test_work_for_a_week_is_reminded_of_weekly(alertname: str, severity: str) -> None:
    kind = {} if alertname in {"LanWatchBlind", "PostureFindings"} else {"kind": "of an incident"}
    labels = {"alertname": alertname, "severity": severity, "category": "security"} | kind

    assert _repeats(labels) == "7d"
    assert _repeats(LOOP) == "12h", "an attack is not forgotten for a week"


def _repeats(labels: dict[str, str]) -> str:
    """How often people hear of it again: by the deepest of the routes that takes it, as Alertmanager walks them."""
    route = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))["route"]
    repeats: str = route["repeat_interval"]
    while route := next((each for each in route.get("routes", ()) if _takes(each["matchers"], labels)), None):
        repeats = route.get("repeat_interval", repeats)
    return repeats


def _takes(matchers: list[str], labels: dict[str, str]) -> bool:
    parts = [re.fullmatch(r'(\w+)(=~|!=|=)"(.*)"', matcher) for matcher in matchers]
    return all(
        part is not None
        and (
            re.fullmatch(part[3], labels.get(part[1], "")) is not None
            if part[2] == "=~"
            else (labels.get(part[1], "") == part[3]) == (part[2] == "=")
        )
        for part in parts
    )
