from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import cramjam
import httpx
import pytest
from haidang_collector.auth import KNOWN_SECONDS
from haidang_collector.ingest.gate import Gate
from haidang_collector.registry.store import Registry
from haidang_collector.settings import Settings

from tests.collector import remote_write as rw
from tests.collector.ingest.pushing import post, stored
from tests.collector.running import add_agent, client_of, database_url
from tests.servers import prometheus

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import httpx2
    from starlette.testclient import TestClient

    from tests.servers import Prometheus


def writing_to(store: Prometheus, url: str) -> Settings:
    return Settings(database_url=url, store_write_url=store.write_url)


def ask(
    tmp_path: Path,
    body: bytes | None = None,
    *,
    says: httpx.Response | Exception | None = None,
    headers: Mapping[str, str] | None = None,
) -> httpx2.Response:
    """The answer of a collector to its enrolled agent, before a store that says `says`."""

    def answer(request: httpx.Request) -> httpx.Response:
        if isinstance(says, Exception):
            raise says
        return says or httpx.Response(204)

    url = database_url(tmp_path)
    authorization = add_agent(url)[1]
    with client_of(Settings(database_url=url), store=httpx.MockTransport(answer)) as client:
        return post(client, authorization, body, headers=headers)


def test_a_sample_comes_out_of_prometheus_with_the_centres_labels(tmp_path: Path) -> None:
    url = database_url(tmp_path)
    agent, authorization = add_agent(url)
    at = time.time() - 3600
    body = rw.snappy(rw.series([("__name__", "school_wan_up"), ("wan", "wan1")], [(1, at - 15), (0, at)]))
    with prometheus(tmp_path) as store, client_of(writing_to(store, url)) as client:
        answer = post(client, authorization, body)

        assert answer.status_code == 204, answer.text
        [found] = store.query("school_wan_up[1m]", at=at)
    labels = {"__name__": "school_wan_up", "wan": "wan1", "unit": "TH-001", "district": "Quận 1", "agent": agent}
    assert found["metric"] == labels
    assert [value for _, value in found["values"]] == ["1", "0"]


def test_prometheus_away_is_503_and_back_is_204(tmp_path: Path) -> None:
    url = database_url(tmp_path)
    authorization = add_agent(url)[1]
    with prometheus(tmp_path) as store, client_of(writing_to(store, url)) as client:
        store.kill()
        away = post(client, authorization)
        store.start()
        back = post(client, authorization)

    assert (away.status_code, back.status_code) == (503, 204)
    assert 1 <= int(away.headers["Retry-After"]) <= 10


@pytest.mark.parametrize(
    ("ago", "text"),
    [(0, "duplicate sample"), (3 * 86400, "too old sample")],
)
def test_what_prometheus_never_takes_is_400_with_its_text(tmp_path: Path, ago: float, text: str) -> None:
    """
    "too old" comes from Prometheus 2.42 as a 500: passed on as "later", it would block the agent's outbox for ever.
    """
    url = database_url(tmp_path)
    authorization = add_agent(url)[1]
    now = time.time()
    first, second = rw.snappy(rw.simple("up", 1, now)), rw.snappy(rw.simple("up", 2, now - ago))
    with prometheus(tmp_path, window="1d") as store, client_of(writing_to(store, url)) as client:
        assert post(client, authorization, first).status_code == 204

        answer = post(client, authorization, second)

    assert answer.status_code == 400
    assert text in answer.text


