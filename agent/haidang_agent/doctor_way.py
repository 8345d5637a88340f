"""The doctor's checks of the way to the centre: name and connection, or relay; certificate, answer, version, clock."""

from __future__ import annotations

import json
import re
import socket
import ssl
import time
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from haidang_agent import __version__, credentials, dialling
from haidang_agent.centre import Centre, UnknownPinError, UnreachableError, WantsCertificateError
from haidang_agent.certificate import NAMELESS, issuer
from haidang_agent.finding import Finding
from haidang_agent.i18n import _
from haidang_agent.relay.tunnel import CutOffError, RelayAwayError, through
from haidang_agent.trust import AuthoritiesError, UnusableCertificateError, context_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from haidang_agent.centre import Answer
    from haidang_agent.tables import Server

CONNECT_SECONDS = 5.0
CLOCK_OFF_SECONDS = 60.0
OK, UNAUTHORIZED = 200, 401
PORTS = {"http": 80, "https": 443}

NOT_YET_VALID, EXPIRED = 9, 10
"""X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED of OpenSSL's x509_vfy.h."""

Step = tuple[str, str, "Callable[[], str]"]
"""Check, what is tried, and the trial: it says what came, or raises OSError."""
CASES = {
    "name": "name_unknown",
    "connection": "no_connection",
    "relay": "relay_closed",
    "certificate": "no_tls",
}


def way_to_the_centre(server: Server, state_dir: Path, *, known: bool) -> Iterator[Finding]:
    """The first that fails ends it; what only an enrolled agent may ask is left out where it is not `known`."""
    for check, tried, attempt in _steps(server):
        try:
            yield Finding(check, "ok", tried, attempt())
        except (OSError, UnicodeError) as failed:
            yield Finding(check, "fail", tried, _explain(failed, server), _case(check, failed))
            return
    if known:
        yield from _answer(server, state_dir)


def _steps(server: Server) -> Iterator[Step]:
    host, port = _place(server)
    if server.relay:
        tried = _("connecting to {host} port {port} through the relay {relay}").format(
            host=host, port=port, relay=server.relay
        )
        yield "relay", tried, partial(_connect, server)
    else:
        yield "name", _("asking DNS for {host}").format(host=host), partial(_look_up, host, port)
        tried = _("connecting to {host} port {port}").format(host=host, port=port)
        yield "connection", tried, partial(_connect, server)
    if urlsplit(server.url).scheme == "https":
        authorities = server.ca or _("this system's authorities")
        tried = _("TLS with {host}, trusting {authorities}").format(host=host, authorities=authorities)
        yield "certificate", tried, partial(_handshake, server)


def _place(server: Server) -> tuple[str, int]:
    parts = urlsplit(server.url)
    return parts.hostname or "", parts.port or PORTS[parts.scheme]


def _look_up(host: str, port: int) -> str:
    addresses = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    return ", ".join(dict.fromkeys(addresses))


def _dial(server: Server) -> socket.socket:
    host, port = _place(server)
    if server.relay:
        return through(server.relay, host, port, CONNECT_SECONDS)
    return socket.create_connection((host, port), CONNECT_SECONDS)


def _connect(server: Server) -> str:
    with _dial(server):
        return _("connected")


def _handshake(server: Server) -> str:
    try:
        context = context_for(server.ca, server.shown)
    except AuthoritiesError as unusable:
        found = _("{file} holds no certificates ({why})").format(file=server.ca, why=unusable)
        raise AuthoritiesError(found) from unusable
    host, _port = _place(server)
    with _dial(server) as plain, context.wrap_socket(plain, server_hostname=host) as secured:
        return secured.version() or ""


def _case(check: str, failed: Exception) -> str:
    match failed:
        case AuthoritiesError():
            return "ca_unusable"
        case UnusableCertificateError():
            return "client_certificate_unusable"
        case ssl.SSLCertVerificationError():
            in_time = failed.verify_code not in (NOT_YET_VALID, EXPIRED)
            return "certificate_untrusted" if in_time else "clock_breaks_trust"
        case RelayAwayError():
            return "relay_away"
        case CutOffError():
            return "relay_cut_off"
        case _:
            return CASES[check]


