from __future__ import annotations

import asyncio
import re
import time
from typing import TYPE_CHECKING

import httpx
import pytest
from haidang_collector.ingest.holding import HELD_SECONDS, Holding
from haidang_collector.ingest.limits import BURST_SECONDS, REQUEST_SAMPLES
from haidang_collector.ingest.refusal import Reason, Refusal
from haidang_collector.registry.store import Identity
from haidang_collector.settings import Settings

from tests.collector import remote_write as rw
from tests.collector.ingest.pushing import post, stored
from tests.collector.running import add_agent, client_of, database_url

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GREEDY, BESIDE = Identity("greedy", "TH-001", "Quận 1"), Identity("beside", "TH-001", "Quận 1")


@pytest.fixture
def wide() -> bytes:
    """A sound request of few samples that takes long to check: each has 60 labels."""
    labels = [("__name__", "up"), *((f"l{number:02}", "v" * 20) for number in range(60))]
    return rw.snappy(rw.series(labels, [(1, time.time())]) * 1_000)


def test_what_takes_long_to_check_counts_for_more_than_its_samples(tmp_path: Path, wide: bytes) -> None:
    url = database_url(tmp_path)
    authorization = add_agent(url)[1]
    few = Settings(database_url=url, agent_samples_per_second=1_000)
    with client_of(few, store=httpx.MockTransport(stored)) as client:
        statuses = [post(client, authorization, body).status_code for body in (None, wide, None)]

    assert statuses == [204, 204, 429]


def test_an_agent_that_brings_too_much_is_told_to_wait_and_named(tmp_path: Path) -> None:
    url = database_url(tmp_path)
    agent, authorization = add_agent(url)
    other = add_agent(url)[1]
    few = Settings(database_url=url, agent_samples_per_second=1, unit_samples_per_second=1e6)
    with client_of(few, store=httpx.MockTransport(stored)) as client:
        statuses = [post(client, sender).status_code for sender in (authorization, authorization, other)]
        answer = post(client, authorization)
        metrics = client.get("/metrics").text

    assert statuses == [204, 429, 204]
    assert int(answer.headers["Retry-After"]) > 1000
    named = f'agent="{agent}",district="Quận 1",reason="rate",unit="TH-001"'
    assert f"haidang_ingest_agent_refused_total{{{named}}} 2.0" in metrics


def test_who_brings_too_much_waits_for_the_answer_and_nobody_else_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("haidang_collector.ingest.holding.HELD_SECONDS", 3.0)
    url = database_url(tmp_path)
    greedy, other = add_agent(url)[1], add_agent(url)[1]
    few = Settings(database_url=url, agent_pushes_per_second=0.5 / BURST_SECONDS)
    with client_of(few, store=httpx.MockTransport(stored)) as client:
        took = [timed(lambda sender=each: post(client, sender).status_code) for each in (greedy, greedy, other)]
        [seconds] = re.findall(r"haidang_ingest_seconds_sum (\S+)", client.get("/metrics").text)

    assert [status for status, _ in took] == [204, 429, 204]
    assert [waited >= 3 for _, waited in took] == [False, True, False]
    assert float(seconds) < 3, "a wait is no work"


def test_more_connections_help_nobody() -> None:
    """
    Of three answers held at a time the last waits three times as long; a stranger's and what is no flood go at once.
    """

    async def run() -> list[float]:
        holding, began = Holding(), time.monotonic()

        async def held(sender: Identity | None, reason: Reason) -> float:
            await holding.hold(sender, Refusal(429, reason, "wait"))
            return time.monotonic() - began

        of_two = [held(GREEDY, "rate") for _ in range(3)] + [held(BESIDE, "busy")]
        return await asyncio.gather(*of_two, held(None, "busy"), held(GREEDY, "malformed"))

    first, _, third, beside, *at_once = asyncio.run(run())

    assert min(first, beside) >= HELD_SECONDS
    assert third >= 3 * HELD_SECONDS > max(*at_once, first, beside)


def timed(step: Callable[[], int]) -> tuple[int, float]:
    began = time.monotonic()
    return step(), time.monotonic() - began


def test_an_agent_of_ever_new_series_is_stopped_while_its_known_ones_go_on(tmp_path: Path) -> None:
    url = database_url(tmp_path)
    authorization = add_agent(url)[1]
    now = time.time()

    def series(first: int, number: int) -> bytes:
        return rw.snappy(b"".join(rw.simple("up", 1, now, n=f"{first + n:06}") for n in range(number)))

    with client_of(Settings(database_url=url, agent_series=1000), store=httpx.MockTransport(stored)) as client:
        brought = ((0, 500), (5_000, 4_000), (5_000, 4_000), (0, 500))
        statuses = [post(client, authorization, series(*each)).status_code for each in brought]

    assert statuses == [204, 429, 429, 204]


def test_what_is_refused_at_its_very_end_is_charged_for_all_of_it(tmp_path: Path) -> None:
    """
    By what it is decoded: names that are alike take next to no place on the way.
    """
    url = database_url(tmp_path)
    authorization = add_agent(url)[1]
    now = time.time()
    body = rw.snappy(b"".join(rw.simple("up", 1, now, n=f"{n:040}") for n in range(200)) + b"broken")
    few = Settings(database_url=url, agent_samples_per_second=2 * REQUEST_SAMPLES / BURST_SECONDS)
    with client_of(few, store=httpx.MockTransport(stored)) as client:
        statuses = [post(client, authorization, given).status_code for given in (body, None)]

    assert len(body) < REQUEST_SAMPLES / 2
    assert statuses == [400, 429]


def test_a_batch_that_is_refused_for_its_oldest_snapshot_may_be_halved_at_once(tmp_path: Path) -> None:
    """
    Eight times, though each holds millions of bytes: no more is charged than was looked at.
    """
    url = database_url(tmp_path)
    authorization = add_agent(url)[1]
    now = time.time()
    times = [(1, now - 40 * 86_400), *((1, now - at) for at in range(5))]
    body = rw.snappy(b"".join(rw.series([("__name__", "up"), ("n", f"{n:060}")], times) for n in range(10_000)))
    with client_of(Settings(database_url=url), store=httpx.MockTransport(stored)) as client:
        statuses = [post(client, authorization, given).status_code for given in [body] * 8 + [None]]

    assert statuses == [400] * 8 + [204]
