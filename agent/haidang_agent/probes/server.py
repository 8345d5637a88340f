"""What a server must keep going: services, certificates, backups (requirement R14).

On machines whose `[agent] use` is "server", or that are told in `[probes.server]` what to look after. What could not be
read is absent, with the reason in the log. Only the names given there leave the machine, no paths.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from haidang_agent.probe import Host, Metric, NothingToMeasureError, Probe, ProbeError, Sample
from haidang_agent.server.backups import newest
from haidang_agent.unread import UnreadError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from haidang_agent.probe import Moment

T = TypeVar("T")

log = logging.getLogger(__name__)

UP = Metric("school_server_service_up", "1 if the service runs, 0 if it does not.", ("service",))
FAILED = Metric("school_server_failed_units", "How many units systemd counts as failed.")
EXPIRY = Metric(
    "school_server_certificate_expiry_timestamp_seconds", "Until when the certificate is valid.", ("certificate",)
)
FOUND = Metric("school_server_backup_found", "1 if there is a backup, 0 if there is none.", ("backup",))
BACKUP = Metric("school_server_backup_timestamp_seconds", "When the newest backup was written.", ("backup",))
MOST = 32
"""Of each kind: what one run has time for."""


@dataclass(frozen=True, slots=True)
class Settings:
    """`services` by their names; `certificates` name a PEM file or host:port each, `backups` a folder or a pattern."""

    services: tuple[str, ...] = ()
    certificates: dict[str, str] = field(default_factory=dict)
    backups: dict[str, str] = field(default_factory=dict)


class Server:
    """Remembers what could not be read, so that the log says it once."""

    def __init__(self, settings: Settings, host: Host) -> None:
        if host.watch.use != "server" and settings == Settings():
            raise NothingToMeasureError('[agent] use is not "server", and [probes.server] is empty')
        for kind in (settings.services, settings.certificates, settings.backups):
            if len(kind) > MOST:
                raise ProbeError("misconfigured", f"[probes.server]: more than {MOST} of one kind; name what matters")
        self._settings, self._host = settings, host
        self._unread: dict[str, str] = {}

    def collect(self) -> Iterator[Sample]:
        """Look once, at each thing for some seconds at most."""
        from haidang_agent.server import certificates, services  # noqa: PLC0415 - TLS, for servers alone

        unread: dict[str, str] = {}
        wanted, moment = self._settings, self._host.time.moment()
        if wanted.services:
            up = _read("services", partial(services.running, tuple(dict.fromkeys(wanted.services))), unread) or {}
            yield from (Sample(UP, float(runs), (name,)) for name, runs in up.items())
        failed = _read("failed units", services.failed_units, unread)
        if failed is not None:
            yield Sample(FAILED, float(failed))
        for name, place in wanted.certificates.items():
            until = _read(f"certificate {name}", partial(certificates.expiry, place), unread)
            if until is not None:
                yield Sample(EXPIRY, until, (name,))
        for name, place in wanted.backups.items():
            yield from _read(f"backup {name}", partial(_backup, name, place, moment), unread) or ()
        self._log(unread)

    def close(self) -> None:
        """Nothing to give back."""

    def _log(self, unread: dict[str, str]) -> None:
        for what, why in unread.items():
            if self._unread.get(what) != why:
                log.warning("server: %s could not be read: %s", what, why)
        self._unread = unread


def _backup(name: str, place: str, moment: Moment) -> list[Sample]:
    """Its time by the centre's clock. Raises UnreadError."""
    written = newest(place, moment.wall)
    if written is None:
        return [Sample(FOUND, 0.0, (name,))]
    ahead = 0.0 if moment.centre is None else moment.centre - moment.wall
    return [Sample(FOUND, 1.0, (name,)), Sample(BACKUP, written + ahead, (name,))]


def _read(what: str, reading: Callable[[], T], unread: dict[str, str]) -> T | None:
    try:
        return reading()
    except UnreadError as why:
        unread[what] = str(why)
        return None


PROBE = Probe(
    name="server",
    start=Server,
    settings=Settings,
    metrics=(UP, FAILED, EXPIRY, FOUND, BACKUP),
    every_seconds=300,
    timeout_seconds=240,
    roles=frozenset({"host"}),
)
