"""Units come and go by administrators of the city, or of the district they lie in."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from haidang_collector.access.audit import entries
from haidang_collector.access.visitor import Scope
from haidang_collector.registry.history import history_of
from haidang_collector.registry.models import Agent, Lab
from haidang_collector.registry.tokens import create_token
from haidang_collector.registry.units_import import one_unit

from tests.collector.access.house import FAR, NEAR, House, inhabited
from tests.collector.web.desk import HOSTILE, Desk, assert_harmless
from tests.collector.web.reading import Page
from tests.collector.web.test_registry_pages import UNIT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NEW = {"code": "TH-009", "name": "Trường mới", "district": NEAR, "level": "primary", "students_primary": "840"}
REMOVE = "/registry/remove/TH-001"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    yield from inhabited(tmp_path)


@pytest.fixture(scope="module")
def idle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Where no unit is added."""
    yield from inhabited(tmp_path_factory.mktemp("house"))


@pytest.fixture(scope="module")
def wrong(idle: House) -> Desk:
    """Who writes what cannot be."""
    return Desk(idle, "wrong", "administrator", district=NEAR)


def agent(house: House, *, revoked: bool) -> None:
    with house.database.write() as session:
        session.add(
            Agent(
                id="a-1", unit="TH-001", key_hash="0" * 64, roles="site", version="0.1.0", os="linux",
                enrolled_at=datetime.now(UTC), revoked_at=datetime.now(UTC) if revoked else None,
            )
        )  # fmt: skip


def test_a_unit_is_added(house: House) -> None:
    answer = Desk(house, "near", "administrator", district=NEAR).send("/registry/add", NEW)

    assert answer.headers["location"] == "/registry/units/TH-009?saved=units"
    unit = one_unit(house.database, "TH-009")
    assert unit is not None
    assert (unit.name, unit.students) == ("Trường mới", {"primary": 840})
    assert [change.who for change in history_of(house.database, "TH-009")] == ["near"]


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"code": "th-001"}, 409, "This code is taken"),
        ({"code": "TH 9"}, 422, "is no unit code; write a letter or digit, then up to 31"),
        ({"name": ""}, 422, "Name of the unit : is empty; fill it in"),
        ({"district": FAR}, 422, "is not your district"),
        ({"students_primary": "1.234"}, 422, "is no number of students; write digits only, 0 to 100000"),
    ],
)
def test_a_unit_that_cannot_be_is_refused_in_words(
    idle: House, wrong: Desk, changes: dict[str, str], status: int, said: str
) -> None:
    answer = wrong.send("/registry/add", NEW | {"address": HOSTILE} | changes, status=status)

    assert said in Page(answer.text).text
    assert_harmless(answer.text)
    assert 'value="Trường mới"' in answer.text or not changes.get("name", "x"), "what was typed is there"
    assert one_unit(idle.database, "TH-009") is None


@pytest.mark.parametrize(
    ("role", "scope"), [("operator", {}), ("reader", {}), ("administrator", {"unit": "TH-001"})], ids=str
)
def test_others_neither_add_nor_remove(house: House, role: str, scope: dict[str, str]) -> None:
    desk = Desk(house, "other", role, **scope)

    for path in ("/registry/add", REMOVE):
        assert desk.get(path).status_code == 403
        desk.post(path, NEW, status=403)
        assert path not in desk.page(UNIT) + desk.page("/registry")


def test_a_unit_goes_with_all_that_is_only_its_own(house: House) -> None:
    near = Desk(house, "near", "administrator", district=NEAR)
    create_token(house.database, "TH-001", uses=1, lifetime=datetime.max - datetime(9999, 1, 1))  # noqa: DTZ901,DTZ001
    agent(house, revoked=True)
    near.send("/registry/edit/labs/TH-001", {"0.name": "Phòng máy 1"})

    answer = near.send(REMOVE, {})

    assert answer.headers["location"] == "/registry?removed=TH-001"
    assert "Unit TH-001 was removed." in near.page(answer.headers["location"])
    assert one_unit(house.database, "TH-001") is None
    with house.database.write() as session:
        assert session.query(Lab).count() == 0
    (entry,) = [entry for entry in entries(house.database, Scope())[0] if entry.what == "unit.removed"]
    assert (entry.who, entry.subject, (entry.detail or {})["name"]) == ("near", "TH-001", "Trường TH-001")


def test_a_unit_that_is_in_use_stays(house: House) -> None:
    city = Desk(house, "city", "administrator")
    agent(house, revoked=False)
    assert "agents still push for it" in city.send(REMOVE, {}, status=409).text

    house.registry.revoke_agent("a-1")
    Desk(house, "own", "reader", unit="TH-001")
    assert "accounts belong to it" in city.send(REMOVE, {}, status=409).text
    assert one_unit(house.database, "TH-001") is not None
    assert house.deeds("unit.removed") == []
