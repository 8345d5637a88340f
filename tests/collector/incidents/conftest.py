"""A registry with units in two districts, and a way to let alerts fire and end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from haidang_collector.incidents.finding import Wanted, find
from haidang_collector.registry.incidents import Notification, record
from haidang_collector.registry.models import Unit

from tests.collector.registry import conftest as of_registry
from tests.collector.registry.filled import filled_database, filled_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from haidang_collector.incidents.finding import IncidentRow
    from haidang_collector.registry.database import Database

START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
UNITS = {"U1": "Quận Bắc", "U2": "Quận Bắc", "U3": "Quận Nam"}


class Alerts:
    """What Alertmanager tells this registry. Times in minutes after START."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def tell(
        self,
        unit: str | None,
        *names: str,
        start: float = 0,
        end: float | None = None,
        heard: float | None = None,
        severity: str = "critical",
        category: str = "link",
        **annotations: str,
    ) -> None:
        """One notification of these alerts; without names, of InternetDown."""
        labels = {"severity": severity, "category": category}
        alerts = [
            {
                "status": "firing" if end is None else "resolved",
                "labels": labels | {"alertname": name} | ({"unit": unit, "district": "as it says"} if unit else {}),
                "annotations": annotations,
                "startsAt": at(start).isoformat(),
                "endsAt": "0001-01-01T00:00:00Z" if end is None else at(end).isoformat(),
                "fingerprint": f"{name} {unit}",
            }
            for name in names or ("InternetDown",)
        ]
        notification = Notification.model_validate({"version": "4", "alerts": alerts})
        record(self.database, notification, at(start if heard is None else heard))

    def only(self) -> IncidentRow:
        found = find(self.database, Wanted(), 0, 2)
        assert len(found) == 1
        return found[0]


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


url = of_registry.url


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled_file(tmp_path_factory.mktemp("filled"), fill)


@pytest.fixture
def alerts(url: str, filled: Path) -> Iterator[Alerts]:
    with filled_database(url, filled, fill) as database:
        yield Alerts(database)


def fill(database: Database) -> None:
    with database.write() as session:
        for code, district in UNITS.items():
            session.add(Unit(code=code, name=f"Trường {code}", district=district, level="primary", students={}))
