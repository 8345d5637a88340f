"""What a relay hands over: stored as its writer's, once; forged, another unit's, revoked: never, and it is told why."""

from __future__ import annotations

import secrets
from array import array
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from haidang_agent import credentials
from haidang_agent.centre import Centre
from haidang_agent.credentials import Credentials
from haidang_agent.outbox import Batch, Outbox
from haidang_agent.relay.custody import Custody
from haidang_agent.relay.forwarding import Forwarder
from haidang_agent.relay.frame import MAGIC, read_label, seal
from haidang_collector.registry.agent_keys import merge_agents
from haidang_collector.registry.credentials import secret_hash
from haidang_collector.registry.models import Agent
from haidang_collector.registry.store import Registry
from sqlalchemy import update

from tests.agent.outboxes import backlog, fill
from tests.agent.shipping import recent
from tests.collector.running import UNIT, add_agent, database_url, serving
from tests.servers import get, prometheus
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from haidang_agent.centre import Answer

    from tests.collector.running import Served
    from tests.servers import Prometheus

OTHER_UNIT = "TH-002"


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("city")


@pytest.fixture(scope="module")
def store(city: Path) -> Iterator[Prometheus]:
    with prometheus(city) as running:
        yield running


@pytest.fixture(scope="module")
def centre(city: Path, store: Prometheus) -> Iterator[Served]:
    with serving(city, DATABASE_URL=database_url(city), STORE_WRITE_URL=store.write_url) as served:
        yield served


@pytest.fixture
def registry(city: Path) -> Iterator[Registry]:
    with closing(Registry(database_url(city))) as opened:
        yield opened


def enrolled(city: Path, unit: str = UNIT) -> Credentials:
    agent, bearer = add_agent(database_url(city), unit=unit)
    return Credentials(bearer.rpartition(".")[2], agent, unit)


class School:
    """A relay and a host agent of one unit, and what the host agent measured."""

    def __init__(self, folder: Path, city: Path, centre: Served) -> None:
        self.relay, self.host = enrolled(city), enrolled(city)
        self.url = centre.url
        with closing(Outbox(folder / "outbox.db")) as outbox:
            self.measured = recent(5)
            fill(outbox, self.measured)
            batch = backlog(outbox)
        assert batch is not None
        self.batch = batch

    def hand_over(self, frame: bytes, relay: Credentials | None = None) -> Answer:
        with closing(Centre(self.url, None, (relay or self.relay).bearer)) as client:
            return client.hand_over(frame)


@pytest.fixture
def school(tmp_path: Path, city: Path, centre: Served) -> School:
    return School(tmp_path, city, centre)


def stored(store: Prometheus, agent: str, unit: str = UNIT) -> list[int]:
    """Times in milliseconds at which the store has the first series of the host agent."""
    found = store.query(f'a{{unit="{unit}",agent="{agent}"}}[1h]')
    return [round(1000 * float(when)) for series in found for when, _ in series["values"]]


def refused(centre: Served, relay: Credentials) -> set[str]:
    """Reasons counted of this relay."""
    lines = get(f"{centre.url}/metrics").decode().splitlines()
    ours = [line for line in lines if line.startswith("haidang_ingest_relay_refused_total{") and relay.agent in line]
    return {line.split('reason="')[1].split('"')[0] for line in ours}


def test_it_is_stored_as_what_its_writer_measured_and_once(school: School, store: Prometheus) -> None:
    frame = seal(school.host, school.batch)
    first, again = school.hand_over(frame), school.hand_over(frame)

    assert (first.status, again.status) == (204, 409)
    assert again.headers["haidang-refused"] == "again"
    assert {"haidang-time", "haidang-backlog-rate"} <= set(first.headers)
    assert stored(store, school.host.agent) == school.measured
    assert stored(store, school.relay.agent) == []


def test_what_the_host_sent_too_is_there_once(school: School, store: Prometheus) -> None:
    """
    Two frames with the same samples: the answer to a deposit was lost, and it was made anew.
    """
    for _ in range(2):
        assert school.hand_over(seal(school.host, school.batch)).status == 204
    assert stored(store, school.host.agent) == school.measured


def test_a_relay_cannot_forge(school: School, city: Path, centre: Served, store: Prometheus) -> None:
    sound = seal(school.host, school.batch)
    victim = enrolled(city)
    label = read_label(sound)
    changed = sound[:-1] + bytes([sound[-1] ^ 1])
    renamed = sound.replace(label.agent.encode(), victim.agent.encode())
    renumbered = sound.replace(label.frame.encode(), secrets.token_hex(16).encode())
    own = seal(Credentials(school.relay.key, school.host.agent, UNIT), school.batch)
    for forged in (changed, renamed, renumbered, own):
        answer = school.hand_over(forged)
        assert (answer.status, answer.headers["haidang-refused"]) == (422, "signature")
    assert school.hand_over(MAGIC + b"{}\n" + bytes(40)).status == 400
    assert stored(store, school.host.agent) == stored(store, victim.agent) == []
    assert refused(centre, school.relay) == {"signature", "malformed"}


def test_another_units_frames_and_a_revoked_agents_are_refused_for_ever(
    school: School, city: Path, store: Prometheus, registry: Registry
) -> None:
    stranger = enrolled(city, OTHER_UNIT)
    answer = school.hand_over(seal(stranger, school.batch))
    assert (answer.status, answer.headers["haidang-refused"]) == (422, "unit")

    nobody = Credentials("n" * 43, "a-nobody", UNIT)
    assert school.hand_over(seal(nobody, school.batch)).headers["haidang-refused"] == "unknown"

    registry.revoke_agent(school.host.agent)
    answer = school.hand_over(seal(school.host, school.batch))
    assert (answer.status, answer.headers["haidang-refused"]) == (422, "revoked")
    assert stored(store, school.host.agent) == stored(store, stranger.agent, OTHER_UNIT) == []


