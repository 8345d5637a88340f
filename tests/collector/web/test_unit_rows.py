"""What a unit's page says of the rows of the directive, by a real store's evaluation; its rooms and equipment."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx
import pytest
from haidang_collector.evaluation.model import ROWS
from haidang_collector.settings import Settings
from haidang_collector.web.advice import BY_STATE

from tests.collector import remote_write as rw
from tests.collector.evaluation.told import told_store
from tests.collector.running import client_of
from tests.collector.web.reading import part

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.collector.web.conftest import Web

ONE = {"unit": "TH-001", "district": "Quận 1"}


def told(now: float) -> Iterator[bytes]:
    """What an equipped school has besides."""
    for kind, source, count in (
        ("management_computer", "agent", 1), ("management_computer", "declared", 1), ("printer", "network", 3),
        ("webcam", "declared", 0),
    ):  # fmt: skip
        yield rw.simple("unit:school_equipment:count", count, now, **ONE, kind=kind, source=source)
    for kind, count in (("management_computer", 1), ("printer", 0), ("webcam", 1)):
        yield rw.simple("school:equipment_missing", count, now, **ONE, kind=kind)
    for part_, there in (("wifi", 0), ("lan", 1)):
        yield rw.simple("unit:school_eschool:present", there, now, **ONE, part=part_)
    for state, count in (("with", 4), ("without", 2)):
        yield rw.simple("unit:school_subject_groups:count", count, now, **ONE, state=state)
    yield rw.simple("agent:haidang_silence:seconds", 3, now, **ONE, agent="a")
    yield rw.simple("agent:haidang_silence:seconds", 300, now, **ONE, agent="b")
    for lab in ("Phòng 1", "Phòng 2", "Phòng 10"):
        yield rw.simple("unit:school_lab:info", 1, now, **ONE, lab=lab, level="primary")
    yield rw.simple("unit:school_declared_lab_computers:count", 40, now, **ONE, lab="Phòng 1", level="primary")
    yield rw.simple("unit:school_lab_seen:count", 35, now, **ONE, lab="Phòng 1")
    yield rw.simple("unit:school_lab_computers:count", 35, now, **ONE, lab="Phòng 1", source="measured")
    yield rw.simple("school_lab_computers", 12, now, **ONE, agent="a", lab="Phòng 1", state="online")
    yield rw.simple("school_lab_internet_up", 1, now, **ONE, agent="a", lab="Phòng 1")
    yield rw.simple("school_lab_internet_up", 1, now, **ONE, agent="b", lab="Phòng 2")
    yield rw.simple("unit:school_lab_judged:timestamp_seconds", now - 7200, now, **ONE, lab="Phòng 2")
    yield rw.simple("unit:school_lab_reached:timestamp_seconds", now - 10_800, now, **ONE, lab="Phòng 2")
    yield rw.simple("school_lab_internet_up", 0, now, **ONE, agent="a", lab="Phòng lạ")


@pytest.fixture
def school(web: Web, tmp_path: Path) -> Iterator[Web]:
    web.add("TH-001", "Trường Tiểu học Sao Mai", heard=3)
    web.add("UNTOLD", "Trường chưa có số liệu", heard=3)
    with (
        told_store(tmp_path, datetime.now(UTC)) as store,
        client_of(Settings(database_url=web.settings.database_url, prometheus_url=store.url)) as web.client,
    ):
        body = rw.snappy(b"".join(told(time.time())))
        httpx.post(store.write_url, content=body, headers=rw.HEADERS).raise_for_status()
        yield web


def test_the_page_says_what_is_missing_and_where_that_is_known_from(school: Web) -> None:
    """One store for all of it: starting one takes its time."""
    english, vietnamese = (school.page(f"/units/TH-001?lang={language}") for language in ("en", "vi"))
    rows, rooms, equipment = (part(english, name) for name in ("requirements", "rooms", "equipment"))
    untold = part(school.page("/units/UNTOLD?lang=en"), "requirements")

    assert (
        rows.index("R4 Students") < rows.index("R2 Several ISPs") < rows.index("R1 Fibre") < rows.index("R14 Servers")
    )
    assert "R4 Students per teaching computer ✗ not met computers missing: 11. Add computers," in rows
    assert "students (primary): 840" in rows
    assert "measured and declared" in rows
    assert "R1 Fibre ✓ met fibre known by: light measured measured, 1 minute old" in rows
    assert "R2 Several ISPs ? not known Enter the unit's contracts with the ISP of each line. no figures" in rows
    assert "thiếu 11 máy tính. Thêm máy tính," in part(vietnamese, "requirements")
    assert 'id="R4" class="unmet"' in english

    assert "Phòng 1 primary ✓ Works 40 35 12 35 measured Phòng 2" in rooms
    assert "Phòng 2 primary ? Unknown now last reached 3 hours ago" in rooms
    assert "Phòng 10 primary ? Unknown now \N{EN DASH}" in rooms
    assert "Phòng lạ not in the registry ✕ Down" in rooms

    assert "management computer 1 \N{EN DASH} 1 ✕ 1 webcam \N{EN DASH} \N{EN DASH} 0 ✕ 1 printer" in equipment
    assert "Subject groups: 4 with a computer, 2 without a computer" in equipment
    assert "✓ local network ✕ Wi-Fi" in equipment

    assert "R1 Fibre" not in untold
    assert "Nothing is known at" in untold


def test_without_the_store_each_part_is_unknown_by_itself(city: Web) -> None:
    page = city.page("/units/UP?lang=en")

    for name in ("requirements", "equipment"):
        assert "the store of measurements does not answer" in part(page, name)
    assert "None is registered, and no agent tells of one." in part(page, "rooms")
    assert "Internet works" in page


def test_every_row_has_advice() -> None:
    for advice in BY_STATE.values():
        assert set(advice) == set(ROWS)


def test_what_comes_first_stands_first(city: Web) -> None:
    city.alert("DOWN", summary="Mất mạng")
    page = city.page("/units/DOWN")
    places = [page.index(f'id="{name}"') for name in ("todo", "alerts", "lines", "requirements", "rooms", "agents")]

    assert places == sorted(places)
    for name in ("todo", "alerts", "lines", "requirements", "rooms", "equipment", "security", "internet", "agents"):
        assert f'href="#{name}"' in page
