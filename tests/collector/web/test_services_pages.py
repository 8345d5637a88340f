"""The list of online systems, services for parents and the calendar, as the Department and its schools see them."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import httpx
import pytest
from haidang_collector.access.audit import entries
from haidang_collector.access.visitor import Scope
from haidang_collector.centre.services import adopt, remove, set_service, told
from haidang_collector.registry.agent_config import tables_for
from haidang_collector.registry.config_layers import DEFAULT
from haidang_collector.registry.config_versions import put, roll_back
from haidang_collector.registry.config_versions import staged as staging
from haidang_collector.registry.models import PublicService

from tests.collector.access.house import FAR, NEAR, inhabited
from tests.collector.web.desk import Desk
from tests.collector.web.reading import Page

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.collector.access.house import House
    from tests.collector.web.conftest import Web

DASH = "\N{EN DASH}"
FORM = {"name": "smas", "url": "https://moi.example/", "match": "Đăng nhập"}
CITY, DISTRICTS, UNITS = "city:school_service_outage", "district:school_service_outage", "topk"
"""Parts of the queries by what the rules say, and for units by name."""


def series(value: float, **labels: str) -> dict[str, Any]:
    return {"labels": labels, "value": value}


def text(web: Web, path: str = "/services?lang=en") -> str:
    return Page(web.page(path)).text


def send(web: Web, path: str = "/services/edit", **fields: str) -> httpx.Response:
    hidden = re.search(r'name="csrf" value="([^"]+)"', web.page("/services/edit"))
    assert hidden
    return web.client.post(path, data={"csrf": hidden[1], "seen": "", **fields}, follow_redirects=False)


def state(page: str, name: str) -> str:
    """What stands behind a system's address, up to its usual time."""
    found = re.search(rf" {name} https://\S+ {DASH} (.*?) (?:{DASH}|[0-9]+ ms)(?: |$)", page)
    assert found, page
    return found[1]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    yield from inhabited(tmp_path)


@pytest.fixture
def told_city(city: Web) -> Web:
    adopt(city.registry.database, "somebody")
    with city.registry.database.write() as session:
        session.add(PublicService(unit="UP", service="enrolment", url="https://up.example/ts", season=None))
        session.add(PublicService(unit="DOWN", service="fees", url="https://down.example/hp", season="year"))
    return city


def test_each_system_says_for_whom_it_fails_by_the_rules_and_where(told_city: Web) -> None:
    told_city.figures = {
        "school_service_units:count": [
            series(40, service=name) for name in ("smas", "hcm", "httt", "vietschool", "pcgd", "thongke")
        ],
        "school_service_units_down:count": [
            series(number, service=name)
            for name, number in {"smas": 30, "hcm": 0, "httt": 9, "vietschool": 7, "pcgd": 1, "thongke": 1}.items()
        ],
        CITY: [series(1, service="smas")],
        DISTRICTS: [series(1, service="smas", district="Quận 2"), series(1, service="httt", district="Quận 10"),
                    series(1, service="httt", district="Quận 2")],
        UNITS: [series(1, service="vietschool", unit=f"U{number}") for number in range(5)]
        + [series(1, service="pcgd", unit="DOWN")],
        "sparse_median": [series(0.25, service="smas")],
        "school_service_fault": [series(2, service="smas", fault="status"), series(5, service="smas", fault="refused")],
    }  # fmt: skip

    page = text(told_city)

    assert "Fails for the whole city: smas. The Department calls who runs it" in page
    assert "Fails in whole districts, not in the city: httt." in page
    assert "Fails at many units, but in no whole district: vietschool." in page
    assert state(page, "smas") == "✕ Fails for the whole city at 30 of 40 units at fault mostly: the way to it"
    assert state(page, "httt") == "! Fails in whole districts Quận 2, Quận 10; at 9 of 40 units"
    assert state(page, "vietschool") == "! Not usable at 7 of 40 units U0 , U1 , U2 , U3 , U4 …"
    assert state(page, "pcgd") == "✓ Usable but not at 1 of 40 units: DOWN"
    assert state(page, "thongke").startswith("✓ Usable but not at 1 of 40 units:")
    assert state(page, "hcm") == "✓ Usable at all 40 units that ask"
    assert state(page, "moet") == "Nobody asks for it yet"


