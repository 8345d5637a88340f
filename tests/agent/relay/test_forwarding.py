"""The relay's way on to the centre: in which order, what an answer means, and in whose name."""

from __future__ import annotations

from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest
from haidang_agent import credentials
from haidang_agent.centre import Centre
from haidang_agent.credentials import Credentials
from haidang_agent.relay.carried import Carried
from haidang_agent.relay.custody import Custody
from haidang_agent.relay.forwarding import Forwarder
from haidang_agent.relay.frame import MOST_SAMPLES, Label

from tests.agent.scripted_centre import CONFIG, Asked, Say, ScriptedCentre, scripted_centre
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RELAYED = "/api/v1/relay"


@pytest.fixture
def custody(tmp_path: Path) -> Iterator[Custody]:
    credentials.save(tmp_path, Credentials("k" * 43, "a-relay", "U1"))
    with closing(Custody(tmp_path / "relay.db", 5 << 20)) as opened:
        yield opened


@pytest.fixture
def centre() -> Iterator[ScriptedCentre]:
    with scripted_centre() as scripted:
        yield scripted


def keep(custody: Custody, agent: str, *newest: int) -> None:
    for when in newest:
        custody.take(f"{agent} {when}".encode(), Label(agent, "0" * 32, when, 10), "10.0.0.1")


@contextmanager
def forwarding(custody: Custody, centre: ScriptedCentre, folder: Path) -> Iterator[Forwarder]:
    forwarder = Forwarder(custody, Centre(centre.url), folder)
    forwarder.start()
    try:
        yield forwarder
    finally:
        forwarder.stop(30)


def asked(centre: ScriptedCentre) -> list[str]:
    return [each.body.decode() for each in centre.of(RELAYED)]


def test_what_is_newest_of_each_goes_first_then_the_oldest(tmp_path: Path, custody, centre: ScriptedCentre) -> None:
    keep(custody, "a-1", 1, 2, 3)
    keep(custody, "a-2", 5, 6)
    with forwarding(custody, centre, tmp_path):
        eventually("all has gone", lambda: custody.stats().frames == 0, seconds=20)

    assert centre.of(CONFIG) == []
    assert asked(centre) == ["a-2 6", "a-1 3", "a-1 1", "a-1 2", "a-2 5"]
    assert {each.headers["authorization"] for each in centre.of(RELAYED)} == {f"Bearer a-relay.{'k' * 43}"}
    assert custody.stats().counted == {"forwarded": 5}


def test_an_agent_that_is_to_wait_lets_the_others_pass(tmp_path: Path, custody, centre: ScriptedCentre) -> None:
    keep(custody, "a-1", 1, 2, 3)
    keep(custody, "a-2", 5, 6)

    def answer(of: Asked) -> Say:
        return Say(429, headers={"Retry-After": "300"}) if of.body.startswith(b"a-1") else Say()

    centre.answer = answer
    with forwarding(custody, centre, tmp_path):
        eventually("the other's has gone", lambda: custody.stats().frames == 3, seconds=20)
    assert asked(centre).count("a-1 3") == 1
    assert "a-1 1" not in asked(centre)


@pytest.mark.parametrize("said", [Say(503), Say(401), Say(200, time=False), Say(hang_up=True), Say(404, time=False)])
def test_what_is_no_collectors_last_word_takes_nothing_away(
    tmp_path: Path, custody, centre: ScriptedCentre, said: Say
) -> None:
    centre.answer = lambda _: said
    keep(custody, "a-1", 1)
    with forwarding(custody, centre, tmp_path) as forwarder:
        eventually("it has been answered", lambda: forwarder.failures >= 1, seconds=20)
    assert custody.stats().frames == 1


@pytest.mark.parametrize(
    ("headers", "counted"),
    [
        ({"Haidang-Refused": "signature"}, "signature"),
        ({"Haidang-Refused": "again"}, "forwarded"),
        ({"Haidang-Refused": 'no"label'}, "other"),
        ({}, "other"),
    ],
)
def test_a_last_word_is_counted_by_its_reason(
    tmp_path: Path, custody, centre: ScriptedCentre, headers: dict[str, str], counted: str
) -> None:
    centre.answer = lambda _: Say(422, b"why\n", headers)
    keep(custody, "a-1", 1)
    with forwarding(custody, centre, tmp_path):
        eventually("it has gone", lambda: custody.stats().frames == 0, seconds=20)
    assert custody.stats().counted == {counted: 1}


