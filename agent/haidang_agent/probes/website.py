"""How safely the unit's web portal is set up, by the catalogue of `haidang_agent.website`: passed or failed.

What could not be judged is absent and counted, with the reason in the log. Pages are public ones that anybody may ask
for; nothing is tried out. Nothing of what they hold leaves the school.
"""

from __future__ import annotations

import logging
import random
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from haidang_agent.probe import Host, Metric, NothingToMeasureError, Probe, ProbeError, Sample
from haidang_agent.tables import Seconds
from haidang_agent.unread import UnreadError

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger(__name__)

CHECK = Metric("school_website_check", "1 if the portal passed the check, 0 if it failed.", ("check", "severity"))
UNREAD = Metric("haidang_website_checks_unread", "How many checks of the portal could not be judged.")
A_MINUTE = Seconds(60.0)
MOST_SPREAD = 60.0


@dataclass(frozen=True, slots=True)
class Settings:
    """`ca` is a PEM file of further CAs. Each look begins at random within `spread`: many portals share a server."""

    ca: str = ""
    spread: Seconds = A_MINUTE


class Website:
    """Remembers what could not be judged, so that the log says it once."""

    def __init__(self, settings: Settings, host: Host) -> None:
        from haidang_reach.address import parse  # noqa: PLC0415 - HTTP, for sites with a portal

        portal = host.watch.portal
        if portal is None or not portal.url:
            raise NothingToMeasureError("there is no [portal] url")
        if settings.spread > MOST_SPREAD:
            raise ProbeError("misconfigured", f'[probes.website] spread = {settings.spread:g} s: must be at most "60s"')
        try:
            self._site = parse(portal.url)
        except ValueError as wrong:
            raise ProbeError("misconfigured", f"[portal] url: {wrong}") from wrong
        self._settings, self._host = settings, host
        self._unread: set[str] = set()
        self._ending = threading.Event()

    def collect(self) -> Iterator[Sample]:
        """Look once; it takes up to 20 s."""
        from haidang_agent.website.examine import examine  # noqa: PLC0415 - as above

        if self._ending.wait(random.uniform(0, self._settings.spread)):  # noqa: S311 - no secret
            raise NothingToMeasureError("the agent ends")
        try:
            findings = examine(self._site, self._host.time.moment().unix, self._settings.ca)
        except UnreadError as why:
            raise ProbeError("unreadable", str(why)) from why
        unread = {finding.check.id: finding.found for finding in findings if finding.state == "unread"}
        for check in unread.keys() - self._unread:
            log.info("website: %s could not be judged: %s", check, unread[check])
        self._unread = set(unread)
        for finding in findings:
            if finding.state != "unread":
                yield Sample(CHECK, float(finding.state == "pass"), (finding.check.id, finding.check.severity))
        yield Sample(UNREAD, float(len(unread)))

    def close(self) -> None:
        self._ending.set()


PROBE = Probe(
    name="website",
    start=Website,
    settings=Settings,
    metrics=(CHECK, UNREAD),
    every_seconds=1800,
    timeout_seconds=90,
    roles=frozenset({"site"}),
)
