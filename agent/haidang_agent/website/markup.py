"""What a page shows and where it links to, read in one pass whose time grows with the size alone."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from haidang_reach.tokens import Tag, tokens, unescaped

if TYPE_CHECKING:
    from haidang_reach.address import Address

HIDDEN = re.compile(
    r"display:none|visibility:hidden|font-size:0(?![.\d])|opacity:0(?![.\d])|text-indent:-\d{3}|(?:left|top|right):-\d{3}"
    r"|overflow:hidden.*(?:height|width):[01](?:px|;|$)|(?:height|width):[01](?:px|;|$).*overflow:hidden"
)
OPAQUE = frozenset({"script", "style", "template", "textarea"})
VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})
MOST_TAGS, DEEPEST, LONGEST_STYLE, LONGEST_WORDS = 100_000, 256, 1000, 300
LOADS = {
    "script": "src", "iframe": "src", "frame": "src", "object": "data", "embed": "src", "form": "action",
    "img": "src", "audio": "src", "video": "src", "source": "src",
}  # fmt: skip


class Link(NamedTuple):
    """A link to another site: its host, and the words it stands under."""

    host: str
    words: str
    hidden: bool


@dataclass(slots=True)
class Markup:
    """`prose` is what a reader sees, `hidden` the texts in elements made invisible; `loads` tag and address.

    `whole` unless there were more tags than are read.
    """

    title: str = ""
    heading: str = ""
    description: str = ""
    policy: str = ""
    referrer: str = ""
    prose: str = ""
    hidden: list[str] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    loads: list[tuple[str, str]] = field(default_factory=list)
    whole: bool = True


class _Element(NamedTuple):
    tag: str
    hidden: bool
    foreign: str = ""


def read(text: str, page: Address) -> Markup:
    """`page` is where it stands: links within its site are prose."""
    return _Reader(page).read(text)


class _Reader:
    def __init__(self, page: Address) -> None:
        self._page = page
        self._found = Markup()
        self._open: list[_Element] = []
        self._texts: dict[str, list[str]] = {"prose": [], "title": [], "heading": []}
        self._words: list[str] = []

    def read(self, text: str) -> Markup:
        self._found.whole = text.count("<") < MOST_TAGS
        for token in tokens(text, MOST_TAGS, OPAQUE):
            if isinstance(token, str):
                self._say(token)
            elif token.closing:
                self._close(token.name)
            else:
                self._begin(token)
        found = self._found
        found.title, found.heading, found.prose = (
            _one_line(self._texts[name]) for name in ("title", "heading", "prose")
        )
        return found

    def _begin(self, tag: Tag) -> None:
        attributes = tag.attributes()
        self._note(tag.name, attributes)
        if tag.name in VOID or tag.name in OPAQUE or len(self._open) >= DEEPEST:
            return
        hidden = self._hidden or _is_hidden(attributes, tag.inside)
        self._open.append(_Element(tag.name, hidden, self._foreign(attributes) if tag.name == "a" else ""))
        self._words = [] if tag.name == "a" else self._words

    def _close(self, tag: str) -> None:
        if not any(element.tag == tag for element in self._open):
            return
        while (element := self._open.pop()).tag != tag:
            pass
        if element.foreign:
            self._found.links.append(Link(element.foreign, _one_line(self._words)[:LONGEST_WORDS], element.hidden))

    @property
    def _hidden(self) -> bool:
        return bool(self._open) and self._open[-1].hidden

    def _say(self, text: str) -> None:
        if not text or text.isspace():
            return
        said = unescaped(text)
        inside = {element.tag for element in self._open[-4:]}
        if "title" in inside:
            self._texts["title"].append(said)
        elif any(element.foreign for element in self._open[-4:]):
            self._words.append(said)
        elif self._hidden:
            self._found.hidden.append(" ".join(said.split()))
        else:
            self._texts["heading" if "h1" in inside and "a" not in inside else "prose"].append(said)

    def _note(self, tag: str, attributes: dict[str, str]) -> None:
        if address := attributes.get(LOADS.get(tag, "")):
            self._found.loads.append((tag, address))
        if tag == "link" and "stylesheet" in attributes.get("rel", "").lower():
            self._found.loads.append((tag, attributes.get("href", "")))
        if tag == "meta":
            content = attributes.get("content", "")
            name = (attributes.get("name") or attributes.get("property") or attributes.get("http-equiv") or "").lower()
            if name in ("description", "og:description", "keywords", "og:title"):
                self._found.description += f"{content} "
            elif name == "content-security-policy":
                self._found.policy = content
            elif name == "referrer":
                self._found.referrer = content

    def _foreign(self, attributes: dict[str, str]) -> str:
        """The host of another site to which a link leads; empty for one of this site, or none."""
        try:
            host = self._page.towards(attributes.get("href", "")).host
        except ValueError:
            return ""
        return "" if self._page.same_site(host) else host


def _is_hidden(attributes: dict[str, str], inside: str) -> bool:
    style = "".join(attributes.get("style", "")[:LONGEST_STYLE].lower().split())
    return bool(HIDDEN.search(style)) or bool(re.search(r"\shidden(?=[\s>/]|$)", inside))


def _one_line(texts: list[str]) -> str:
    return " ".join(" ".join(texts).split())
