"""One look at a unit's site: its front page, and the feed it has."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from haidang_reach import feed, page
from haidang_reach.exchange import Question, exchange

if TYPE_CHECKING:
    from haidang_reach.address import Address
    from haidang_reach.answer import Answer
    from haidang_reach.exchange import Way
    from haidang_reach.feed import Item
    from haidang_reach.page import Page
    from haidang_reach.waiting import Task

SECONDS, LONGEST_ANSWER_SECONDS = 40.0, 15.0
"""For the whole look, and for one answer of it."""
PAGE_BYTES = 2_000_000
COMMON_PATHS = ("/rss", "/feed", "/rss.xml", "/feed.xml")
"""Where feeds stand that the page does not announce."""
MOST_ANNOUNCED = 3


@dataclass(frozen=True, slots=True)
class Look:
    """`page` is None where the site could not be read, and all the rest then is not known.

    `feed` is valid; broken: there is one, but it does not answer or is no good, and `why`; or none was found.
    """

    front: Answer
    page: Page | None = None
    feed: Literal["valid", "broken", "none"] | None = None
    items: tuple[Item, ...] = ()
    why: str = ""


def look(address: Address, way: Way, seconds: float = SECONDS) -> Task[Look]:
    """Never raises for what the network does."""
    until = time.monotonic() + seconds
    front = yield from exchange(Question(address, _part(until), most_bytes=PAGE_BYTES), way)
    if front.fault is not None or (not front.whole and not front.body):  # or packed in a way that is not known
        return Look(front)
    shown = page.read(front.text())
    announced = list(dict.fromkeys(shown.feeds_from(front.address)))[:MOST_ANNOUNCED]
    why = ""
    for candidate in announced or [front.address._replace(target=path) for path in COMMON_PATHS]:
        answer = yield from exchange(Question(candidate, _part(until), most_bytes=feed.MOST_BYTES), way)
        found, wrong = read_feed(answer)
        if found is not None:
            return Look(front, shown, "valid", found)
        why = why or wrong
    return Look(front, shown, "broken" if announced else "none", why=why if announced else "")


def read_feed(answer: Answer) -> tuple[tuple[Item, ...] | None, str]:
    """The items of what was asked for as a feed; None where it is none, and why."""
    if answer.fault is not None:
        return None, f"{answer.fault}: {answer.detail}"
    if not answer.whole:
        return None, answer.detail or f"{answer.address.authority}: has {feed.MOST_BYTES} bytes or more"
    try:
        return feed.read(answer.body), ""
    except feed.BadFeedError as broken:
        return None, f"{answer.address.authority}: {broken}"


def _part(until: float) -> float:
    return max(0.0, min(until - time.monotonic(), LONGEST_ANSWER_SECONDS))
