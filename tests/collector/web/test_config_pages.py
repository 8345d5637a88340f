"""What is set for agents, who of them runs it, and signs of machines that are not what they should be."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from haidang_collector.registry.config_layers import DEFAULT, Layer
from haidang_collector.registry.config_versions import put
from haidang_collector.registry.models import Agent
from sqlalchemy import update

from tests.collector.access.house import FAR, NEAR, House, inhabited
from tests.collector.web.desk import HOSTILE, Desk, assert_harmless
from tests.collector.web.reading import Page
from tests.collector.web.test_agent_pages import add

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    for made in inhabited(tmp_path):
        for name, unit in (("one", "TH-001"), ("two", "TH-001"), ("three", "TH-002"), ("far", "TH-003")):
            add(made, name, unit, seen=3)
        yield made


def note(house: House, agent: str, **noted: Any) -> None:
    with house.database.write() as session:
        session.execute(update(Agent).where(Agent.id == agent).values(**noted))


def test_how_many_run_what_was_set_last(house: House) -> None:
    put(house.database, Layer("unit", "TH-001"), {}, "lan")
    put(house.database, DEFAULT, {}, "lan")
    put(house.database, DEFAULT, {}, "minh", percent=50)
    note(house, "a-one", config={"default": 2, "unit TH-001": 1})
    note(house, "a-two", config={"default": 1})

    text = Page(Desk(house, "city", "reader").page("/agents/config")).text

    assert "All agents version 1 version 2 for 50 % of agents 1 of 4 2 have not said minh" in text
    assert "Unit TH-001 version 1 \u2013 1 of 2 lan" in text
    assert text.index("All agents") < text.index("Unit TH-001")


def test_what_is_told_in_vietnamese(house: House) -> None:
    put(house.database, Layer("role", "site"), {}, "lan")

    text = Page(Desk(house, "city", "reader").page("/agents/config", language="vi")).text

    assert "Cấu hình giao cho các máy trạm" in text
    assert "4 máy trạm chưa báo" in text


def test_everybody_sees_the_layers_that_reach_theirs(house: House) -> None:
    for layer in (
        DEFAULT, Layer("district", NEAR), Layer("district", FAR), Layer("unit", "TH-001"), Layer("unit", "TH-003"),
        Layer("role", "host"), Layer("agent", "a-one"), Layer("agent", "a-far"),
    ):  # fmt: skip
        put(house.database, layer, {}, "lan")
    near = Page(Desk(house, "near", "reader", district=NEAR).page("/agents/config")).text
    own = Page(Desk(house, "own", "reader", unit="TH-002").page("/agents/config")).text

    for text in (near, own):
        assert f"District {NEAR}" in text
        assert f"District {FAR}" not in text
        assert "TH-003" not in text
        assert "a-far" not in text
        assert "All agents" in text
    assert "Unit TH-001" in near
    assert "a-one" in near
    assert "TH-001" not in own
    assert "a-one" not in own


def test_a_city_where_nothing_is_set(house: House) -> None:
    assert "Nothing is set: agents run with" in Desk(house, "city", "reader").page("/agents/config")


def test_who_set_it_is_text(house: House) -> None:
    put(house.database, DEFAULT, {}, HOSTILE[:100])

    assert_harmless(Desk(house, "city", "reader").page("/agents/config"))


def test_a_shared_identity_and_an_old_disk_are_shown_with_the_mend_for_a_day(house: House) -> None:
    note(house, "a-one", doubled_at=time.time() - 60)
    note(house, "a-two", put_back_at=time.time() - 60)
    note(house, "a-far", doubled_at=time.time() - 90_000, put_back_at=time.time() - 90_000)

    text = Page(Desk(house, "city", "reader").page("/agents")).text

    assert text.count("two machines share it") == 1
    assert "haidang-agent enrol --force" in text
    assert text.count("came back with an old key") == 1
    assert "haidang agents readmit a-two" in text
