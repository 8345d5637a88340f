"""Alerts that come to any of several workers: one of them tells people."""

from __future__ import annotations

import http.client
import json
from contextlib import closing
from functools import partial
from typing import TYPE_CHECKING, Any

from haidang_collector.registry.store import Registry

from tests.collector.notify.conftest import Mailbox, fill
from tests.collector.notify.test_worker import alert, notification, settings_file
from tests.collector.running import database_url
from tests.collector.workers import connected, together
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path


def test_one_message_whoever_hears_of_it(tmp_path: Path, mailbox: Mailbox) -> None:
    """
    Both are told of the same alert, again and again; the numbers are those of the one that sends, whoever is asked.
    """
    url = database_url(tmp_path)
    with closing(Registry(url)) as registry:
        fill(registry.database)
    with together(tmp_path, DATABASE_URL=url, NOTIFY=str(settings_file(tmp_path, mailbox))) as both:
        eventually("both listen", both.all_answer, seconds=60)
        for name in ("InternetDown", "NoSpareIsp"):
            for pid in both.pids * 2:
                post(both.port, pid, notification(alert(name)))
            eventually("a letter of it", partial(told, mailbox, name), seconds=30)
        sent = 'haidang_notify_messages_total{channel="email",outcome="sent"} 2.0'
        eventually("it is counted", lambda: all(sent in both.get(pid, "/metrics") for pid in both.pids), seconds=20)

    assert len(mailbox.letters) == 2


def told(mailbox: Mailbox, name: str) -> list[str]:
    return [subject for letter in mailbox.letters if name in (subject := str(letter["Subject"]))]


def post(port: int, pid: int, told_of: dict[str, Any]) -> None:
    with closing(connected(port, pid)) as connection:
        body, headers = json.dumps(told_of).encode(), {"Content-Type": "application/json"}
        connection.request("POST", "/api/v1/alertmanager", body, headers)
        assert connection.getresponse().status == http.client.OK
