"""A collector for a test, with one unit and one enrolled agent in it."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from haidang_collector.app import create_app
from haidang_collector.registry.models import Unit
from haidang_collector.registry.store import Registry
from haidang_collector.registry.tokens import Applicant, create_token, enrol
from starlette.testclient import TestClient

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import httpx
    from haidang_collector.settings import Settings

UNIT = "TH-001"
DISTRICT = "Quận 1"


def database_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'collector.db'}"


def add_agent(url: str, *, roles: Sequence[str] = ("site",)) -> tuple[str, str]:
    """Enrols an agent into the one unit, which is made when it is missing. Its id and its Authorization header."""
    registry = Registry(url)
    try:
        with registry.database.write() as session:
            session.merge(
                Unit(code=UNIT, name="Trường Tiểu học Sao Mai", district=DISTRICT, level="primary", students={})
            )
        token = create_token(registry.database, UNIT, uses=1, lifetime=timedelta(hours=1)).token
        key = secrets.token_urlsafe(32)
        enrolled = enrol(registry.database, Applicant(token, key, tuple(roles), "0.1.0", "linux"))
    finally:
        registry.close()
    if enrolled is None:
        raise RuntimeError("a fresh token was refused")
    return enrolled.agent, f"Bearer {enrolled.agent}.{key}"


@contextmanager
def client_of(
    settings: Settings, *, store: httpx.AsyncBaseTransport | None = None, peer: str = "127.0.0.1"
) -> Iterator[TestClient]:
    """The running application, asked by `peer`."""
    app = create_app(settings, store_transport=store)
    with TestClient(app, base_url="http://127.0.0.1", client=(peer, 50_000)) as client:
        yield client
