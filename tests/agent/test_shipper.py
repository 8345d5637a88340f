"""The shipper against a scripted collector on loopback: nothing lost, nothing changed, nobody overrun."""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING

import haidang_agent.shipper
import pytest
from haidang_agent.centre import Centre
from haidang_agent.clock import Clock, monotonic
from haidang_agent.outbox import Outbox
from haidang_agent.shipper import SMALL_SECONDS, Shipper

from tests.agent.outboxes import AB, ABC, NOW, at, fill, layout, snapshot
from tests.agent.outboxes import samples as samples_of
from tests.agent.scripted_centre import CONFIG, WRITE, Say, ScriptedCentre, scripted_centre
from tests.agent.shipping import drained, recent, shipping
from tests.servers import free_port
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.agent.outboxes import Samples


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    box = Outbox(tmp_path / "outbox.db")
    yield box
    box.close()


@pytest.fixture
def centre() -> Iterator[ScriptedCentre]:
    with scripted_centre() as server:
        yield server


class TestLanes:
    """What is sent, and when."""

    def test_the_newest_first_then_the_oldest(self, outbox: Outbox, centre: ScriptedCentre) -> None:
        """After an outage the start page is right with the first push; then the gap is filled from its beginning."""
        when = recent(5)
        fill(outbox, when)
        with shipping(outbox, centre.url):
            drained(outbox)
        assert [push.times for push in centre.writes[:2]] == [when[-1:], when[:-1]]

    def test_one_layout_in_a_request(self, outbox: Outbox, centre: ScriptedCentre) -> None:
        """Snapshots of unlike layouts go apart, in order."""
        when = recent(4)
        fill(outbox, when[:2])
        outbox.append(snapshot(1, 2, 3, of=ABC), at(when[2]), {})
        fill(outbox, when[3:])
        with shipping(outbox, centre.url):
            drained(outbox)
        assert [push.times for push in centre.writes[:3]] == [when[3:], when[:2], when[2:3]]

    def test_the_request(self, outbox: Outbox, centre: ScriptedCentre) -> None:
        """Remote write 1.0 headers, and who we are."""
        fill(outbox, recent(1))
        with shipping(outbox, centre.url):
            drained(outbox)
        headers = centre.writes[0].headers
        assert headers["content-encoding"] == "snappy"
        assert headers["content-type"] == "application/x-protobuf"
        assert headers["x-prometheus-remote-write-version"] == "0.1.0"
        assert headers["authorization"] == "Bearer a-1.key"
        assert "haidang-goodbye" not in headers

    def test_nothing_before_the_time_is_known(self, outbox: Outbox, centre: ScriptedCentre) -> None:
        """An answer without the centre's time: no push, but the configuration asked for again until one has it."""
        known = threading.Event()
        centre.answer = lambda _: Say(time=known.is_set())
        clock = Clock(outbox, "this")
        outbox.append(snapshot(1.0, 1.0), clock.stamp(), {})
        with shipping(outbox, centre.url) as shipper:
            eventually("it asked twice", lambda: len(centre.of(CONFIG)) >= 2, seconds=20, every=0.01)
            assert centre.writes == []
            assert "Haidang-Time" in str(shipper.state.last_error)
            known.set()
            drained(outbox)
        assert abs(centre.writes[0].times[0] / 1000 - time.time()) < 60

    def test_outage_then_drain(self, outbox: Outbox) -> None:
        """Snapshots go on coming while nobody listens; then all of them arrive, each sample with its bits and time."""
        port = free_port()
        expected: Samples = {}
        when = recent(120)
        with shipping(outbox, f"http://127.0.0.1:{port}") as shipper:
            for number, at_ms in enumerate(when):
                taken = snapshot(number / 3, float("inf"), -0.0, of=ABC if number % 40 < 20 else layout("x", "y", "z"))
                expected |= samples_of(taken, at_ms)
                assert outbox.append(taken, at(at_ms), {})
                shipper.wake()
            eventually("it noticed", lambda: shipper.state.failures >= 2, seconds=20, every=0.01)
            with scripted_centre(port) as centre:
                drained(outbox)
                assert shipper.state.failures == 0
                assert shipper.state.last_success == pytest.approx(time.time(), abs=60)
                shipper.stop(60.0)
        got: Samples = {}
        for push in centre.writes:
            got |= push.samples
        assert got == expected
        assert outbox.stats().lost == {}

    def test_the_granted_rate(self, outbox: Outbox, centre: ScriptedCentre) -> None:
        """The backlog takes no more samples a second than the collector grants; the live lane does not wait for it."""
        centre.answer = lambda _: Say(headers={"Haidang-Backlog-Rate": "5.0"})
        when = recent(31)
        fill(outbox, when[:10])
        outbox.append(snapshot(1, 2, 3, of=ABC), at(when[10]), {})
        fill(outbox, when[11:29])
        with shipping(outbox, centre.url) as shipper:
            eventually("the first of the backlog", lambda: len(centre.writes) >= 2, seconds=30, every=0.005)
            fill(outbox, when[29:30])
            shipper.wake()
            eventually("a live one", lambda: len(centre.writes) >= 3, seconds=5, every=0.005)
            assert centre.writes[2].times == when[29:30]
            drained(outbox)
        first, second, third = (push for push in centre.writes if push.times[-1] in (when[9], when[10], when[27]))
        assert first.times == when[:10]
        assert second.when - first.when >= 20 / 5 - 1.5
        assert third.when - second.when >= 3 / 5 - 0.4

    def test_many_small_requests_of_the_past_keep_to_what_an_agent_may_make(
        self, outbox: Outbox, centre: ScriptedCentre
    ) -> None:
        """As after days in which what is measured changed again and again; whatever rate is granted."""
        centre.answer = lambda _: Say(headers={"Haidang-Backlog-Rate": "1000000"})
        for number, when in enumerate(recent(9)):
            values, of = ((1, 2), AB) if number % 2 else ((1, 2, 3), ABC)
            outbox.append(snapshot(*values, of=of), at(when), {})
        with shipping(outbox, centre.url):
            drained(outbox)
        past = centre.writes[1:9]
        assert len(past) == 8
        assert past[-1].when - past[0].when >= 7 * SMALL_SECONDS - 0.1

    def test_who_comes_back_begins_somewhere_within_its_share(
        self, outbox: Outbox, centre: ScriptedCentre, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A city does so in the same minute: first requests that all went at once would be more than was granted."""
        monkeypatch.setattr(random, "uniform", lambda _, longest: longest)
        centre.answer = lambda _: Say(headers={"Haidang-Backlog-Rate": "10"})
        when = recent(11)
        fill(outbox, when)
        with shipping(outbox, centre.url):
            drained(outbox)
        live, first = centre.writes[:2]
        assert (live.times, first.times) == (when[-1:], when[:-1])
        assert first.when - live.when >= 20 / 10 - 0.4

    def test_a_small_grant_makes_small_requests(
        self, outbox: Outbox, centre: ScriptedCentre, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """So that the next grant is heard of soon."""
        monkeypatch.setattr(haidang_agent.shipper, "LEAST_BACKLOG_SAMPLES", 4)
        monkeypatch.setattr(haidang_agent.shipper, "BACKLOG_SECONDS", 0.5)
        centre.answer = lambda _: Say(headers={"Haidang-Backlog-Rate": "20"})
        when = recent(13)
        fill(outbox, when)
        with shipping(outbox, centre.url):
            drained(outbox)
        assert [push.times for push in centre.writes[1:4]] == [when[:5], when[5:10], when[10:12]]

    def test_the_present_goes_on_while_the_past_is_not_taken(self, outbox: Outbox, centre: ScriptedCentre) -> None:
        """The collector puts backlog off where others bring too much of it."""
        centre.answer = lambda asked: (
            Say(503, headers={"Retry-After": "300"}) if asked.path == WRITE and len(asked.times) > 1 else Say()
        )
        when = recent(4)
        fill(outbox, when[:3])
        with shipping(outbox, centre.url) as shipper:
            eventually("the past was put off", lambda: "503" in shipper.state.requests, seconds=30, every=0.01)
            fill(outbox, when[3:])
            shipper.wake()
            eventually("the present", lambda: when[3:] in [push.times for push in centre.writes], seconds=30)
            eventually("the past is kept", lambda: outbox.stats().snapshots == 2, seconds=30)

    def test_the_present_goes_first_also_after_the_centres_clock_was_put_back(
        self, outbox: Outbox, centre: ScriptedCentre
    ) -> None:
        """The last time that was shipped lies an hour ahead; what comes then is no backlog, which has to wait here."""
        ahead = 3600.0
        centre.clock = lambda: time.time() + ahead
        centre.answer = lambda _: Say(headers={"Haidang-Backlog-Rate": "0.01"})
        clock = Clock(outbox, "this")
        client = Centre(centre.url, credentials="a-1.key", learn=clock.learn)
        shipper = Shipper(client, outbox, clock, lambda asked: asked.config(None))
        shipper.start()
        eventually("the time is known", lambda: clock.offset_seconds is not None, seconds=20, every=0.01)
        outbox.append(snapshot(1.0, 1.0), clock.stamp(), {})
        shipper.wake()
        drained(outbox)
        ahead = 0.0
        outbox.append(snapshot(2.0, 1.0), clock.stamp(), {})
        shipper.wake()
        eventually("it hears of it", lambda: abs(clock.offset_seconds or 0.0) < 60, seconds=20, every=0.01)
        outbox.append(snapshot(3.0, 1.0), clock.stamp(), {})
        shipper.wake()
        drained(outbox)
        shipper.stop(60.0)
        assert outbox.stats().lost == {}

    def test_the_connection_is_kept(self, outbox: Outbox, centre: ScriptedCentre) -> None:
        """A TLS handshake every 15 s from 1,500 schools would be most of the collector's work."""
        with shipping(outbox, centre.url) as shipper:
            for number in range(5):
                fill(outbox, [NOW + number])
                shipper.wake()
                drained(outbox)
        assert len({asked.connection for asked in centre.asked}) == 1

    def test_an_idle_connection_closed_by_the_server(self, outbox: Outbox, centre: ScriptedCentre) -> None:
        """Asked again at once on a new one; no failure, no wait."""
        fill(outbox, [NOW])
        with shipping(outbox, centre.url) as shipper:
            drained(outbox)
            dropped = centre.writes[-1].connection
            centre.answer = lambda asked: Say(hang_up=asked.connection == dropped)
            fill(outbox, [NOW + 1])
            shipper.wake()
            drained(outbox)
            assert shipper.state.failures == 0
            assert "unreachable" not in shipper.state.requests


class TestStop:
    """An orderly stop is announced."""

    def test_goodbye(self, outbox: Outbox, centre: ScriptedCentre) -> None:
        """The last snapshot goes with Haidang-Goodbye, also where it had been pushed just before."""
        when = recent(1)
        with shipping(outbox, centre.url) as shipper:
            fill(outbox, when)
            shipper.wake()
            drained(outbox)
        last = centre.writes[-1]
        assert last.headers["haidang-goodbye"] == "1"
        assert last.times == when[-1:]
        assert all("haidang-goodbye" not in push.headers for push in centre.writes[:-1])

    def test_goodbye_with_a_snapshot_of_its_own(self, outbox: Outbox, centre: ScriptedCentre) -> None:
        """What was stored last, while the collector asked for patience, is pushed with it and settled."""
        when = recent(2)
        centre.answer = lambda asked: Say(503 if "haidang-goodbye" not in asked.headers else 204)
        fill(outbox, when)
        with shipping(outbox, centre.url) as shipper:
            eventually("it waits", lambda: shipper.state.failures, seconds=5, every=0.005)
        assert centre.writes[-1].times == when[-1:]
        assert outbox.stats().snapshots == 1

    def test_nobody_there(self, outbox: Outbox) -> None:
        """The stop does not wait for a collector that cannot be reached, and nothing is lost."""
        fill(outbox, recent(2))
        with shipping(outbox, f"http://127.0.0.1:{free_port()}") as shipper:
            eventually("it failed", lambda: shipper.state.failures, seconds=5, every=0.005)
            began = monotonic()
            shipper.stop(60.0)
            assert monotonic() - began < 30
        assert outbox.stats().snapshots == 2


def test_a_configuration_that_cannot_be_kept(outbox: Outbox, centre: ScriptedCentre, tmp_path: Path) -> None:
    """A full disk under the cached configuration does not stop the data."""

    def refresh(client: Centre) -> None:
        client.config(None)
        (tmp_path / "no" / "folder").write_text("x")

    clock = Clock(outbox, "this")
    shipper = Shipper(Centre(centre.url, learn=clock.learn), outbox, clock, refresh)
    fill(outbox, recent(1))
    shipper.start()
    drained(outbox)
    shipper.stop(60.0)


def test_what_was_not_foreseen_does_not_end_it(
    outbox: Outbox, centre: ScriptedCentre, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told with its traceback, and tried again after a while."""
    asked = 0

    def refresh(client: Centre) -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise ZeroDivisionError
        client.config(None)

    clock = Clock(outbox, "this")
    shipper = Shipper(Centre(centre.url, learn=clock.learn), outbox, clock, refresh)
    fill(outbox, recent(1))
    shipper.start()
    drained(outbox)
    shipper.stop(60.0)
    (told,) = (record for record in caplog.records if record.exc_info)
    assert told.getMessage().startswith("shipper: ")
    assert "ZeroDivisionError" in caplog.text
