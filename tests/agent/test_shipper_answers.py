"""What an answer of the collector, or of something else in its place, does to the data in the outbox."""

from __future__ import annotations

import logging
import time
from email.utils import formatdate
from typing import TYPE_CHECKING

import pytest
from haidang_agent.outbox import Outbox

from tests.agent.outboxes import fill
from tests.agent.scripted_centre import WRITE, Asked, Say, ScriptedCentre, scripted_centre
from tests.agent.shipping import drained, recent, shipping
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    box = Outbox(tmp_path / "outbox.db")
    yield box
    box.close()


@pytest.fixture
def centre() -> Iterator[ScriptedCentre]:
    with scripted_centre() as server:
        yield server


class TestAnswers:
    """What an answer to a push does to the data."""

    def test_one_bad_snapshot_is_found(
        self, outbox: Outbox, centre: ScriptedCentre, caplog: pytest.LogCaptureFixture
    ) -> None:
        """A 400 of many: halved until the bad one stands alone. It is counted and the server's text is logged."""
        when = recent(13)
        bad = when[5]
        centre.answer = lambda asked: (
            Say(400, b"label b: not\nallowed") if asked.path == WRITE and bad in asked.times else Say()
        )
        fill(outbox, when)
        with shipping(outbox, centre.url), caplog.at_level(logging.ERROR):
            drained(outbox)
        stored = [at for push in centre.writes if bad not in push.times for at in push.times]
        assert sorted(set(stored)) == [at for at in when if at != bad]
        assert outbox.stats().lost == {"refused": 1}
        assert "400 label b: not allowed" in caplog.text

    @pytest.mark.parametrize("status", [401, 403])
    def test_unknown_to_the_collector(self, outbox: Outbox, centre: ScriptedCentre, status: int) -> None:
        """Revoked, or the registry restored from an old backup: the data is kept, and pushed after a minute's wait."""
        centre.answer = lambda asked: Say(status, b"no such agent") if asked.path == WRITE else Say()
        fill(outbox, recent(3))
        with shipping(outbox, centre.url) as shipper:
            eventually("it was told", lambda: shipper.state.last_error, seconds=5, every=0.01)
            assert shipper.state.last_error == f"{status} no such agent"
            assert outbox.stats().snapshots == 3
        assert outbox.stats().lost == {}

    @pytest.mark.parametrize("known", [True, False], ids=["collector", "proxy"])
    def test_too_large(self, outbox: Outbox, centre: ScriptedCentre, known: bool) -> None:
        """A 413, also of a proxy in front: fewer snapshots at once."""
        centre.answer = lambda asked: Say(413, time=known) if asked.path == WRITE and len(asked.times) > 3 else Say()
        when = recent(12)
        fill(outbox, when)
        with shipping(outbox, centre.url):
            drained(outbox)
        assert {at for push in centre.writes if len(push.times) <= 3 for at in push.times} == set(when)
        assert outbox.stats().lost == {}

    @pytest.mark.parametrize(("status", "as_date"), [(429, False), (503, True)], ids=["seconds", "date"])
    def test_asked_to_wait(self, outbox: Outbox, centre: ScriptedCentre, status: int, as_date: bool) -> None:
        """Retry-After is obeyed, a date by the centre's clock, which here is three days ahead of ours."""
        ahead = 3 * 86400.0
        centre.clock = lambda: time.time() + ahead

        def answer(asked: Asked) -> Say:
            if asked.path != WRITE or len(centre.writes) > 1:
                return Say()
            after = formatdate(centre.clock() + 4, usegmt=True) if as_date else "3"
            return Say(status, headers={"Retry-After": after})

        centre.answer = answer
        fill(outbox, recent(1))
        with shipping(outbox, centre.url):
            drained(outbox)
            first, second = centre.writes
        assert 1.5 <= second.when - first.when < 60

    @pytest.mark.parametrize(
        "say",
        [
            Say(200, b"<html>please log in", time=False),
            Say(404, time=False),
            Say(302, headers={"Location": "/"}),
            Say(500),
        ],
        ids=lambda say: f"{say.status}-{'collector' if say.time else 'stranger'}",
    )
    def test_what_settles_nothing(self, outbox: Outbox, centre: ScriptedCentre, say: Say) -> None:
        """Captive portals, proxies, restarts: only a collector's 2xx or 4xx is final. Later all is pushed again."""
        centre.answer = lambda asked: say if asked.path == WRITE and len(centre.writes) == 1 else Say()
        fill(outbox, recent(1))
        with shipping(outbox, centre.url) as shipper:
            eventually("it failed", lambda: shipper.state.failures, seconds=5, every=0.005)
            assert outbox.stats().snapshots == 1
            drained(outbox)
        assert outbox.stats().lost == {}

    @pytest.mark.parametrize(
        "headers",
        [
            {"Haidang-Backlog-Rate": "\xb2"},
            {"Haidang-Time": "nan"},
            {"Retry-After": "\xb2"},
        ],
        ids=str,
    )
    def test_nonsense_in_a_header(self, outbox: Outbox, centre: ScriptedCentre, headers: dict[str, str]) -> None:
        """The shipper's thread lives on, and delivers when the nonsense is over."""
        nonsense = Say(503 if "Retry-After" in headers else 200, headers=headers, time="Haidang-Time" not in headers)
        centre.answer = lambda asked: nonsense if asked.path == WRITE and len(centre.writes) == 1 else Say()
        fill(outbox, recent(1))
        with shipping(outbox, centre.url) as shipper:
            drained(outbox)
            fill(outbox, [round(time.time() * 1000)])
            shipper.wake()
            drained(outbox)
