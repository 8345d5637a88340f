"""The collector under the fuzzer: the application itself, asked without a socket, before a store that says 204."""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
from haidang_collector.app import create_app
from haidang_collector.registry.credentials import secret_hash
from haidang_collector.registry.models import Agent, Base, EnrolmentToken, Unit
from haidang_collector.registry.store import Registry
from haidang_collector.registry.unit_keys import unit_key
from haidang_collector.settings import Settings
from sqlalchemy import func, select

from benchmarks.fuzz_noise import FaultError
from tests.collector.running import database_url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from fastapi import FastAPI
    from haidang_collector.registry.database import Database

    from benchmarks.fuzz_noise import Input

AGENTS = 2_000
"""Each may ask 60 times a minute, beside its pushes."""
UNITS = ("TH-001", "THCS-2", "MN.3")
TOKENS, USES = 5, 100
LIMITLESS = 1e15


def agent_id(number: int) -> str:
    return f"a-fuzz{number}"


def key_of(number: int, renewed: int = 0) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(f"{number}/{renewed}".encode()).digest()).decode().rstrip("=")


def token_of(number: int) -> str:
    return f"token-{number}"


class City:
    """The application over a registry of its own. `grown` are the rows that its answers explain."""

    def __init__(self, app: FastAPI, database: Database) -> None:
        self._app, self._database = app, database
        self.grown: Counter[str] = Counter()
        self._rows = self.rows()

    def rows(self) -> dict[str, int]:
        with self._database.read() as connection:
            count = {table: select(func.count()).select_from(table) for table in Base.metadata.sorted_tables}
            return {table.name: connection.execute(query).scalar_one() for table, query in count.items()}

    def check_growth(self) -> None:
        """Raises FaultError where a table has more rows than were answered for."""
        for table, count in self.rows().items():
            most = self._rows[table] + self.grown[table]
            if count > most:
                raise FaultError(f"table {table}: {count} rows; what was answered explains {most}")

    async def ask(self, method: str, path: str, made: Input) -> tuple[int, bytes]:
        """Raises FaultError for a 5xx and what is no answer; whatever the application raises passes through."""
        names = {name: value for name, value in made.how.items() if not name.startswith(":")}
        headers = [(name.encode(), _sendable(value)) for name, value in ({"host": "127.0.0.1"} | names).items()]
        sent = _pieces(made)
        told: list[Any] = []

        async def receive() -> dict[str, Any]:
            return sent.pop(0) if sent else {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            told.append(message)

        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
            "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": headers,
            "client": ("127.0.0.1", 50_000), "server": ("127.0.0.1", 8080), "state": {},
        }  # fmt: skip
        await self._app(scope, receive, send)
        if [each["type"] for each in told[:1]] != ["http.response.start"] or told[-1].get("more_body"):
            raise FaultError(f"no whole answer: {[each['type'] for each in told]}")
        answer = b"".join(each.get("body", b"") for each in told[1:])
        if told[0]["status"] >= 500:
            raise FaultError(f"{told[0]['status']} {answer[:300]!r}")
        if any(b"\r" in part or b"\n" in part for header in told[0]["headers"] for part in header):
            raise FaultError(f"a header that holds a line break: {told[0]['headers']}")
        return told[0]["status"], answer


def _sendable(value: str) -> bytes:
    """As a server lets it through: RFC 9110, 5.5."""
    return bytes(byte for byte in value.encode() if byte >= 0x20 and byte != 0x7F).strip()


def _pieces(made: Input) -> list[dict[str, Any]]:
    parts = made.how.get(":parts", "1")
    whole = made.content
    count = 2 if parts == "cut" else int(parts)
    size = max(1, -(-len(whole) // count))
    pieces = [whole[at : at + size] for at in range(0, len(whole), size)] or [b""]
    sent = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    if parts == "cut":
        return sent[:1]
    sent[-1]["more_body"] = False
    return sent


@asynccontextmanager
async def city(folder: Path) -> AsyncIterator[City]:
    """No limit but those of single requests: what is looked for lies behind them."""
    url = database_url(folder)
    registry = Registry(url)
    try:
        _fill(registry.database)
        settings = Settings(
            trusted_proxies="127.0.0.1",
            database_url=url, agent_samples_per_second=LIMITLESS, unit_samples_per_second=LIMITLESS,
            agent_pushes_per_second=LIMITLESS, agent_series=10**9, unit_series=10**9,
        )  # fmt: skip
        app = create_app(settings, store_transport=httpx.MockTransport(lambda _: httpx.Response(204)))
        async with app.router.lifespan_context(app):
            yield City(app, registry.database)
    finally:
        registry.close()


def _fill(database: Database) -> None:
    now = datetime.now(UTC)
    with database.write() as session:
        for code in UNITS:
            session.add(Unit(code=code, name="Trường Sao Mai", district="Quận 1", level="primary", students={}))
        session.flush()
        for number in range(AGENTS):
            agent, digest = agent_id(number), secret_hash(key_of(number))
            described = {"roles": "site", "version": "0.1.0", "os": "linux", "enrolled_at": now}
            session.add(Agent(id=agent, unit=UNITS[number % len(UNITS)], key_hash=digest, **described))
        for number in range(TOKENS):
            expires = now + timedelta(days=30 if number else -1)
            digest = secret_hash(token_of(number))
            session.add(EnrolmentToken(hash=digest, unit=UNITS[0], created_at=now, expires_at=expires, uses_left=USES))
    for code in UNITS:
        unit_key(database, code)
