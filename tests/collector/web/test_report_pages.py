"""Reports to download, and the evaluation behind them: everybody's own part of the city, and no other."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from haidang_collector.web.report_pages import latest

from tests.collector.access.house import FAR, NEAR, inhabited
from tests.collector.web.desk import HOSTILE, Desk, assert_harmless

if TYPE_CHECKING:
    from collections.abc import Iterator

FORMS = ("/evaluation", "/evaluation.pdf", "/evaluation.xlsx", "/evaluation.json")


@dataclass
class People:
    """Readers of the city, of a district, and of a unit in it."""

    city: Desk
    near: Desk
    own: Desk


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> Iterator[People]:
    for house in inhabited(tmp_path_factory.mktemp("house")):
        scopes: dict[str, dict[str, str]] = {"city": {}, "near": {"district": NEAR}, "own": {"unit": "TH-002"}}
        yield People(**{name: Desk(house, name, "reader", **scope) for name, scope in scopes.items()})


def files(text: str) -> dict[str, dict[str, list[str]]]:
    """The query of each form that is offered."""
    found = re.findall(r'<li><a href="(/evaluation[^"]*)"', text.replace("&amp;", "&"))
    return {urlsplit(link).path: parse_qs(urlsplit(link).query) for link in found}


def test_every_form_of_a_scope_and_a_day(people: People) -> None:
    city = people.city

    assert files(city.page("/reports?at=2025-05-31")) == {path: {"at": ["2025-05-31"]} for path in FORMS}
    of_district = files(city.page(f"/reports?district={quote(FAR)}&at=2025-05-31"))
    assert of_district == {path: {"district": [FAR], "at": ["2025-05-31"]} for path in FORMS}
    assert files(city.page("/reports?unit=TH-003&district=x"))["/evaluation.pdf"]["unit"] == ["TH-003"]


def test_the_scope_holds(people: People) -> None:
    near, own = people.near, people.own

    assert files(near.page("/reports"))["/evaluation"]["district"] == [NEAR]
    assert files(own.page("/reports?unit=TH-001")) == {}
    assert files(own.page("/reports"))["/evaluation"]["unit"] == ["TH-002"]
    assert files(near.page(f"/reports?district={quote(FAR)}")) == {}
    assert "There is no unit TH-003 that you may see" in near.page("/reports?unit=TH-003")


@pytest.mark.parametrize("at", ["2999-01-01", "yesterday", HOSTILE, "0001-01-01"])
def test_a_day_that_cannot_be_is_another(people: People, at: str) -> None:
    text = people.city.page(f"/reports?at={quote(at)}&unit={quote(HOSTILE)}")

    assert_harmless(text)
    assert "There is no unit" in text


def test_mid_year_and_year_end_are_past() -> None:
    assert latest(date(2026, 1, 14), 1, 15) == date(2025, 1, 15)
    assert latest(date(2026, 1, 15), 1, 15) == date(2026, 1, 15)
    assert latest(date(2026, 11, 25), 5, 31) == date(2026, 5, 31)


@pytest.mark.parametrize("path", FORMS)
def test_an_evaluation_is_of_ones_own_part(people: People, path: str) -> None:
    """503 is what the store, which is away here, lets through: the door was passed."""
    city, near, own = people.city, people.near, people.own
    district, far = f"{path}?district={quote(NEAR)}", f"{path}?district={quote(FAR)}"

    for desk, allowed, refused in (
        (city, (path, district, far, f"{path}?unit=TH-003"), ()),
        (near, (path, district, f"{path}?unit=TH-001"), (far, f"{path}?unit=TH-003", f"{path}?unit=GONE")),
        (own, (path, f"{path}?unit=TH-002"), (district, f"{path}?unit=TH-001")),
    ):
        assert [desk.get(each).status_code for each in allowed] == [503] * len(allowed)
        assert [desk.get(each).status_code for each in refused] == [403] * len(refused)
    assert near.get(f"{path}?unit=GONE&district={quote(NEAR)}").status_code == 403, "a unit of whom nobody knows"
    assert own.get(f"{path}?unit=TH-001&district={quote(NEAR)}").status_code == 403
