"""The tags and texts of HTML, one after another, in a time that grows with the size alone.

Not `html.parser`: some broken pages cost it the square of their size. A tag that has `<` in an attribute is cut there.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

TAG = re.compile(r"(/?)([a-zA-Z][a-zA-Z0-9:-]{0,30})")
ATTRIBUTE = re.compile(r"""(?<=[\s"'/])([^\s=>"'/]++)\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'>]++))""")
LONGEST_TAG = 8192
COMMENT, COMMENT_END = "!--", "-->"


class Tag(NamedTuple):
    """`name` in lower case; `inside` is what stands after it, of a long one the beginning."""

    name: str
    inside: str
    closing: bool

    def attributes(self) -> dict[str, str]:
        """By name in lower case; of those with the same name the last. Without those that have no value."""
        return {
            name.lower(): unescaped(next((value for value in values if value), ""))
            for name, *values in ATTRIBUTE.findall(self.inside)
        }


def tokens(text: str, most: int, opaque: Collection[str]) -> Iterator[Tag | str]:
    """Tags, and between them texts, still escaped and some of them empty; without comments.

    Of a page with `most` tags or more the beginning. What stands in elements named in `opaque` is left out, with
    their closing tags.
    """
    first, *pieces = text.replace("\0", "").split("<", most)
    yield first
    until = ""
    for piece in pieces[: most - 1]:
        if not until and (found := TAG.match(piece)):
            inside, closed, said = piece.partition(">")
            tag = Tag(found[2].lower(), inside[found.end() : LONGEST_TAG], closing=bool(found[1]))
            yield tag
            if tag.name in opaque and not tag.closing:
                until = f"/{tag.name}"
            elif closed:
                yield said
        elif not until and not piece.startswith(COMMENT):
            yield "<" + piece
        else:
            until = until or COMMENT_END
            after = _after(piece, until)
            if after is not None:
                until = ""
                yield after


def unescaped(text: str) -> str:
    try:
        return html.unescape(text)
    except ValueError:  # a number of more digits than Python converts
        return text


def _after(piece: str, until: str) -> str | None:
    """What follows that end; None where it is not in this piece."""
    if until == COMMENT_END:
        _, ended, said = piece.partition(COMMENT_END)
        return said if ended else None
    return piece.partition(">")[2] if piece[: len(until)].lower() == until else None
