"""What a page of HTML shows, its links and the feeds it announces, read in one pass: time grows with the size alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from haidang_reach.feed import KINDS
from haidang_reach.tokens import Tag, tokens, unescaped

if TYPE_CHECKING:
    from haidang_reach.address import Address

MOST_TAGS, MOST_LINKS, MOST_FEEDS = 50_000, 3000, 8
LONGEST_WORDS = 500
OPAQUE = frozenset({"script", "style", "template", "textarea", "noscript", "svg", "iframe", "select"})
INLINE = frozenset({
    "a", "abbr", "b", "bdi", "cite", "code", "em", "font", "i", "img", "ins", "kbd", "mark", "q", "s", "small", "span",
    "strong", "sub", "sup", "time", "u", "wbr",
})  # fmt: skip
"""Text goes on across them."""


class Link(NamedTuple):
    """`href` as it stands there, `words` under it."""

    href: str
    words: str


@dataclass(slots=True)
class Page:
    """`blocks` are the texts of a reader's paragraphs, headings and lines; `feeds` the hrefs of announced feeds."""

    blocks: list[str] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    feeds: list[str] = field(default_factory=list)

    def feeds_from(self, address: Address) -> list[Address]:
        """Those that are addresses at all, seen from the page's own."""
        found = []
        for href in self.feeds:
            try:
                found.append(address.towards(href))
            except ValueError:
                continue
        return found


def read(text: str) -> Page:
    """Of a page with more tags than are read the beginning."""
    return _Reader().read(text)


class _Reader:
    def __init__(self) -> None:
        self._page = Page()
        self._block: list[str] = []
        self._link: tuple[str, list[str]] | None = None

    def read(self, text: str) -> Page:
        for token in tokens(text, MOST_TAGS, OPAQUE):
            if isinstance(token, Tag):
                self._tag(token)
            else:
                self._say(token)
        self._end_block()
        return self._page

    def _tag(self, tag: Tag) -> None:
        if tag.name not in INLINE:
            self._end_block()
        if tag.name == "a":
            self._end_link()
        if tag.closing:
            return
        if tag.name == "a":
            self._link = (tag.attributes().get("href", ""), [])
        elif tag.name == "link":
            self._announced(tag.attributes())

    def _announced(self, attributes: dict[str, str]) -> None:
        kind = attributes.get("type", "").partition(";")[0].strip().lower()
        if "alternate" in attributes.get("rel", "").lower().split() and kind in KINDS and attributes.get("href"):
            self._page.feeds = [*self._page.feeds, attributes["href"]][:MOST_FEEDS]

    def _say(self, text: str) -> None:
        if text:
            self._block.append(text)
            if self._link is not None:
                self._link[1].append(text)

    def _end_block(self) -> None:
        words = _shown(self._block)
        if words:
            self._page.blocks.append(words)
        self._block = []

    def _end_link(self) -> None:
        if self._link is not None and len(self._page.links) < MOST_LINKS:
            href, said = self._link
            self._page.links.append(Link(href, _shown(said)[:LONGEST_WORDS]))
        self._link = None


def _shown(texts: list[str]) -> str:
    return " ".join(unescaped("".join(texts)).split())
