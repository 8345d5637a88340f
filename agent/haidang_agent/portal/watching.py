"""Looks at the unit's site and the Department's feed, and remembers what the site showed, in `portal.json`."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from haidang_reach import news, site
from haidang_reach.address import parse, proxy_at
from haidang_reach.answer import Answer
from haidang_reach.connecting import trusting
from haidang_reach.content import Memory
from haidang_reach.exchange import Question, Way, exchange
from haidang_reach.feed import MOST_BYTES, newest
from haidang_reach.resolving import Resolver
from haidang_reach.waiting import Loop

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from haidang_reach.address import Address
    from haidang_reach.site import Look
    from haidang_reach.waiting import Task

    from haidang_agent.tables import Portal

log = logging.getLogger(__name__)

FILE = "portal.json"


@dataclass(frozen=True, slots=True)
class Seen:
    """`changed` and `newest` in Unix seconds, `lag` in seconds; None: not known. `department` says why not."""

    look: Look
    changed: float | None = None
    newest: float | None = None
    lag: float | None = None
    department: str = ""


class Watcher:
    """`look` is for one thread, `close` for any. Raises ValueError for what cannot be asked."""

    def __init__(
        self, portal: Portal, *, proxy: str, ca: str, now: Callable[[], float], state_dir: Path | None
    ) -> None:
        self._site = _address("[portal] url", portal.url)
        feed = portal.department_feed
        self._department = _address("[portal] department_feed", feed) if feed else None
        self._now = now
        self._resolver = Resolver()
        self._way = Way(self._resolver, trusting(ca), proxy_at("[probes.portal] proxy", proxy), now)
        self._file = state_dir / FILE if state_dir else None
        self._memory = self._recall()
        self._loop: Loop | None = None
        self._closed = False

    def look(self) -> Seen | None:
        """None where it was closed meanwhile."""
        look: Look | None = None
        answer: Answer | None = None
        with Loop() as self._loop:
            if self._closed:
                return None
            for found in self._loop.run((0.0, task) for task in self._tasks()):
                if isinstance(found, Answer):
                    answer = found
                else:
                    look = found
        return None if look is None else self._seen(look, answer)

    def close(self) -> None:
        """A look that is under way ends at once."""
        self._closed = True
        if self._loop is not None:
            self._loop.stop()
        self._resolver.close()

    def _tasks(self) -> list[Task[Look | Answer]]:
        tasks: list[Task[Look | Answer]] = [site.look(self._site, self._way)]
        if self._department is not None:
            question = Question(self._department, site.LONGEST_ANSWER_SECONDS, most_bytes=MOST_BYTES)
            tasks.append(exchange(question, self._way))
        return tasks

    def _seen(self, look: Look, answer: Answer | None) -> Seen:
        if look.page is None:
            return Seen(look)
        now = self._now()
        self._memory = self._memory or Memory(now)
        self._memory.look(look.page, now)
        self._keep()
        dated = newest(look.items, now)
        lag, why = self._lag(look, answer, now)
        return Seen(look, self._memory.changed_at(now, dated), dated, lag, why)

    def _lag(self, look: Look, answer: Answer | None, now: float) -> tuple[float | None, str]:
        if answer is None or look.page is None:
            return None, ""
        items, why = site.read_feed(answer)
        if items is None:
            return None, why
        if items and not any(item.published for item in items):
            return None, f"{answer.address.authority}: no item has a date"
        return news.lag_seconds(items, look.page, str(look.front.address), look.items, now), ""

    def _recall(self) -> Memory | None:
        """None where nothing is known of this site."""
        if self._file is None:
            return None
        try:
            kept = json.loads(self._file.read_text(encoding="utf-8"))
            return Memory.from_json(kept["memory"]) if kept["url"] == str(self._site) else None
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as broken:
            log.warning("%s cannot be used (%r); what the portal showed before is forgotten", self._file, broken)
            return None

    def _keep(self) -> None:
        if self._file is None or self._memory is None:
            return
        draft = self._file.with_suffix(".new")
        try:
            draft.write_text(json.dumps({"url": str(self._site), "memory": self._memory.as_json()}), encoding="utf-8")
            draft.replace(self._file)
        except OSError as failed:
            log.warning("%s cannot be written: %s; after a restart changes are seen later", self._file, failed)


def _address(where: str, url: str) -> Address:
    try:
        return parse(url)
    except ValueError as wrong:
        raise ValueError(f"{where}: {wrong}") from wrong