@pytest.mark.parametrize(
    ("store_says", "agent_hears"),
    [
        (httpx.Response(200), 204),
        (httpx.Response(204), 204),
        (httpx.Response(302, headers={"Location": "http://127.0.0.1/login"}), 503),
        (httpx.Response(400, text="out of bounds"), 400),
        (httpx.Response(401), 503),
        (httpx.Response(404), 503),
        (httpx.Response(413, text="too big"), 413),
        (httpx.Response(429), 503),
        (httpx.Response(500), 503),
        (httpx.Response(500, text="native histograms are disabled"), 400),
        (httpx.Response(503), 503),
        (httpx.ConnectError("refused"), 503),
        (httpx.ReadTimeout("slow"), 503),
        (httpx.PoolTimeout("no turn"), 503),
        (httpx.RemoteProtocolError("nonsense"), 503),
    ],
)
def test_the_answer_tells_the_agent_whether_to_keep_its_copy(
    tmp_path: Path, store_says: httpx.Response | Exception, agent_hears: int
) -> None:
    """
    A store that is set up wrongly (401, 404) is our fault, not the data's: the agent keeps it.
    """
    answer = ask(tmp_path, says=store_says)

    assert answer.status_code == agent_hears
    assert ("Retry-After" in answer.headers) == (agent_hears == 503)
    assert ("Haidang-Backlog-Rate" in answer.headers) == (agent_hears == 204)
    if agent_hears == 400:
        assert isinstance(store_says, httpx.Response)
        assert answer.text.strip() == store_says.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Encoding": "gzip"}, 415),
        ({"Content-Encoding": ""}, 415),
        ({"Content-Encoding": "Snappy"}, 204),
        ({"Content-Type": "application/json"}, 415),
        ({"Content-Type": "application/x-protobuf;proto=io.prometheus.write.v2.Request"}, 415),
        ({"Content-Type": "application/x-protobuf; proto=prometheus.WriteRequest"}, 204),
    ],
)
def test_only_remote_write_1_in_snappy_is_taken(tmp_path: Path, headers: dict[str, str], status: int) -> None:
    assert ask(tmp_path, headers=headers).status_code == status


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (b"not snappy at all", 400, "no snappy block"),
        (rw.snappy(bytes(40_000_000)), 413, "40000000 bytes decoded"),
        (
            rw.snappy(rw.simple("up", 1, 1.0)),
            400,
            "series 0 up{}: sample of 1970-01-01T00:00:01Z is older than 30 days",
        ),
        (rw.snappy(rw.simple("up", 1, 4e9)), 400, "more than 300 s in the future"),
        (rw.snappy(rw.simple("up", 1, 1.0)[:-3]), 400, "runs past the end"),
        (rw.snappy(rw.simple("up", 1, 1.0, unit="TH-002")), 400, "label 'unit' is the centre's to give"),
        (bytes(5 << 20), 413, "5242880 bytes; 4194304 bytes are allowed"),
    ],
)
def test_refusals_say_what_is_wrong_where(tmp_path: Path, body: bytes, status: int, text: str) -> None:
    answer = ask(tmp_path, body)

    assert answer.status_code == status
    assert text in answer.text
    assert "Haidang-Time" in answer.headers


def test_a_body_without_a_length_is_bounded_too(tmp_path: Path) -> None:
    url = database_url(tmp_path)
    headers = rw.HEADERS | {"Authorization": add_agent(url)[1]}
    with client_of(Settings(database_url=url, max_body_bytes=1000), store=httpx.MockTransport(stored)) as client:
        answer = client.post("/api/v1/write", content=(b"x" * 600 for _ in range(2)), headers=headers)

    assert (answer.status_code, answer.text[:10]) == (413, "body: more")


def test_one_agents_waiting_requests_do_not_hold_up_another(tmp_path: Path) -> None:
    url = database_url(tmp_path)
    greedy, modest = (add_agent(url)[1] for _ in range(2))
    arrived, go_on = threading.Semaphore(0), threading.Event()

    async def slow(request: httpx.Request) -> httpx.Response:
        if request.method == "POST" and b"slow" in cramjam.snappy.decompress_raw(request.content).read():
            arrived.release()
            await asyncio.to_thread(go_on.wait, 60)
        return httpx.Response(204)

    body = rw.snappy(rw.simple("slow", 1, time.time()))
    with (
        client_of(Settings(database_url=url), store=httpx.MockTransport(slow)) as client,
        ThreadPoolExecutor(2) as threads,
    ):
        waiting = [threads.submit(post, client, greedy, body) for _ in range(2)]
        assert all(arrived.acquire(timeout=60) for _ in waiting)
        refused = post(client, greedy)
        taken = post(client, modest)
        go_on.set()

        assert [answer.result().status_code for answer in waiting] == [204, 204]
    assert refused.status_code == 429
    assert {"Retry-After", "Haidang-Time"} <= {name.title() for name in refused.headers}
    assert taken.status_code == 204


