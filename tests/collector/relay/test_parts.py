"""A frame is taken apart by time, and every sample is in one of the parts, bit by bit as it was."""

from __future__ import annotations

import hmac
from array import array
from typing import TYPE_CHECKING

import httpx
import pytest
from haidang_agent.credentials import Credentials
from haidang_agent.outbox import Batch
from haidang_agent.outbox_export import signing_key
from haidang_agent.relay.frame import SIGNED_FOR, seal
from haidang_agent.snapshot import STALE_BITS
from haidang_agent.wire import encode
from haidang_collector.relay.parts import MOST_TRIES, divide, moments
from haidang_collector.settings import Settings
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.outboxes import wide
from tests.agent.shipping import recent
from tests.agent.write_requests import decode
from tests.collector import remote_write as rw
from tests.collector.running import UNIT, add_agent, client_of, database_url

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from haidang_agent.snapshot import Layout

MOST = 1 << 20
MOST_SAMPLES = 200_000


class Picky(httpx.AsyncBaseTransport):
    """A store that refuses each request with a sample of `bad`; `stored` are the times of what it took."""

    def __init__(self, bad: Collection[int]) -> None:
        self.bad = bad
        self.stored: list[int] = []
        self.asked = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        found = moments(await request.aread(), MOST, MOST_SAMPLES)
        if any(when in self.bad for when in found):
            return httpx.Response(400, text="out of bounds")
        self.stored += found
        return httpx.Response(204)


@pytest.mark.parametrize(
    ("count", "bad", "at_most"),
    [
        (64, lambda place: place % 2 == 0, 32),
        (200, lambda place: place < 180, 183),
        (200, lambda place: place % 66 == 7, 4),
    ],
    ids=["every other of few", "most of many", "some of many"],
)
def test_what_the_store_refuses_is_found_in_so_many_tries(
    tmp_path: Path, count: int, bad: Callable[[int], bool], at_most: int
) -> None:
    times = recent(count)
    store = Picky({when for place, when in enumerate(times) if bad(place)})
    url = database_url(tmp_path)
    settings = Settings(database_url=url, store_write_url="http://store.example/write")
    relay, (host, bearer) = add_agent(url)[1], add_agent(url)
    frame = seal(
        Credentials(bearer.rpartition(".")[2], host, UNIT),
        Batch([], wide(2), times, [array("d", (1.0, 2.0)) for _ in times]),
    )
    with client_of(settings, store=store) as client:
        answer = client.post("/api/v1/relay", content=frame, headers={"Authorization": relay})

    assert (answer.status_code, answer.headers["haidang-refused"]) == (200, "store_refused")
    assert store.asked <= MOST_TRIES + 1
    lost = int(answer.text.split()[0])
    assert len(store.bad) <= lost <= at_most
    assert set(store.stored) <= set(times) - set(store.bad)
    assert len(store.stored) == count - lost


UP = rw.label("__name__", "up")


@pytest.mark.parametrize(
    ("behind", "reason"),
    [
        (rw.field(1, UP + b"\x12\x05"), "malformed"),
        (rw.field(1, UP + b"\x12\x00" * 300_000), "too_large"),
        (rw.field(1, UP + b"\x12\x00" * 3_000_000), "too_large"),
    ],
    ids=["no message", "many samples", "a series of 6 MB"],
)
def test_what_stands_behind_a_sample_that_is_too_old_need_not_be_sound(
    tmp_path: Path, behind: bytes, reason: str
) -> None:
    """
    The check ends at the first fault, so a frame that was refused as too old may be no message at all further on.
    """
    url = database_url(tmp_path)
    relay, (host, bearer) = add_agent(url)[1], add_agent(url)
    body = rw.snappy(rw.simple("up", 1, 1_000_000_000) + behind)
    head = seal(Credentials(bearer.rpartition(".")[2], host, UNIT), Batch([], wide(1), [1], [array("d", [1.0])]))
    frame = signed(bearer.rpartition(".")[2], b"".join(head.splitlines(keepends=True)[:2]), body)
    settings = Settings(database_url=url, store_write_url="http://store.example/write")
    with client_of(settings, store=Picky(())) as client:
        answer = client.post("/api/v1/relay", content=frame, headers={"Authorization": relay})

    assert (answer.status_code, answer.headers["haidang-refused"]) == (400 if reason == "malformed" else 413, reason)


def signed(key: str, head: bytes, body: bytes) -> bytes:
    return head + hmac.digest(signing_key(key, SIGNED_FOR), head + body, "sha256") + body


@given(
    times=st.lists(st.integers(-(1 << 62), 1 << 62), min_size=1, max_size=8, unique=True).map(sorted),
    width=st.integers(1, 3),
    at=st.integers(-(1 << 62), 1 << 62),
    seed=st.randoms(use_true_random=False),
)
def test_each_sample_is_in_the_part_of_its_time(times: list[int], width: int, at: int, seed) -> None:
    layout: Layout = wide(width)
    values = [array("d", STALE_BITS + seed.randbytes(8 * (width - 1))) for _ in times]
    body = encode(layout, times, values)

    assert moments(body, MOST, MOST_SAMPLES) == times
    parts = divide(body, at, MOST)
    for part, wanted in zip(parts, (lambda when: when < at, lambda when: when >= at), strict=True):
        chosen = [place for place, when in enumerate(times) if wanted(when)]
        if chosen:
            assert decode(part) == decode(
                encode(layout, [times[each] for each in chosen], [values[each] for each in chosen])
            )
        else:
            assert part == b""
