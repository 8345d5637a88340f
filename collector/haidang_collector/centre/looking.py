"""One round over units' portals, by the same look that agents take: many at once, in one thread.

Beginnings are spread over the round, for hundreds of portals share a server. What was found is kept as it comes; but
failures wait until something answered: where nothing does, it is the centre that is cut off, and nothing is known.
"""

from __future__ import annotations

import ipaddress
import logging
import random
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from haidang_reach import feed, site
from haidang_reach.address import parse
from haidang_reach.answer import Answer
from haidang_reach.exchange import Question, exchange
from haidang_reach.faults import FAULTS, FaultError
from haidang_reach.resolving import Resolver
from haidang_reach.site import Look
from haidang_reach.waiting import Loop

from haidang_collector.centre import records

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Future

    from haidang_reach.exchange import Way
    from haidang_reach.feed import Item
    from haidang_reach.resolving import Family
    from haidang_reach.waiting import Task

    from haidang_collector.centre.records import Target
    from haidang_collector.registry.database import Database

log = logging.getLogger(__name__)

AT_ONCE = 200
NAMES_AT_ONCE = 64
BATCH = 50
"""Looks that are written in one transaction."""
LEAST_TO_JUDGE = 5
"""If of so many portals none could be connected to, the centre itself is cut off."""


class CutOffError(RuntimeError):
    """Nothing could be reached from here: of portals nothing is known."""


class PublicResolver(Resolver):
    """Knows public addresses only: who registers a portal must not make the centre ask its own neighbours."""

    def ask(self, host: str, port: int, family: Family, until: float) -> Task[tuple[list[tuple[int, object]], float]]:
        """Raises FaultError, `unreachable` where all its addresses are of private networks."""
        places, seconds = yield from super().ask(host, port, family, until)
        public = [place for place in places if ipaddress.ip_address(place[1][0].partition("%")[0]).is_global]
        if not public:
            raise FaultError("unreachable", f"{host}: has no public address; --inside asks it all the same")
        return public, seconds


class Round:
    """`look` gives each portal's look as it comes. `now` of the way tells the time of what is kept."""

    def __init__(self, database: Database, way: Way) -> None:
        self._database, self._way = database, way
        self._department: list[Item] | None = None
        self._waiting: list[tuple[Target, Look]] = []
        self._writes: list[Future[None]] = []

    def look(self, wanted: Sequence[Target], spread_seconds: float = 0.0) -> Iterator[tuple[Target, Look]]:
        """Begins are spread over so many seconds. Raises CutOffError at the end where nothing was reached."""
        self._look_at_department()
        answered = False
        with Loop() as loop, ThreadPoolExecutor(1, "keep") as keeper:
            for target, look in loop.run(self._tasks(wanted, spread_seconds), AT_ONCE):
                answered = answered or _was_reached(look)
                self._waiting.append((target, look))
                if answered and len(self._waiting) >= BATCH:
                    self._keep(keeper)
                yield target, look
            if answered or len(wanted) < LEAST_TO_JUDGE:
                self._keep(keeper)
        for written in self._writes:
            written.result()
        if self._waiting:
            raise CutOffError(f"none of {len(wanted)} portals was reached: this machine has no way to them")

    def _tasks(self, wanted: Sequence[Target], spread: float) -> Iterator[tuple[float, Task[tuple[Target, Look]]]]:
        """In a new order each time, so that neighbours of one server do not follow one another."""
        began, order = time.monotonic(), random.sample(wanted, len(wanted))
        for number, target in enumerate(order):
            yield began + spread * number / len(order), _look(target, self._way)

    def _keep(self, keeper: ThreadPoolExecutor) -> None:
        """In a thread of its own: who waits for the database must not keep portals waiting."""
        looks, self._waiting = self._waiting, []
        self._writes.append(keeper.submit(records.keep_looks, self._database, looks, self._department, self._way.now()))

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


def _was_reached(look: Look) -> bool:
    """Something of the far side was heard: it was connected to."""
    return look.front.fault is None or FAULTS[look.front.fault] not in ("resolve", "connect")
