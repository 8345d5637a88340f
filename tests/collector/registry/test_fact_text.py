from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from haidang_collector.registry.fact_import import import_facts
from haidang_collector.registry.fact_kinds import KINDS
from haidang_collector.registry.fact_metrics import fact_metrics
from haidang_collector.registry.fact_table import FactRow, FactTable
from haidang_collector.registry.fact_text import FactText
from haidang_collector.registry.models import Change, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_collector.registry.store import Registry
    from prometheus_client.metrics_core import Metric


class Families:
    def __init__(self, registry: Registry) -> None:
        self.made = 0
        self._registry = registry

    def __call__(self) -> Iterator[Metric]:
        self.made += 1
        return fact_metrics(self._registry.database)


def tell(registry: Registry, computers: int) -> None:
    rows = [FactRow(1, "TH-001", {"name": "P1", "computers": computers})]
    import_facts(registry.database, KINDS["labs"], FactTable(rows), who="test")


@pytest.fixture
def families(registry: Registry) -> Families:
    return Families(registry)


@pytest.fixture
def text(registry: Registry, families: Families) -> FactText:
    return FactText(registry.database, families)


def test_it_is_made_once_while_nothing_changes(text: FactText, families: Families) -> None:
    assert text.text() == text.text() != b""
    assert families.made == 1


def test_a_changed_fact_shows_at_once(text: FactText, registry: Registry) -> None:
    for computers in (40, 41):
        tell(registry, computers)
        assert f'{{district="Quận Bắc",lab="P1",level="",unit="TH-001"}} {computers}.0'.encode() in text.text()


def test_a_unit_taken_away_and_another_told_are_seen(text: FactText, families: Families, registry: Registry) -> None:
    text.text()
    with registry.database.write() as session:
        session.add(Unit(code="X", name="X", district="Quận Bắc", level="primary", students={"primary": 7}))
    assert b'unit="X"' in text.text()
    with registry.database.write() as session:
        session.delete(session.get(Unit, "X"))
    assert b'unit="X"' not in text.text()
    assert families.made == 3


def test_a_change_that_is_committed_after_a_later_one_is_seen(text: FactText, registry: Registry) -> None:
    """
    As PostgreSQL has it, which numbers them before.
    """
    now = datetime.now(UTC)
    for number, level in ((7, "primary"), (5, "upper_secondary")):
        with registry.database.write() as session:
            session.get_one(Unit, "TH-001").students = {level: 1}
            session.add(Change(id=number, at=now, who="w", unit="TH-001", what="units", entry="", before={}, after={}))
        assert f'level="{level}"'.encode() in text.text()


def test_the_number_of_a_change_that_went_with_its_unit_may_come_again(text: FactText, registry: Registry) -> None:
    def change(level: str) -> None:
        now = datetime.now(UTC)
        with registry.database.write() as session:
            session.get_one(Unit, "TH-001").students = {level: 1}
            session.query(Change).delete()
            session.add(Change(id=1, at=now, who="w", unit="TH-001", what="units", entry="", before={}, after={}))

    change("primary")
    assert b'level="primary"' in text.text()
    change("upper_secondary")
    assert b'level="upper_secondary"' in text.text()
