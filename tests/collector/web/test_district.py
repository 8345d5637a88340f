"""A district's page, and who may see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from tests.collector.web.reading import Page, part, tiles, verdict

if TYPE_CHECKING:
    from tests.collector.web.conftest import Web

ONE, TEN = f"/districts/{quote('Quận 1')}", f"/districts/{quote('Quận 10')}"


def unmet(unit: str, *rows: str) -> list[dict[str, Any]]:
    return [{"labels": {"unit": unit, "row": row}, "value": 0} for row in rows]


def test_it_tells_of_its_own_units_only(city: Web) -> None:
    city.alert("DOWN", summary="Mất mạng ở Quận 10")
    city.alert("UP", name="WanDown", severity="warning", summary="Đường VNPT bị mất")

    page = city.page(ONE)

    assert tiles(page) == {"down": 0, "silent": 1, "unknown": 1, "waiting": 1, "up": 1, "alerts": 1}
    assert verdict(page) == "? 1 trong 3 đơn vị có Internet; các đơn vị còn lại chưa rõ"
    assert "Đường VNPT bị mất" in page
    assert "Mất mạng ở Quận 10" not in page
    assert "/units?district=Qu%E1%BA%ADn%201&state=up#units" in Page(page).values("href")


def test_its_worst_units_come_first_with_why(city: Web) -> None:
    city.add("LAST", "Trường cuối", district="Quận 1", heard=3)
    city.internet["LAST"] = 0.0
    city.alert("QUIET", name="RogueDhcpServer", category="security", summary="Máy chủ DHCP lạ")
    city.figures = {
        "district:row_units:count": [{"labels": {"row": "R1", "state": "unmet"}, "value": 1}],
        "school:row:compliant": [*unmet("UP", "R4"), *unmet("NEW", "R10", "R2")],
        "unit:school_outage_active": [{"labels": {"unit": "LAST", "cause": "power"}, "value": 1}],
    }

    text = part(city.page(f"{ONE}?lang=en"), "worst")
    places = [text.index(code) for code in ("LAST", "QUIET", "NEW", "UP ")]

    assert places == sorted(places)
    assert "No Internet ✕ Power cut" in text
    assert "✕ 1 critical alert" in text
    assert "✗ R2 Several ISPs ✗ R10 The sector's news" in text
    assert "All 5 units" in text


def test_its_numbers_lead_to_its_units(city: Web) -> None:
    city.figures = {"district:row_units:count": [{"labels": {"row": "R4", "state": "unmet"}, "value": 2}]}

    links = Page(city.page(ONE)).values("href")

    assert "/units?district=Qu%E1%BA%ADn%201&row=R4&judged=unmet#units" in links
    assert "/evaluation?district=Qu%E1%BA%ADn%201" in links
    assert city.client.get("/units?district=Qu%E1%BA%ADn%201&row=R4&judged=unmet").status_code == 200


def test_silent_rules_are_no_sound_units(city: Web) -> None:
    text = part(city.page(f"{ONE}?lang=en"), "worst")

    assert "the rules that judge requirements have not spoken" in text
    assert "Nothing is known to be wrong" not in text


def test_a_district_that_does_not_exist_is_a_page_too(city: Web) -> None:
    assert "Không có quận, huyện Quận 99" in city.page(f"/districts/{quote('Quận 99')}", status=404)
    assert "Không có quận, huyện" in city.page("/districts/", status=404)


@pytest.mark.parametrize(
    ("scope", "seen", "refused"),
    [
        ({"district": "Quận 1"}, [ONE, "/units/UP"], [TEN, "/units/DOWN", "/units/NOWHERE", "/districts/X"]),
        ({"unit": "UP"}, ["/units/UP"], [ONE, TEN, "/units/DOWN", "/units/QUIET"]),
    ],
    ids=["district", "unit"],
)
def test_others_districts_and_units_are_closed(
    city: Web, scope: dict[str, str], seen: list[str], refused: list[str]
) -> None:
    city.log_in(**scope)

    assert [city.client.get(path).status_code for path in seen] == [200] * len(seen)
    for path in refused:
        answer = city.client.get(path, headers={"Accept": "text/html"})

        assert answer.status_code == 403, path
        assert "<h1>" in answer.text
        assert "Trường THCS Sao Mai" not in answer.text


def test_a_district_with_a_tricky_name_is_a_district(city: Web) -> None:
    name = 'Quận "Ba"/{} <b>'
    city.add("TRICKY", "Trường", district=name, heard=3)

    page = city.page(f"/districts/{quote(name, safe='')}")

    assert name in Page(page).text
    assert any(r'district="Qu\u1eadn \"Ba\"/{} <b>"' in query for query in city.asked)
