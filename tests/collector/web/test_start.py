from __future__ import annotations

import time
from typing import TYPE_CHECKING

import httpx
import pytest
from haidang_collector.settings import BadSettingError, Settings

from tests.collector import remote_write as rw
from tests.collector.running import client_of
from tests.collector.web.reading import Page, rows, tiles, verdict
from tests.servers import prometheus

if TYPE_CHECKING:
    from pathlib import Path

    from tests.collector.web.conftest import Web


def test_worst_units_come_first(city: Web) -> None:
    page = city.page()

    assert rows(page) == [
        ("DOWN", "down"),
        ("QUIET", "silent"),
        ("BYE", "silent"),
        ("NEW", "unknown"),
        ("EMPTY", "waiting"),
        ("UP", "up"),
    ]
    assert tiles(page) == {"down": 1, "silent": 2, "unknown": 1, "waiting": 1, "up": 1, "alerts": 0}
    assert verdict(page) == "✕ 1 trong 5 đơn vị mất Internet"
    for name in ("Mất Internet", "Máy trạm im lặng", "Chưa rõ", "Chưa có máy trạm", "Có Internet"):
        assert name in Page(page).text


@pytest.mark.parametrize(
    ("internet", "said"),
    [
        ({"A": 1, "B": 1}, "✓ 2/2 đơn vị đang theo dõi đều có Internet"),
        ({"A": 1}, "? 1 trong 2 đơn vị có Internet; các đơn vị còn lại chưa rõ"),
        ({"A": 0, "B": 0}, "✕ 2 trong 2 đơn vị mất Internet"),
    ],
)
def test_one_sentence_says_where_things_stand(web: Web, internet: dict[str, float], said: str) -> None:
    web.internet = internet
    for code in ("A", "B"):
        web.add(code, code, heard=3)

    assert verdict(web.page()) == said


def test_without_any_agent_nothing_is_claimed(web: Web) -> None:
    assert "haidang units import" in web.page()
    web.add("A", "A")

    assert verdict(web.page()) == "… Chưa có máy trạm nào báo về"


@pytest.mark.parametrize(
    "store",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.Response(500, text="boom"),
        httpx.Response(200, text="<html>"),
        httpx.Response(200, json=[]),
        httpx.Response(200, json={"data": {"result": [{"metric": {"unit": "UP"}, "value": None}]}}),
    ],
    ids=["refused", "timeout", "500", "no JSON", "other JSON", "other value"],
)
def test_what_nobody_can_tell_is_never_shown_as_sound(city: Web, store: httpx.Response | Exception) -> None:
    """Prometheus away: unknown, and a banner says why."""
    city.store = store

    page = city.page()

    assert tiles(page) == {"down": 0, "silent": 0, "unknown": 5, "waiting": 1, "up": 0, "alerts": 0}
    assert verdict(page) == ""
    assert "Kho số liệu (Prometheus) không trả lời" in Page(page).text


def test_a_rule_that_says_neither_1_nor_0_says_nothing(city: Web) -> None:
    city.internet["UP"] = float("nan")

    assert ("UP", "unknown") in rows(city.page())


def test_an_old_result_of_a_rule_is_none(city: Web, tmp_path: Path) -> None:
    """A store that is just back still answers with the state of some minutes ago."""
    with prometheus(tmp_path) as store:
        now = time.time()
        old = rw.simple("unit:school_internet_up", 1, now - 60, unit="NEW", district="Quận 1")
        new = rw.simple("unit:school_internet_up", 1, now, unit="UP", district="Quận 1")
        httpx.post(store.write_url, content=rw.snappy(old + new), headers=rw.HEADERS).raise_for_status()
        settings = Settings(database_url=city.settings.database_url, prometheus_url=store.url)
        with client_of(settings) as client:
            page = client.get("/").text

    assert ("UP", "up") in rows(page)
    assert ("NEW", "unknown") in rows(page)


@pytest.mark.parametrize(
    ("query", "codes"),
    [
        ("q=dong+da", ["UP"]),
        ("q=%C4%90%E1%BB%90NG", ["UP"]),
        ("q=tieu+hoc+truong", ["NEW", "UP"]),
        ("q=bye", ["BYE"]),
        ("q=nowhere", []),
        ("district=Qu%E1%BA%ADn+2", ["BYE"]),
        ("state=silent", ["QUIET", "BYE"]),
        ("state=silent&district=Qu%E1%BA%ADn+2&q=sen", ["BYE"]),
    ],
)
def test_units_are_found_by_what_people_type(city: Web, query: str, codes: list[str]) -> None:
    """With or without diacritics, words in any order."""
    assert [code for code, _ in rows(city.page(f"/?{query}"))] == codes


def test_districts_are_offered_in_the_order_people_count(city: Web) -> None:
    page = city.page()

    assert page.index(">Quận 1<") < page.index(">Quận 2<") < page.index(">Quận 10<")