def test_what_was_refused_of_a_part_is_counted_and_said(
    tmp_path: Path, custody, centre: ScriptedCentre, caplog: pytest.LogCaptureFixture
) -> None:
    centre.answer = lambda _: Say(200, b"2 of its snapshots were refused", {"Haidang-Refused": "too_old"})
    keep(custody, "a-1", 1)
    with forwarding(custody, centre, tmp_path):
        eventually("it has gone", lambda: custody.stats().frames == 0, seconds=20)
    assert custody.stats().counted == {"forwarded": 1, "too_old": 1}
    assert "a part of a frame of a-1 for ever: 2 of its snapshots were refused" in caplog.text


def test_what_came_on_a_stick_is_let_go_of_before_anything_is_handed_over(
    tmp_path: Path, custody, centre: ScriptedCentre
) -> None:
    keep(custody, "a-1", 1, 2, 3)
    others = Carried(custody)
    assert len(list(others.frames())) == 3
    others.note("1" * 16, 7)
    centre.answer = lambda of: Say(200, b"{}", {"Haidang-Imported": "0-7,9"}) if of.path == CONFIG else Say()
    with forwarding(custody, centre, tmp_path):
        eventually("all has gone", lambda: custody.stats().frames == 0, seconds=20)

    (question,) = centre.of(CONFIG)
    assert question.headers["haidang-export"] == "1" * 16
    assert question.headers["authorization"] == f"Bearer a-relay.{'k' * 43}"
    assert asked(centre) == ["a-1 2"]
    assert custody.stats().counted == {"forwarded": 3}


