"""Several processes that are one collector: whatever one of them hears, all tell."""

from __future__ import annotations

import http.client
import os
import signal
import threading
import time
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from haidang_collector.registry.database import Database
from haidang_collector.registry.store import Registry

from tests.collector import remote_write as rw
from tests.collector.running import add_agent, database_url
from tests.collector.test_metrics import samples
from tests.collector.workers import Together, connected, together
from tests.postgresql import server
from tests.servers import prometheus
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.servers import Prometheus

ISPS = {"VNPT": "113.160.0.1", "Viettel": "171.224.0.1"}
SAMPLES = "haidang_ingest_samples_total"


class Pusher:
    """An agent on a kept connection: what it was not answered it sends again, the very same."""

    def __init__(self, port: int, pid: int, credentials: tuple[str, str], isp: str) -> None:
        self.agent, authorization = credentials
        self.answered = 0
        self._port = port
        self._first = time.time() - 3600
        self._connection = connected(port, pid)
        self._headers = rw.HEADERS | {
            "Authorization": authorization,
            "X-Forwarded-For": ISPS[isp],
            "Haidang-Scrape-Port": "9810",
        }

    def push(self) -> None:
        body = rw.snappy(rw.simple("round", self.answered, self._first + self.answered))
        eventually("it is stored", lambda: self._send(body) == http.client.NO_CONTENT, seconds=30, every=0.02)
        self.answered += 1

    def push_until(self, enough: threading.Event) -> None:
        while not enough.is_set():
            self.push()

    def close(self) -> None:
        self._connection.close()

    def refused_by(self, pid: int) -> bool:
        self.close()
        self._connection = connected(self._port, pid)
        return self._send(rw.snappy(rw.simple("late", 1, time.time()))) == http.client.UNAUTHORIZED

    def _send(self, body: bytes) -> int:
        """0: there was no answer."""
        try:
            self._connection.request("POST", "/api/v1/write", body, self._headers)
            answer = self._connection.getresponse()
            answer.read()
        except (http.client.HTTPException, OSError):
            self._connection.close()
            return 0
        return answer.status


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield database_url(tmp_path)
        return
    made = server().create()
    with closing(Database(made)) as database:
        database.upgrade()
    yield made
    server().drop(made)


def test_two_are_one_and_the_death_of_one_costs_nothing(tmp_path: Path, url: str) -> None:
    """
    Sums, ISPs and scrape targets are the same whoever is asked. One is killed while agents push: what was answered is
    stored, once, no counter goes back, and it is there again. Who is revoked is so for both.
    """
    credentials = [add_agent(url) for _ in ISPS]
    with ExitStack() as stack:
        store = stack.enter_context(prometheus(tmp_path))
        both = stack.enter_context(
            together(
                tmp_path,
                DATABASE_URL=url,
                STORE_WRITE_URL=store.write_url,
                TRUSTED_PROXIES="127.0.0.1",
                AGENT_PUSHES_PER_SECOND="1000",
            )
        )
        eventually("both listen", both.all_answer, seconds=60)
        listening = f"listening on http://127.0.0.1:{both.port} with 2 workers\n"
        eventually("it is said", lambda: listening in both.said(), seconds=20)
        pushers = [Pusher(both.port, *each) for each in zip(both.pids, credentials, ISPS, strict=True)]
        for pusher in pushers:
            stack.callback(pusher.close)
        for pusher in pushers * 5:
            pusher.push()

        eventually("both know all", lambda: all(knows(both, pid, pushers) for pid in both.pids), seconds=30)
        assert [figure(both, pid, SAMPLES) for pid in both.pids] == [10, 10]

        lost = both.pids[1]
        pushed_while_killed(pushers, lambda: os.kill(lost, signal.SIGKILL))
        answered = sum(pusher.answered for pusher in pushers)
        eventually("two again", lambda: lost not in both.pids and both.all_answer(), seconds=60)
        eventually("costs of both", lambda: costs(both) == {("1",), ("2",)}, seconds=20)
        figures = [figure(both, pid, SAMPLES) for pid in both.pids]
        assert figures[0] == figures[1]
        assert answered <= figures[0] <= answered + len(pushers), "the last of each may have been stored unanswered"
        assert f"worker 2 (process {lost}) was ended by SIGKILL; it starts again in 1 s\n" in both.said()
        is_stored_once(store, pushers)

        with closing(Registry(url)) as registry:
            registry.revoke_agent(pushers[0].agent)
        eventually("both refuse", lambda: all(map(pushers[0].refused_by, both.pids)), seconds=20)
        pushers[1].push()

        folders = {file.parent for file in Path("/dev/shm").glob(f"haidang-*/*.{both.pids[0]}.pid")}
        both.process.terminate()
        assert both.process.wait(timeout=120) == 0
    assert len(folders) == 1
    assert not folders.pop().exists()


def costs(both: Together) -> set[tuple[str, ...]]:
    """Of which workers they are told."""
    return set(samples(both.get(both.pids[0], "/metrics"), "process_resident_memory_bytes"))


def figure(both: Together, pid: int, name: str) -> float:
    return samples(both.get(pid, "/metrics"), name)[()]


def knows(both: Together, pid: int, pushers: list[Pusher]) -> bool:
    told = samples(both.get(pid, "/metrics/registry"), "haidang_agent_egress_info")
    assert {labels[2] for labels in told} <= set(ISPS)
    listed = both.get(pid, "/sd/agents")
    return len(told) == len(pushers) and all(pusher.agent in listed for pusher in pushers)


def pushed_while_killed(pushers: list[Pusher], kill: Callable[[], None]) -> None:
    """Each answers some before it and some after it."""
    enough = threading.Event()
    threads = [threading.Thread(target=pusher.push_until, args=(enough,)) for pusher in pushers]
    for thread in threads:
        thread.start()
    try:
        for act in (kill, bool):
            least = [pusher.answered + 20 for pusher in pushers]
            eventually("they push", partial(have_pushed, pushers, least), seconds=60)
            act()
    finally:
        enough.set()
        for thread in threads:
            thread.join()


def have_pushed(pushers: list[Pusher], least: list[int]) -> bool:
    return all(pusher.answered >= at for pusher, at in zip(pushers, least, strict=True))


def is_stored_once(store: Prometheus, pushers: list[Pusher]) -> None:
    found = {series["metric"]["agent"]: series["values"] for series in store.query("round[2h]")}
    for pusher in pushers:
        values = [float(value) for _, value in found[pusher.agent]]
        assert values == list(range(len(values)))
        assert len(values) >= pusher.answered
