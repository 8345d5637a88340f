"""How far a unit's site is behind the Department's feed.

The lag is the age of the oldest item of the Department's feed that the unit's site has not taken in; 0 where it has
taken in all. Only items that are dated, not in the future and not older than a week count: what has left the feed, or
is older, is asked of nobody. Taken in is what stands in the unit's own feed or on its front page: by its identifier,
its address, or its title (whole, or cut off by an ellipsis).
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from haidang_reach.content import title_key, title_keys

if TYPE_CHECKING:
    from collections.abc import Iterable

    from haidang_reach.feed import Item
    from haidang_reach.page import Page

WINDOW_SECONDS = 7 * 86400.0
LEAST_TITLE = 12
"""Letters: a shorter title proves nothing."""
LEAST_BEGINNING = 20
"""Letters of a title that is cut off."""
ELLIPSES = ("…", "...")


def lag_seconds(department: Iterable[Item], site: Page, url: str, own_feed: Iterable[Item], now: float) -> float:
    """`url` is where the page `site` stands; `own_feed` is empty where there is none. `now` in Unix seconds."""
    taken_in = _TakenIn(site, url, list(own_feed))
    missing = [
        item.published
        for item in department
        if item.published is not None and 0 <= now - item.published <= WINDOW_SECONDS and item not in taken_in
    ]
    return now - min(missing) if missing else 0.0


class _TakenIn:
    def __init__(self, site: Page, url: str, own: list[Item]) -> None:
        titles = [item.title for item in own] + [link.words for link in site.links] + site.blocks
        self._ids = {item.id for item in own if item.id}
        self._links = {_link_key(item.link) for item in own} | {
            _link_key(_joined(url, link.href)) for link in site.links
        }
        self._titles = title_keys(titles)
        self._beginnings = {
            title_key(title)
            for title in titles
            if title.endswith(ELLIPSES) and len(title_key(title)) >= LEAST_BEGINNING
        }

    def __contains__(self, item: Item) -> bool:
        title = title_key(item.title)
        return (
            bool(item.id and item.id in self._ids)
            or bool(item.link and _link_key(item.link) in self._links)
            or (len(title) >= LEAST_TITLE and title in self._titles)
            or any(title.startswith(beginning) for beginning in self._beginnings)
        )


def _joined(url: str, href: str) -> str:
    try:
        return urljoin(url, href)
    except ValueError:
        return ""


def _link_key(link: str) -> str:
    """The same page, by whatever scheme, with or without `www.`, and from whichever newsletter."""
    try:
        parts = urlsplit(link.strip())
        host = (parts.hostname or "").removeprefix("www.")
        query = urlencode([(key, value) for key, value in parse_qsl(parts.query) if not key.startswith("utm_")])
    except ValueError:
        return ""
    return f"{host}{parts.path.rstrip('/')}?{query}" if host else ""
