"""What a technician reads of a school's lines."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from haidang_collector.settings import Settings

from tests.collector.running import client_of
from tests.collector.web.reading import Page
from tests.collector.web.wan_store import told_store

if TYPE_CHECKING:
    from pathlib import Path

    from tests.collector.web.conftest import Web

INFO = "school_wan_info"
DASH = "\N{EN DASH}"


def line(name: str, isp: str = "VNPT", **labels: str) -> dict[str, Any]:
    return {"labels": {"wan": name, "isp": isp} | labels, "value": 1}


def lines_section(web: Web, path: str = "/units/UP") -> str:
    return Page(web.page(path).partition('<section id="lines">')[2].partition("</section>")[0]).text


def test_one_look_tells_which_line_is_down_and_whom_to_call(city: Web, tmp_path: Path) -> None:
    """By the real rules in a real store."""
    with told_store(tmp_path) as store:
        settings = Settings(database_url=city.settings.database_url, prometheus_url=store.url)
        with client_of(settings) as city.client:
            vietnamese, english = lines_section(city), lines_section(city, "/units/UP?lang=en")

    assert vietnamese.startswith(
        "Các đường Internet ✕ Đường VNPT (wan1) bị mất. Mất tín hiệu trên đường dây. Gọi VNPT. Đường Tình trạng"
    )
    assert (
        f"VNPT wan1 ✕ Mất dự phòng Cáp quang đo bằng ánh sáng 97,8 % đã theo dõi 10 ngày 100 % {DASH} {DASH} "
        "FPT wan2 ✓ Thông đang dùng Cáp quang chỉ khai báo 100 % đã theo dõi 10 ngày 2 % 7,2 ms ± 1,1 ms -18,3 dBm"
    ) in vietnamese
    assert "lưu lượng của trường đi qua FPT." in vietnamese
    assert "Lần chuyển đường gần nhất: wan1 → wan2," in vietnamese
    assert "(gián đoạn 3,2 giây)" in vietnamese
    assert (
        "Nguyên nhân Cả trường bị mất VNPT wan1 FPT wan2 "
        f"Mất điện 14 {DASH} {DASH} Bộ định tuyến của trường {DASH} 29 0 Mất tín hiệu trên đường dây <1 288 0"
    ) in vietnamese
    assert "Mất điện Bộ định tuyến của trường Mất tín hiệu trên đường dây Mỗi vạch rộng ba giờ" in vietnamese
    moment = r"(\d\d:\d\d:\d\d|\d\d:\d\d \S+)"  # of today, or of a day before
    assert re.search(rf"VNPT wan1 Mất tín hiệu trên đường dây {moment} . {moment} 1 ", vietnamese)
    assert "FPT wan2 Mất" not in vietnamese.partition("khoảng bị mất Đường")[2].partition("Thời gian mất")[0]
    assert "không được cộng lại" in vietnamese
    assert "máy trạm tắt 2 giờ" in vietnamese
    assert "✕ The line of VNPT (wan1) is down. No signal on the line. Call VNPT." in english


def test_what_nobody_knows_of_a_line_is_said_to_be_unknown(city: Web) -> None:
    city.figures = {INFO: [line("wan1", medium="unknown", evidence="declared"), line("wan2", "unknown")]}

    text = lines_section(city)

    assert f"VNPT wan1 ? Chưa rõ {DASH} Chưa rõ loại chỉ khai báo {DASH} {DASH} {DASH} {DASH}" in text
    assert "bị mất" not in text
    assert "0 %" not in text


@pytest.mark.parametrize(
    ("cause", "isp", "said"),
    [
        ("isp", "FPT", "Mạng của nhà mạng. Gọi FPT."),
        ("router", "FPT", "Bộ định tuyến của trường. Xem bộ định tuyến trước;"),
        ("", "unknown", "Chưa rõ nguyên nhân. Gọi nhà mạng."),
    ],
)
def test_whom_to_call_goes_by_the_cause(city: Web, cause: str, isp: str, said: str) -> None:
    city.figures = {
        INFO: [line("wan1", isp)],
        "unit:school_wan_up": [{"labels": {"wan": "wan1", "isp": isp}, "value": 0}],
        "unit:school_outage_active": [{"labels": {"wan": "wan1", "cause": cause}, "value": 1}] if cause else [],
    }

    assert said in lines_section(city)


def test_the_best_evidence_of_the_newest_word_counts(city: Web) -> None:
    """An agent that speaks now outdoes what was known within the week."""
    city.figures = {
        "unit:school_wan_known:timestamp_seconds": [
            line("wan1", medium="copper", evidence="optical"),
            line("wan3", "CMC", medium="copper", evidence="interface"),
        ],
        INFO: [
            line("wan1", medium="fibre", evidence="declared"),
            line("wan1", medium="fibre", evidence="interface"),
        ],
    }

    text = lines_section(city)

    assert "Cáp quang theo cổng mạng" in text
    assert text.count("wan1") == 1
    assert "CMC wan3 ? Chưa rõ" in text


def test_a_unit_without_lines_shows_the_isp_that_it_comes_by(city: Web) -> None:
    city.figures = {"unit:haidang_agent_egress:count": [{"labels": {"isp": "Viettel"}, "value": 1}]}

    text = lines_section(city)

    assert "Chưa khai báo đường nào" in text
    assert "đi qua Viettel." in text


def test_without_the_store_nothing_is_claimed_of_a_line(city: Web) -> None:
    city.store = httpx.ConnectError("refused")

    assert lines_section(city) == "Các đường Internet ? Chưa rõ: kho số liệu không trả lời."


def test_the_newest_change_of_line_is_shown_and_a_gap_that_was_not_measured_is_said(city: Web) -> None:
    older, newer = ({"agent": "a", "from": way[0], "to": way[1]} for way in (("wan1", "wan2"), ("wan2", "wan1")))
    city.figures = {
        "school_wan_last_failover_timestamp_seconds": [
            {"labels": older, "value": 1_700_000_000},
            {"labels": newer, "value": 1_700_000_600},
        ],
        "school_wan_last_failover_duration_seconds": [{"labels": older, "value": 4}],
    }

    text = lines_section(city)

    assert "wan2 → wan1, 05:23 15/11/2023 (không đo được thời gian gián đoạn)" in text
    assert "giây" not in text


def test_what_an_agent_says_of_a_line_stays_text(city: Web) -> None:
    hostile = "<script>alert(1)</script>"
    city.figures = {
        INFO: [line(hostile, hostile, medium=hostile, evidence=hostile)],
        "unit:school_wan_up": [{"labels": {"wan": hostile, "isp": hostile}, "value": 0}],
        "school_wan_last_failover_timestamp_seconds": [{"labels": {"from": hostile, "to": hostile}, "value": 1}],
    }

    page = Page(city.page("/units/UP"))

    assert {tag for tag, _ in page.tags}.isdisjoint({"script"})
    assert hostile in page.text
