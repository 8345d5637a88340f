"""Handing a message to its provider, and what the provider said: only its word makes a message sent.

E-mail goes by smtplib, which tells the server's reply (250 taken, 4yz later, 5yz never; RFC 5321, 4.2.1); Apprise tells
yes or no alone, and that is enough for the other channels.
"""

from __future__ import annotations

import contextlib
import logging
import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from typing import TYPE_CHECKING, Literal

from haidang_collector.notify.tables import SUBJECT_LENGTH
from haidang_collector.settings import split_address

if TYPE_CHECKING:
    from datetime import datetime

    from haidang_collector.notify.settings import Mail, NotifySettings

TAKEN = 250
FORWARDED = 251
FIRST_FINAL = 500
ID_LETTERS = 32
"""Of a message's key, so that its Message-ID is not folded."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """A message on its way; `attempt` counts from 1 and is whose turn it is. `incidents`: what it tells of."""

    id: int
    attempt: int
    key: str
    name: str
    channel: str
    address: str
    language: str
    subject: str
    body: str
    made_at: datetime
    incidents: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Outcome:
    """`later`: not taken now; `failed`: it never will be. `answer` is the provider's word, without secrets."""

    state: Literal["sent", "later", "failed"]
    answer: str


def send(parcel: Parcel, settings: NotifySettings) -> Outcome:
    """Takes as long as the provider does, within the bounds of each step; raises nothing that the network can cause."""
    try:
        if parcel.channel != "email":
            return _by_apprise(parcel, settings)
        if settings.mail is None:
            return Outcome("failed", "there is no [mail] in the settings any more")
        return _by_mail(parcel, settings.mail)
    except ValueError as wrong:  # a file of secrets that cannot be read now
        return Outcome("later", _short(str(wrong)))


def _by_mail(parcel: Parcel, mail: Mail) -> Outcome:
    try:
        server = _connect(mail)
    except smtplib.SMTPResponseException as refused:
        return Outcome("later", _reply(refused.smtp_code, refused.smtp_error))
    except (OSError, smtplib.SMTPException) as failed:
        return Outcome("later", _short(f"{mail.server}: {failed}"))
    try:
        if mail.security == "starttls":
            server.starttls(context=ssl.create_default_context())
        if mail.user:
            server.login(mail.user, mail.password())
        outcome = _converse(server, parcel, mail)
        with contextlib.suppress(OSError, smtplib.SMTPException):  # what the server has said is said
            server.putcmd("quit")  # and nobody waits for its goodbye
    except smtplib.SMTPAuthenticationError as refused:
        return Outcome("later", f"{refused.smtp_code} the server does not take user and password")
    except smtplib.SMTPResponseException as refused:
        return Outcome("later", _reply(refused.smtp_code, refused.smtp_error))
    except (OSError, smtplib.SMTPException) as failed:
        return Outcome("later", _short(f"{mail.server}: {failed}"))
    finally:
        server.close()
    return outcome


def _connect(mail: Mail) -> smtplib.SMTP:
    """Raises OSError and SMTPException. It greets by the sender's domain: its own full name may take DNS minutes."""
    host, port = split_address(mail.server)
    name = mail.sender.rpartition("@")[2]
    if mail.security == "tls":
        return smtplib.SMTP_SSL(host, port, name, timeout=mail.timeout_seconds, context=ssl.create_default_context())
    return smtplib.SMTP(host, port, name, timeout=mail.timeout_seconds)


def _converse(server: smtplib.SMTP, parcel: Parcel, mail: Mail) -> Outcome:
    """What is refused of this one message is final; what is refused before it is the server's trouble, and passes."""
    content = letter(parcel, mail.sender).as_bytes()
    server.ehlo_or_helo_if_needed()
    words: bytes | str
    code, words = server.mail(mail.sender)
    if code != TAKEN:
        return Outcome("later", _reply(code, words))
    code, words = server.rcpt(parcel.address)
    if code in (TAKEN, FORWARDED):
        try:
            code, words = server.data(content)
        except smtplib.SMTPDataError as refused:
            code, words = refused.smtp_code, refused.smtp_error
        if code == TAKEN:
            return Outcome("sent", _reply(code, words))
    return Outcome("failed" if code >= FIRST_FINAL else "later", _reply(code, words))


def letter(parcel: Parcel, sender: str) -> EmailMessage:
    """The same message is the same letter, by its Message-ID: who gets it twice can tell."""
    mail = EmailMessage(SMTP)
    mail["From"] = formataddr(("Hải Đăng", sender))
    mail["To"] = formataddr((parcel.name, parcel.address))
    mail["Subject"] = parcel.subject
    mail["Date"] = format_datetime(parcel.made_at)
    mail["Message-ID"] = f"<{parcel.key[:ID_LETTERS]}@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["Content-Language"] = parcel.language
    mail["X-Haidang-Message"] = parcel.key
    mail.set_content(parcel.body)
    return mail


def _by_apprise(parcel: Parcel, settings: NotifySettings) -> Outcome:
    url = settings.url_of(parcel.address)
    if url is None:
        return Outcome("failed", f"there is no channel {parcel.address} in the settings any more")
    import apprise  # noqa: PLC0415 - an eighth of a second and a thousand modules, for who uses it

    for name in ("apprise", "urllib3"):  # they would write URLs, which hold the secrets
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    service = apprise.Apprise.instantiate(url)
    if not isinstance(service, apprise.NotifyBase):
        return Outcome("later", f"the URL of channel {parcel.address} is none that Apprise knows")
    kind = service.service_name
    try:
        taken = service.notify(body=parcel.body, title=parcel.subject)
    except (TypeError, apprise.exception.AppriseException):
        taken = False
    return Outcome("sent", f"{kind} took it") if taken else Outcome("later", f"{kind} did not take it")


def _reply(code: int, words: bytes | str) -> str:
    text = words.decode(errors="replace") if isinstance(words, bytes) else words
    return _short(f"{code} {text}")


def _short(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:SUBJECT_LENGTH]
