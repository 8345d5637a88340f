"""A relay's stick: what it keeps for others is stored as theirs, and let go of when the centre is sure to have it."""

from __future__ import annotations

import json
import secrets
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from haidang_agent import credentials, outbox_export
from haidang_agent.centre import Centre
from haidang_agent.credentials import Credentials
from haidang_agent.outbox import Outbox
from haidang_agent.relay.carried import Carried
from haidang_agent.relay.custody import Custody
from haidang_agent.relay.forwarding import Forwarder
from haidang_agent.relay.frame import LONGEST_FRAME, read_label, seal
from haidang_collector.cli import build
from haidang_collector.registry.fleet_tables import ImportedFrame
from haidang_collector.registry.store import Registry
from haidang_collector.sticks.taking import SAFE_SECONDS, mark_safe
from sqlalchemy import select
from typer.testing import CliRunner

from tests.agent.outboxes import DAY, backlog, fill
from tests.agent.shipping import recent
from tests.collector.running import UNIT, add_agent, database_url, serving
from tests.servers import get, prometheus
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from haidang_agent.outbox import Batch
    from typer.testing import Result

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


class School:
    """A relay, what it keeps, and two host agents."""

    def __init__(self, folder: Path, city: Path) -> None:
        self.folder = folder
        self.city = city
        self.relay, *self.hosts = (self.enrolled() for _ in range(3))
        credentials.save(folder, self.relay)
        self.outbox = Outbox(folder / "outbox.db")
        self.custody = Custody(folder / "relay.db", 64 << 20)

    def enrolled(self, unit: str = UNIT) -> Credentials:
        agent, bearer = add_agent(database_url(self.city), unit=unit)
        return Credentials(bearer.rpartition(".")[2], agent, unit)

    def measured(self, times: list[int]) -> Batch:
        with closing(Outbox(self.folder / f"host-{secrets.token_hex(4)}.db")) as outbox:
            fill(outbox, times)
            batch = backlog(outbox)
        assert batch is not None
        return batch

    def deposit(self, who: Credentials, times: list[int]) -> bytes:
        frame = seal(who, self.measured(times))
        self.keep(frame)
        return frame

    def keep(self, frame: bytes) -> None:
        self.custody.take(frame, read_label(frame), "10.0.0.1")

    def export(self, name: str = "stick") -> Path:
        others = Carried(self.custody)
        with (self.folder / name).open("wb") as out:
            done = outbox_export.write(self.outbox, self.relay, out, time.time(), others.frames())
        others.note(done.export, done.frames)
        return self.folder / name

    def meets(self, url: str, left: int) -> None:
        """The relay's forwarder, until so many frames wait."""
        forwarder = Forwarder(self.custody, Centre(url), self.folder)
        forwarder.start()
        eventually(f"{left} wait", lambda: self.custody.stats().frames == left, seconds=20)
        forwarder.stop(30)


@pytest.fixture
def school(tmp_path: Path, city: Path) -> Iterator[School]:
    made = School(tmp_path, city)
    yield made
    made.outbox.close()
    made.custody.close()


def imported(file: Path, url: str, *more: str) -> Result:
    return CliRunner().invoke(build(), ["import", str(file), "--server", url, *more])


def told(result: Result) -> dict[str, object]:
    return dict(json.loads(result.stdout))


def two_minutes_later(registry: Registry) -> None:
    with registry.database.read() as connection:
        runs = set(connection.scalars(select(ImportedFrame.store_since)))
    for since in runs:
        mark_safe(registry.database, since, time.time() + SAFE_SECONDS)


def stored(store: Prometheus, who: Credentials) -> list[int]:
    """Times in milliseconds at which the store has its first series."""
    found = store.query(f'a{{unit="{who.unit}",agent="{who.agent}"}}[1h]')
    return [round(1000 * float(when)) for series in found for when, _ in series["values"]]


def refused(centre: Served, relay: Credentials) -> set[str]:
    """Reasons counted of what this relay brings."""
    lines = get(f"{centre.url}/metrics").decode().splitlines()
    ours = [line for line in lines if line.startswith("haidang_ingest_relay_refused_total{") and relay.agent in line]
    return {line.split('reason="')[1].split('"')[0] for line in ours}


def test_it_is_stored_as_its_writers_and_let_go_of_when_it_is_safe(
    school: School, centre: Served, store: Prometheus, registry: Registry
) -> None:
    times = recent(6)
    fill(school.outbox, times)
    for host in school.hosts:
        school.deposit(host, times[:3])
    stick = school.export()
    school.deposit(school.hosts[0], times[3:])

    first, again = imported(stick, centre.url), imported(stick, centre.url, "--json")

    assert (first.exit_code, again.exit_code) == (0, 0), first.stderr
    assert first.stdout == (
        "3 parts stored (24 samples), 0 were there already; of them 2 frames of 2 agents behind this relay\n"
    )
    assert [told(again)[name] for name in ("stored", "again", "relayed", "relayed_agents")] == [0, 3, 2, 2]
    assert [stored(store, who) for who in (school.relay, *school.hosts)] == [times, times[:3], times[:3]]
    assert school.custody.stats().frames == 3

    two_minutes_later(registry)
    school.meets(centre.url, left=0)
    assert school.custody.stats().counted == {"forwarded": 3}
    assert stored(store, school.hosts[0]) == times
    frames = get(f"{centre.url}/metrics").decode()
    assert 'haidang_ingest_relayed_frames_total{outcome="stored"} 3.0' in frames, "one of them by the relay's way"
    assert 'haidang_ingest_relayed_frames_total{outcome="again"} 0.0' in frames


