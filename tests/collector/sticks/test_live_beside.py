"""What an operator brings on a stick refuses nothing of what its agent, and others of the unit, push meanwhile."""

from __future__ import annotations

import io
import time
from array import array
from typing import TYPE_CHECKING

import httpx
import pytest
from haidang_agent import outbox_export
from haidang_agent.credentials import Credentials
from haidang_agent.outbox import Batch, Outbox
from haidang_agent.relay.frame import seal
from haidang_agent.snapshot import Snapshot
from haidang_collector.settings import Settings
from haidang_collector.sticks.file import frames

from tests.agent.outboxes import DAY, at, layout, wide
from tests.agent.shipping import recent
from tests.collector import remote_write as rw
from tests.collector.running import UNIT, add_agent, client_of, database_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from haidang_agent.snapshot import Layout
    from starlette.testclient import TestClient

RATE = 2_000
"""Six requests, at 5,000 samples each, are all that an agent or unit may send at once."""
PARTS = 20
SERIES = 100


class City:
    """A collector that lets little in, and who push to it."""

    def __init__(self, folder: Path, client: TestClient) -> None:
        self.folder = folder
        self.client = client
        self.agent, self.beside = (self._enrolled() for _ in range(2))

    def _enrolled(self) -> Credentials:
        agent, bearer = add_agent(database_url(self.folder))
        return Credentials(bearer.rpartition(".")[2], agent, UNIT)

    def stick(self, snapshots: Iterable[tuple[Layout, int]], others: Iterable[bytes] = ()) -> list[bytes]:
        """What is sent of each part of it."""
        outbox = Outbox(self.folder / f"outbox-{time.monotonic_ns()}.db")
        for series, when in snapshots:
            assert outbox.append(Snapshot(series, array("d", [1.0] * len(series))), at(when), {})
        out = io.BytesIO()
        outbox_export.write(outbox, self.agent, out, time.time(), others)
        outbox.close()
        out.seek(0)
        return [frame.encode() for frame in frames(out) if frame.body]

    def bring(self, part: bytes) -> int:
        return self.client.post("/api/v1/import", content=part, params={"again": "true"}).status_code

    def push(self, who: Credentials, names: Iterable[str] = ("up",)) -> int:
        """What it measured just now."""
        body = rw.snappy(b"".join(rw.simple(name, 1, time.time()) for name in names))
        return self.client.post("/api/v1/write", content=body, headers=rw.HEADERS | bearer(who)).status_code


def bearer(who: Credentials) -> dict[str, str]:
    return {"Authorization": f"Bearer {who.agent}.{who.key}"}


@pytest.fixture
def city(tmp_path: Path) -> Iterator[City]:
    settings = Settings(
        database_url=database_url(tmp_path),
        store="mimir",
        store_write_url="http://store.example/api/v1/push",
        agent_samples_per_second=RATE,
        unit_samples_per_second=RATE,
        agent_series=SERIES,
        unit_series=SERIES * 10,
    )
    with client_of(settings, store=httpx.MockTransport(lambda _: httpx.Response(204))) as client:
        yield City(tmp_path, client)


def test_a_stick_of_many_parts_holds_back_neither_itself_nor_the_unit(city: City) -> None:
    (part,) = city.stick((wide(2), when) for when in recent(20))

    assert [city.bring(part) for _ in range(PARTS)] == [200] * PARTS
    assert [city.push(who) for who in (city.agent, city.beside)] == [204, 204]


def test_what_is_refused_of_a_stick_does_not_hold_back_its_agent(city: City) -> None:
    month_ago = round(time.time() * 1000) - 31 * DAY
    (part,) = city.stick((wide(60), month_ago + at_ms) for at_ms in range(200))

    assert [city.bring(part) for _ in range(PARTS)] == [400] * PARTS
    assert city.push(city.agent) == 204


def test_series_of_a_stick_are_bounded_but_are_not_the_live_agents(city: City) -> None:
    """A month ago it measured others than now."""
    now = recent(2)
    first, second = city.stick([(wide(80), now[0]), (layout(*(f"other_{each}" for each in range(80))), now[1])])

    assert [city.bring(first), city.bring(second)] == [200, 429]
    assert city.push(city.agent, [f"live_{each}" for each in range(80)]) == 204


def test_a_relays_stick_holds_back_neither_itself_nor_whose_frames_it_keeps(city: City) -> None:
    values = [array("d", (1.0, 2.0)) for _ in range(3)]
    frame = seal(city.beside, Batch([], wide(2), recent(3), values))
    sealed_wrong = frame[:-1] + bytes([frame[-1] ^ 1])
    sound, unsound = city.stick((), [frame, sealed_wrong])

    assert {(city.bring(sound), city.bring(unsound)) for _ in range(PARTS)} == {(200, 422)}
    assert [city.push(who) for who in (city.agent, city.beside)] == [204, 204]
    handed_over = city.client.post("/api/v1/relay", content=frame, headers=bearer(city.agent))
    assert handed_over.status_code == 409, "it is known by either way"
