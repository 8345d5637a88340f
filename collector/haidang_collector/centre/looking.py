"""One round over units' portals and services for parents, by the look that agents take: many at once, in one thread.

Beginnings are spread over the round, for hundreds of portals share a server. What was found is kept as it comes; but
failures wait until something answered: where nothing does, it is the centre that is cut off, and nothing is known.
"""

from __future__ import annotations

import ipaddress
import logging
import random
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

from haidang_reach import feed, site
from haidang_reach.address import parse
from haidang_reach.answer import Answer
from haidang_reach.exchange import Question, exchange
from haidang_reach.faults import FAULTS, FaultError
from haidang_reach.resolving import Resolver
from haidang_reach.site import Look
from haidang_reach.waiting import Loop

from haidang_collector.centre import public_services, records
from haidang_collector.centre.public_services import Asked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from haidang_reach.exchange import Way
    from haidang_reach.feed import Item
    from haidang_reach.resolving import Family
    from haidang_reach.waiting import Task

    from haidang_collector.centre.ports import Ports
    from haidang_collector.centre.public_services import Told
    from haidang_collector.centre.records import Target
    from haidang_collector.registry.database import Database

log = logging.getLogger(__name__)

AT_ONCE = 200
NAMES_AT_ONCE = 64
BATCH = 50
"""Looks that are written in one transaction."""
LEAST_TO_JUDGE = 5
"""If of so many addresses none could be connected to, the centre itself is cut off."""


IPV6 = ipaddress.IPv6Network("2000::/3")
"""Of IPv6 only this is given out for the Internet (RFC 4291, 2.4)."""
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""What a gateway takes for the IPv4 address in its last 32 bits (RFC 6052)."""
PROTOCOLS = ipaddress.IPv4Network("192.0.0.0/24")
"""RFC 6890; some clouds tell machines their secrets there."""


class CutOffError(RuntimeError):
    """Nothing could be reached from here: of what was asked nothing is known."""


class PublicResolver(Resolver):
    """Knows public addresses only: who registers a portal must not make the centre ask its own neighbours.

    Nor any port of others; that is for redirects and feeds, for of what is registered `Ports.refuse` keeps those back.
    """

    def __init__(self, most_threads: int, ports: Ports) -> None:
        super().__init__(most_threads)
        self._ports = ports

    def ask(self, host: str, port: int, family: Family, until: float) -> Task[tuple[list[tuple[int, object]], float]]:
        """Raises FaultError, `unreachable` where all its addresses are of private networks, or for another port."""
        places, seconds = yield from super().ask(host, port, family, until)
        public = [place for place in places if _is_public(place[1][0].partition("%")[0])]
        if not public:
            raise FaultError("unreachable", f"{host}: has no public address; --inside asks it all the same")
        if port not in self._ports:
            raise FaultError("unreachable", f"{host}: {self._ports.why_not(port)}")
        return public, seconds


class PortalSeen(NamedTuple):
    target: Target
    look: Look


class ServiceSeen(NamedTuple):
    service: Told
    answer: Answer


Found = PortalSeen | ServiceSeen


class Round:
    """`look` gives what is found as it comes. `now` of the way tells the time of what is kept."""

    def __init__(self, database: Database, way: Way) -> None:
        self._database, self._way = database, way
        self._department: list[Item] | None = None
        self._portals: list[PortalSeen] = []
        self._services: list[ServiceSeen] = []
        self._writes: list[Future[None]] = []

    def look(
        self, portals: Sequence[Target], services: Mapping[Asked, Sequence[Told]], spread_seconds: float = 0.0
    ) -> Iterator[Found]:
        """Begins are spread over so many seconds. Raises CutOffError at the end where nothing was reached."""
        self._look_at_department()
        answered, number = False, len(portals) + len(services)
        with Loop() as loop, ThreadPoolExecutor(1, "keep") as keeper:
            for asked, found in loop.run(self._tasks(portals, list(services), spread_seconds), AT_ONCE):
                answered = answered or _was_reached(found)
                if isinstance(found, Look):
                    self._portals.append(PortalSeen(asked, found))
                    yield self._portals[-1]
                else:
                    seen = [ServiceSeen(each, found) for each in services[asked]]
                    self._services += seen
                    yield from seen
                if answered and len(self._portals) + len(self._services) >= BATCH:
                    self._keep(keeper)
            if answered or number < LEAST_TO_JUDGE:
                self._keep(keeper)
        for written in self._writes:
            written.result()
        if self._portals or self._services:
            raise CutOffError(f"none of {number} addresses was reached: this machine has no way to them")

    def _tasks(
        self, portals: Sequence[Target], services: Sequence[Asked], spread: float
    ) -> Iterator[tuple[float, Task[Any]]]:
        """In a new order each time, so that neighbours of one server do not follow one another."""
        wanted: list[Target | Asked] = [*portals, *services]
        began, order = time.monotonic(), random.sample(wanted, len(wanted))
        for number, each in enumerate(order):
            task = public_services.look(each, self._way) if isinstance(each, Asked) else _look(each, self._way)
            yield began + spread * number / len(order), task

    def _keep(self, keeper: ThreadPoolExecutor) -> None:
        """In a thread of its own: who waits for the database must not keep portals waiting."""
        looks, self._portals = self._portals, []
        answers, self._services = self._services, []
        now = self._way.now()
        if looks:
            self._writes.append(keeper.submit(records.keep_looks, self._database, looks, self._department, now))
        if answers:
            self._writes.append(keeper.submit(public_services.keep, self._database, answers, now))

    def _look_at_department(self) -> None:
        url = records.department_feed(self._database)
        if not url:
            return
        items, why = _read_feed(url, self._way)
        if items is not None and not any(item.published for item in items):
            items, why = None, f"{url}: no item has a date"
        if why:
            log.warning("feed of the Department: %s", why)
        self._department = None if items is None else list(items)
        records.keep_feed(self._database, url, why, self._way.now())


def _is_public(text: str) -> bool:
    """Also by the IPv4 address that stands in one of IPv6."""
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address):
        within = address.sixtofour or (ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in NAT64 else None)
        if within is None:
            return address.is_global and address in IPV6
        address = within
    return address.is_global and not address.is_multicast and address not in PROTOCOLS


def _look(target: Target, way: Way) -> Task[tuple[Target, Look]]:
    try:
        address = parse(target.url)
    except ValueError as wrong:
        nowhere = Answer(parse("http://invalid/"), fault="name_unknown", detail=str(wrong))
        return target, Look(nowhere)
    found = yield from site.look(address, way)
    return target, found


def _read_feed(url: str, way: Way) -> tuple[tuple[Item, ...] | None, str]:
    try:
        question = Question(parse(url), site.LONGEST_ANSWER_SECONDS, most_bytes=feed.MOST_BYTES)
    except ValueError as wrong:
        return None, str(wrong)
    with Loop() as loop:
        (answer,) = loop.run([(0.0, exchange(question, way))])
    return site.read_feed(answer)


def _was_reached(found: Look | Answer) -> bool:
    """Something of the far side was heard: it was connected to."""
    answer = found.front if isinstance(found, Look) else found
    return answer.fault is None or FAULTS[answer.fault] not in ("resolve", "connect")
