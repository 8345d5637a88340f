"""What people were to hear before reminders came is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from alembic import command
from haidang_collector.registry import database as databases
from haidang_collector.registry.database import Database
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tests.collector.registry import conftest as of_registry

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

url = of_registry.url
INCIDENT = (
    "INSERT INTO incident (id, fingerprint, starts_at, status, alertname, labels, annotations, received_at, updated_at)"
    " VALUES (1, 'f', '2026-11-25 05:00:00', 'firing', 'InternetDown', '{}', '{}', '2026-11-25 05:00:00',"
    " '2026-11-25 05:00:00')"
)
TELLING = (
    "INSERT INTO telling (incident, round, person, kind, name, due_at)"
    " VALUES (1, 0, 'lan@u1.edu.vn', 'firing', 'Cô Lan', '2026-11-25 05:00:10')"
)


def test_rows_of_before_are_no_reminders(url: str) -> None:
    database = Database(url)
    config = databases._alembic_config()
    with database._writer.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0010")
    with database.write() as session:
        session.execute(text(INCIDENT))
        session.execute(text(TELLING))
    database.upgrade()

    with database.write() as session:
        assert session.execute(text("SELECT person, kind, number, told_at FROM telling")).all() == [
            ("lan@u1.edu.vn", "firing", 0, None)
        ]
        _remind(session, 1, "reminder")
        _remind(session, 2, "reminder")
    with pytest.raises(IntegrityError), database.write() as session:
        _remind(session, 3, "rumour")
    with pytest.raises(IntegrityError), database.write() as session:
        _remind(session, 2, "reminder")
    database.close()


def _remind(session: Session, number: int, kind: str) -> None:
    values = f"(1, 0, 'lan@u1.edu.vn', '{kind}', {number}, 'Cô Lan', '2026-11-25 09:00:00')"
    session.execute(text(f"INSERT INTO telling (incident, round, person, kind, number, name, due_at) VALUES {values}"))
