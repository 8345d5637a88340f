"""The runbooks: for each alert what it means and what to do, in Vietnamese and in English.

They are read from `docs/runbooks/NAME.md` at the start: a heading `# NAME: tiếng Việt · English`, and two halves with
`---` between. Of Markdown they use headings, lists, paragraphs, `code` and **strong** words; any other sign is text.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

PACKAGED = Path(__file__).parents[1] / "runbooks"
CHECKOUT = Path(__file__).parents[3] / "docs" / "runbooks"
FOLDER = PACKAGED if PACKAGED.is_dir() else CHECKOUT
"""In the wheel beside the code, in a checkout among the documents."""
NAMES = frozenset(file.stem for file in FOLDER.glob("*.md"))

Kind = Literal["h2", "p", "ul", "ol"]
_MARKS: tuple[tuple[re.Pattern[str], Kind], ...] = (
    (re.compile(r"#{1,6} "), "h2"),
    (re.compile(r"[-*] "), "ul"),
    (re.compile(r"\d{1,3}\. "), "ol"),
)
_SPAN = re.compile(r"`(?P<code>[^`]+)`|\*\*(?P<strong>[^\s*](?:[^*]*[^\s*])?)\*\*")
_TITLE = re.compile(r"# \w+: (?P<vi>.+) · (?P<en>.+)")


@dataclass(frozen=True, slots=True)
class Span:
    """A run of text of one look."""

    look: Literal["text", "code", "strong"]
    text: str


@dataclass(frozen=True, slots=True)
class Block:
    """A heading, a paragraph, or a list of `items`; the first two have one."""

    kind: Kind
    items: Sequence[Sequence[Span]]


@dataclass(frozen=True, slots=True)
class Runbook:
    """Of one language."""

    title: str
    blocks: Sequence[Block]


def name_of(annotation: str | None) -> str | None:
    """The runbook that an alert's `runbook_url` names, as `docs/runbooks/NAME.md`; None where there is none."""
    found = re.fullmatch(r"docs/runbooks/(\w+)\.md", annotation or "")
    return found[1] if found and found[1] in NAMES else None


@cache
def runbook(name: str, language: str) -> Runbook:
    """`name` is one of NAMES, `language` vi or en. Raises OSError, ValueError where the file is not as above."""
    title, _, text = (FOLDER / f"{name}.md").read_text(encoding="utf-8").partition("\n")
    vietnamese, between, english = text.partition("\n---\n")
    titles = _TITLE.fullmatch(title)
    if not (titles and between):
        raise ValueError(f"runbook {name}: write a title of both languages, and --- between the two halves")
    return Runbook(titles[language], blocks_of(vietnamese if language == "vi" else english))


def blocks_of(text: str) -> list[Block]:
    """A line that begins nothing goes on with what stands before it, up to an empty line."""
    found: list[tuple[Kind, list[str]]] = []
    fresh = True
    for line in text.splitlines():
        kind, words = _begun(line)
        if not words:
            fresh = True
        elif kind in ("ul", "ol") and found and found[-1][0] == kind:
            found[-1][1].append(words)
            fresh = False
        elif kind != "p" or fresh or found[-1][0] == "h2":
            found.append((kind, [words]))
            fresh = False
        else:
            found[-1][1][-1] += f" {words}"
    return [Block(kind, [spans_of(item) for item in items]) for kind, items in found]


def spans_of(text: str) -> list[Span]:
    spans: list[Span] = []
    end = 0
    for found in _SPAN.finditer(text):
        spans.append(Span("text", text[end : found.start()]))
        spans.append(Span("code", found["code"]) if found["code"] else Span("strong", found["strong"]))
        end = found.end()
    spans.append(Span("text", text[end:]))
    return [span for span in spans if span.text]


def _begun(line: str) -> tuple[Kind, str]:
    """What a line begins, and its words without the mark."""
    for mark, kind in _MARKS:
        if found := mark.match(line):
            return kind, line[found.end() :].strip()
    return "p", line.strip()