def test_before_the_centre_is_sure_of_it_it_is_handed_over_as_ever(
    school: School, centre: Served, store: Prometheus
) -> None:
    times = recent(3)
    school.deposit(school.hosts[0], times)
    assert imported(school.export(), centre.url).exit_code == 0
    school.meets(centre.url, left=0)

    assert stored(store, school.hosts[0]) == times


def test_what_was_handed_over_before_the_stick_came_is_there_once(
    school: School, centre: Served, store: Prometheus
) -> None:
    """With --again too, as after a back-up of the store was restored."""
    times = recent(3)
    school.deposit(school.hosts[0], times)
    stick = school.export()
    school.meets(centre.url, left=0)

    results = [imported(stick, centre.url, "--json", *more) for more in ((), (), ("--again",))]

    assert [(told(each)["stored"], told(each)["again"]) for each in results] == [(0, 1), (0, 1), (1, 0)]
    assert stored(store, school.hosts[0]) == times


def test_what_is_not_sound_is_refused_as_of_a_relay_that_hands_it_over(
    school: School, centre: Served, store: Prometheus, registry: Registry
) -> None:
    """And the relay keeps it, to hear of it when the link is back."""
    times = recent(3)
    sound = seal(school.hosts[0], school.measured(times))
    stranger, gone = school.enrolled(OTHER_UNIT), school.enrolled()
    registry.revoke_agent(gone.agent)
    school.keep(sound[:-1] + bytes([sound[-1] ^ 1]))
    school.keep(seal(Credentials(school.relay.key, school.hosts[1].agent, UNIT), school.measured(times)))
    school.deposit(stranger, times)
    school.deposit(gone, times)
    for age in (31, 32):
        school.deposit(school.hosts[0], [when - age * DAY for when in times])
    label = sound[: sound.index(b"}\n") + 2]
    school.custody.take(label + bytes(LONGEST_FRAME), read_label(sound), "10.0.0.2")

    result = imported(school.export(), centre.url, "--json")

    assert result.exit_code == 1
    assert [told(result)[name] for name in ("stored", "refused", "relayed")] == [0, 7, 0]
    assert (
        f"1 frames of {stranger.agent} are refused: {stranger.agent} is not of the unit of this relay" in result.stderr
    )
    assert f"2 frames of {school.hosts[0].agent} are refused: " in result.stderr
    assert "is older than 30 days; the relay keeps them" in result.stderr
    assert refused(centre, school.relay) == {"signature", "unit", "revoked", "too_old", "too_large"}
    assert not any(stored(store, who) for who in (*school.hosts, stranger, gone))

    two_minutes_later(registry)
    school.meets(centre.url, left=0)
    assert "forwarded" not in school.custody.stats().counted


def test_what_is_too_old_of_a_frame_alone_is_lost(school: School, centre: Served, store: Prometheus) -> None:
    times = recent(3)
    school.deposit(school.hosts[0], [times[0] - 31 * DAY, *times])

    result = imported(school.export(), centre.url, "--json")

    assert [told(result)[name] for name in ("stored", "relayed", "snapshots_refused")] == [1, 1, {"too_old": 1}]
    assert result.exit_code == 1
    assert f"1 frames of {school.hosts[0].agent}: some of their snapshots were refused for ever: " in result.stderr
    assert stored(store, school.hosts[0]) == times


@pytest.mark.parametrize(
    ("status", "wait", "words", "asked"),
    [
        (400, "0", "3 frames of other agents are left, for this collector is too old for what a relay kept", 1),
        (429, "300", "2 frames of {0} are left: why; the relay keeps them, import the file again later", 2),
    ],
)
def test_who_takes_no_more_now_is_not_asked_on_and_on(
    school: School, status: int, wait: str, words: str, asked: int
) -> None:
    """A collector of before this knows no relay's frames; one agent has brought too many series. Others go on."""
    of_others = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            relayed = b"HAIDANG-RELAY" in body
            of_others.extend([body] if relayed else [])
            self.send_response(status if relayed else 200)
            self.send_header("Retry-After", wait)
            self.end_headers()
            self.wfile.write(b"why" if relayed else b'{"samples": 4, "again": false}')

        def log_message(self, *_: object) -> None: ...

    times = recent(2)
    fill(school.outbox, times)
    for back in range(2):
        school.deposit(school.hosts[0], [when - back for when in times])
    school.deposit(school.hosts[1], times)
    with ThreadingHTTPServer(("127.0.0.1", 0), Collector) as collector:
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        result = imported(school.export(), f"http://127.0.0.1:{collector.server_port}", "--json")
        collector.shutdown()

    assert result.exit_code == 1
    assert [told(result)[name] for name in ("stored", "left", "relayed")] == [1, 3, 0]
    assert words.format(school.hosts[0].agent) in result.stderr
    assert len(of_others) == asked