def test_a_revoked_relay_hands_nothing_over_and_keeps_it(school: School, registry: Registry) -> None:
    registry.revoke_agent(school.relay.agent)
    assert school.hand_over(seal(school.host, school.batch)).status == 401


def test_one_that_counts_as_another_stays_that_one(school: School, city: Path, store: Prometheus, registry) -> None:
    old = enrolled(city)
    merge_agents(registry.database, old.agent, school.host.agent, "lan")
    assert school.hand_over(seal(school.host, school.batch)).status == 204
    assert stored(store, old.agent) == school.measured


def test_both_keys_hold_while_a_new_one_is_taken(school: School, store: Prometheus, registry: Registry) -> None:
    fresh = Credentials("f" * 43, school.host.agent, UNIT)
    with registry.database.write() as session:
        session.execute(update(Agent).where(Agent.id == fresh.agent).values(next_key_hash=secret_hash(fresh.key)))
    for who in (school.host, fresh):
        assert school.hand_over(seal(who, school.batch)).status == 204
    assert stored(store, school.host.agent) == school.measured


def test_what_is_no_sound_push_of_the_writer_is_refused_with_its_reason(school: School, centre: Served) -> None:
    month_ago = [when - 40 * 86_400_000 for when in school.batch.timestamps_ms]
    tomorrow = [when + 86_400_000 for when in school.batch.timestamps_ms]
    labels = tuple((*series, ("unit", "TH-666")) for series in school.batch.layout)
    for batch, reason in (
        (school.batch._replace(timestamps_ms=month_ago), "too_old"),
        (school.batch._replace(timestamps_ms=tomorrow), "in_future"),
        (school.batch._replace(layout=labels), "reserved_label"),
    ):
        answer = school.hand_over(seal(school.host, batch))
        assert (answer.status, answer.headers["haidang-refused"]) == (400, reason)
    assert refused(centre, school.relay) == {"too_old", "in_future", "reserved_label"}


def test_only_what_is_refused_of_a_frame_is_lost(school: School, centre: Served, store: Prometheus) -> None:
    """
    As of pushes of the host's own, which it halves: here two are too old and one is of tomorrow.
    """
    times = school.measured
    month, day = 30 * 86_400_000, 86_400_000
    odd = [times[0] - month, times[1] - month, times[2], times[3], times[4] + day]
    answer = school.hand_over(seal(school.host, school.batch._replace(timestamps_ms=odd)))

    assert (answer.status, answer.headers["haidang-refused"]) == (200, "too_old")
    assert answer.text.startswith("3 of its snapshots were refused for ever: ")
    assert "haidang-backlog-rate" in answer.headers
    assert stored(store, school.host.agent) == times[2:4]
    assert refused(centre, school.relay) == {"too_old", "in_future"}


def test_one_that_the_store_refuses_takes_no_other_with_it(school: School, centre: Served, store: Prometheus) -> None:
    """
    There is another value of that time already.
    """
    once = Batch([1], school.batch.layout, school.measured[-1:], [array("d", (7.0, 7.0))])
    assert school.hand_over(seal(school.host, once)).status == 204
    answer = school.hand_over(seal(school.host, school.batch))

    assert (answer.status, answer.headers["haidang-refused"]) == (200, "store_refused")
    assert answer.text.startswith("1 of its snapshots was refused for ever: ")
    assert stored(store, school.host.agent) == school.measured
    assert refused(centre, school.relay) == {"store_refused"}
    assert 'haidang_ingest_relayed_frames_total{outcome="part"}' in get(f"{centre.url}/metrics").decode()


class TestForwarder:
    """The relay's own thread, with what it keeps."""

    def test_it_hands_all_over_and_lets_go_of_what_is_refused(
        self, tmp_path: Path, school: School, store: Prometheus
    ) -> None:
        credentials.save(tmp_path, school.relay)
        sound = seal(school.host, school.batch)
        with closing(Custody(tmp_path / "relay.db", 5 << 20)) as custody:
            custody.take(sound, read_label(sound), "10.0.0.1")
            forged = sound[:-1] + bytes([sound[-1] ^ 1])
            custody.take(forged, read_label(forged), "10.0.0.1")
            forwarder = Forwarder(custody, Centre(school.url), tmp_path)
            forwarder.start()
            eventually("both have gone", lambda: custody.stats().frames == 0, seconds=20)
            custody.close()  # and with that, what went is forgotten, as after a kill
            custody.take(sound, read_label(sound), "10.0.0.1")
            forwarder.wake()
            eventually("one that was there already goes too", lambda: custody.stats().frames == 0, seconds=20)
            forwarder.stop(30)
            assert custody.stats().counted == {"forwarded": 1, "signature": 1}
        assert stored(store, school.host.agent) == school.measured

    def test_nothing_is_let_go_of_while_the_centre_is_away(self, tmp_path: Path, school: School) -> None:
        credentials.save(tmp_path, school.relay)
        frame = seal(school.host, school.batch)
        with closing(Custody(tmp_path / "relay.db", 5 << 20)) as custody:
            custody.take(frame, read_label(frame), "10.0.0.1")
            forwarder = Forwarder(custody, Centre("http://127.0.0.1:9"), tmp_path)
            forwarder.start()
            eventually("it has tried", lambda: forwarder.failures >= 2, seconds=20)
            forwarder.stop(30)
            assert custody.stats().frames == 1
