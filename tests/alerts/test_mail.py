"""What a person reads when a school loses its Internet, sent by the real Alertmanager to a real SMTP server."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.alerts.people import People, alert, listening_people
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from email.message import EmailMessage
    from pathlib import Path

DOWN = {"alertname": "InternetDown", "severity": "critical", "category": "link", "unit": "TH-001", "district": "Quận 1"}
SILENT = DOWN | {"alertname": "AgentSilent", "severity": "warning", "category": "platform", "agent": "a-1"}
TEXT = {
    "summary": "Trường Tiểu học <Sao Mai> (TH-001): mất Internet",
    "description": "Đường truyền hoặc điện của trường đã mất.",
    "summary_en": "Trường Tiểu học <Sao Mai> (TH-001): no Internet",
    "description_en": "Its line or its power is down.",
    "runbook_url": "docs/runbooks/InternetDown.md",
}


@pytest.fixture
def people(tmp_path: Path) -> Iterator[People]:
    with listening_people(tmp_path) as running:
        yield running


def part(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    assert body is not None
    text: str = body.get_content().replace("\r\n", "\n").strip()
    return text


def test_a_mail_says_what_where_and_since_when_and_later_that_it_is_over(people: People) -> None:
    """Vietnamese first, then English, in Vietnam's time; the subject alone is enough to act on."""
    people.post(alert(DOWN, TEXT))
    mail = people.mail(1)

    assert mail["Subject"] == (
        "[CẢNH BÁO · ALERT] Trường Tiểu học <Sao Mai> (TH-001): mất Internet (từ 08:30 05/03/2024)"
        " · Trường Tiểu học <Sao Mai> (TH-001): no Internet"
    )
    assert (mail["X-Haidang-Alert"], mail["X-Haidang-Unit"], mail["X-Haidang-Status"]) == (
        "InternetDown",
        "TH-001",
        "firing",
    )
    assert mail["Auto-Submitted"] == "auto-generated"
    assert part(mail, "plain").splitlines() == [
        TEXT["summary"],
        "Từ 08:30 05/03/2024 (giờ Việt Nam).",
        "",
        TEXT["description"],
        "Hướng dẫn từng bước: http://127.0.0.1:8080/runbooks/InternetDown",
        "",
        "--",
        TEXT["summary_en"],
        "Since 08:30 05/03/2024 (Vietnam time).",
        "",
        TEXT["description_en"],
        "Step by step: http://127.0.0.1:8080/runbooks/InternetDown",
        "",
        "alertname=InternetDown category=link district=Quận 1 severity=critical unit=TH-001",
    ]

    ended = alert(DOWN, TEXT, ended=True)
    day = f"{datetime.fromisoformat(ended['endsAt']) + timedelta(hours=7):%d/%m/%Y}"
    people.post(ended)
    over = people.mail(2)

    assert over["Subject"].startswith("[ĐÃ HẾT · RESOLVED] Trường Tiểu học <Sao Mai> (TH-001): mất Internet (từ 08:30")
    assert over["X-Haidang-Status"] == "resolved"
    text = part(over, "plain")
    assert re.search(rf"Đã hết lúc \d\d:\d\d {day}; bắt đầu từ 08:30 05/03/2024 \(giờ Việt Nam\)\.", text)
    assert re.search(rf"Over since \d\d:\d\d {day}; it began at 08:30 05/03/2024 \(Vietnam time\)\.", text)
    assert TEXT["description"] not in text, "what to do is no longer to be done"
    assert (people.told("firing"), people.told("resolved")) == (["InternetDown"], ["InternetDown"])


def test_the_html_part_says_the_same_and_shows_names_as_they_are(people: People) -> None:
    people.post(alert(DOWN, TEXT))
    html = part(people.mail(1), "html")

    assert '<h2 style="margin:.2em 0">Trường Tiểu học &lt;Sao Mai&gt; (TH-001): mất Internet</h2>' in html
    assert "&lt;Sao Mai&gt; (TH-001): no Internet" in html
    assert all(TEXT[name] in html for name in ("description", "description_en"))
    assert html.count('<a href="http://127.0.0.1:8080/runbooks/InternetDown">') == 2
    assert html.count("08:30 05/03/2024") == 2
    assert "<no value>" not in html


def test_several_agents_of_a_unit_are_one_mail(people: People) -> None:
    first, second = (alert(SILENT | {"agent": name}, TEXT | {"summary": f"máy trạm {name}"}) for name in ("a-1", "a-2"))
    people.post(first, second)
    mail = people.mail(1)

    assert mail["Subject"].startswith("[CẢNH BÁO · ALERT] máy trạm a-1 (từ 08:30 05/03/2024)")
    assert mail["Subject"].endswith(" [2]")
    assert "máy trạm a-1\n" in part(mail, "plain")
    assert "máy trạm a-2\n" in part(mail, "plain")


def test_a_school_without_internet_is_not_told_of_its_silent_agents(people: People) -> None:
    """The agent of another school is told of; the watchdog and what is mere information send no mail."""
    people.post(alert(DOWN, TEXT))
    people.mail(1)
    people.post(alert(SILENT, TEXT))
    people.post(
        alert({"alertname": "Watchdog", "severity": "none"}, TEXT),
        alert(DOWN | {"alertname": "AgentClockWrong", "severity": "info"}, TEXT),
        alert(SILENT | {"unit": "TH-002"}, TEXT),
    )
    mail = people.mail(2)
    eventually("the webhook hears of the clock", lambda: "AgentClockWrong" in people.told("firing"), seconds=10)
    eventually("the webhook hears of the agent", lambda: "AgentSilent" in people.told("firing"), seconds=10)

    assert (mail["X-Haidang-Alert"], mail["X-Haidang-Unit"]) == ("AgentSilent", "TH-002")
    assert sorted(people.told("firing")) == ["AgentClockWrong", "AgentSilent", "InternetDown"]
    assert len(people.mails) == 2


def test_what_was_told_of_a_line_is_taken_back_after_an_outage_too(people: People) -> None:
    """Under InternetDown the unit's lines are quiet; whoever heard that one is down hears in the end that it is up."""
    line = DOWN | {"alertname": "WanDown", "severity": "warning", "wan": "wan1", "isp": "VNPT"}
    text = TEXT | {"summary": "đường VNPT (wan1) bị mất"}
    people.post(alert(line, text))
    people.mail(1)
    people.post(alert(DOWN, TEXT))
    people.mail(2)
    people.post(alert(line | {"wan": "wan2", "isp": "FPT"}, text), alert(line | {"unit": "TH-002"}, text))
    elsewhere = people.mail(3)
    people.post(alert(DOWN, TEXT, ended=True), alert(line, text, ended=True))
    over = {people.mail(number)["X-Haidang-Alert"]: people.mail(number) for number in (4, 5)}

    assert elsewhere["X-Haidang-Unit"] == "TH-002"
    assert over.keys() == {"InternetDown", "WanDown"}
    assert "đường VNPT (wan1) bị mất" in part(over["WanDown"], "plain")
    assert "Đã hết" in part(over["WanDown"], "plain")
