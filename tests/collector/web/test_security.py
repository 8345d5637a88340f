"""What a school's technician reads of its security."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from haidang_advice import SEVERITIES, translations
from haidang_advice.kinds import KINDS
from haidang_collector.settings import Settings

from tests.collector import remote_write as rw
from tests.collector.running import client_of
from tests.collector.web.reading import Page
from tests.collector.web.wan_store import ROUTER, told_store
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.collector.web.conftest import Web

VI = translations("vi").gettext
MINUTE, DAY = 60, 86400


def section(web: Web, path: str = "/units/UP") -> str:
    return Page(web.page(path).partition('<section id="security">')[2].partition("</section>")[0]).text


def series(value: float, **labels: str) -> dict[str, Any]:
    return {"labels": labels, "value": value}


RECORDED = {
    "going_on": "unit:school_incident_kind:active",
    "begun": "unit:school_incident_kind:since_timestamp_seconds",
    "failed": "unit:school_posture_finding:machines",
    "since": "unit:school_posture_finding:since_timestamp_seconds",
    "reviewed": "unit:school_posture:machines",
    "findings": "unit:school_posture_findings:count",
    "website": "unit:school_website_finding:since_timestamp_seconds",
    "website_known": "unit:school_website:since_timestamp_seconds",
}
"""What a new unit has, by what tests call it."""


def told(web: Web, **figures: list[dict[str, Any]]) -> None:
    names = RECORDED | {
        "watched": "count by (kind) (school_incident_active",
        "growth": "unit:school_posture_findings:delta",
        "outside": "unit:school_outside_port:open",
    }
    web.figures = {names[name]: items for name, items in figures.items()}


def attacked(now: float) -> Iterator[bytes]:
    """What agents say of an attack, a machine and a website."""
    yield rw.simple("school_incident_active", 1, now, **ROUTER, kind="rogue_dhcp", severity="critical")
    yield rw.simple("school_incident_active", 0, now, **ROUTER, kind="arp_scan", severity="warning")
    yield rw.simple("school_posture_check", 0, now, **ROUTER, check="firewall", severity="critical")
    yield rw.simple("school_posture_check", 1, now, **ROUTER, check="clock", severity="warning")
    yield rw.simple("school_website_check", 0, now, **ROUTER, check="https", severity="critical")
    yield rw.simple("school_website_check", 1, now, **ROUTER, check="hsts", severity="warning")


def test_the_rules_figures_reach_the_page(city: Web, tmp_path: Path) -> None:
    """By the real rules in a real store."""
    with told_store(tmp_path, attacked) as store:
        for name in RECORDED.values():
            eventually(f"{name} is there", lambda name=name: store.query(name) != [], seconds=30)
        settings = Settings(database_url=city.settings.database_url, prometheus_url=store.url)
        with client_of(settings) as city.client:
            vietnamese, english = section(city), section(city, "/units/UP?lang=en")

    assert f"Nghiêm trọng {VI(KINDS['rogue_dhcp'].title)}" in vietnamese
    assert VI(KINDS["rogue_dhcp"].remedy) in vietnamese
    assert "Tường lửa bật cho mọi loại mạng Bật tường lửa: ufw enable;" in vietnamese
    assert "Unknown DHCP server: clients may get a false router" in english
    assert "How 1 machine is set up is known. Findings on all machines: Critical 1 · Warning 0" in english
    assert "The firewall is on, for every kind of network Turn it on: ufw enable;" in english
    assert "The website answers by HTTPS Get a certificate (Let's Encrypt is free of charge)" in english
    assert "Trang web trả lời qua HTTPS" in vietnamese
    assert "Scan" not in english
    assert "HSTS" not in english


def test_the_worst_stands_first_with_what_to_do(city: Web) -> None:
    now = time.time()
    told(
        city,
        going_on=[
            series(1, kind="arp_scan", severity="warning"),
            series(2, kind="dns_spoof", severity="critical"),
            series(0, kind="rogue_dhcp", severity="critical"),
        ],
        begun=[series(now - 5 * MINUTE, kind="rogue_dhcp", severity="critical")],
        failed=[
            series(30, check="screen_lock", severity="warning"),
            series(1, check="smb1", severity="critical"),
            series(7, check="passwords", severity="critical"),
        ],
        since=[series(now - 9 * DAY, check="passwords", severity="critical")],
        reviewed=[series(40)],
        findings=[series(30, severity="warning"), series(8, severity="critical")],
        growth=[series(-2, severity="critical", window="7d"), series(0, severity="warning", window="30d")],
    )

    text = section(city, "/units/UP?lang=en")
    places = [
        text.index(said)
        for said in ("Forged name", "Unknown DHCP", "ARP scan", "without a password", "SMBv1", "screen locks")
    ]

    assert places == sorted(places)
    assert "for 5 minutes" in text
    assert text.count("No agent tells now whether it still goes on.") == 1
    assert "Findings on all machines: Critical 8 -2 in 7 days · Warning 30 +0 in 30 days" in text
    assert (
        "✕ Critical No account is without a password Give each such account a password, or disable it. 7 9 days" in text
    )


def test_what_fails_on_the_website_stands_apart_from_the_machines(city: Web) -> None:
    now = time.time()
    told(
        city,
        website=[
            series(now - 3 * DAY, check="hsts", severity="warning"),
            series(now - 2 * DAY, check="https", severity="critical"),
            series(now - 5 * DAY, check="defacement", severity="critical"),
        ],
        website_known=[series(now - 9 * DAY)],
    )
    page = section(city, "/units/UP?lang=en")
    text = page.partition("On its website")[2]
    places = [text.index(said) for said in ("somebody else's", "answers by HTTPS", "HSTS")]

    assert places == sorted(places)
    assert "Strict-Transport-Security: max-age=31536000 with every page by HTTPS. 3 days" in text
    assert "How its machines are set up is not known" in page


@pytest.mark.parametrize(
    ("open_ports", "words"),
    [
        ((), "None of the ports by which routers are administered takes connections"),
        (("8291", "23"), "routers are administered: 23 (Telnet), 8291 (Winbox) Turn off remote administration"),
    ],
)
def test_what_the_internet_sees(city: Web, open_ports: tuple[str, ...], words: str) -> None:
    unseen = section(city, "/units/UP?lang=en")
    told(city, outside=[series(float(port in open_ports), port=port) for port in ("23", "443", "8291")])

    assert "From the Internet" not in unseen
    assert words in section(city, "/units/UP?lang=en")


def test_nobody_who_looks_is_not_nothing_to_see(city: Web) -> None:
    unseen = section(city, "/units/UP?lang=en")
    told(city, watched=[series(1, kind=kind) for kind in KINDS], reviewed=[series(2)], website_known=[series(1)])
    seen = section(city, "/units/UP?lang=en")

    assert "Nobody watches this network now" in unseen
    assert "How its machines are set up is not known" in unseen
    assert "How its website is set up is not known" in unseen
    assert "No attack and no fault is seen; 19 kinds are looked for." in seen
    assert seen.count("Nothing fails.") == 2


def test_without_the_store_nothing_is_claimed_and_alerts_are_shown(city: Web) -> None:
    city.alert("UP", name="RogueDhcpServer", category="security", summary="Máy chủ DHCP lạ")
    shown = "Máy chủ DHCP lạ" in city.page("/units/UP")
    city.store = httpx.ConnectError("refused")

    assert not shown, "its place is the section on security"
    assert section(city) == "Bảo mật ? Chưa rõ: kho số liệu không trả lời."
    assert "Máy chủ DHCP lạ" in city.page("/units/UP")


@pytest.mark.parametrize("severity", [*SEVERITIES, "<script>"])
def test_what_a_newer_agent_tells_is_shown_by_its_name_and_stays_text(city: Web, severity: str) -> None:
    hostile = "<script>alert(1)</script>"
    told(
        city,
        going_on=[series(1, kind=hostile, severity=severity)],
        failed=[series(1, check=hostile, severity=severity)],
        reviewed=[series(1)],
        website=[series(1, check=hostile, severity=severity)],
        website_known=[series(1)],
    )

    page = Page(city.page("/units/UP?lang=en"))

    assert {tag for tag, _ in page.tags}.isdisjoint({"script"})
    assert page.text.count(f"{hostile} A newer agent tells this") == 3
