"""Whether a segment has long had no IPv6 router, so that one which appears is a stranger. Only on a live watch.

Most school networks have no IPv6, while their PCs would take it from anybody: who says to be a router, or answers as a
DHCPv6 server, has them to himself and contradicts nobody. Whoever does so in a segment's first hour is the school's;
"router" stands for both here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from haidang_agent.lanwatch.bounded import Table

if TYPE_CHECKING:
    Segment = tuple[int, ...]

LEARNING_SECONDS = 3600.0
"""Twice the longest interval of a router's advertisements (RFC 4861, section 6.2.1)."""
LONGEST_STEP = 60.0
"""A live watch ticks each second; more than this was sleep, or a clock that was set."""
DAY = 86400.0
ACCEPTED_SECONDS = DAY
OVERNIGHT_SECONDS = DAY * 2 / 3
"""A stranger that was silent for longer has not lasted; a school's own is switched off for the night."""
FORGOTTEN_SECONDS = 30 * DAY
MOST_SEGMENTS, MOST_ROUTERS = 64, 64


class Ipv6Routers:
    """By segment and MAC address; bounded, what was heard of longest ago goes."""

    def __init__(self) -> None:
        self.is_news = False
        """There is something new to `keep`."""
        self._watched = 0.0
        self._ticked = float("inf")
        self._segments: Table[Segment, float] = Table(MOST_SEGMENTS, float)
        """How long the watch had gone on when each was first met."""
        self._learnt: Table[Segment, bool] = Table(MOST_SEGMENTS, bool)
        self._known: Table[tuple[Segment, bytes], float] = Table(MOST_ROUTERS, float)
        """When each router was last heard."""
        self._strangers: Table[tuple[Segment, bytes], tuple[float, float]] = Table(MOST_ROUTERS, lambda: (0.0, 0.0))
        """When each was first and last heard."""

    def tick(self, now: float) -> None:
        """Time passes; a segment that was watched for an hour has shown its routers."""
        self._watched += min(max(now - self._ticked, 0.0), LONGEST_STEP)
        self._ticked = now
        for segment in self._segments:
            if segment not in self._learnt and self._watched - (self._segments.get(segment) or 0.0) > LEARNING_SECONDS:
                self._learnt[segment] = self.is_news = True

    def meet(self, segment: Segment) -> None:
        """Something was heard in it."""
        if segment not in self._segments:
            self._segments[segment] = self._watched

    def _is_without(self, segment: Segment, now: float) -> bool:
        """No router of the school has been heard in it for a month."""
        if segment not in self._learnt:
            return False
        return not any(
            place == segment and (self._known.get((place, mac)) or 0.0) > now - FORGOTTEN_SECONDS
            for place, mac in self._known
        )

    def is_stranger(self, segment: Segment, mac: bytes, now: float) -> bool:
        """It has just offered clients IPv6: whether it is none of the school's. A stranger that lasts is accepted."""
        station = segment, mac
        if not self._is_without(segment, now) or any(mac == known for _, known in self._known):
            self._accept(station, now)
            return False
        since, last = self._strangers.get(station) or (now, now)
        since = now if last < now - OVERNIGHT_SECONDS else since
        if now - since >= ACCEPTED_SECONDS:
            self._accept(station, now)
            return False
        self._strangers[station] = since, now
        self.is_news = True
        return True

    def _accept(self, station: tuple[Segment, bytes], now: float) -> None:
        self._known[station] = now
        self.is_news = True

    def keep(self) -> dict[str, Any]:
        """What to know after a restart. Where interfaces have other numbers then, segments are learnt anew."""
        self.is_news = False
        known = [[*_told(station), self._known.get(station)] for station in self._known]
        strangers = [[*_told(station), *(self._strangers.get(station) or ())] for station in self._strangers]
        return {"learnt": [list(segment) for segment in self._learnt], "known": known, "strangers": strangers}

    def recall(self, kept: dict[str, Any]) -> None:
        """What `keep` gave."""
        for segment in kept.get("learnt", ()):
            self._learnt[tuple(segment)] = True
        for segment, mac, last in kept.get("known", ()):
            self._known[tuple(segment), bytes.fromhex(mac)] = last
        for segment, mac, since, last in kept.get("strangers", ()):
            self._strangers[tuple(segment), bytes.fromhex(mac)] = since, last


def _told(station: tuple[Segment, bytes]) -> tuple[list[int], str]:
    return list(station[0]), station[1].hex()
