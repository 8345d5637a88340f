"""What a provider says is what becomes of a message: taken, later, never; and its secrets stay where they are."""

from __future__ import annotations

import logging
import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from apprise.plugins.telegram import NotifyTelegram
from haidang_collector.notify.channels import Outcome, Parcel, letter, send
from haidang_collector.notify.settings import Mail

from tests.collector.notify.conftest import Hook, Mailbox, settings
from tests.servers import free_port

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
"""Which Apprise imports where Python still has it."""
TOKEN = "123456789:abcdefghijklmnopqrstuvwxyz012345678"


def parcel(address: str = "lan@u1.edu.vn", channel: str = "email", **changes: Any) -> Parcel:
    given: dict[str, Any] = {
        "id": 1, "attempt": 1, "key": "k" * 64, "name": "Cô Lan", "channel": channel, "address": address,
        "language": "vi", "subject": "Trường <U1>: mất Internet", "body": "Việc cần làm:\n.\ngọi nhà mạng\n",
        "made_at": datetime.now(UTC),
    }  # fmt: skip
    return Parcel(**given | changes)


def test_a_letter_is_taken_on_the_servers_word(mailbox: Mailbox) -> None:
    outcome = send(parcel(), settings(mail=mailbox.mail))
    (got,) = mailbox.letters

    assert outcome == Outcome("sent", "250 kept as 42")
    assert got["To"] == "Cô Lan <lan@u1.edu.vn>"
    assert got["Subject"] == "Trường <U1>: mất Internet"
    assert got["Message-ID"] == f"<{'k' * 32}@so.edu.vn>"
    assert got["Auto-Submitted"] == "auto-generated"
    assert got.get_content().replace("\r\n", "\n") == "Việc cần làm:\n.\ngọi nhà mạng\n"


@pytest.mark.parametrize(
    ("says", "becomes"),
    [
        ("451 4.7.1 greylisted, come back", "later"),
        ("452 4.2.2 mailbox full", "later"),
        ("421 4.3.2 closing", "later"),
        ("550 5.1.1 no such user", "failed"),
        ("554 5.7.1 rejected", "failed"),
    ],
)
def test_4yz_is_later_and_5yz_is_never(mailbox: Mailbox, says: str, becomes: str) -> None:
    mailbox.says = [says]

    assert send(parcel(), settings(mail=mailbox.mail)) == Outcome(becomes, says)  # type: ignore[arg-type]
    assert mailbox.letters == []


def test_a_server_that_hangs_is_given_up(mailbox: Mailbox) -> None:
    mailbox.hangs = True
    outcome = send(parcel(), settings(mail=mailbox.mail | {"timeout_seconds": 0.3}))

    assert outcome.state == "later"


def test_a_server_that_is_not_there_or_is_none_is_tried_later() -> None:
    nowhere = {"server": f"127.0.0.1:{free_port()}", "sender": "a@b.vn", "security": "none"}
    assert send(parcel(), settings(mail=nowhere)).state == "later"

    with socket.create_server(("127.0.0.1", 0)) as silent:
        mute = nowhere | {"server": f"127.0.0.1:{silent.getsockname()[1]}", "timeout_seconds": 0.2}
        assert send(parcel(), settings(mail=mute)).state == "later"


def test_without_tls_nothing_is_sent_where_tls_is_wanted(mailbox: Mailbox) -> None:
    for security in ("starttls", "tls"):
        assert send(parcel(), settings(mail=mailbox.mail | {"security": security})).state == "later"
    assert mailbox.letters == []


def test_a_password_that_is_refused_is_the_servers_trouble_and_in_no_word(
    mailbox: Mailbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    secret = tmp_path / "password"
    secret.write_text("hunter2\n")
    outcome = send(parcel(), settings(mail=mailbox.mail | {"user": "haidang", "password_file": str(secret)}))

    assert outcome.state == "later", "nobody's address is to blame"
    assert "hunter2" not in outcome.answer + caplog.text


def test_nothing_in_a_subject_or_a_name_makes_a_header() -> None:
    mail = Mail(server="127.0.0.1:25", sender="haidang@so.edu.vn")
    made = letter(parcel(name='Lan"\\ <x@y.vn>, Hoa'), mail.sender)

    assert [address.addr_spec for address in made["To"].addresses] == ["lan@u1.edu.vn"]
    with pytest.raises(ValueError, match=r"newline|linefeed"):
        letter(parcel(subject="a\r\nBcc: x@y.vn"), mail.sender)


def test_a_webhook_is_told_and_believed(hook: Hook, tmp_path: Path) -> None:
    file = tmp_path / "hook"
    file.write_text(f"json://127.0.0.1:{hook.port}/secret-path")
    wanted = settings(channel=[{"name": "hook", "url_file": str(file)}])
    taken = send(parcel("hook", "apprise"), wanted)
    hook.status = 503
    refused = send(parcel("hook", "apprise"), wanted)

    assert (taken.state, refused.state) == ("sent", "later")
    assert "secret-path" not in taken.answer + refused.answer
    path, told = hook.told[0]
    assert (path, told["title"]) == ("/secret-path", "Trường <U1>: mất Internet")
    assert "gọi nhà mạng" in told["message"]


def test_telegram_is_told_by_its_bot_api(
    hook: Hook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """
    A stand-in for api.telegram.org made from its documentation: POST /bot<token>/sendMessage.
    """
    monkeypatch.setattr(NotifyTelegram, "notify_url", f"http://127.0.0.1:{hook.port}/bot")
    file = tmp_path / "telegram"
    file.write_text(f"tgram://{TOKEN}/12315544/")
    wanted = settings(channel=[{"name": "lan", "url_file": str(file)}])
    caplog.set_level(logging.DEBUG)
    taken = send(parcel("lan", "apprise"), wanted)
    hook.status = 403
    refused = send(parcel("lan", "apprise"), wanted)

    assert taken == Outcome("sent", "Telegram took it")
    assert refused == Outcome("later", "Telegram did not take it")
    path, told = hook.told[0]
    assert path == f"/bot{TOKEN}/sendMessage"
    assert str(told["chat_id"]) == "12315544"
    assert "mất Internet" in told["text"]
    assert TOKEN not in caplog.text


def test_a_channel_that_was_taken_out_of_the_settings_is_said() -> None:
    assert send(parcel("gone", "apprise"), settings()) == Outcome(
        "failed", "there is no channel gone in the settings any more"
    )


def test_a_url_that_is_none_is_tried_again_when_somebody_mended_it(
    hook: Hook, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "hook"
    file.write_text("sesame-open")
    wanted = settings(channel=[{"name": "hook", "url_file": str(file)}])
    broken = send(parcel("hook", "apprise"), wanted)
    file.unlink()
    missing = send(parcel("hook", "apprise"), wanted)
    file.write_text(f"json://127.0.0.1:{hook.port}/")

    assert (broken.state, missing.state) == ("later", "later")
    assert "sesame" not in broken.answer + caplog.text
    assert send(parcel("hook", "apprise"), wanted).state == "sent"
