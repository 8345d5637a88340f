"""Until when a certificate is valid: of a PEM file, or of what listens at `host:port`."""

from __future__ import annotations

from pathlib import Path

from haidang_agent.certificate import NoCertificateError, from_pem, validity
from haidang_agent.dialling import Deadline, NoAnswerError, anything, secure
from haidang_agent.i18n import _
from haidang_agent.unread import UnreadError

MOST_BYTES = 1_000_000
PATIENCE_SECONDS = 5.0
LAST_PORT = 65535


def expiry(place: str) -> float:
    """Unix seconds. Of a file with a chain the first to end: without it the others are worth nothing.

    Raises UnreadError.
    """
    try:
        is_path = "/" in place or "\\" in place
        found = from_pem(_of_file(Path(place))) if is_path else [_offered(place)]
        return min(validity(der).not_after for der in found)
    except (OSError, NoAnswerError, NoCertificateError) as failed:
        raise UnreadError(_("{place} is not read: {why}").format(place=place, why=failed)) from failed


def _of_file(path: Path) -> bytes:
    """A pipe would never end."""
    if not path.is_file():
        raise NoCertificateError(_("there is no such file"))
    with path.open("rb") as file:
        return file.read(MOST_BYTES)


def _offered(place: str) -> bytes:
    """By TLS from the first byte on; the certificate is looked at, not trusted."""
    host, _colon, port = place.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) <= LAST_PORT:
        raise NoCertificateError(_("write a path with / in it, or host:port"))
    with secure(host.strip("[]"), int(port), anything(), Deadline(PATIENCE_SECONDS)) as connection:
        return connection.getpeercert(binary_form=True) or b""