def test_one_school_alone_is_no_fault_of_the_system(told_city: Web) -> None:
    told_city.figures = {
        "school_service_units:count": [series(72, service="smas"), series(72, service="hcm")],
        "school_service_units_down:count": [series(1, service="smas"), series(0, service="hcm")],
        UNITS: [series(1, service="smas", unit="DOWN")],
    }
    page = Page(told_city.page("/services?lang=en"))

    assert "✓ No system fails for the city or a district. At single schools, and theirs to mend: smas." in page.text
    assert "badge down" not in page.values("class")
    assert "/units/DOWN" in page.values("href")


def test_a_districts_officer_reads_whether_it_is_the_districts_and_a_schools_whose_it_is(told_city: Web) -> None:
    adopted = {"service": "smas"}
    told_city.figures = {
        "school_service_units:count": [series(20, **adopted)],
        "school_service_units_down:count": [series(12, **adopted)],
        "group by (unit, service)": [series(1, **adopted)],
        "unit:school_service_down:active": [series(1, **adopted, unit="UP")],
        DISTRICTS: [series(1, **adopted, district="Quận 1")],
    }
    told_city.log_in(district="Quận 1")
    district = text(told_city)
    told_city.log_in(unit="UP")
    unit = text(told_city)
    told_city.figures.pop(DISTRICTS)

    assert "Fails in the whole district: smas." in district
    assert state(district, "smas") == "✕ Fails in the whole district at 12 of 20 units"
    assert state(unit, "smas") == "✕ Not usable the whole district has it"
    assert "look at this school's network first" in state(text(told_city), "smas")
    assert {f",district={json.dumps('Quận 1')}}} == 1" in query for query in told_city.asked if DISTRICTS in query} == {
        True
    }


def test_of_services_for_parents_those_that_fail_are_named_with_who_sees_it(told_city: Web) -> None:
    told_city.figures = {
        "public_service_seen:up": [
            series(0, unit="UP", service="public_enrolment", **{"from": "centre"}),
            series(1, unit="UP", service="public_enrolment", **{"from": "school"}),
            series(0, unit="DOWN", service="public_fees", **{"from": "school"}),
            series(1, unit="DOWN", service="public_fees", **{"from": "centre"}),
        ],
        "public_service:in_season": [series(0, unit="UP", service="public_enrolment")],
        "public_service_available:ratio": [series(0.75, unit="UP", service="public_enrolment")],
    }

    page = text(told_city)

    assert "2 services are registered, by 2 units." in page
    assert "UP First-year enrolment https://up.example/ts Enrolment season not now ✕ Not usable ✓ Usable 75 %" in page
    assert "down.example" not in page, "down at its school alone: parents can use it"


def test_without_the_store_the_list_stands_and_nothing_is_claimed(told_city: Web) -> None:
    told_city.store = httpx.ConnectError("refused")

    page = text(told_city)

    assert f"smas https://smas.edu.vn/ {DASH} ? Unknown" in page
    assert "Usable" not in page.split("Services for parents")[0]
    assert "No system fails" not in page
    assert "None is known" not in page


def test_the_calendar_names_its_sources(told_city: Web) -> None:
    page = text(told_city, "/services")

    assert re.search(r"Ngày nghỉ Tết Nguyên đán 01/02/2027 13/02/2027 Labour Code 45/2019/QH14", page)
    assert re.search(r"Mùa Mùa tuyển sinh 01/04/2027 31/07/2027 Ours, after 2026", page)
    assert f"Thứ hai 07:00{DASH}17:00" in page


