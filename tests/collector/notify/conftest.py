"""A district with people in charge, alerts that fire there, and providers on loopback that take messages or do not."""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from aiosmtpd.controller import Controller
from haidang_collector.access.tables import Account
from haidang_collector.notify.composing import Composer
from haidang_collector.notify.outbox import claim, settle
from haidang_collector.notify.planning import Planner
from haidang_collector.notify.settings import NotifySettings
from haidang_collector.notify.tables import Message, Telling
from haidang_collector.registry.incidents import Notification, record
from haidang_collector.registry.models import Contact, Unit
from sqlalchemy import select

from tests.collector.registry import conftest as of_registry
from tests.collector.registry.filled import filled_database, filled_file
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from email.message import EmailMessage
    from pathlib import Path

    from haidang_collector.notify.channels import Outcome, Parcel
    from haidang_collector.registry.database import Database

ZONE = "Asia/Ho_Chi_Minh"
NOON = datetime(2026, 11, 25, 5, 0, tzinfo=UTC)
"""A Wednesday, 12:00 at the schools."""
NIGHT = datetime(2026, 11, 25, 15, 30, tzinfo=UTC)
"""22:30 there."""
DIGEST = datetime(2026, 11, 26, 0, 0, tzinfo=UTC)
CONTACTS = [
    ("U1", "officer", "Cô Lan", "Lan@u1.edu.vn"), ("U1", "leader", "Thầy Minh", "minh@u1.edu.vn"),
    ("U2", "officer", "Thầy Hùng", "hung@u2.edu.vn"), ("U2", "officer", "Cô Hoa", None),
    ("U3", "leader", "Cô Mai", "mai@u3.edu.vn"),
]  # fmt: skip
ACCOUNTS = [
    ("bac", "operator", "Quận Bắc", None), ("bac2", "reader", "Quận Bắc", None),
    ("nam", "administrator", "Quận Nam", None), ("so", "operator", None, None),
]  # fmt: skip
UNITS = {"U1": "Quận Bắc", "U2": "Quận Bắc", "U3": "Quận Nam", "U4": "Quận Tây"}


def settings(**tables: Any) -> NotifySettings:
    mail = {"server": "127.0.0.1:25", "sender": "haidang@so.edu.vn", "security": "none"}
    return NotifySettings.model_validate({"mail": mail, "pages": {"url": "https://hd.example"}} | tables)


class Office:
    """The registry and the telling of people, at whatever time a test says."""

    def __init__(self, database: Database, **tables: Any) -> None:
        self.database = database
        self.use(**tables)

    def use(self, **tables: Any) -> None:
        """Other settings from now on."""
        self.settings = settings(**tables)
        self.planner = Planner(self.settings, ZONE)

    def tell(
        self,
        now: datetime,
        *units: str | None,
        name: str = "InternetDown",
        severity: str = "critical",
        category: str = "link",
        start: datetime | None = None,
        ended: bool = False,
        district: str = "",
    ) -> None:
        """One notification of Alertmanager's with an alert for each unit."""
        alerts = []
        for unit in units:
            labels = {"alertname": name, "severity": severity, "category": category, "district": district}
            alerts.append(
                {
                    "status": "resolved" if ended else "firing",
                    "labels": labels | ({"unit": unit} if unit else {}),
                    "annotations": {"summary": f"{unit}: {name}", "summary_en": f"{unit}: {name} (en)"},
                    "startsAt": (start or now).isoformat(),
                    "endsAt": now.isoformat(),
                    "fingerprint": f"{name} {unit}",
                }
            )
        record(self.database, Notification.model_validate({"version": "4", "alerts": alerts}), now, then=self.planner)

    def compose(self, now: datetime) -> list[tuple[str, str]]:
        """Person and subject of the messages that were made at that moment."""
        Composer(self.database, self.settings, ZONE).compose(now)
        return [(message.person, message.subject) for message in self.messages() if message.made_at == now]

    def messages(self) -> Sequence[Message]:
        with self.database.write() as session:
            found = session.scalars(select(Message).order_by(Message.id)).all()
            session.expunge_all()
        return found

    def tellings(self) -> Sequence[Telling]:
        with self.database.write() as session:
            found = session.scalars(select(Telling).order_by(Telling.due_at, Telling.person)).all()
            session.expunge_all()
        return found

    def settle_all(self, now: datetime, outcome: Outcome) -> list[Parcel]:
        """Everything that is due goes out, and the provider says so."""
        parcels = claim(self.database, now, 1_000, self.settings.limits).parcels
        for parcel in parcels:
            assert settle(self.database, parcel, outcome, now)
        return parcels


def fill(database: Database) -> None:
    now = datetime.now(UTC)
    with database.write() as session:
        for code, district in UNITS.items():
            session.add(Unit(code=code, name=f"Trường {code}", district=district, level="primary", students={}))
        session.flush()
        for unit, role, name, address in CONTACTS:
            session.add(Contact(unit=unit, role=role, name=name, email=address))
        for login, role, district, unit in ACCOUNTS:
            session.add(
                Account(
                    login=login, name=f"Ông {login}", email=f"{login}@so.edu.vn", role=role, district=district,
                    unit=unit, mapped=False, disabled=False, failed=0, created_at=now, changed_at=now,
                )
            )  # fmt: skip


url = of_registry.url


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled_file(tmp_path_factory.mktemp("filled"), fill)


@pytest.fixture
def office(url: str, filled: Path) -> Iterator[Office]:
    with filled_database(url, filled, fill) as database:
        yield Office(database)


class Mailbox:
    """A real SMTP server. `says`: what it answers to the recipient of each letter, in turn; then it takes them."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []
        self.says: list[str] = []
        self.hangs = False
        self.asked = 0
        self._controller = Controller(self, hostname="127.0.0.1", port=free_port(), ready_timeout=60)

    @property
    def mail(self) -> dict[str, Any]:
        """The table [mail] of settings."""
        address = f"127.0.0.1:{self._controller.port}"
        return {"server": address, "sender": "haidang@so.edu.vn", "security": "none", "timeout_seconds": 30}

    @property
    def keys(self) -> list[str]:
        return [str(letter["X-Haidang-Message"]) for letter in self.letters]

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: ARG002, N802 - aiosmtpd's
        self.asked += 1
        if self.hangs:
            await asyncio.sleep(30)
        if self.says:
            return self.says.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: ARG002, N802 - aiosmtpd's
        self.letters.append(email.message_from_bytes(envelope.original_content, policy=email.policy.default))
        return "250 kept as 42"


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    box = Mailbox()
    box._controller.start()
    yield box
    box._controller.stop()


class Hook:
    """A web server that takes POSTs. `status`: what it answers; `told`: path and JSON of each."""

    def __init__(self) -> None:
        self.status = 200
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.port = 0


@pytest.fixture
def hook() -> Iterator[Hook]:
    with _serving(Hook()) as running:
        yield running


@contextmanager
def _serving(hook: Hook) -> Iterator[Hook]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            hook.told.append((self.path, json.loads(content)))
            self.send_response(hook.status)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(b'{"ok": true, "result": {"message_id": 7}}' if hook.status == 200 else b'{"ok": false}')

        def log_message(self, *_: object) -> None:
            """The test looks at what arrived."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hook.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield hook
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