@pytest.mark.parametrize(
    ("page", "first", "count"),
    [("1", "U-000", 100), ("2", "U-100", 100), ("3", "U-200", 30), ("99", "U-200", 30), ("0", "U-000", 100),
     ("-1", "U-000", 100), ("x", "U-000", 100), ("²", "U-000", 100), ("9" * 5000, "U-000", 100)],
)  # fmt: skip
def test_pages_of_a_hundred(web: Web, page: str, first: str, count: int) -> None:
    for number in range(230):
        web.add(f"U-{number:03d}", f"Trường {number}")

    shown = rows(web.page(f"/?q=truong&page={page}"))

    assert (shown[0][0], len(shown)) == (first, count)


def test_links_keep_what_was_asked(web: Web) -> None:
    for number in range(101):
        web.add(f"U-{number:03d}", f"Trường & {number}")

    links = Page(web.page("/?q=%26&district=Qu%E1%BA%ADn+1&refresh=off")).values("href")

    assert "?q=%26&district=Qu%E1%BA%ADn+1&refresh=off&page=2#units" in links
    assert "?q=%26&district=Qu%E1%BA%ADn+1&refresh=off&lang=en" in links


def test_renewing_can_be_stopped(city: Web) -> None:
    assert 'http-equiv="refresh"' in city.page()
    assert 'http-equiv="refresh"' not in city.page("/?refresh=off")


def test_an_open_alert_says_what_where_since_when_and_what_to_do(city: Web) -> None:
    city.alert(
        "DOWN", summary="Mất mạng", description="Gọi nhà mạng.", summary_en="Down", description_en="Call the ISP."
    )

    vietnamese, english = Page(city.page()), Page(city.page("/?lang=en"))

    assert "Nghiêm trọng Mất mạng Trường THCS Sao Mai · Quận 10 · đã 5 phút" in vietnamese.text
    assert "Gọi nhà mạng." in vietnamese.text
    assert "Down" not in vietnamese.text
    assert "Critical Down Trường THCS Sao Mai · Quận 10 · for 5 minutes" in english.text
    assert "Call the ISP." in english.text
    assert "/units/DOWN" in vietnamese.values("href")


def test_many_alerts_do_not_bury_the_units(web: Web) -> None:
    for number in range(8):
        web.add(f"U-{number}", f"Trường {number}")
        web.alert(f"U-{number}", summary=f"Mất mạng {number}")

    page = web.page()

    assert page.count("Mất mạng", 0, page.index("<details>")) == 5
    assert "3 cảnh báo nữa" in page


def test_notes_are_no_alerts_that_somebody_must_act_on(web: Web) -> None:
    for number in range(3):
        web.add(f"U-{number}", f"Trường {number}")
        web.alert(f"U-{number}", name="FailedOver", severity="info", summary=f"Đường dự phòng {number}")
    web.alert("U-0", name="WanDown", severity="warning", summary="Đường VNPT bị mất")
    web.alert("U-0", name="NoSpareIsp", severity="info", summary="Không còn dự phòng")

    page = web.page()
    before, folded = page.split("<details>")

    assert tiles(page)["alerts"] == 1
    assert "3 đơn vị đang chạy bằng đường dự phòng." in before
    assert "Đường VNPT bị mất" in before
    assert "Đường dự phòng" not in before
    assert "4 lưu ý, chỉ để biết" in folded
    assert "Đường dự phòng 2" in folded


def test_an_alert_of_no_known_unit_is_shown(web: Web) -> None:
    web.alert("GONE", summary="Lạ")

    assert "Lạ" in web.page()


def test_times_are_the_schools_own(city: Web) -> None:
    """Asia/Ho_Chi_Minh is UTC+7; another zone is a setting."""
    shown = Page(city.page()).tags
    moments = [attributes["datetime"] or "" for tag, attributes in shown if tag == "time"]
    assert all(moment.endswith("+00:00") for moment in moments)

    with client_of(Settings(database_url=city.settings.database_url, time_zone="Pacific/Kiritimati")) as client:
        away = client.get("/").text
    expected = time.strftime("%H:%M", time.gmtime(time.time() + 14 * 3600))
    assert f">{expected}" in away or f">{time.strftime('%H:%M', time.gmtime(time.time() + 14 * 3600 - 60))}" in away
    with pytest.raises(BadSettingError, match="HAIDANG_TIME_ZONE='Mars/Base'"):
        Settings(time_zone="Mars/Base")


def test_a_registry_that_does_not_answer_is_said(city: Web) -> None:
    with city.registry.database.write() as session:
        session.connection().exec_driver_sql("ALTER TABLE unit RENAME TO gone")

    assert "Danh bạ không trả lời" in city.page(status=503)
    assert "Danh bạ không trả lời" in city.page("/units/UP", status=503)
