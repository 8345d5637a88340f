"""A real Alertmanager with the committed routes, between a mailbox and a webhook on loopback."""

from __future__ import annotations

import email
import email.policy
import json
import subprocess
import threading
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from aiosmtpd.controller import Controller

from tests.servers import free_port, wait_until_ready
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from email.message import EmailMessage

    from aiosmtpd.smtp import SMTP, Envelope, Session

ALERTS = Path(__file__).parents[2] / "alerts"
DEAD_MAN = "/dead-man"


@dataclass
class People:
    """What reached them: `mails` parsed, `notifications` of the webhook as posted, with `received` in Unix seconds.

    The webhook answers `status`; what it refuses is only counted. `held` is what a dead man's switch got.
    """

    alertmanager: str = ""
    mails: list[EmailMessage] = field(default_factory=list)
    notifications: list[dict[str, Any]] = field(default_factory=list)
    held: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    refused: int = 0

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: ARG002, N802 - aiosmtpd's
        assert envelope.original_content is not None
        self.mails.append(email.message_from_bytes(envelope.original_content, policy=email.policy.default))
        return "250 kept"

    def post(self, *alerts: Mapping[str, Any]) -> None:
        """To Alertmanager, as Prometheus does."""
        request = urllib.request.Request(
            f"{self.alertmanager}/api/v2/alerts",
            data=json.dumps(alerts).encode(),
            headers={"Content-Type": "application/json"},
        )
        urllib.request.urlopen(request, timeout=60).close()

    def mail(self, number: int) -> EmailMessage:
        """The `number`-th mail, from 1; waits for it."""
        eventually(f"mail {number} arrives", lambda: len(self.mails) >= number, seconds=15)
        return self.mails[number - 1]

    def told(self, status: str) -> list[str]:
        """Names of the alerts that the webhook was told of."""
        heard = [alert for sent in list(self.notifications) for alert in sent["alerts"]]
        return [alert["labels"]["alertname"] for alert in heard if alert["status"] == status]


def alert(labels: Mapping[str, str], annotations: Mapping[str, str], *, ended: bool = False) -> dict[str, Any]:
    """One that began at 08:30 of the Vietnamese morning, and is over now or stands for hours."""
    end = datetime.now(UTC) + (timedelta() if ended else timedelta(hours=1))
    return {
        "labels": dict(labels),
        "annotations": dict(annotations),
        "startsAt": "2024-03-05T01:30:00Z",
        "endsAt": end.isoformat(),
    }


@contextmanager
def listening_people(
    folder: Path, *, group_interval: str = "1s", dead_man: bool = False, collector: str = ""
) -> Iterator[People]:
    """`group_interval` in the place of the committed one, so that what is added to a group comes sooner.

    `dead_man`: there is a switch to be held, every two seconds. `collector` is told too, of everything.
    """
    people = People()
    mailbox = Controller(people, hostname="127.0.0.1", port=free_port(), ready_timeout=60)
    hook = ThreadingHTTPServer(("127.0.0.1", 0), _hook(people))
    thread = threading.Thread(target=hook.serve_forever, kwargs={"poll_interval": 0.05})
    mailbox.start()
    thread.start()
    try:
        config = _config(group_interval, mail_port=mailbox.port, hook_port=hook.server_port)
        if collector:
            _add_collector(config, collector)
        if dead_man:
            _add_dead_man(config, hook.server_port)
        with _alertmanager(folder, people, config):
            yield people
    finally:
        hook.shutdown()
        thread.join()
        hook.server_close()
        mailbox.stop()


def _hook(people: People) -> type[BaseHTTPRequestHandler]:
    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path == DEAD_MAN:
                people.held.append(told)
            elif people.status == HTTPStatus.OK:
                people.notifications.append(told | {"received": time.time()})
            else:
                people.refused += 1
            self.send_response(HTTPStatus.OK if self.path == DEAD_MAN else people.status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """The test looks at what arrived."""

    return Hook


def _config(group_interval: str, *, mail_port: int, hook_port: int) -> dict[str, Any]:
    """The committed configuration with addresses of this test."""
    config: dict[str, Any] = yaml.safe_load((ALERTS / "alertmanager.yml").read_text())
    config["global"]["smtp_smarthost"] = f"127.0.0.1:{mail_port}"
    config["templates"] = [str(ALERTS / name) for name in config["templates"]]
    config["route"]["group_interval"] = group_interval
    for receiver in config["receivers"]:
        for webhook in receiver.get("webhook_configs", []):
            webhook["url"] = f"http://127.0.0.1:{hook_port}/"
    return config


def _add_collector(config: dict[str, Any], url: str) -> None:
    for receiver in config["receivers"]:
        if "webhook_configs" in receiver:
            receiver["webhook_configs"].append({"url": f"{url}/api/v1/alertmanager", "send_resolved": True})


def _add_dead_man(config: dict[str, Any], hook_port: int) -> None:
    """As docs/alerts.md says, but for the pace."""
    (receiver,) = (each for each in config["receivers"] if each["name"] == "deadman")
    receiver["webhook_configs"] = [{"url": f"http://127.0.0.1:{hook_port}{DEAD_MAN}", "send_resolved": False}]
    (route,) = (each for each in config["route"]["routes"] if each.get("receiver") == "deadman")
    route["repeat_interval"] = "2s"


@contextmanager
def _alertmanager(folder: Path, people: People, config: dict[str, Any]) -> Iterator[None]:
    settings = folder / "alertmanager.yml"
    settings.write_text(yaml.safe_dump(config, allow_unicode=True))
    people.alertmanager = f"http://127.0.0.1:{free_port()}"
    command = [
        "prometheus-alertmanager", f"--config.file={settings}", f"--storage.path={folder / 'data'}",
        f"--web.listen-address={people.alertmanager.removeprefix('http://')}", "--cluster.listen-address=",
    ]  # fmt: skip
    with (folder / "alertmanager.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_until_ready(f"{people.alertmanager}/-/ready", process)
        yield
    finally:
        process.terminate()
        process.wait(timeout=60)
