"""Past one machine: several collectors behind nginx on one PostgreSQL, and Alertmanagers that know of each other."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import httpx
import yaml
from haidang_collector.registry.database import Database
from haidang_collector.registry.models import Agent
from sqlalchemy import update

from tests.collector import remote_write as rw
from tests.collector.running import add_agent, serving
from tests.compose.running import Machine
from tests.postgresql import server
from tests.servers import free_port, prometheus, wait_until_ready
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AGENTS = 6
ROUNDS = 30
KILLED_AFTER = 10


@contextmanager
def balancer(folder: Path, ports: list[int]) -> Iterator[str]:
    """nginx by compose's file before these collectors; its URL."""
    machine, port = Machine(folder, []), free_port()
    machine.place("scale/collectors.conf")
    machine.place("nginx.conf")
    replaced = {f"collector-{number}.haidang.internal:8080": f"127.0.0.1:{ports[number - 1]}" for number in (1, 2)}
    replaced |= {"listen 8443": f"listen 127.0.0.1:{port}"}
    for file in ("collectors.conf", "nginx.conf"):
        text = (folder / file).read_text(encoding="utf-8")
        for there, here in replaced.items():
            text = text.replace(there, here)
        (folder / file).write_text(text, encoding="utf-8")
    with (folder / "nginx.log").open("wb") as log:
        command = ["nginx", "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield f"https://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=60)


def test_one_of_two_collectors_is_killed_and_nobody_notices(tmp_path: Path) -> None:
    """
    Every sample of every agent is stored once, no agent hears of it, and who is revoked is so for both within a minute.
    """
    url = server().create()
    database = Database(url)
    database.upgrade()
    agents = [add_agent(url) for _ in range(AGENTS)]
    begin = time.time() - ROUNDS
    with ExitStack() as stack:
        stack.callback(server().drop, url)
        stack.callback(database.close)
        store = stack.enter_context(prometheus(tmp_path))
        folders = [tmp_path / name for name in ("one", "two")]
        for folder in folders:
            folder.mkdir()
        settings = {
            "DATABASE_URL": url, "STORE_WRITE_URL": store.write_url, "PROMETHEUS_URL": store.url,
            "TRUSTED_PROXIES": "127.0.0.1",
        }  # fmt: skip
        both = [stack.enter_context(serving(folder, **settings)) for folder in folders]
        front = stack.enter_context(balancer(tmp_path, [each.port for each in both]))
        client = stack.enter_context(httpx.Client(base_url=front, verify=False, trust_env=False, timeout=30))

        def push(authorization: str, at: float) -> int:
            body = rw.snappy(rw.simple("round", at, at))
            headers = rw.HEADERS | {"Authorization": authorization}
            return client.post("/api/v1/write", content=body, headers=headers).status_code

        eventually("nginx answers", lambda: _answers(client), seconds=20)
        heard: list[int] = []
        for number in range(ROUNDS):
            if number == KILLED_AFTER:
                assert all(_requests(each.url) for each in both), "both had their share"
                both[0].process.kill()
            heard += [push(authorization, begin + number) for _, authorization in agents]

        assert set(heard) == {204}
        found = {series["metric"]["agent"]: series["values"] for series in store.query("round[10m]")}
        assert {agent: len(values) for agent, values in found.items()} == {agent: ROUNDS for agent, _ in agents}
        assert all(
            float(value) == begin + number for values in found.values() for number, (_, value) in enumerate(values)
        )

        with serving(folders[0], **settings) as returned:
            with database.write() as session:
                session.execute(update(Agent).where(Agent.id == agents[0][0]).values(revoked_at=datetime.now(UTC)))
            for each in (returned, both[1]):
                eventually("revoked", lambda at=each.url: _refused(at, agents[0][1]), seconds=60)
        assert push(agents[1][1], begin + ROUNDS) == 204


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").is_success
    except httpx.TransportError:
        return False


def _requests(url: str) -> bool:
    """Whether this collector has stored anything."""
    text = httpx.get(f"{url}/metrics", trust_env=False).text
    return 'haidang_ingest_requests_total{status="204"}' in text


def _refused(url: str, authorization: str) -> bool:
    body = rw.snappy(rw.simple("late", 1, time.time()))
    answer = httpx.post(
        f"{url}/api/v1/write", content=body, headers=rw.HEADERS | {"Authorization": authorization}, trust_env=False
    )
    return answer.status_code == 401


def test_two_alertmanagers_tell_once(tmp_path: Path) -> None:
    """
    Each gets every alert, as Prometheus sends it; the one that is second in the row sees that it was told.
    """
    told: list[tuple[str, str]] = []
    with ExitStack() as stack:
        hook = stack.enter_context(_hook(told))
        settings = tmp_path / "alertmanager.yml"
        route = {"receiver": "hook", "group_by": ["alertname"], "group_wait": "1s", "group_interval": "2s"}
        receivers = [{"name": "hook", "webhook_configs": [{"url": hook, "send_resolved": True}]}]
        settings.write_text(yaml.safe_dump({"route": route, "receivers": receivers}), encoding="ascii")
        both = stack.enter_context(_cluster(tmp_path, settings))

        eventually("they see each other", lambda: all(_peers(url) == 2 for url in both), seconds=30)
        for alert in ("First", "Second"):
            for ended, status in ((False, "firing"), (True, "resolved")):
                for url in both:
                    _send(url, alert, ended=ended)
                eventually(f"{alert} {status}", lambda told_of=(alert, status): told_of in told, seconds=30)
        for url in both:
            _send(url, "Last", ended=False)
        eventually("Last", lambda: ("Last", "firing") in told, seconds=30)

    expected = [(alert, status) for alert in ("First", "Second") for status in ("firing", "resolved")]
    assert told == [*expected, ("Last", "firing")]


@contextmanager
def _cluster(folder: Path, settings: Path) -> Iterator[list[str]]:
    gossip, web = [free_port(), free_port()], [free_port(), free_port()]
    with ExitStack() as stack:
        for number in (0, 1):
            command = [
                "prometheus-alertmanager", f"--config.file={settings}", f"--storage.path={folder / str(number)}",
                f"--web.listen-address=127.0.0.1:{web[number]}",
                f"--cluster.listen-address=127.0.0.1:{gossip[number]}",
                f"--cluster.peer=127.0.0.1:{gossip[1 - number]}", "--cluster.peer-timeout=5s",
            ]  # fmt: skip
            log = stack.enter_context((folder / f"alertmanager{number}.log").open("wb"))
            process = subprocess.Popen(command, stdout=log, stderr=log)
            stack.callback(process.wait, 20)
            stack.callback(process.terminate)
            wait_until_ready(f"http://127.0.0.1:{web[number]}/-/healthy", process, seconds=60)
        yield [f"http://127.0.0.1:{port}" for port in web]


def _peers(url: str) -> int:
    status = httpx.get(f"{url}/api/v2/status", trust_env=False).json()
    return len(status["cluster"].get("peers", [])) if status["cluster"]["status"] == "ready" else 0


def _send(url: str, alert: str, *, ended: bool) -> None:
    now = datetime.now(UTC)
    times = {"startsAt": (now - timedelta(minutes=1)).isoformat()}
    times["endsAt"] = (now - timedelta(seconds=1) if ended else now + timedelta(minutes=10)).isoformat()
    httpx.post(
        f"{url}/api/v2/alerts", json=[{"labels": {"alertname": alert}} | times], trust_env=False
    ).raise_for_status()


@contextmanager
def _hook(told: list[tuple[str, str]]) -> Iterator[str]:
    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told.extend((alert["labels"]["alertname"], alert["status"]) for alert in sent["alerts"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """The test looks at what arrived."""

    hook = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    thread = threading.Thread(target=hook.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{hook.server_port}/"
    finally:
        hook.shutdown()
        thread.join()
        hook.server_close()
