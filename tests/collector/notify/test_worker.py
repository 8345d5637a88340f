"""From Alertmanager's webhook to a mailbox, with whatever dies on the way."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from haidang_collector.notify.composing import Composer
from haidang_collector.registry.store import Registry
from haidang_collector.settings import Settings

from tests.collector.notify.conftest import ZONE, Mailbox, Office, fill
from tests.collector.running import client_of, database_url
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

START = datetime.now(UTC) - timedelta(minutes=1)
QUICK = {"gather_seconds": 0, "spacing_seconds": 0, "per_hour": 1000, "lease_seconds": 2}
WORKER = """\
import asyncio, sys
from pathlib import Path
from prometheus_client import CollectorRegistry
from haidang_collector.notify.settings import load
from haidang_collector.notify.worker import NotifyMetrics, Worker
from haidang_collector.registry.database import Database
metrics = NotifyMetrics(CollectorRegistry())
asyncio.run(Worker(Database(sys.argv[1]), load(Path(sys.argv[2])), "Asia/Ho_Chi_Minh", metrics).run())
"""


def settings_file(folder: Path, mailbox: Mailbox) -> Path:
    mail = "\n".join(f"{name} = {json.dumps(value)}" for name, value in mailbox.mail.items())
    limits = "\n".join(f"{name} = {value}" for name, value in QUICK.items())
    file = folder / "notify.toml"
    file.write_text(f"[mail]\n{mail}\n[limits]\n{limits}\n")
    return file


def notification(*alerts: dict[str, Any]) -> dict[str, Any]:
    return {"version": "4", "groupKey": "{}:{unit=U1}", "status": "firing", "alerts": list(alerts)}


def alert(name: str) -> dict[str, Any]:
    return {
        "status": "firing",
        "labels": {"alertname": name, "severity": "critical", "category": "link", "unit": "U1"},
        "annotations": {"summary": f"U1: {name}", "summary_en": f"U1: {name}", "description": "Gọi nhà mạng."},
        "startsAt": START.isoformat(),
        "endsAt": "0001-01-01T00:00:00Z",
        "fingerprint": name,
    }


def test_an_alert_reaches_a_mailbox_and_stands_in_the_time_line(tmp_path: Path, mailbox: Mailbox) -> None:
    """
    The server asks to come back first; of a group of two alerts there is one letter; "over" goes to the same person.
    """
    settings = Settings(
        database_url=database_url(tmp_path), notify=str(settings_file(tmp_path, mailbox)), operator_password="x"
    )
    registry = Registry(settings.database_url)
    fill(registry.database)
    registry.close()
    mailbox.says = ["451 4.7.1 greylisted"]
    down, spare = alert("InternetDown"), alert("NoSpareIsp")
    with client_of(settings) as client:
        client.auth = ("an", "x")
        for _ in range(2):
            assert client.post("/api/v1/alertmanager", json=notification(down, spare)).status_code == 200
        eventually("a letter comes", lambda: mailbox.letters, seconds=20)
        over = {**down, "status": "resolved", "endsAt": datetime.now(UTC).isoformat()}
        client.post("/api/v1/alertmanager", json=notification(over))
        eventually("its end comes", lambda: len(mailbox.letters) == 2, seconds=20)
        page = eventually("it is noted", lambda: told_of(client.get("/incidents/1?lang=en").text), seconds=5)
        eventually("none waits", lambda: "waiting_messages 0.0" in client.get("/metrics").text, seconds=5)
        figures = client.get("/metrics").text

    assert [letter["To"] for letter in mailbox.letters] == ["Cô Lan <lan@u1.edu.vn>"] * 2
    first, last = (str(letter["Subject"]) for letter in mailbox.letters)
    assert first.startswith("[NGHIÊM TRỌNG] U1: InternetDown (từ ")
    assert first.endswith(" và 1 việc nữa")
    assert last.startswith("[ĐÃ HẾT] U1: InternetDown (từ ")
    assert "Gọi nhà mạng." in mailbox.letters[0].get_content()
    assert "Cô Lan was told (e-mail)." in page
    assert 'haidang_notify_messages_total{channel="email",outcome="sent"} 2.0' in figures
    assert 'haidang_notify_messages_total{channel="email",outcome="later"} 1.0' in figures


def told_of(page: str) -> str:
    return page if "was told" in page else ""


def test_killed_at_any_moment_it_loses_nothing(tmp_path: Path, mailbox: Mailbox) -> None:
    """
    Two workers on one database are killed again and again. What comes twice was in flight when one died.
    """
    url, file = database_url(tmp_path), settings_file(tmp_path, mailbox)
    registry = Registry(url)
    fill(registry.database)
    office = Office(registry.database, limits=QUICK)
    workers = [start(url, file) for _ in range(2)]
    names = [f"A{number}" for number in range(40)]
    for number, name in enumerate(names):
        now = datetime.now(UTC)
        office.tell(now, "U1", name=name)
        Composer(registry.database, office.settings, ZONE).compose(now)
        if number % 10 == 9:
            eventually("somebody sends", lambda least=number // 2: mailbox.asked > least, seconds=30)
            time.sleep(random.uniform(0, 0.3))
            victim = workers.pop(0)
            victim.kill()
            victim.wait()
            workers.append(start(url, file))
    eventually("all are told", lambda: {m.state for m in office.messages()} == {"sent"}, seconds=40)
    stop(workers)
    registry.close()

    twice = len(mailbox.keys) - len(set(mailbox.keys))
    assert told(mailbox) == set(names)
    assert twice <= sum(message.attempts - 1 for message in office_messages(url))
    assert twice <= 4 * 8, "at most what the four that were killed had in flight"


def told(mailbox: Mailbox) -> set[str]:
    return {word for letter in mailbox.letters for word in letter.get_content().split() if word.startswith("A")}


def office_messages(url: str) -> Sequence[Any]:
    registry = Registry(url)
    found = Office(registry.database).messages()
    registry.close()
    return found


def test_while_the_mail_server_is_away_messages_wait(tmp_path: Path, mailbox: Mailbox) -> None:
    mailbox.says = ["421 4.3.2 closing"]
    url, file = database_url(tmp_path), settings_file(tmp_path, mailbox)
    registry = Registry(url)
    fill(registry.database)
    office = Office(registry.database, limits=QUICK)
    office.tell(datetime.now(UTC), "U1")
    worker = start(url, file)
    eventually("the server's word is kept", lambda: any("421" in m.answer for m in office.messages()), seconds=30)
    states = {message.state for message in office.messages()}
    eventually("it is sent after all", lambda: mailbox.letters, seconds=40)
    stop([worker])
    registry.close()

    assert states == {"queued"}
    assert len(mailbox.letters) == 1


def start(url: str, file: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WORKER, url, str(file)])


def stop(workers: Sequence[subprocess.Popen[bytes]]) -> None:
    for worker in workers:
        worker.kill()
        worker.wait()
