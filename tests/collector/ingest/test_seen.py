from __future__ import annotations

import time
from typing import TYPE_CHECKING

from haidang_collector.ingest.seen import Seen
from haidang_collector.registry.facts import Sighting
from sqlalchemy.exc import OperationalError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pytest


class Registry:
    """Keeps what is recorded, unless it is away."""

    def __init__(self) -> None:
        self.calls: list[Mapping[str, Sighting]] = []
        self.away = False
        self.meanwhile: Callable[[], None] = lambda: None

    def record(self, seen: Mapping[str, Sighting]) -> None:
        if self.away:
            self.meanwhile()
            raise OperationalError("UPDATE", {}, OSError("away"))
        self.calls.append(seen)


def test_what_is_new_is_written_once_in_one_go() -> None:
    registry = Registry()
    seen = Seen(registry.record)
    seen.heard("a", Sighting(1.0, stopped=False))
    seen.heard("b", Sighting(2.0, stopped=False))
    seen.heard("a", Sighting(3.0, stopped=True))

    seen.flush()
    seen.flush()

    assert registry.calls == [{"a": Sighting(3.0, stopped=True), "b": Sighting(2.0, stopped=False)}]
    assert seen.latest("a") == Sighting(3.0, stopped=True)
    assert seen.latest("c") is None


def test_who_was_heard_by_a_wrong_clock_was_heard_a_moment_ago() -> None:
    """The clock has been put back by seven hours since."""
    seen = Seen(Registry().record)
    seen.heard("a", Sighting(time.time() + 7 * 3600, stopped=True))

    latest = seen.latest("a")
    assert latest is not None
    assert latest.stopped
    assert time.time() - 5 < latest.at <= time.time()


def test_what_could_not_be_written_is_written_later_the_newest_of_each(caplog: pytest.LogCaptureFixture) -> None:
    registry = Registry()
    registry.meanwhile = lambda: seen.heard("a", Sighting(2.0, stopped=False))
    seen = Seen(registry.record)
    registry.away = True
    seen.heard("a", Sighting(1.0, stopped=False))
    seen.heard("b", Sighting(1.0, stopped=False))
    seen.flush()
    registry.away = False

    seen.flush()

    assert registry.calls == [{"a": Sighting(2.0, stopped=False), "b": Sighting(1.0, stopped=False)}]
    assert "last-seen times of 2 agents are not written yet" in caplog.text
