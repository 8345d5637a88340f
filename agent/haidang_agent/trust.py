"""Whom the agent trusts, and what it shows of itself: the TLS of every connection to the centre."""

from __future__ import annotations

import ssl
import time
from typing import TYPE_CHECKING

from haidang_agent.certificate import NoCertificateError, validity

if TYPE_CHECKING:
    from pathlib import Path

EARLIEST = 1_793_491_200.0
"""1 November 2026, Unix seconds. This program was not there before, so a clock that shows an earlier time is wrong."""
NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME (OpenSSL, x509_vfy.h), for which `ssl` has no name."""


class AuthoritiesError(OSError):
    """The file of [server] ca holds no certificates; the text says why."""


class UnusableCertificateError(OSError):
    """The files of [server] client_cert and client_key cannot be used; the text names them."""


class EndedError(OSError):
    """The collector's certificate ended before this program was made, whatever the clock says."""


def context_for(ca: Path | str | None, shown: tuple[str, str]) -> ssl.SSLContext:
    """Trusts the authorities in the file `ca`, or the system's; shows the certificate and key of the files `shown`.

    A machine without a battery wakes up in 2009: there all is checked but the days, for it would never learn the time
    otherwise. Raises AuthoritiesError, UnusableCertificateError.
    """
    try:
        context = ssl.create_default_context(cafile=ca or None)
    except (OSError, ValueError) as unusable:
        raise AuthoritiesError(str(unusable)) from unusable
    if is_impossible(time.time()):
        context.verify_flags |= NO_CHECK_TIME
    certificate, key = shown
    if certificate:
        try:
            context.load_cert_chain(certificate, key or None, password=_no_password)
        except (OSError, ValueError) as unusable:
            raise UnusableCertificateError(
                f"[server] client_cert {certificate} with client_key {key or 'in the same file'} cannot be used: "
                f"{unusable}"
            ) from unusable
    return context


def check_days(der: bytes) -> None:
    """Where those were not looked at: the certificate must not have ended before this program. Raises EndedError."""
    if not is_impossible(time.time()):
        return
    try:
        ended = is_impossible(validity(der).not_after)
    except NoCertificateError as broken:
        raise EndedError(str(broken)) from broken
    if ended:
        raise EndedError("its certificate ended long ago, though this machine's clock is wrong; it needs a new one")


def is_impossible(clock: float) -> bool:
    """Whether it shows a time before this program."""
    return clock < EARLIEST


def _no_password() -> str:
    """Without this, OpenSSL would ask for it at the terminal."""
    raise ValueError("the key has a password; store it without one, readable by the agent's user only")
