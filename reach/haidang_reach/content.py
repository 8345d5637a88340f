"""When a page last got new content: a text that was not there before, and is still there at the next look.

Texts are remembered as hashes of their words. Numbers, dates and words of the calendar are no words, short texts are no
content: counters, clocks and "3 minutes ago" change nothing. Order does not matter; what is shown by turns is new but
once, and what chance puts there (a proverb, another at each visit) is gone at the next look. Tokens, scripts and
addresses are no texts. What is taken away is no new content.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from haidang_reach.page import Page

WORD = re.compile(r"[^\W\d_]+")
LEAST_WORDS, LEAST_LETTERS = 4, 16
MOST_KNOWN, MOST_WAITING = 4000, 1000
UNCHANGED_SECONDS = 30 * 86400.0
"""After so long without a change the first look's time is told: the content is that old at least."""
CALENDAR = frozenset({
    "thứ", "hai", "ba", "tư", "năm", "sáu", "bảy", "chủ", "nhật", "ngày", "tháng", "giờ", "phút", "giây", "tuần",
    "trước", "nay", "âm", "lịch", "sáng", "chiều", "tối", "am", "pm", "sa", "ch", "gmt", "monday", "tuesday",
    "wednesday", "thursday", "friday", "saturday", "sunday", "mon", "tue", "wed", "thu", "fri", "sat", "sun",
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "today", "yesterday",
    "ago", "day", "days", "hour", "hours", "minute", "minutes", "second", "seconds", "week", "weeks",
})  # fmt: skip
"""In NFC and lower case."""


@dataclass(slots=True)
class Memory:
    """What is known of one page. `known` and `waiting` are hashes; times are Unix seconds."""

    first_look: float
    known: dict[str, None] = field(default_factory=dict)
    waiting: dict[str, float] = field(default_factory=dict)
    changed: float | None = None

    def look(self, page: Page, now: float) -> None:
        """Take in what the page shows now."""
        shown = fingerprints(page)
        if not self.known:
            self.known = dict.fromkeys(shown)
            return
        confirmed = [mark for mark in shown if mark in self.waiting]
        if confirmed:
            since = max(min(self.waiting[mark], now) for mark in confirmed)
            self.changed = max(self.changed or since, since)
        new = [mark for mark in shown if mark not in self.known and mark not in self.waiting]
        self.waiting = dict.fromkeys(new[:MOST_WAITING], now)
        still = {mark: None for mark in self.known if mark not in shown}
        kept = {mark: None for mark in shown if mark in self.known} | dict.fromkeys(confirmed)
        self.known = dict(list((still | kept).items())[-MOST_KNOWN:])

    def changed_at(self, now: float, newest_item: float | None = None) -> float | None:
        """When content last changed, also by the date of the feed's newest item; None as long as that is not known."""
        seen = [moment for moment in (self.changed, newest_item) if moment is not None]
        if seen:
            return max(seen)
        return self.first_look if now - self.first_look >= UNCHANGED_SECONDS and self.known else None

    def as_json(self) -> dict[str, Any]:
        return {
            "first_look": self.first_look, "known": list(self.known), "waiting": self.waiting, "changed": self.changed,
        }  # fmt: skip

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Memory:
        """Raises KeyError, TypeError, ValueError or AttributeError for what `as_json` did not write."""
        waiting = {str(mark): float(since) for mark, since in kept["waiting"].items()}
        changed = None if kept["changed"] is None else float(kept["changed"])
        return cls(float(kept["first_look"]), dict.fromkeys(map(str, kept["known"])), waiting, changed)


def fingerprints(page: Page) -> dict[str, None]:
    """Of each text that is content, in the page's order, the first of them."""
    marks = (_mark(text) for text in page.blocks)
    return dict.fromkeys(list(dict.fromkeys(mark for mark in marks if mark))[:MOST_KNOWN])


def _mark(text: str) -> str:
    words = _words(text)
    if len(words) < LEAST_WORDS or sum(map(len, words)) < LEAST_LETTERS:
        return ""
    return hashlib.blake2b(" ".join(words).encode(), digest_size=8).hexdigest()


def _words(text: str) -> list[str]:
    return [word for word in normal_words(text) if word not in CALENDAR]


def normal_words(text: str) -> list[str]:
    """Words alone, in NFC and without case."""
    return WORD.findall(unicodedata.normalize("NFC", text).casefold())


def title_key(text: str) -> str:
    """By which the same title is known again: letters and digits."""
    return " ".join(re.findall(r"\w+", unicodedata.normalize("NFC", text).casefold()))


def title_keys(texts: Iterable[str]) -> set[str]:
    return {title_key(text) for text in texts} - {""}
