"""What a message says: subject (what, where, since when), and body (what it means, what to do, who else knows)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from haidang_collector.i18n import translations
from haidang_collector.notify.tables import SUBJECT_LENGTH

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from haidang_collector.i18n import Words
    from haidang_collector.notify.settings import Language, Pages

IN_FULL = 20
"""Items of a message that are told with what to do; the others are a line each."""
BRIEF_CHARACTERS = 3_000
"""Of what goes to telephones; Telegram takes 4,096."""
NAMES = 8
FORMATS = {"vi": "%H:%M %d/%m/%Y", "en": "%Y-%m-%d %H:%M"}
RANKS = {"critical": 0, "warning": 1}


@dataclass(frozen=True, slots=True)
class Item:
    """One incident as one person hears of it. `kind` is one of `tables.KINDS`; `others` heard of it too."""

    incident: int
    kind: str
    severity: str
    alertname: str
    annotations: Mapping[str, str]
    starts_at: datetime
    ends_at: datetime | None
    others: Sequence[str] = ()

    @property
    def rank(self) -> tuple[bool, int, float]:
        """What still goes on first, the gravest, then the newest."""
        return self.ends_at is not None, RANKS.get(self.severity, len(RANKS)), -self.starts_at.timestamp()


class Writer:
    """Of one language, in the schools' time."""

    def __init__(self, language: Language, time_zone: str, pages: Pages) -> None:
        self._words: Words = translations(language).gettext
        self._language = language
        self._zone = ZoneInfo(time_zone)
        self._pages = pages

    def subject(self, items: Sequence[Item]) -> str:
        """Of the gravest item, with the number of the others."""
        words = self._words
        first, more = min(items, key=lambda item: item.rank), len(items) - 1
        text = f"{self._mark(first)} {self._summary(first)} ({self._when(first)})"
        tail = " " + words("and %(count)d more") % {"count": more} if more else ""
        room = SUBJECT_LENGTH - len(tail)
        return (text if len(text) <= room else f"{text[: room - 1]}…") + tail

    def body(self, items: Sequence[Item]) -> str:
        """For mail: everything."""
        ordered = sorted(items, key=lambda item: item.rank)
        parts = [self._full(item) for item in ordered[:IN_FULL]]
        if rest := ordered[IN_FULL:]:
            parts.append("\n".join(self._line(item) for item in rest))
        return "\n\n----\n\n".join(parts) + "\n"

    def brief(self, items: Sequence[Item]) -> str:
        """For telephones: a line for an incident, and how many there was no room for."""
        lines: list[str] = []
        ordered = sorted(items, key=lambda item: item.rank)
        for number, item in enumerate(ordered):
            line = self._line(item)
            if sum(map(len, lines)) + len(line) > BRIEF_CHARACTERS:
                left = self._words("and %(count)d more, all of them here: %(page)s")
                lines.append(left % {"count": len(ordered) - number, "page": f"{self._pages.url}/incidents"})
                break
            lines.append(line)
        return "\n".join(lines)

    def _full(self, item: Item) -> str:
        words = self._words
        lines = [f"{self._mark(item)} {self._summary(item)}", self._when(item)]
        if item.kind == "escalated":
            lines.append(words("You hear of it because nobody has taken it on yet."))
        elif item.kind == "reminder" and item.ends_at is None:
            lines.append(words("You hear of it again because it goes on and nobody has taken it on yet."))
        description = item.annotations.get("description" if self._language == "vi" else "description_en")
        if item.ends_at is None and description:
            lines += ["", description]
        lines += ["", words("Page: %(address)s") % {"address": self._page(item)}]
        if item.ends_at is None and (runbook := item.annotations.get("runbook_url")):
            lines.append(words("Step by step: %(address)s") % {"address": self._runbook(runbook)})
        if item.others:
            names = ", ".join(item.others[:NAMES]) + (" …" if len(item.others) > NAMES else "")
            lines.append(words("Told too: %(names)s") % {"names": names})
        return "\n".join(lines)

    def _line(self, item: Item) -> str:
        return f"{self._mark(item)} {self._summary(item)} ({self._when(item)}) {self._page(item)}"

    def _mark(self, item: Item) -> str:
        words = self._words
        if item.ends_at is not None:
            return words("[OVER]")
        if item.kind in ("escalated", "reminder"):
            return words("[NOBODY HAS TAKEN IT ON]")
        return words("[CRITICAL]") if item.severity == "critical" else words("[WARNING]")

    def _summary(self, item: Item) -> str:
        """One line, whatever the alert says."""
        told = item.annotations.get("summary" if self._language == "vi" else "summary_en") or item.alertname
        return " ".join("".join(c if c.isprintable() else " " for c in told).split())

    def _when(self, item: Item) -> str:
        begun = self._moment(item.starts_at)
        if item.ends_at is None:
            return self._words("since %(begin)s") % {"begin": begun}
        return self._words("from %(begin)s to %(end)s") % {"begin": begun, "end": self._moment(item.ends_at)}

    def _moment(self, when: datetime) -> str:
        return when.astimezone(self._zone).strftime(FORMATS[self._language])

    def _page(self, item: Item) -> str:
        return f"{self._pages.url.rstrip('/')}/incidents/{item.incident}"

    def _runbook(self, named: str) -> str:
        """Where it can be read: in the folder of the settings, else among the collector's pages."""
        file = named.rpartition("/")[2]
        if named.startswith(("http://", "https://")):
            return named
        if self._pages.runbooks:
            return f"{self._pages.runbooks.rstrip('/')}/{file}"
        if self._pages.url:
            return f"{self._pages.url.rstrip('/')}/runbooks/{file.removesuffix('.md')}"
        return named