def test_an_operator_adds_changes_and_removes_and_each_is_audited(told_city: Web) -> None:
    database = told_city.registry.database
    changed = send(told_city, **FORM, seen="https://smas.edu.vn/")
    added = send(told_city, **FORM | {"name": "moi"})
    removed = send(told_city, "/services/remove", name="hcm", seen="https://hcm.edu.vn/")
    by_name = {service["name"]: service for service in tables_for(database, "UP")["service"]}
    deeds = [
        (entry.what, entry.subject, entry.who) for entry in entries(database, Scope())[0] if "service" in entry.what
    ]

    assert [answer.status_code for answer in (changed, added, removed)] == [303, 303, 303]
    assert by_name["smas"] == {"name": "smas", "url": "https://moi.example/", "match": "Đăng nhập"}
    assert "moi" in by_name
    assert "hcm" not in by_name
    assert [deed[:2] for deed in deeds[:3]] == [
        ("service.removed", "hcm"), ("service.set", "moi"), ("service.set", "smas"),
    ]  # fmt: skip
    assert removed.headers["location"] == "/services?removed=hcm"
    assert "Saved: moi." in text(told_city, "/services?saved=moi&lang=en")
    assert "Removed: <b>hcm." in text(told_city, "/services?removed=<b>hcm&lang=en")


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "SMAS!"},
        {"url": "smas.edu.vn"},
        {"url": "https://a:b@smas.edu.vn/"},
        {"url": "https://x.example/\u202e"},
        {"match": "x" * 201},
        {"name": "public_-x"},
        {"name": "public_x", "url": "https://x.example:22/"},
    ],
)
def test_what_no_agent_could_ask_for_is_typed_again(told_city: Web, wrong: dict[str, str]) -> None:
    before = told(told_city.registry.database)
    answer = send(told_city, **FORM | {"name": "moi"} | wrong)

    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.text
    assert told(told_city.registry.database) == before


def test_what_others_changed_meanwhile_is_shown_and_not_overwritten(told_city: Web) -> None:
    other = {"name": "smas", "url": "https://other.example/"}
    set_service(told_city.registry.database, other, "somebody")
    answer = send(told_city, **FORM, seen="https://smas.edu.vn/")

    assert answer.status_code == 409
    assert "https://other.example/" in answer.text
    assert other in told(told_city.registry.database)
    assert send(told_city, **FORM, seen="https://other.example/").status_code == 303


def test_what_others_removed_meanwhile_does_not_come_back_unseen(told_city: Web) -> None:
    remove(told_city.registry.database, "smas", "somebody")
    answer = send(told_city, **FORM, seen="https://smas.edu.vn/")

    assert answer.status_code == 409
    assert "Mục này đã bị bỏ." in answer.text
    assert "smas" not in {service["name"] for service in told(told_city.registry.database)}
    assert send(told_city, **FORM, seen="").status_code == 303


def test_removing_asks_first_and_the_form_only_leads_there(told_city: Web) -> None:
    form, question = (Page(told_city.page(f"/services/{path}?name=smas&lang=en")) for path in ("edit", "remove"))

    assert "/services/remove" in form.values("action")
    assert form.text.count("Save") == 1
    assert "Ask for this system no more? Short name smas" in question.text
    assert "smas" in {service["name"] for service in told(told_city.registry.database)}
    assert "not asked for" in Page(told_city.page("/services/remove?name=nothing&lang=en", status=404)).text
    assert send(told_city, "/services/remove", name="nothing").status_code == 404


def test_what_others_changed_is_not_removed_unseen(told_city: Web) -> None:
    other = {"name": "smas", "url": "https://other.example/"}
    set_service(told_city.registry.database, other, "somebody")
    answer = send(told_city, "/services/remove", name="smas", seen="https://smas.edu.vn/")

    assert answer.status_code == 409
    assert "https://other.example/" in answer.text
    assert send(told_city, "/services/remove", name="smas", seen="https://other.example/").status_code == 303


