"""Past one machine: several collectors behind nginx on one PostgreSQL, and Alertmanagers that know of each other."""

from __future__ import annotations

import json
import re
import subprocess
import sys
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

from tests.ansible.playing import ANSIBLE, BIN, run
from tests.collector import remote_write as rw
from tests.collector.running import add_agent, serving
from tests.compose.running import balancer
from tests.postgresql import server
from tests.servers import free_port, prometheus, wait_until_ready
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROLE = ANSIBLE / "roles/alertmanager"
AGENTS = 6
ROUNDS = 30
KILLED_AFTER = 10


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
    With the routes and options of the Ansible role. Each gets every alert, as Prometheus sends it; the one that is
    second in the row sees that it was told, even where the incident ends while it waits for its turn.
    """
    attack = [_alert("ArpSpoof", category="security", kind="arp_spoof")]
    attack.append(_alert("RogueDhcp", category="security", kind="rogue_dhcp"))
    outage = [_alert("InternetDown", unit="TH-2")]
    outage += [_alert("AgentSilent", unit="TH-2", agent=str(number)) for number in range(3)]
    told: list[tuple[str, ...]] = []
    with ExitStack() as stack:
        both = stack.enter_context(_cluster(tmp_path, stack.enter_context(_hook(told))))
        eventually("they see each other", lambda: all(_peers(url) == 2 for url in both), seconds=60)

        began = datetime.now(UTC)
        for url in both:
            _send(url, [*attack, *outage], began)
        eventually("both incidents are told", lambda: len(told) == 2, seconds=30)
        for url in both:
            _send(url, attack, began, ended=datetime.now(UTC))
        eventually("the end is told", lambda: len(told) == 3, seconds=30)
        looked = sum(map(_looks, both))
        eventually("the second has looked too", lambda: sum(map(_looks, both)) > looked, seconds=60)

    assert sorted(told[:2]) == [("firing", "ArpSpoof", "RogueDhcp"), ("firing", "InternetDown")]
    assert told[2:] == [("resolved", "ArpSpoof", "RogueDhcp")]


def test_the_second_alertmanager_waits_less_than_a_group_does() -> None:
    """
    It would tell again what has ended meanwhile: it looks at what its group was when the wait began.
    """
    routes = yaml.safe_load((ROLE.parents[2] / "alerts/alertmanager.yml").read_text(encoding="utf-8"))["route"]
    intervals = {each["group_interval"] for each in _routes(routes) if "group_interval" in each}
    (waits,) = re.findall(r"--cluster.peer-timeout=(\d+)s", (ROLE / "templates/default.j2").read_text(encoding="utf-8"))

    assert int(waits) < min(int(each[:-1]) * {"s": 1, "m": 60}[each[-1]] for each in intervals)


def _routes(route: dict[str, Any]) -> list[dict[str, Any]]:
    return [route, *(below for each in route.get("routes", ()) for below in _routes(each))]


@contextmanager
def _cluster(folder: Path, hook: str) -> Iterator[list[str]]:
    """Two with the files that the role writes for each, the other as its peer."""
    gossip, web = ([f"127.0.0.1:{free_port()}" for _ in range(2)] for _ in range(2))
    hosts = {
        f"host{number}": {
            "alertmanager_listen": web[number],
            "alertmanager_cluster_listen": gossip[number],
            "alertmanager_peers": [gossip[1 - number]],
        }
        for number in (0, 1)
    }
    _write_by_role(folder, hosts, {"alertmanager_collector_url": hook.rstrip("/")})
    with ExitStack() as stack:
        for name, given in hosts.items():
            (options,) = re.findall(r'^ARGS="(.*)"$', (folder / name / "default").read_text("utf-8"), re.MULTILINE)
            command = ["prometheus-alertmanager", *options.split(), "--cluster.gossip-interval=50ms"]
            log = stack.enter_context((folder / f"{name}.log").open("wb"))
            process = subprocess.Popen(command, stdout=log, stderr=log)
            stack.callback(process.wait, 20)
            stack.callback(process.terminate)
            wait_until_ready(f"http://{given['alertmanager_listen']}/-/healthy", process, seconds=60)
        yield [f"http://{address}" for address in web]


def _write_by_role(folder: Path, hosts: dict[str, dict[str, Any]], given: dict[str, str]) -> None:
    """`default` and `alertmanager.yml` of each, in a folder of its name."""
    common = {
        "ansible_connection": "local", "ansible_python_interpreter": sys.executable, "role_path": str(ROLE),
        "alertmanager_folder": f"{folder}/{{{{ inventory_hostname }}}}",
        "alertmanager_data": f"{folder}/{{{{ inventory_hostname }}}}/data",
    }  # fmt: skip
    inventory = {"all": {"hosts": hosts, "vars": common | given}}
    (folder / "inventory.yml").write_text(yaml.safe_dump(inventory), encoding="ascii")
    files = {"default": "default.j2", "alertmanager.yml": "alertmanager.yml.j2"}
    here = common["alertmanager_folder"]
    tasks = [
        {"ansible.builtin.template": {"src": f"{ROLE}/templates/{source}", "dest": f"{here}/{to}"}}
        for to, source in files.items()
    ]
    defaults = yaml.safe_load((ROLE / "defaults/main.yml").read_text(encoding="utf-8"))
    chosen = {name: value for name, value in defaults.items() if name not in common | given | hosts["host0"]}
    play = [{"hosts": "all", "gather_facts": False, "vars": chosen, "tasks": tasks}]
    (folder / "play.yml").write_text(yaml.safe_dump(play), encoding="utf-8")
    for name in hosts:
        (folder / name).mkdir()
    run(BIN / "ansible-playbook", "--inventory", folder / "inventory.yml", folder / "play.yml", folder=folder)


def _peers(url: str) -> int:
    status = httpx.get(f"{url}/api/v2/status", trust_env=False).json()
    return len(status["cluster"].get("peers", [])) if status["cluster"]["status"] == "ready" else 0


def _looks(url: str) -> int:
    """How often it has asked its log of what was told whether it has to tell."""
    text = httpx.get(f"{url}/metrics", trust_env=False).text
    (count,) = re.findall(r"^alertmanager_nflog_queries_total (\d+)$", text, re.MULTILINE)
    return int(count)


def _alert(name: str, *, unit: str = "TH-1", **labels: str) -> dict[str, str]:
    return {"alertname": name, "unit": unit, "district": "Quận 1", "severity": "critical"} | labels


def _send(url: str, alerts: list[dict[str, str]], began: datetime, *, ended: datetime | None = None) -> None:
    times = {"startsAt": began.isoformat(), "endsAt": (ended or began + timedelta(minutes=10)).isoformat()}
    body = [{"labels": labels} | times for labels in alerts]
    httpx.post(f"{url}/api/v2/alerts", json=body, trust_env=False).raise_for_status()


@contextmanager
def _hook(told: list[tuple[str, ...]]) -> Iterator[str]:
    """Its URL; of each message, whether it began or ended, and the alerts in it."""

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told.append((sent["status"], *sorted(alert["labels"]["alertname"] for alert in sent["alerts"])))
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
