"""A collector with two districts, a unit in each, and as many people as a test wants."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import httpx
from haidang_collector.access import passwords
from haidang_collector.access.accounts import Administration, Wanted
from haidang_collector.access.audit import entries
from haidang_collector.access.cookies import SESSION
from haidang_collector.access.sessions import open_session, visitor_of
from haidang_collector.access.visitor import Scope, Visitor
from haidang_collector.registry.models import Unit
from haidang_collector.registry.store import Registry
from haidang_collector.settings import Settings

from tests.collector.running import client_of, database_url

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from starlette.testclient import TestClient

NEAR, FAR = "Quận 1", "Quận 3"
UNITS = {"TH-001": NEAR, "TH-002": NEAR, "TH-003": FAR}
PASSWORD = "bốn con voi uống trà"
STRANGER = "198.51.100.7"
HIDDEN = re.compile(r'name="csrf" value="([^"]+)"')


@cache
def kept(password: str) -> str:
    """The hash, made once for all tests."""
    return passwords.hashed(password)


@cache
def _built() -> bytes:
    """The file of a registry with the units in it; its tables are made once for all tests."""
    with TemporaryDirectory() as folder:
        registry = Registry(database_url(Path(folder)))
        with registry.database.write() as session:
            session.add_all(
                Unit(code=code, name=f"Trường {code}", district=district, level="primary", students={})
                for code, district in UNITS.items()
            )
        registry.close()
        return Path(folder, "collector.db").read_bytes()


class House:
    """The collector's registry and its pages. `client` is a browser on the collector's own machine."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.settings = Settings(database_url=database_url(folder), **settings)  # type: ignore[arg-type]
        folder.joinpath("collector.db").write_bytes(_built())
        self.registry = Registry(self.settings.database_url)
        self.database = self.registry.database
        self.client: TestClient

    def running(self, peer: str = "127.0.0.1") -> AbstractContextManager[TestClient]:
        """The application over this registry, with a store that is away."""
        store = httpx.MockTransport(lambda _: httpx.Response(503))
        return client_of(self.settings, store=store, peer=peer)

    def person(self, login: str, role: str = "reader", *, password: str | None = PASSWORD, **scope: str) -> None:
        """An account that is used to being used."""
        hashed = None if password is None else kept(password)
        Administration(self.database, "test").add(login, Wanted(role, **scope), hashed, first=False)

    def session(self, login: str) -> tuple[dict[str, str], Visitor]:
        """The headers of a browser in which `login` is logged in, and who that is to the pages."""
        with self.database.write() as session:
            opened = open_session(session, login, datetime.now(UTC))
        visitor = visitor_of(self.database, opened.token)
        assert visitor is not None
        return {"Cookie": f"{SESSION}={opened.token}"}, visitor

    def csrf(self, path: str = "/login", **headers: str) -> str:
        """What the forms of a page have to send back."""
        found = HIDDEN.search(self.client.get(path, headers=headers).text)
        assert found is not None
        return found[1]

    def login(
        self, login: str, password: str = PASSWORD, *, next_: str = "", headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """Fills in the login page; the client keeps the cookies."""
        form = {"csrf": self.csrf(), "login": login, "password": password, "next": next_}
        return self.client.post("/login", data=form, headers=headers, follow_redirects=False)

    def deeds(self, what: str = "") -> list[tuple[str, str, str]]:
        """Who, what and subject of the audit log, the oldest first."""
        found, _ = entries(self.database, Scope())
        return [(entry.who, entry.what, entry.subject) for entry in reversed(found) if entry.what.startswith(what)]


def inhabited(folder: Path, **settings: str) -> Iterator[House]:
    """A house that answers, for fixtures."""
    house = House(folder, **settings)
    try:
        with house.running() as house.client:
            yield house
    finally:
        house.registry.close()