def _explain(failed: Exception, server: Server) -> str:
    """In the reader's language where it is one of the usual things."""
    match failed:
        case socket.gaierror() | UnicodeError():
            return _("this name is not known ({why})").format(why=failed)
        case ConnectionRefusedError():
            return _("refused: nothing listens there")
        case TimeoutError():
            return _("no answer within {seconds:g} s").format(seconds=CONNECT_SECONDS)
        case ssl.SSLCertVerificationError():
            found = _("not to be trusted: {why}").format(why=failed.verify_message)
            return found + _("; it was issued by {issuer}").format(issuer=_issuer(server))
        case ssl.SSLError():
            return _("no TLS there ({why})").format(why=failed)
        case _:
            return str(failed)


def _issuer(server: Server) -> str:
    """Of the certificate that is not trusted: who stands in between often gives the own name."""
    try:
        with _dial(server) as plain, dialling.anything().wrap_socket(plain) as looking:
            return issuer(looking.getpeercert(binary_form=True) or b"")
    except OSError:
        return NAMELESS


def _answer(server: Server, state_dir: Path) -> Iterator[Finding]:
    check, tried = "collector", _("asking the collector for this agent's configuration")
    times: list[float] = []
    who = credentials.load(state_dir)
    centre = Centre.of(server, who.bearer if who else None, lambda t, *_: times.append(t))
    try:
        answer = centre.config(None)
        offset = time.time() - times[0] if times else 0.0
        newest = centre.ask_doctor() if times and answer.status == OK else None
    except UnreachableError as failed:
        yield Finding(check, "fail", tried, str(failed), _silence(failed))
        return
    finally:
        centre.close()
    if answer.status == UNAUTHORIZED:
        yield Finding(check, "fail", tried, _("it does not know this agent"), "revoked")
    elif not times:
        found = _("the answer {status} is no collector's").format(status=answer.status)
        yield Finding(check, "fail", tried, found, "no_collector")
    elif newest is None:
        yield Finding(check, "fail", tried, f"{answer.status} {answer.text}".rstrip(), "collector_troubled")
    else:
        yield Finding(check, "ok", tried, _("it answers and knows this agent"))
        told = _told(newest)
        yield from _store(told.get("store"))
        yield from _version(told.get("version"))
        yield _clock(offset)


def _silence(failed: UnreachableError) -> str:
    if isinstance(failed, WantsCertificateError):
        return "client_certificate_wanted"
    return "pin_unknown" if isinstance(failed.__cause__, UnknownPinError) else "collector_silent"


def _told(newest: Answer) -> dict[str, Any]:
    """Empty where an older collector does not tell of itself."""
    if newest.status != OK:
        return {}
    try:
        told = json.loads(newest.body)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _store(answers: object) -> Iterator[Finding]:
    if not isinstance(answers, bool):
        return
    tried = _("asking the collector whether its store answers")
    if answers:
        yield Finding("store", "ok", tried, _("it does"))
    else:
        yield Finding("store", "warn", tried, _("it does not, or too slowly; nothing is lost"), "store_away")


def _version(told: object) -> Iterator[Finding]:
    if not isinstance(told, str):
        return
    behind = _numbers(__version__) < _numbers(told)
    found = _("{own} here, {centre} at the centre").format(own=__version__, centre=told)
    tried = _("comparing this agent's version with the centre's")
    yield Finding("version", "warn" if behind else "ok", tried, found, "behind" if behind else "")


def _numbers(version: str) -> list[int]:
    return [int(digits) for digits in re.findall("[0-9]{1,9}", version.partition("+")[0])]


def _clock(off: float) -> Finding:
    check, tried = "clock", _("comparing this machine's clock with the centre's")
    found = (_("{seconds:.1f} s ahead") if off >= 0 else _("{seconds:.1f} s behind")).format(seconds=abs(off))
    if abs(off) > CLOCK_OFF_SECONDS:
        return Finding(check, "warn", tried, found, "clock_off")
    return Finding(check, "ok", tried, found)