def test_where_too_many_pushes_are_under_way_the_next_is_refused_and_its_agent_heard(tmp_path: Path) -> None:
    """
    Else a centre that has much to do would tell of schools that fell silent.
    """
    url = database_url(tmp_path)
    agent, authorization = add_agent(url)
    with client_of(Settings(database_url=url), store=httpx.MockTransport(stored)) as client:
        assert post(client, authorization).status_code == 204
        before = last_heard(client, agent)
        client.app.state.ingest.gate = Gate(pushes_at_once=0)  # type: ignore[attr-defined]  # the collector's own
        answers = [post(client, who) for who in (authorization, "Bearer made.up")]
        told, after = client.get("/metrics").text, last_heard(client, agent)

    assert [(answer.status_code, "Retry-After" in answer.headers) for answer in answers] == [(503, True)] * 2
    assert 'haidang_ingest_refused_total{reason="crowded"} 2.0' in told
    assert after > before


def last_heard(client: TestClient, agent: str) -> float:
    facts = client.get("/metrics/registry?part=agents").text
    (line,) = (each for each in facts.splitlines() if each.startswith("haidang_agent_last_seen") and agent in each)
    return float(line.rpartition(" ")[2])


def never_asked(request: httpx.Request) -> httpx.Response:
    """A store that nobody pushes to; what it tells of itself may be asked."""
    assert request.method == "GET"
    return httpx.Response(404)


def test_who_is_not_known_is_401_and_the_store_hears_nothing(tmp_path: Path) -> None:
    url = database_url(tmp_path)
    agent, authorization = add_agent(url)
    with client_of(Settings(database_url=url), store=httpx.MockTransport(never_asked)) as client:
        wrong_keys = (f"Bearer {agent}.", f"Bearer {agent}.wrong", authorization + "x")
        for wrong in (None, "", "Basic eDp5", "Bearer", "Bearer x", *wrong_keys):
            answer = post(client, wrong)
            assert answer.status_code == 401, wrong
            assert "Haidang-Time" not in answer.headers


def test_every_answer_to_an_agent_carries_the_centres_time(tmp_path: Path) -> None:
    before = time.time()
    answer = ask(tmp_path)

    assert before - 0.001 <= float(answer.headers["Haidang-Time"]) <= time.time()
    assert answer.headers["Haidang-Time"].count(".") == 1
    assert len(answer.headers["Haidang-Time"].partition(".")[2]) == 3


def test_a_revoked_agent_is_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = database_url(tmp_path)
    agent, authorization = add_agent(url)
    with client_of(Settings(database_url=url), store=httpx.MockTransport(stored)) as client:
        assert post(client, authorization).status_code == 204
        registry = Registry(url)
        registry.revoke_agent(agent)
        registry.close()
        real = time.monotonic
        monkeypatch.setattr(client.app.state.agent_door._known, "_clock", lambda: real() + KNOWN_SECONDS + 1)  # type: ignore[attr-defined]

        assert post(client, authorization).status_code == 401


def test_backlog_is_shared_out_between_those_who_bring_it(tmp_path: Path) -> None:
    url = database_url(tmp_path)
    agents = [add_agent(url)[1] for _ in range(2)]
    old = rw.snappy(rw.simple("up", 1, time.time() - 600))
    with client_of(Settings(database_url=url, backlog_rate=1000), store=httpx.MockTransport(stored)) as client:
        rates = [
            post(client, agents[0]).headers["Haidang-Backlog-Rate"],
            post(client, agents[0], old).headers["Haidang-Backlog-Rate"],
            post(client, agents[1], old).headers["Haidang-Backlog-Rate"],
            post(client, agents[0]).headers["Haidang-Backlog-Rate"],
        ]

    assert rates == ["1000", "1000", "500", "500"]


def test_last_seen_and_goodbye_are_in_the_registry_after_the_end(tmp_path: Path) -> None:
    """
    Heard is heard, even if the store is away.
    """
    url = database_url(tmp_path)
    authorization = add_agent(url)[1]
    with client_of(Settings(database_url=url), store=httpx.MockTransport(lambda _: httpx.Response(500))) as client:
        before = time.time()
        assert post(client, authorization, headers={"Haidang-Goodbye": "1"}).status_code == 503

    registry = Registry(url)
    [fact] = registry.agents()
    registry.close()
    assert fact.stopped
    assert fact.last_seen is not None
    assert before <= fact.last_seen <= time.time()
