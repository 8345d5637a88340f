"""A feed of news (RSS 0.9 to 2.0, RDF, Atom 1.0), read in one strict pass that grows with its size alone.

The XML must be well formed; it may declare no entities (expansion, and files of this machine, are out of the question).
Four facts of an item are wanted, so nothing larger is: feedparser 6.0.14 ends one in three feeds of its own element
names, put together at random, with some exception.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.parsers import expat

from haidang_reach import dates

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_BYTES = 2_000_000
MOST_ITEMS = 200
MOST_ELEMENTS, DEEPEST = 50_000, 64
LONGEST_TEXT = 1000
KINDS = ("application/rss+xml", "application/atom+xml", "application/rdf+xml")
"""As `link rel=alternate` tells a feed."""
ROOTS = frozenset({"rss", "feed", "RDF"})
ITEMS = frozenset({"item", "entry"})
PLAIN = frozenset({
    "", "http://purl.org/rss/1.0/", "http://my.netscape.com/rdf/simple/0.9/", "http://www.w3.org/2005/Atom",
    "http://purl.org/atom/ns#", "http://backend.userland.com/rss2",
})  # fmt: skip
DUBLIN_CORE = frozenset({"http://purl.org/dc/elements/1.1/", "http://purl.org/dc/terms/"})
"""Namespaces: others have titles and links too, of pictures."""
DATES = ("pubDate", "published", "issued", "updated", "date", "created", "modified")
"""The first of these that an item has is its date."""
FACTS = frozenset({"title", "link", "guid", "id", *DATES})
TAG = re.compile(r"</?[a-zA-Z][a-zA-Z0-9]{0,15}(?:\s[^<>]{0,200})?/?>")


class BadFeedError(ValueError):
    """No feed, or none that may be read; the text says why."""


@dataclass(frozen=True, slots=True)
class Item:
    """One piece of news; `published` in Unix seconds, None where that is not told or is no date."""

    title: str
    link: str
    id: str
    published: float | None


def read(body: bytes) -> tuple[Item, ...]:
    """The first items, in the feed's order. Raises BadFeedError."""
    if len(body) >= MOST_BYTES:
        raise BadFeedError(f"has {MOST_BYTES} bytes or more")
    return _Reader().read(body.lstrip())


def newest(items: Iterable[Item], now: float) -> float | None:
    """When the newest was published; what is dated in the future is passed over. None where no date is known."""
    return max((item.published for item in items if item.published is not None and item.published <= now), default=None)


class _Reader:
    def __init__(self) -> None:
        self._parser = parser = expat.ParserCreate(namespace_separator=" ")
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._say
        parser.EntityDeclHandler = self._entity
        self._depth = self._elements = 0
        self._items: list[Item] = []
        self._item: dict[str, str] | None = None
        self._item_depth = 0
        self._fact: str | None = None

    def read(self, body: bytes) -> tuple[Item, ...]:
        try:
            self._parser.Parse(body, True)
        except expat.ExpatError as broken:
            raise BadFeedError(f"is no XML: {expat.errors.messages.get(broken.code, broken.code)}") from None
        except BadFeedError:
            raise
        except (LookupError, ValueError) as unknown:
            raise BadFeedError(f"is in an encoding that is not known: {unknown}") from None
        return tuple(self._items)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        space, _, local = name.rpartition(" ")
        if not self._elements and local not in ROOTS:
            raise BadFeedError(f"is no feed: begins with <{local[:40]}>")
        self._depth += 1
        self._elements += 1
        if self._depth > DEEPEST or self._elements > MOST_ELEMENTS:
            raise BadFeedError("has too many elements, or too deep ones")
        if self._item is None:
            if local in ITEMS and space in PLAIN:
                self._item, self._item_depth = {}, self._depth
        elif (
            self._depth == self._item_depth + 1 and local in FACTS and _tells(space, local) and local not in self._item
        ):
            self._begin_fact(local, attributes)

    def _begin_fact(self, name: str, attributes: dict[str, str]) -> None:
        """A link of Atom stands in an attribute, and may be one to something else than the page."""
        if self._item is None or (name == "link" and attributes.get("rel", "alternate") != "alternate"):
            return
        self._item[name] = attributes.get("href", "")[:LONGEST_TEXT] if name == "link" else ""
        self._fact = name

    def _say(self, text: str) -> None:
        if self._item is not None and self._fact is not None:
            held = self._item[self._fact]
            self._item[self._fact] = held + text[: LONGEST_TEXT - len(held)] if len(held) < LONGEST_TEXT else held

    def _end(self, _: str) -> None:
        if self._item is not None and self._depth == self._item_depth + 1:
            self._fact = None
        if self._item is not None and self._depth == self._item_depth:
            if len(self._items) < MOST_ITEMS:
                self._items.append(_item(self._item))
            self._item = None
        self._depth -= 1

    def _entity(self, *_: object) -> None:
        raise BadFeedError("declares entities")


def _tells(space: str, local: str) -> bool:
    return space in PLAIN or (space in DUBLIN_CORE and local in DATES)


def _item(facts: dict[str, str]) -> Item:
    told = next((facts[name] for name in DATES if facts.get(name)), "")
    identity = facts.get("guid") or facts.get("id") or ""
    return Item(_shown(facts.get("title", "")), facts.get("link", "").strip(), identity.strip(), dates.parse(told))


def _shown(title: str) -> str:
    """Titles may hold HTML, escaped once more."""
    try:
        return " ".join(TAG.sub("", html.unescape(title)).split())
    except ValueError:  # a number of more digits than Python converts
        return " ".join(title.split())
