from __future__ import annotations

from typing import TYPE_CHECKING

from haidang_collector.ingest.seen import Seen
from sqlalchemy.exc import OperationalError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pytest


class Registry:
    """Keeps what is recorded, unless it is away."""

    def __init__(self) -> None:
        self.calls: list[Mapping[str, tuple[float, bool]]] = []
        self.away = False
        self.meanwhile: Callable[[], None] = lambda: None

    def record(self, seen: Mapping[str, tuple[float, bool]]) -> None:
        if self.away:
            self.meanwhile()
            raise OperationalError("UPDATE", {}, OSError("away"))
        self.calls.append(seen)


def test_what_is_new_is_written_once_in_one_go() -> None:
    registry = Registry()
    seen = Seen(registry.record)
    seen.heard("a", 1.0, stopped=False)
    seen.heard("b", 2.0, stopped=False)
    seen.heard("a", 3.0, stopped=True)

    seen.flush()
    seen.flush()

    assert registry.calls == [{"a": (3.0, True), "b": (2.0, False)}]
    assert seen.latest("a") == (3.0, True)
    assert seen.latest("c") is None


def test_what_could_not_be_written_is_written_later_the_newest_of_each(caplog: pytest.LogCaptureFixture) -> None:
    registry = Registry()
    registry.meanwhile = lambda: seen.heard("a", 2.0, stopped=False)
    seen = Seen(registry.record)
    registry.away = True
    seen.heard("a", 1.0, stopped=False)
    seen.heard("b", 1.0, stopped=False)
    seen.flush()
    registry.away = False

    seen.flush()

    assert registry.calls == [{"a": (2.0, False), "b": (1.0, False)}]
    assert "last-seen times of 2 agents are not written yet" in caplog.text