def test_what_is_on_trial_is_not_dropped_but_named(told_city: Web) -> None:
    database = told_city.registry.database
    version = put(database, DEFAULT, {"agent": {"push_interval": "30s"}}, "Cô Lan", percent=10)
    refused = [
        send(told_city, **FORM, seen="https://smas.edu.vn/"),
        send(told_city, "/services/remove", name="hcm", seen="https://hcm.edu.vn/"),
    ]
    form = text(told_city, "/services/edit?name=smas&lang=en")

    assert [answer.status_code for answer in refused] == [409, 409]
    assert 'value="https://moi.example/"' in refused[0].text, "what was typed is still there"
    assert f"Version {version} of what agents are told, set by Cô Lan" in form
    assert "haidang units config --default --stage 100%" in form
    assert staging(database, DEFAULT)["agent"] == {"push_interval": "30s"}
    assert "https://moi.example/" not in {service["url"] for service in told(database)}
    roll_back(database, DEFAULT, "somebody")
    assert send(told_city, **FORM, seen="https://smas.edu.vn/").status_code == 303


def test_who_sees_the_city_chooses_a_district_and_edits_its_list(told_city: Web) -> None:
    set_service(told_city.registry.database, {"name": "own", "url": "https://own.example/"}, "somebody", "Quận 2")
    told_city.figures = {"school_service_units:count": [series(3, service="own")]}
    shown = Page(told_city.page("/services?district=Quận 2&lang=en"))
    added = send(told_city, name="moi", url="https://moi.example/", district="Quận 2")

    assert [tag["value"] for name, tag in shown.tags if name == "option"] == ["", "Quận 1", "Quận 2", "Quận 10"]
    assert "Quận 2 (1)" in shown.text
    assert state(shown.text, "own") == "✓ Usable at all 3 units that ask"
    assert f"/services/edit?name=own&district={quote('Quận 2')}" in shown.values("href")
    assert Page(told_city.page(added.headers["location"] + "&lang=en")).text.count("moi") > 1
    assert "There is no unit in this district." in text(told_city, "/services?district=nowhere&lang=en")


def test_what_is_in_the_list_stays_text(told_city: Web) -> None:
    set_service(
        told_city.registry.database, {"name": "x", "url": "https://x.example/", "match": "<script>"}, "somebody"
    )
    tags = {tag for tag, _ in Page(told_city.page("/services")).tags}

    assert "script" not in tags
    assert "<script>" in text(told_city)


def test_a_districts_operator_edits_the_list_of_the_district_alone(house: House) -> None:
    desk = Desk(house, "near", "operator", district=NEAR)
    adopt(house.database, "somebody")
    desk.send("/services/edit", {"name": "own", "url": "https://own.example/"})
    page = desk.page("/services")

    assert [service["name"] for service in told(house.database, NEAR)] == ["own"]
    assert "own" not in {service["name"] for service in told(house.database)}
    assert f"Only for {NEAR}" in page
    assert re.findall(r'href="/services/edit\?name=(\w+)', page) == ["own"]


def test_who_has_one_unit_sees_its_state_and_edits_nothing(house: House) -> None:
    desk = Desk(house, "unit", "operator", unit="TH-001")
    set_service(house.database, {"name": "near", "url": "https://near.example/"}, "somebody", NEAR)
    set_service(house.database, {"name": "far", "url": "https://far.example/"}, "somebody", FAR)

    assert "https://near.example/" in desk.page("/services"), "its agents ask for it"
    assert "https://far.example/" not in desk.page("/services")
    assert desk.get("/services/edit").status_code == 403
    assert desk.get("/services").status_code == 200
    assert "/services/edit" not in desk.page("/services")
    assert "<option" not in desk.page(f"/services?district={FAR}")
    assert "https://far.example/" not in desk.page(f"/services?district={FAR}")


def test_a_district_without_units_has_no_list(house: House) -> None:
    desk = Desk(house, "city", "operator")
    fields = {"name": "own", "url": "https://own.example/", "district": "nowhere", "seen": ""}

    assert "no unit in this district" in desk.post("/services/edit", fields, status=422).text
