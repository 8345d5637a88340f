"""What keeps this machine from measuring and reporting: each check says what was tried, what came, and what to do."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from haidang_agent import credentials
from haidang_agent.centre import Centre, UnreachableError
from haidang_agent.credentials import CredentialsError
from haidang_agent.i18n import _
from haidang_agent.registry import discover

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from haidang_agent.config import Config

State = Literal["ok", "warn", "fail"]

CONNECT_SECONDS = 5.0
CLOCK_OFF_SECONDS = 60.0
LEAST_FREE_BYTES = 64 << 20
OK, NOT_MODIFIED, UNAUTHORIZED = 200, 304, 401
CAPABILITIES = {"CAP_NET_RAW": 13, "CAP_NET_ADMIN": 12}
"""Bits of capabilities(7)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: `tried` and `found` for the reader, `remedy` empty where there is nothing to do."""

    check: str
    state: State
    tried: str
    found: str
    remedy: str = ""


def examine(config: Config) -> Iterator[Finding]:
    """All checks, in the order of the way; those that need an earlier one are left out where it failed."""
    yield _state_folder(config)
    yield _disk(config)
    enrolled = _enrolment(config)
    yield enrolled
    if config.server is not None:
        yield from _way_to_the_centre(config, known=enrolled.state == "ok")
    for name, probe in discover().items():
        if not probe.roles.isdisjoint(config.agent.roles):
            yield _probe(name, probe.platforms, probe.needs)


def _state_folder(config: Config) -> Finding:
    folder = config.state_dir
    tried = _("writing into {folder}").format(folder=folder)
    trial = folder / ".doctor"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        trial.write_text("")
        trial.unlink()
    except OSError as failed:
        remedy = _("Run as administrator (root), or as the user the agent runs as.")
        return Finding(_("state folder"), "fail", tried, failed.strerror or str(failed), remedy)
    return Finding(_("state folder"), "ok", tried, _("writable"))


def _disk(config: Config) -> Finding:
    folder = next((path for path in (config.state_dir, *config.state_dir.parents) if path.exists()), Path())
    free = shutil.disk_usage(folder).free
    found = _("{mb} MB free").format(mb=free >> 20)
    tried = _("free space for the outbox")
    if free < LEAST_FREE_BYTES:
        return Finding(_("disk"), "fail", tried, found, _("Free some space: measurements can't be kept otherwise."))
    return Finding(_("disk"), "ok", tried, found)


def _enrolment(config: Config) -> Finding:
    tried = _("reading {file}").format(file=config.state_dir / credentials.FILE)
    remedy = _("Ask your district for a token, then: haidang-agent enrol --server URL --token-file FILE")
    try:
        who = credentials.load(config.state_dir)
    except CredentialsError as unusable:
        return Finding(_("enrolment"), "fail", tried, str(unusable), remedy)
    if who is None or not who.agent:
        return Finding(_("enrolment"), "fail", tried, _("this machine is not enrolled"), remedy)
    if config.server is None:
        remedy = _("Write [server] url into agent.toml.")
        return Finding(_("enrolment"), "fail", tried, _("the collector's address is missing"), remedy)
    return Finding(_("enrolment"), "ok", tried, f"{who.agent} ({who.unit})")


def _way_to_the_centre(config: Config, *, known: bool) -> Iterator[Finding]:
    """Name, connection, certificate, answer, clock: the first that fails ends it."""
    assert config.server is not None  # noqa: S101 - the caller looked
    parts = urlsplit(config.server.url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    steps: list[tuple[str, str, str, Callable[[], str]]] = [
        (
            _("name"),
            _("asking DNS for {host}").format(host=host),
            _("Look at the DNS setting of this machine and of the router."),
            lambda: str(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0]),
        ),
        (
            _("connection"),
            _("connecting to {host} port {port}").format(host=host, port=port),
            _("Is there Internet? Does a firewall block this port? Ask the district whether the collector runs."),
            lambda: _connect(host, port),
        ),
    ]
    if parts.scheme == "https":
        ca = Path(config.server.ca) if config.server.ca else None
        steps.append(
            (
                _("certificate"),
                _("TLS with {host}").format(host=host),
                _("Set [server] ca to the department's CA file, and look at this machine's clock."),
                lambda: _handshake(host, port, ca),
            )
        )
    for check, tried, remedy, attempt in steps:
        try:
            yield Finding(check, "ok", tried, attempt())
        except OSError as failed:
            yield Finding(check, "fail", tried, str(failed), remedy)
            return
    if known:
        yield from _answer(config)


def _connect(host: str, port: int) -> str:
    with socket.create_connection((host, port), CONNECT_SECONDS):
        return _("connected")


def _handshake(host: str, port: int, ca: Path | None) -> str:
    context = ssl.create_default_context(cafile=ca)
    with (
        socket.create_connection((host, port), CONNECT_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=host) as secured,
    ):
        return secured.version() or ""


def _answer(config: Config) -> Iterator[Finding]:
    who = credentials.load(config.state_dir)
    assert config.server is not None  # noqa: S101 - the caller looked
    assert who is not None  # noqa: S101
    times: list[float] = []
    ca = Path(config.server.ca) if config.server.ca else None
    centre = Centre(config.server.url, ca, who.bearer, lambda seconds, *_: times.append(seconds))
    tried = _("asking the collector for this agent's configuration")
    try:
        answer = centre.config(None)
    except UnreachableError as failed:
        yield Finding(_("collector"), "fail", tried, str(failed), _("Ask the district whether the collector runs."))
        return
    finally:
        centre.close()
    if answer.status == UNAUTHORIZED:
        remedy = _("This agent was revoked, or the collector is another one: enrol again with --force.")
        yield Finding(_("collector"), "fail", tried, _("it does not know this agent"), remedy)
    elif answer.status not in (OK, NOT_MODIFIED) or not times:
        yield Finding(_("collector"), "fail", tried, f"{answer.status} {answer.text}", _("Is the address right?"))
    else:
        yield Finding(_("collector"), "ok", tried, _("it answers and knows this agent"))
        yield _clock(time.time() - times[0])


def _clock(off: float) -> Finding:
    tried = _("comparing this machine's clock with the centre's")
    found = (
        _("{seconds:.1f} s ahead").format(seconds=off) if off >= 0 else _("{seconds:.1f} s behind").format(seconds=-off)
    )
    if abs(off) > CLOCK_OFF_SECONDS:
        remedy = _("Measurements carry the centre's time all the same; set the clock for the machine's own sake.")
        return Finding(_("clock"), "warn", tried, found, remedy)
    return Finding(_("clock"), "ok", tried, found)


def _probe(name: str, platforms: frozenset[str], needs: frozenset[str]) -> Finding:
    check = _("probe {name}").format(name=name)
    tried = _("what it needs: {needs}").format(needs=", ".join(sorted(needs)) or _("nothing special"))
    if sys.platform not in platforms:
        return Finding(check, "warn", tried, _("not on {system}").format(system=sys.platform))
    missing = sorted(need for need in needs if not _has(need))
    if missing:
        remedy = _("It measures less without. Let the service have this right, or run it as root.")
        return Finding(check, "warn", tried, _("missing: {needs}").format(needs=", ".join(missing)), remedy)
    return Finding(check, "ok", tried, _("all there"))


def _has(capability: str) -> bool:
    status = Path("/proc/self/status")
    if not status.exists():
        return os.name == "nt"
    effective = next(line for line in status.read_text().splitlines() if line.startswith("CapEff:"))
    return bool(int(effective.split()[1], 16) >> CAPABILITIES[capability] & 1)
