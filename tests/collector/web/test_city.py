"""The city's page: one look."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from haidang_collector.settings import BadSettingError, Settings

from tests.collector.running import client_of
from tests.collector.web.reading import Page, part, tiles, verdict

if TYPE_CHECKING:
    from tests.collector.web.conftest import Web


@pytest.mark.parametrize(
    ("internet", "said"),
    [
        ({"A": 1, "B": 1}, "✓ 2/2 đơn vị đang theo dõi đều có Internet"),
        ({"A": 1}, "? 1 trong 2 đơn vị có Internet; các đơn vị còn lại chưa rõ"),
        ({"A": 0, "B": 0}, "✕ 2 trong 2 đơn vị mất Internet"),
        ({}, "? Hiện chưa rõ đơn vị nào có Internet"),
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


def test_many_alerts_do_not_bury_the_rest(web: Web) -> None:
    for number in range(8):
        web.add(f"U-{number}", f"Trường {number}")
        web.alert(f"U-{number}", summary=f"Mất mạng {number}")

    page = web.page()

    alerts = page[page.index('<section id="alerts">') :]
    assert alerts.count("Mất mạng", 0, alerts.index("<details>")) == 5
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
        began = time.time()
        away = client.get("/").text
    minutes = {time.strftime("%H:%M", time.gmtime(at + 14 * 3600)) for at in (began, time.time())}
    assert any(f">{minute}" in away for minute in minutes)
    with pytest.raises(BadSettingError, match="HAIDANG_TIME_ZONE='Mars/Base'"):
        Settings(time_zone="Mars/Base")


def shares(district: str = "", **rows: tuple[int, int, int, int]) -> list[dict[str, Any]]:
    """How many units are met, unmet, unknown, and not concerned, by row."""
    of = {"district": district} if district else {}
    return [
        {"labels": of | {"row": row, "state": state}, "value": number}
        for row, numbers in rows.items()
        for state, number in zip(("met", "unmet", "unknown", "not_applicable"), numbers, strict=True)
    ]


def test_a_district_is_a_tile_with_its_numbers_in_words(city: Web) -> None:
    city.figures = {
        "sum by (district, state)": [
            {"labels": {"district": "Quận 1", "state": "met"}, "value": 3},
            {"labels": {"district": "Quận 1", "state": "unmet"}, "value": 1},
            {"labels": {"district": "Quận 1", "state": "unknown"}, "value": 60},
        ]
    }

    page = city.page()
    text = part(page, "districts")

    assert (
        "Quận 1 4 đơn vị 0 mất Internet 1 có máy trạm im lặng 1 chưa rõ 1 chưa có máy trạm Tiêu chí đạt: 75 %" in text
    )
    assert "Quận 2 1 đơn vị 0 mất Internet 1 có máy trạm im lặng Tiêu chí đạt: —" in text
    assert "Quận 10 1 đơn vị ✕ 1 mất Internet Tiêu chí đạt: —" in text
    assert 'class="step-2" href="/districts/Qu%E1%BA%ADn%201"' in page
    assert 'class="step-none" href="/districts/Qu%E1%BA%ADn%202"' in page


def test_a_row_is_a_bar_and_each_number_leads_to_its_units(city: Web) -> None:
    city.figures = {"city:row_units:count": shares(R1=(3, 1, 2, 0), R14=(0, 0, 4, 2))}

    page = Page(city.page("/?lang=en"))
    links = page.values("href")

    assert "met 3, not met 1, not known 2 ✓ 3 ✗ 1 ? 2 \N{EN DASH} 0 75 %" in page.text
    assert "not known 4, does not concern it 2 ✓ 0 ✗ 0 ? 4 \N{EN DASH} 2 —" in page.text
    assert "/units?row=R1&judged=unmet#units" in links
    assert "/units?row=R14&judged=met#units" not in links
    assert page.text.index("R1 Fibre") < page.text.index("R14 Servers")


def test_bars_of_other_units_than_the_registry_has_say_so(city: Web) -> None:
    """Up to four minutes after a start or an import."""
    city.figures = {"city:row_units:count": shares(R1=(1, 0, 0, 0))}
    early = part(city.page("/?lang=en"), "rows")
    city.figures = {"city:row_units:count": shares(R1=(1, 0, 5, 0), R2=(0, 0, 4, 2))}
    later = part(city.page("/?lang=en"), "rows")

    assert "? Units are being counted: 1 in the bars, 6 by the registry." in early
    assert "being counted" not in later


def test_the_worst_say_why(city: Web) -> None:
    city.figures = {
        "unit:school_outage_active": [{"labels": {"unit": "DOWN", "cause": "carrier"}, "value": 1}],
        "unit:school_rows:count": [
            {"labels": {"unit": "UP"}, "value": 2},
            {"labels": {"unit": "NEW"}, "value": 1},
            {"labels": {"unit": "BYE"}, "value": 0},
        ],
        "school:row:compliant": [
            {"labels": {"unit": unit, "row": row}, "value": 0}
            for unit, row in (("UP", "R9"), ("NEW", "R1"), ("UP", "R4"))
        ],
    }
    city.alert("DOWN", summary="Mất mạng")

    page = city.page("/?lang=en")
    text = part(page, "worst")
    asked = next(query for query in city.asked if query.startswith("school:row:compliant"))

    assert "Trường THCS Sao Mai DOWN Quận 10 ✕ No Internet ✕ No signal on the line, for 5 minutes" in part(page, "down")
    assert text.index("Đống Đa UP") < text.index("Bạch Đằng NEW")
    assert "✗ R4 Students per teaching computer ✗ R9 Web portal" in text
    assert asked == 'school:row:compliant{unit=~"UP|NEW"} == 0'


def test_silent_rules_are_no_sound_units(city: Web) -> None:
    """Right after a start, and where the rules are not loaded."""
    text = Page(city.page("/?lang=en")).text

    assert "No unit is known to miss a requirement" not in text
    assert text.count("the rules that judge requirements have not spoken") == 2


def test_without_the_store_each_part_is_unknown_by_itself(city: Web) -> None:
    city.store = httpx.ConnectError("refused")
    city.alert("DOWN", summary="Mất mạng")

    page = city.page("/?lang=en")

    assert "store of measurements does not answer" in part(page, "rows")
    assert "No unit is known to miss a requirement" not in part(page, "worst")
    assert "Requirements met: —" in part(page, "districts")
    assert "InternetDown" in part(page, "alerts")


@pytest.mark.parametrize(
    ("scope", "place"),
    [({"district": "Quận 10"}, "/districts/Qu%E1%BA%ADn%2010"), ({"unit": "UP"}, "/units/UP")],
    ids=["district", "unit"],
)
def test_who_has_a_part_of_the_city_is_led_there(city: Web, scope: dict[str, str], place: str) -> None:
    city.log_in(**scope)

    answer = city.client.get("/", follow_redirects=False)

    assert (answer.status_code, answer.headers["Location"]) == (303, place)
    assert city.client.get("/").status_code == 200


def test_the_navigation_offers_what_one_may(city: Web) -> None:
    city.log_in("reader")
    reader = Page(city.page()).values("href")
    city.log_in("administrator")
    administrator = Page(city.page()).values("href")

    assert {"/", "/units", "/incidents", "/agents", "/registry", "/reports", "/account"} <= set(reader)
    assert "/users" not in reader
    assert "/users" in administrator


def test_only_the_cut_of_a_tile_is_red(web: Web) -> None:
    web.add("DOWN", "Sao Mai", heard=3)
    web.add("QUIET", "Bình Minh", heard=500)
    web.add("EMPTY", "Hoa Sen")

    districts = web.page("/?lang=en").partition('<section id="districts">')[2]
    red = districts.partition('<span class="fault-count">')[2].partition("</span>\n")[0]

    assert red.endswith("1 without Internet")
    assert "1 with silent agents" in districts
    assert "1 without an agent yet" in districts
