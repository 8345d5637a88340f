"""The collector behind a real server and before a real store, while enrolled and unknown senders do their worst."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx
import pytest
from haidang_collector.settings import Settings

from tests.collector import remote_write as rw
from tests.collector.running import Served, add_agent, database_url, serving
from tests.servers import prometheus
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("attack")


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Served]:
    with (
        prometheus(folder) as store,
        serving(
            folder,
            DATABASE_URL=database_url(folder),
            STORE_WRITE_URL=store.write_url,
            PROMETHEUS_URL=store.url,
            BODY_TIMEOUT_SECONDS="5",
        ) as running,
    ):
        yield running


def post(served: Served, authorization: str, body: bytes) -> int:
    headers = rw.HEADERS | {"Authorization": authorization}
    answer = httpx.post(f"{served.url}/api/v1/write", content=body, headers=headers, timeout=120)
    return answer.status_code


def beginning(authorization: str) -> bytes:
    """A request of which the most is missing."""
    head = [f"{name}: {value}" for name, value in (rw.HEADERS | {"Authorization": authorization}).items()]
    return "\r\n".join(["POST /api/v1/write HTTP/1.1", "Host: x", *head, "Content-Length: 1000", "", "x"]).encode()


def live() -> bytes:
    now = time.time()
    return rw.snappy(b"".join(rw.simple(f"metric_{n}", 1, now, wan="1") for n in range(400)))


def test_sound_agents_are_served_while_others_attack(served: Served, folder: Path) -> None:
    good = add_agent(database_url(folder))[1]
    evil = add_agent(database_url(folder))[1]
    bodies = [rw.snappy(make(rw.sample(1, round(time.time() * 1000)))) for make in rw.HOSTILE.values()]
    bodies += [b"not snappy", rw.snappy(bytes(40_000_000)), bytes(100_000_000), rw.snappy(b"\x0a\xff")]
    attacks = [(sender, body) for body in bodies for sender in (evil, "Bearer unknown.key")]
    over = threading.Event()
    good_answers: list[tuple[int, float]] = []

    def push_as_often_as_it_may() -> None:
        while not over.wait(1 / Settings().agent_pushes_per_second):
            started = time.perf_counter()
            status = post(served, good, live())
            good_answers.append((status, time.perf_counter() - started))

    before = served.peak_memory_mib
    with ThreadPoolExecutor(5) as threads:
        pushing = threads.submit(push_as_often_as_it_may)
        try:
            answers = list(threads.map(lambda attack: post(served, *attack), attacks))
        finally:
            over.set()
        pushing.result()

    assert set(answers) <= {204, 400, 401, 408, 413, 429}
    assert {status for status, _ in good_answers} == {204}, "and at least one was asked meanwhile"
    assert max(seconds for _, seconds in good_answers) < 60
    assert served.peak_memory_mib - before < 512


def test_a_dripping_body_is_answered_408_and_the_connection_ended(served: Served, folder: Path) -> None:
    authorization = add_agent(database_url(folder))[1]
    with socket.create_connection(("127.0.0.1", served.port), timeout=60) as slow:
        slow.sendall(beginning(authorization))
        assert post(served, authorization, live()) == 204

        answer = b"".join(iter(lambda: slow.recv(4096), b""))

    assert answer.startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize("sender", ["enrolled", "unknown"])
def test_a_sender_of_too_much_reads_the_answer(served: Served, folder: Path, sender: str) -> None:
    """
    Were the connection simply closed, it would look like a broken network, and be tried again for ever. Here is a
    sender that reads only after it has sent everything.
    """
    authorization = add_agent(database_url(folder))[1] if sender == "enrolled" else "Bearer unknown.key"

    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=60)
    connection.request("POST", "/api/v1/write", bytes(20_000_000), rw.HEADERS | {"Authorization": authorization})

    assert connection.getresponse().status == (413 if sender == "enrolled" else 401)
    connection.close()


def test_a_sender_that_hangs_up_in_the_middle_is_counted(served: Served, folder: Path) -> None:
    authorization = add_agent(database_url(folder))[1]
    with socket.create_connection(("127.0.0.1", served.port), timeout=60) as leaving:
        leaving.sendall(beginning(authorization))

    counted = 'haidang_ingest_refused_total{reason="disconnected"} 1.0'
    eventually("it is counted", lambda: counted in httpx.get(f"{served.url}/metrics").text, seconds=5)


def test_a_flood_is_turned_away_and_named_and_no_other_agent_is(tmp_path: Path) -> None:
    url = database_url(tmp_path)
    good, (evil, key) = add_agent(url)[1], add_agent(url)
    few = {"AGENT_SAMPLES_PER_SECOND": "10", "UNIT_SAMPLES_PER_SECOND": "1000000"}
    with (
        prometheus(tmp_path) as store,
        serving(tmp_path, DATABASE_URL=url, STORE_WRITE_URL=store.write_url, PROMETHEUS_URL=store.url, **few) as served,
        ThreadPoolExecutor(4) as threads,
    ):
        flood = [threads.submit(post, served, key, live()) for _ in range(20)]
        answers = [post(served, good, live())]
        turned_away = [answer.result() for answer in flood].count(429)
        metrics = httpx.get(f"{served.url}/metrics").text

    assert answers == [204]
    assert turned_away > 10
    assert f'haidang_ingest_agent_refused_total{{agent="{evil}",district="Quận 1",reason="rate"' in metrics


def test_a_body_that_comes_again_and_again_is_stored_once_and_stopped(tmp_path: Path) -> None:
    """
    Also the one that is 31 days old is none that a sound agent sends, but after a long absence.
    """
    url = database_url(tmp_path)
    replaying, key = add_agent(url)
    few = {"AGENT_PUSHES_PER_SECOND": "0.3"}
    now = round(time.time())
    once = rw.snappy(b"".join(rw.simple(f"metric_{n}", 1, now - 60) for n in range(50)))
    later = rw.snappy(b"".join(rw.simple(f"metric_{n}", 2, now) for n in range(50)))
    ancient = rw.snappy(rw.simple("metric_0", 3, now - 31 * 86400))
    with (
        prometheus(tmp_path) as store,
        serving(tmp_path, DATABASE_URL=url, STORE_WRITE_URL=store.write_url, PROMETHEUS_URL=store.url, **few) as served,
        httpx.Client(base_url=served.url, headers=rw.HEADERS | {"Authorization": key}, timeout=120) as agent,
    ):
        answers = [
            agent.post("/api/v1/write", content=body).status_code for body in (once, later, ancient, *[once] * 12)
        ]
        stored = store.query(f'{{agent="{replaying}"}}[35d]')
        metrics = httpx.get(f"{served.url}/metrics").text

    assert answers[:4] == [204, 204, 400, 204]
    assert set(answers[3:]) == {204, 429}
    assert answers.count(429) > 4
    assert [each["values"] for each in stored] == [[[now - 60, "1"], [now, "2"]]] * 50
    of_agent = (
        f'haidang_ingest_agent_refused_total{{agent="{replaying}",district="Quận 1",reason="%s",unit="TH-001"}} %s'
    )
    assert of_agent % ("too_old", "1.0") in metrics
    assert of_agent % ("rate", float(answers.count(429))) in metrics
