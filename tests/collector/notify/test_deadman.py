"""The dead man's switch as a process of its own, with a real mail server that first takes nothing."""

from __future__ import annotations

import email
import email.policy
import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aiosmtpd.controller import Controller

from tests.servers import free_port, wait_until_ready
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "x" * 24
AFTER_SECONDS = 8
"""Longer than a busy machine takes to start it and to ask it a few things."""


@dataclass
class Mailbox:
    reply: str = "250 kept"
    refused: int = 0
    mails: list[EmailMessage] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: ARG002, N802 - aiosmtpd's
        if self.reply.startswith("250"):
            self.mails.append(email.message_from_bytes(envelope.original_content, policy=email.policy.default))
        else:
            self.refused += 1
        return self.reply


@contextmanager
def running(folder: Path, mailbox: Mailbox) -> Iterator[str]:
    """Its address."""
    server = Controller(mailbox, hostname="127.0.0.1", port=free_port(), ready_timeout=60)
    server.start()
    port = free_port()
    (folder / "mail.toml").write_text(
        f'[mail]\nserver = "127.0.0.1:{server.port}"\nsender = "haidang@so.edu.vn"\nsecurity = "none"\n'
    )
    (folder / "token").write_text(TOKEN + "\n")
    command = [
        str(Path(sys.executable).parent / "haidang"), "deadman", "--settings", str(folder / "mail.toml"),
        "--to", "truc@so.edu.vn", "--token-file", str(folder / "token"), "--after", str(AFTER_SECONDS),
        "--listen", f"127.0.0.1:{port}",
    ]  # fmt: skip
    with (folder / "deadman.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        wait_until_ready(f"http://127.0.0.1:{port}/healthz", process)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=60)
        server.stop()


def tell(url: str, *, name: str = "Watchdog", status: str = "firing", token: str = TOKEN) -> int:
    """What Alertmanager posts; the status of the answer."""
    moment = {"startsAt": "2026-11-25T00:00:00Z", "endsAt": "0001-01-01T00:00:00Z"}
    alert = {"status": status, "labels": {"alertname": name}, "fingerprint": "1", **moment}
    request = urllib.request.Request(
        f"{url}/watchdog",
        data=json.dumps({"version": "4", "alerts": [alert]}).encode(),
        headers={"Content-Type": "application/json", "Authorization": f"Bearer {token}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            held: bool = json.loads(answer.read())["held"]
            return 200 if held else 202
    except urllib.error.HTTPError as refused:
        refused.close()
        return refused.code


def test_it_goes_off_once_when_the_watchdog_stays_away_and_says_when_it_is_back(tmp_path: Path) -> None:
    mailbox = Mailbox("451 later")
    with running(tmp_path, mailbox) as url:
        assert [tell(url, name="Other"), tell(url, status="resolved"), tell(url, token="y" * 24)] == [202, 202, 401]
        held_at = time.monotonic()
        assert tell(url) == 200
        eventually("it tries to tell", lambda: mailbox.refused, seconds=30)
        tried_after = time.monotonic() - held_at
        mailbox.reply = "250 kept"
        eventually("the mail comes", lambda: mailbox.mails, seconds=30)
        with pytest.raises(urllib.error.HTTPError, match="503") as dead:
            urllib.request.urlopen(f"{url}/healthz", timeout=60)
        dead.value.close()
        tell(url)
        eventually("the end comes", lambda: len(mailbox.mails) == 2, seconds=30)

    first, second = mailbox.mails[:2]
    assert tried_after >= AFTER_SECONDS
    assert first["Subject"] == "Hệ thống báo động đã ngừng hoạt động · Alerting is dead"
    assert "no alert may reach anybody" in first.get_content()
    assert second["Subject"].endswith("Alerting works again")
    assert first["To"] == "truc@so.edu.vn"


@pytest.mark.parametrize(
    ("token", "settings", "says"),
    [("short", '[mail]\nserver = "a:25"\nsender = "a@b"\n', "--token-file"), (TOKEN, "", "neither [mail]")],
)
def test_what_it_cannot_work_with_is_one_line(tmp_path: Path, token: str, settings: str, says: str) -> None:
    (tmp_path / "token").write_text(token)
    (tmp_path / "mail.toml").write_text(settings)
    command = [
        str(Path(sys.executable).parent / "haidang"), "deadman", "--settings", str(tmp_path / "mail.toml"),
        "--to", "truc@so.edu.vn", "--token-file", str(tmp_path / "token"),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr
    assert len(done.stderr.splitlines()) == 1
