"""The doctor's checks of the way to the centre: name, connection, certificate, answer, clock."""

from __future__ import annotations

import socket
import ssl
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from haidang_agent import credentials
from haidang_agent.centre import Centre, UnreachableError
from haidang_agent.finding import Finding
from haidang_agent.i18n import N_, _

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from haidang_agent.tables import Server

CONNECT_SECONDS = 5.0
CLOCK_OFF_SECONDS = 60.0
OK, UNAUTHORIZED = 200, 401
PORTS = {"http": 80, "https": 443}

Step = tuple[str, str, str, "Callable[[], str]"]
"""Check, what is tried, the remedy, and the trial: it says what came, or raises OSError."""


def way_to_the_centre(server: Server, state_dir: Path, *, known: bool) -> Iterator[Finding]:
    """The first that fails ends it; what only an enrolled agent may ask is left out where it is not `known`."""
    for check, tried, remedy, attempt in _steps(server):
        try:
            yield Finding(check, "ok", tried, attempt())
        except (OSError, UnicodeError) as failed:
            yield Finding(check, "fail", tried, _explain(failed), remedy)
            return
    if known:
        yield from _answer(server, state_dir)


def _steps(server: Server) -> Iterator[Step]:
    parts = urlsplit(server.url)
    host, port = parts.hostname or "", parts.port or PORTS[parts.scheme]
    yield (
        N_("name"),
        _("asking DNS for {host}").format(host=host),
        _("Look at the DNS setting of this machine and of the router, and at [server] url."),
        partial(_look_up, host, port),
    )
    yield (
        N_("connection"),
        _("connecting to {host} port {port}").format(host=host, port=port),
        _("Is there Internet? Does a firewall block this port? Ask the district whether the collector runs."),
        partial(_connect, host, port),
    )
    if parts.scheme == "https":
        yield (
            N_("certificate"),
            _("TLS with {host}, trusting {authorities}").format(
                host=host, authorities=server.ca or _("this system's authorities")
            ),
            _("Set [server] ca to the department's CA file, and look at this machine's clock."),
            partial(_handshake, host, port, server.ca),
        )


def _look_up(host: str, port: int) -> str:
    addresses = [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    return ", ".join(dict.fromkeys(addresses))


def _connect(host: str, port: int) -> str:
    with socket.create_connection((host, port), CONNECT_SECONDS):
        return _("connected")


def _handshake(host: str, port: int, ca: str) -> str:
    try:
        context = ssl.create_default_context(cafile=ca or None)
    except OSError as unusable:
        raise OSError(_("{file} holds no certificates ({why})").format(file=ca, why=unusable)) from unusable
    with (
        socket.create_connection((host, port), CONNECT_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=host) as secured,
    ):
        return secured.version() or ""


def _explain(failed: Exception) -> str:
    """In the reader's language where it is one of the usual things."""
    match failed:
        case socket.gaierror() | UnicodeError():
            return _("this name is not known ({why})").format(why=failed)
        case ConnectionRefusedError():
            return _("refused: nothing listens there")
        case TimeoutError():
            return _("no answer within {seconds:g} s").format(seconds=CONNECT_SECONDS)
        case ssl.SSLCertVerificationError():
            return _("not to be trusted: {why}").format(why=failed.verify_message)
        case ssl.SSLError():
            return _("no TLS there ({why})").format(why=failed)
        case _:
            return str(failed)


def _answer(server: Server, state_dir: Path) -> Iterator[Finding]:
    check, tried = N_("collector"), _("asking the collector for this agent's configuration")
    times: list[float] = []
    who = credentials.load(state_dir)
    centre = Centre(
        server.url, Path(server.ca) if server.ca else None, who.bearer if who else None, lambda t, *_: times.append(t)
    )
    try:
        answer = centre.config(None)
    except UnreachableError as failed:
        yield Finding(check, "fail", tried, str(failed), _("Ask the district whether the collector runs."))
        return
    finally:
        centre.close()
    if answer.status == UNAUTHORIZED:
        remedy = _("This agent was revoked, or the collector is another one: enrol again with --force.")
        yield Finding(check, "fail", tried, _("it does not know this agent"), remedy)
    elif not times:
        found = _("the answer {status} is no collector's").format(status=answer.status)
        yield Finding(check, "fail", tried, found, _("Is [server] url right? Does a login page stand in between?"))
    elif answer.status != OK:
        found = f"{answer.status} {answer.text}".rstrip()
        yield Finding(check, "fail", tried, found, _("Tell the district; the agent keeps everything meanwhile."))
    else:
        yield Finding(check, "ok", tried, _("it answers and knows this agent"))
        yield _clock(time.time() - times[0])


def _clock(off: float) -> Finding:
    check, tried = N_("clock"), _("comparing this machine's clock with the centre's")
    found = (_("{seconds:.1f} s ahead") if off >= 0 else _("{seconds:.1f} s behind")).format(seconds=abs(off))
    if abs(off) > CLOCK_OFF_SECONDS:
        remedy = _("Measurements carry the centre's time all the same; set the clock for the machine's own sake.")
        return Finding(check, "warn", tried, found, remedy)
    return Finding(check, "ok", tried, found)
