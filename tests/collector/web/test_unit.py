from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from tests.collector.web.reading import Page

if TYPE_CHECKING:
    from tests.collector.web.conftest import Web


def test_a_unit_shows_its_figures_and_its_agents(city: Web) -> None:
    way = {"target": "192.0.2.1", "agent": "a-UP"}
    city.figures = {
        "school_internet_rtt_seconds": [{"labels": way, "value": 0.0123}],
        "school_internet_loss_ratio": [
            {"labels": way, "value": 0.25},
            {"labels": way | {"target": "192.0.2.2"}, "value": 1},
        ],
        "school_devices": [
            {"labels": {"agent": "a-UP", "class": "computer"}, "value": 20},
            {"labels": {"agent": "a-UP", "class": "unknown"}, "value": 3},
        ],
    }

    text = Page(city.page("/units/UP")).text

    assert "192.0.2.1 12,3 ms 25 % a-UP 192.0.2.2 \N{EN DASH} 100 % a-UP" in text
    assert "23 thiết bị đang hoạt động trong mạng của a-UP." in text
    assert "theo dõi cả trường (site) 0.1.0 linux" in text
    assert "Việc cần làm" not in text


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("DOWN", "Gọi điện cho trường"),
        ("BYE", "Các máy trạm đã báo tắt"),
        ("QUIET", "haidang-agent doctor"),
        ("NEW", "Hãy chờ một phút"),
        ("EMPTY", "haidang tokens create EMPTY"),
    ],
)
def test_a_unit_that_is_not_sound_says_what_to_do(city: Web, code: str, said: str) -> None:
    text = Page(city.page(f"/units/{code}")).text

    assert "Việc cần làm" in text
    assert said in text


def test_without_the_store_the_centre_is_to_be_mended(city: Web) -> None:
    city.store = httpx.ConnectError("refused")

    text = Page(city.page("/units/UP")).text

    assert "Trục trặc ở trung tâm" in text
    assert "Có Internet" not in text


def test_only_its_own_incidents(city: Web) -> None:
    city.alert("DOWN", summary="Mất mạng")

    assert "Mất mạng" in city.page("/units/DOWN")
    assert "Mất mạng" not in city.page("/units/UP")


def test_an_unknown_unit_is_a_page_too(city: Web) -> None:
    assert "Không có đơn vị X-1" in city.page("/units/X-1", status=404)


def test_a_code_is_quoted_for_the_store(city: Web) -> None:
    code = 'a"} or vector(1) #\\'
    city.add(code, "Trường", heard=3)

    city.page("/units/a%22%7D%20or%20vector(1)%20%23%5C")

    assert any(r'unit="a\"} or vector(1) #\\"}' in query for query in city.asked)
