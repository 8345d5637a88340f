"""The unit's web portal as seen from inside the school: up, certificate, newest content, its feed, and how far it lags.

`haidang_reach` says what a change of content is (`content`), and what the lag is (`news`): the age of the oldest item
of the Department's feed, of the last week, that the unit's site has not taken in. What is not known is absent.
"""

from __future__ import annotations

import logging
import random
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from haidang_agent.probe import Host, Metric, NothingToMeasureError, Probe, ProbeError, Sample
from haidang_agent.tables import Seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_agent.portal.watching import Seen

log = logging.getLogger(__name__)

UP = Metric("school_portal_up", "1 if the front page came as a visitor sees it, without a warning, else 0.")
FAULT = Metric("school_portal_fault", "1 for what is at fault now; absent where nothing is.", ("fault",))
EXPIRY = Metric(
    "school_portal_tls_expiry_timestamp_seconds",
    "Until when the portal's certificate is valid, Unix time; absent where no authority vouches for it.",
)
CHANGED = Metric(
    "school_portal_changed_timestamp_seconds",
    "When content last changed, Unix time: a new text that stayed, or a new item of the feed. Absent as long as "
    "neither was seen; but after 30 days of looking in vain when that began, the latest it can have been.",
)
FEED_FOUND = Metric("school_portal_feed_found", "1 if the portal has a feed (RSS, Atom), 0 if none was found.")
FEED_VALID = Metric("school_portal_feed_valid", "1 if the feed can be read, 0 if it is broken or does not answer.")
NEWEST = Metric("school_portal_feed_newest_timestamp_seconds", "When the feed's newest item was published, Unix time.")
LAG = Metric(
    "school_portal_feed_lag_seconds",
    "Age of the oldest item of the Department's feed, of the last week, that the portal has not taken in; 0 for none.",
)
A_WHILE, MOST_SPREAD = Seconds(120.0), 300.0


@dataclass(frozen=True, slots=True)
class Settings:
    """Each look begins at random within `spread`: many portals share a server, and all units ask for one feed.

    `proxy` is `http://name:port`, or empty; `ca` a PEM file of further authorities.
    """

    spread: Seconds = A_WHILE
    proxy: str = ""
    ca: str = ""


class Portal:
    """Looks every ten minutes."""

    def __init__(self, settings: Settings, host: Host) -> None:
        portal = host.watch.portal
        if portal is None or not portal.url:
            raise NothingToMeasureError("there is no [portal] url")
        from haidang_agent.portal.watching import Watcher  # noqa: PLC0415 - TLS and HTML, for sites with a portal

        if settings.spread > MOST_SPREAD:
            raise ProbeError("misconfigured", f'[probes.portal] spread = {settings.spread:g} s: must be at most "300s"')
        self._host = host
        self._spread = settings.spread if host.state_dir else 0.0  # who asks by a command waits for it
        self._ending = threading.Event()
        self._told: dict[str, str] = {}
        try:
            self._watcher = Watcher(
                portal, proxy=settings.proxy, ca=settings.ca, now=self._now, state_dir=host.state_dir
            )
        except ValueError as wrong:
            raise ProbeError("misconfigured", str(wrong)) from wrong

    def collect(self) -> Iterator[Sample]:
        """One look; it takes up to 40 s after its moment."""
        if self._ending.wait(random.uniform(0, self._spread)):  # noqa: S311 - no secret
            raise NothingToMeasureError("the agent ends")
        seen = self._watcher.look()
        if seen is None:
            raise NothingToMeasureError("the agent ends")
        front = seen.look.front
        self._log("portal", f"{front.fault}: {front.detail}" if front.fault else "")
        self._log("feed of the portal", seen.look.why)
        self._log("feed of the Department", seen.department)
        yield from _samples(seen)

    def close(self) -> None:
        self._ending.set()
        self._watcher.close()

    def _now(self) -> float:
        return self._host.time.moment().unix

    def _log(self, what: str, why: str) -> None:
        """What is wrong is said once."""
        if why and why != self._told.get(what):
            log.warning("%s: %s", what, why)
        self._told[what] = why


def _samples(seen: Seen) -> Iterator[Sample]:
    look = seen.look
    yield Sample(UP, float(look.front.fault is None))
    if look.front.fault is not None:
        yield Sample(FAULT, 1.0, (look.front.fault,))
    if look.feed is not None:
        yield Sample(FEED_FOUND, float(look.feed != "none"))
        if look.feed != "none":
            yield Sample(FEED_VALID, float(look.feed == "valid"))
    known = ((EXPIRY, look.front.not_after), (CHANGED, seen.changed), (NEWEST, seen.newest), (LAG, seen.lag))
    for metric, value in known:
        if value is not None:
            yield Sample(metric, value)


PROBE = Probe(
    name="portal",
    start=Portal,
    settings=Settings,
    metrics=(UP, FAULT, EXPIRY, CHANGED, FEED_FOUND, FEED_VALID, NEWEST, LAG),
    every_seconds=600,
    timeout_seconds=350,
    roles=frozenset({"site"}),
)
