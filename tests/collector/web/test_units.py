"""The list of units."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx
import pytest
from haidang_collector.registry.facts import Sighting
from haidang_collector.settings import Settings

from tests.collector import remote_write as rw
from tests.collector.running import client_of
from tests.collector.web.reading import Page, rows, tiles
from tests.servers import prometheus

if TYPE_CHECKING:
    from pathlib import Path

    from tests.collector.web.conftest import Web


def test_worst_units_come_first(city: Web) -> None:
    page = city.page("/units")

    assert rows(page) == [
        ("DOWN", "down"),
        ("QUIET", "silent"),
        ("BYE", "silent"),
        ("NEW", "unknown"),
        ("EMPTY", "waiting"),
        ("UP", "up"),
    ]
    assert tiles(page) == {"down": 1, "silent": 2, "unknown": 1, "waiting": 1, "up": 1}
    for name in ("Mất Internet", "Máy trạm im lặng", "Chưa rõ", "Chưa có máy trạm", "Có Internet"):
        assert name in Page(page).text


def test_a_rule_that_says_neither_1_nor_0_says_nothing(city: Web) -> None:
    city.internet["UP"] = float("nan")

    assert ("UP", "unknown") in rows(city.page("/units"))


def test_an_old_result_of_a_rule_is_none(city: Web, tmp_path: Path) -> None:
    """A store that is just back still answers with the state of some minutes ago."""
    with prometheus(tmp_path) as store:
        settings = Settings(database_url=city.settings.database_url, prometheus_url=store.url)
        with client_of(settings) as client:
            now = time.time()
            old = rw.simple("unit:school_internet_up", 1, now - 60, unit="NEW", district="Quận 1")
            new = rw.simple("unit:school_internet_up", 1, now, unit="UP", district="Quận 1")
            httpx.post(store.write_url, content=rw.snappy(old + new), headers=rw.HEADERS).raise_for_status()
            city.registry.record_seen({"a-NEW": Sighting(now, stopped=False)})
            page = client.get("/units").text

    assert ("UP", "up") in rows(page)
    assert ("NEW", "unknown") in rows(page)


FOUND = {
    "q=dong+da": ["UP"],
    "q=%C4%90%E1%BB%90NG": ["UP"],
    "q=tieu+hoc+truong": ["NEW", "UP"],
    "q=bye": ["BYE"],
    "q=nowhere": [],
    "district=Qu%E1%BA%ADn+2": ["BYE"],
    "state=silent": ["QUIET", "BYE"],
    "state=silent&district=Qu%E1%BA%ADn+2&q=sen": ["BYE"],
}


def test_units_are_found_by_what_people_type(city: Web) -> None:
    """With or without diacritics, words in any order."""
    assert {query: [code for code, _ in rows(city.page(f"/units?{query}"))] for query in FOUND} == FOUND


def test_districts_are_offered_in_the_order_people_count(city: Web) -> None:
    page = city.page("/units")

    assert page.index(">Quận 1<") < page.index(">Quận 2<") < page.index(">Quận 10<")


PAGES = {
    "1": ("U-000", 100), "2": ("U-100", 100), "3": ("U-200", 30), "99": ("U-200", 30), "0": ("U-000", 100),
    "-1": ("U-000", 100), "x": ("U-000", 100), "²": ("U-000", 100), "9" * 5000: ("U-000", 100),
}  # fmt: skip
"""First unit and number of units, by what is asked for."""


def test_pages_of_a_hundred(web: Web) -> None:
    for number in range(230):
        web.add(f"U-{number:03d}", f"Trường {number}")

    shown = {page: rows(web.page(f"/units?q=truong&page={page}")) for page in PAGES}

    assert {page: (found[0][0], len(found)) for page, found in shown.items()} == PAGES


def test_links_keep_what_was_asked(web: Web) -> None:
    for number in range(101):
        web.add(f"U-{number:03d}", f"Trường & {number}")

    links = Page(web.page("/units?q=%26&district=Qu%E1%BA%ADn+1&refresh=on")).values("href")

    assert "?q=%26&district=Qu%E1%BA%ADn+1&refresh=on&page=2#units" in links
    assert "?q=%26&district=Qu%E1%BA%ADn+1&refresh=on&lang=en" in links


def test_a_page_renews_itself_where_that_is_asked_for_only(city: Web) -> None:
    assert 'http-equiv="refresh"' not in city.page("/units")
    assert 'http-equiv="refresh"' in city.page("/units?refresh=on")


def test_a_registry_that_does_not_answer_is_said(city: Web) -> None:
    with city.registry.database.write() as session:
        session.connection().exec_driver_sql("ALTER TABLE unit RENAME TO gone")

    assert "Danh bạ không trả lời" in city.page(status=503)
    assert "Danh bạ không trả lời" in city.page("/units", status=503)
    assert "Danh bạ không trả lời" in city.page("/districts/Qu%E1%BA%ADn%2010", status=503)
    assert "Danh bạ không trả lời" in city.page("/units/UP", status=503)


JUDGED = {
    "school:row:compliant": [
        {"labels": {"unit": "UP", "row": "R4"}, "value": 1},
        {"labels": {"unit": "DOWN", "row": "R4"}, "value": 0},
        {"labels": {"unit": "BYE", "row": "R4"}, "value": float("nan")},
    ],
    "school:row:not_applicable": [
        {"labels": {"unit": "NEW", "row": "R4"}, "value": 1},
        {"labels": {"unit": "UP", "row": "R4"}, "value": 1},
    ],
}


STANDING = {
    "met": ["UP"],
    "unmet": ["DOWN"],
    "not_applicable": ["NEW"],
    "unknown": ["QUIET", "BYE", "EMPTY"],
    "": ["DOWN", "QUIET", "BYE", "NEW", "EMPTY", "UP"],
    "nonsense": [],
}


def test_units_are_found_by_how_they_stand_in_a_row(city: Web) -> None:
    """Whom no rule speaks of is not known; who is judged is, though a rule says that the row does not concern it."""
    city.figures = JUDGED

    pages = {judged: city.page(f"/units?row=R4&judged={judged}") for judged in STANDING}

    assert {judged: [code for code, _ in rows(page)] for judged, page in pages.items()} == STANDING
    assert "kho số liệu không trả lời" not in "".join(pages.values())


def test_each_unit_says_how_it_stands_and_leads_to_its_evidence(city: Web) -> None:
    city.figures = JUDGED

    page = Page(city.page("/units?row=R4&q=sao+mai"))

    assert "R4 Học sinh trên một máy tính dạy học" in page.text
    assert "✗ chưa đạt" in page.text
    assert "/units/DOWN#R4" in page.values("href")


def test_without_the_store_nobody_is_judged_and_the_page_says_so(city: Web) -> None:
    city.store = httpx.ConnectError("refused")

    assert rows(city.page("/units?row=R4&judged=met")) == []
    assert "kho số liệu không trả lời" in city.page("/units?row=R4&judged=unknown")
    assert len(rows(city.page("/units?row=R4&judged=unknown"))) == 6


def test_a_row_that_does_not_exist_is_not_asked_for(city: Web) -> None:
    assert len(rows(city.page("/units?row=R99&judged=met"))) == 6
    assert not any("R99" in query for query in city.asked)


@pytest.mark.parametrize(
    ("scope", "codes"),
    [({}, 6), ({"district": "Quận 1"}, 4), ({"unit": "UP"}, 1)],
    ids=["city", "district", "unit"],
)
def test_everybody_sees_the_units_of_their_scope(city: Web, scope: dict[str, str], codes: int) -> None:
    city.log_in(**scope)

    page = city.page("/units")

    assert len(rows(page)) == codes
    assert sum(tiles(page).values()) == codes
    assert (">Quận 10<" in page) == (not scope)
