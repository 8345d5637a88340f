"""What a page of HTML shows, its links and the feeds it announces, read in one pass: time grows with the size alone."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from haidang_reach.feed import KINDS

if TYPE_CHECKING:
    from haidang_reach.address import Address

TAG = re.compile(r"(/?)([a-zA-Z][a-zA-Z0-9:-]{0,30})")
ATTRIBUTE = re.compile(r"""(?<=[\s"'/])([^\s=>"'/]++)\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'>]++))""")
MOST_TAGS, MOST_LINKS, MOST_FEEDS = 50_000, 3000, 8
LONGEST_TAG, LONGEST_WORDS = 8192, 500
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
        self._until = ""

    def read(self, text: str) -> Page:
        first, *pieces = text.replace("\0", "").split("<", MOST_TAGS)
        self._say(first)
        for piece in pieces[: MOST_TAGS - 1]:
            if self._until:
                self._wait(piece)
            elif piece.startswith("!--"):
                self._until = "-->"
                self._wait(piece[3:])
            elif tag := TAG.match(piece):
                inside, closed, said = piece.partition(">")
                self._tag(tag[2].lower(), inside[tag.end() : LONGEST_TAG], closing=bool(tag[1]))
                self._say(said if closed and not self._until else "")
            else:
                self._say("<" + piece)
        self._end_block()
        return self._page

    def _wait(self, piece: str) -> None:
        """In a comment, or in what is not shown: until that ends."""
        before, end, said = (piece if self._until == "-->" else piece.lower()).partition(self._until)
        if end and (self._until == "-->" or not before):
            after = said if end == "-->" else said.partition(">")[2]
            self._until = ""
            self._say(piece[len(piece) - len(after) :])

    def _tag(self, tag: str, inside: str, *, closing: bool) -> None:
        if tag not in INLINE:
            self._end_block()
        if tag == "a":
            self._end_link()
        if closing:
            return
        if tag in OPAQUE:
            self._until = f"/{tag}"
        elif tag == "a":
            self._link = (_attributes(inside).get("href", ""), [])
        elif tag == "link":
            self._announced(_attributes(inside))

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


def _attributes(inside: str) -> dict[str, str]:
    return {
        name.lower(): _unescaped(next((value for value in values if value), ""))
        for name, *values in ATTRIBUTE.findall(inside)
    }


def _shown(texts: list[str]) -> str:
    return " ".join(_unescaped("".join(texts)).split())


def _unescaped(text: str) -> str:
    try:
        return html.unescape(text)
    except ValueError:  # a number of more digits than Python converts
        return text