def test_it_asks_first_also_where_the_file_was_written_a_moment_ago(
    tmp_path: Path, custody, centre: ScriptedCentre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is handed over would not be taken here."""
    monkeypatch.setattr("haidang_agent.relay.forwarding.ASK_SECONDS", 2.0)
    away = iter((True,))
    centre.answer = lambda of: (
        Say(200, b"{}", {"Haidang-Imported": "0"}) if of.path == CONFIG and not next(away, False) else Say(503)
    )
    keep(custody, "a-1", 1)
    with forwarding(custody, centre, tmp_path) as forwarder:
        eventually("it has tried", lambda: forwarder.failures, seconds=20)
        others = Carried(custody)
        assert len(list(others.frames())) == 1
        others.note("1" * 16, 0)
        eventually("it has gone", lambda: custody.stats().frames == 0, seconds=30)

    assert custody.stats().counted == {"forwarded": 1}


@pytest.mark.parametrize("said", [Say(404), Say(503), Say(200, headers={"Haidang-Imported": "0"}, time=False)])
def test_who_does_not_tell_of_sticks_is_handed_all(tmp_path: Path, custody, centre: ScriptedCentre, said: Say) -> None:
    keep(custody, "a-1", 1)
    others = Carried(custody)
    assert len(list(others.frames())) == 1
    others.note("1" * 16, 0)
    centre.answer = lambda of: said if of.path == CONFIG else Say()
    with forwarding(custody, centre, tmp_path):
        eventually("it has gone", lambda: custody.stats().frames == 0, seconds=20)

    assert asked(centre) == ["a-1 1"]


@pytest.mark.parametrize("said", [Say(404), Say(429), Say(503, headers={"Retry-After": "1"}), Say(200, time=False)])
def test_who_does_not_tell_of_sticks_is_not_asked_with_every_frame(
    tmp_path: Path, custody, centre: ScriptedCentre, said: Say
) -> None:
    """
    The centre grants the relay's identity few questions a minute, and the agent beside it asks too.
    """
    centre.answer = lambda of: said if of.path == CONFIG else Say()
    keep(custody, "a-1", 1)
    others = Carried(custody)
    assert len(list(others.frames())) == 1
    others.note("1" * 16, 0)
    with forwarding(custody, centre, tmp_path) as forwarder:
        for when in range(2, 7):
            eventually("it has gone", lambda: custody.stats().frames == 0, seconds=20)
            keep(custody, "a-1", when)
            others = Carried(custody)
            list(others.frames())  # none where it has gone already
            others.note("2" * 16, 0)
            forwarder.wake()
        eventually("all has gone", lambda: custody.stats().frames == 0, seconds=20)

    assert len(asked(centre)) == 6
    assert len(centre.of(CONFIG)) == 1


@pytest.mark.parametrize("wait", ["0", "3"])
def test_who_did_not_tell_of_sticks_is_asked_again(
    tmp_path: Path, custody, centre: ScriptedCentre, monkeypatch: pytest.MonkeyPatch, wait: str
) -> None:
    monkeypatch.setattr("haidang_agent.relay.forwarding.ASK_SECONDS", 2.0)
    keep(custody, "a-1", 1)
    others = Carried(custody)
    assert len(list(others.frames())) == 1
    others.note("1" * 16, 0)

    def answer(of: Asked) -> Say:
        told = Say(200, b"{}", {"Haidang-Imported": "0"}) if len(centre.of(CONFIG)) > 1 else Say(503)
        return told if of.path == CONFIG and len(centre.of(CONFIG)) > 1 else Say(503, headers={"Retry-After": wait})

    centre.answer = answer
    with forwarding(custody, centre, tmp_path):
        eventually("it has gone", lambda: custody.stats().frames == 0, seconds=60)

    first, second = centre.of(CONFIG)
    assert second.when - first.when >= max(0.5, float(wait))
    assert custody.stats().counted == {"forwarded": 1}


def test_a_new_key_of_the_relay_is_used_from_the_next_frame_on(tmp_path: Path, custody, centre: ScriptedCentre) -> None:
    with forwarding(custody, centre, tmp_path) as forwarder:
        for key in ("k" * 43, "n" * 43):
            credentials.save(tmp_path, Credentials(key, "a-relay", "U1"))
            keep(custody, "a-1", ord(key[0]))
            forwarder.wake()
            eventually("it has gone", lambda: custody.stats().frames == 0, seconds=20)
    assert [each.headers["authorization"][-1] for each in centre.of(RELAYED)] == ["k", "n"]


def test_enrolled_for_another_unit_it_brings_nothing_of_the_first_in_its_name(
    tmp_path: Path, centre: ScriptedCentre
) -> None:
    """
    The centre would refuse all of it for ever, and the PCs have let go of it for the first unit's relay.
    """
    centre.answer = lambda _: Say(422, b"of another unit\n", {"Haidang-Refused": "unit"})
    credentials.save(tmp_path, Credentials("o" * 43, "a-other", "U2"))
    with closing(Custody(tmp_path / "relay.db", 5 << 20, "U1")) as custody:
        keep(custody, "a-1", 1)
        others = Carried(custody)
        assert len(list(others.frames())) == 1
        others.note("1" * 16, 0)
        with forwarding(custody, centre, tmp_path) as forwarder:
            eventually("it has looked", lambda: forwarder.failures, seconds=20)
            assert centre.asked == []
            assert custody.stats().frames == 1
            centre.answer = lambda _: Say()
            credentials.save(tmp_path, Credentials("n" * 43, "a-anew", "U1"))
            eventually("it has gone", lambda: custody.stats().frames == 0, seconds=20)
    assert asked(centre) == ["a-1 1"]


def test_a_key_that_cannot_be_read_now_is_read_later(tmp_path: Path, custody, centre: ScriptedCentre) -> None:
    """The disk fails, or all file descriptors are in use."""
    keep(custody, "a-1", 1)
    (tmp_path / credentials.FILE).unlink()
    (tmp_path / credentials.FILE).mkdir()
    with forwarding(custody, centre, tmp_path) as forwarder:
        eventually("it fails", lambda: forwarder.failures, seconds=20)
        (tmp_path / credentials.FILE).rmdir()
        credentials.save(tmp_path, Credentials("k" * 43, "a-relay", "U1"))
        eventually("it has gone", lambda: custody.stats().frames == 0, seconds=20)


def test_an_agent_that_says_it_brings_more_than_it_does_holds_up_nobody(tmp_path: Path, custody, centre) -> None:
    """By what it says, each of its frames would take the relay a minute."""
    centre.answer = lambda _: Say(headers={"Haidang-Backlog-Rate": "100"})
    for when in range(5):
        custody.take(b"tiny %d" % when, Label("a-1", "0" * 32, when, MOST_SAMPLES), "10.0.0.1")
    keep(custody, "a-2", 10)
    with forwarding(custody, centre, tmp_path):
        eventually("all has gone", lambda: custody.stats().frames == 0, seconds=30)


def test_what_the_store_may_have_lost_is_handed_over_again(
    tmp_path: Path, custody, centre: ScriptedCentre, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    The relay hears that the store began anew although nothing more is left with it.
    """
    monkeypatch.setattr("haidang_agent.relay.forwarding.LOOK_SECONDS", 0.2)
    since, had = "1790000000.00", set[tuple[str, bytes]]()

    def answer(of: Asked) -> Say:
        known = since, of.body
        if known in had:
            return Say(409, headers={"Haidang-Refused": "again", "Haidang-Store-Since": since})
        had.add(known)
        return Say(headers={"Haidang-Store-Since": since})

    centre.answer = answer
    keep(custody, "a-1", 1, 2, 30)
    with forwarding(custody, centre, tmp_path):
        eventually("all has gone", lambda: len(had) == 3, seconds=20)
        eventually("one is tried again", lambda: len(asked(centre)) > 3, seconds=20)
        assert custody.stats().frames == 0
        assert custody.stats().counted == {"forwarded": 3}
        since = "1790000900.00"
        eventually("all has come again", lambda: len(had) == 6, seconds=20)
        eventually("nothing waits", lambda: custody.stats().frames == 0, seconds=20)
    assert custody.stats().counted == {"forwarded": 3}
