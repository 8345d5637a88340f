"""docker compose's files, as far as they can be tried without Docker: by schema, and by running what they run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
import yaml
from haidang_collector.access.doors import UPLOAD_BYTES
from haidang_collector.settings import Settings
from haidang_collector.supervisor.files import prometheus_config
from haidang_collector.supervisor.plan import Plan

from tests.agent.namespaces import Namespace
from tests.collector.running import add_agent, database_url, serving
from tests.compose.running import COMPOSE, GIVEN, VARIABLE, Machine, balancer, names_here, services
from tests.postgresql import PostgreSQL
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

SOON = "--rules.alert.resend-delay=5s"
"""What fires before it has found Alertmanager is sent again after a minute otherwise."""
PASSWORD = "bốn con voi"
FETCH = (
    "import ssl, sys, urllib.request as u; c = ssl._create_unverified_context() if 'https' in sys.argv[1] else None; "
)
FETCH += "sys.stdout.write(u.urlopen(sys.argv[1], timeout=5, context=c).read().decode())"


def test_the_file_is_what_docker_compose_reads() -> None:
    checker = Path(sys.executable).with_name("check-jsonschema")
    subprocess.run([checker, "--builtin-schema", "vendor.compose-spec", COMPOSE / "compose.yaml"], check=True)


@pytest.mark.parametrize("service", services())
def test_a_service_may_no_more_than_it_must(service: str) -> None:
    said = services()[service]

    assert said["read_only"] is True
    assert said["cap_drop"] == ["ALL"]
    assert said["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in said
    assert not str(said.get("user", "nginx")).startswith("0")
    assert re.search(r":\S*\d", said["image"]), "a pinned version"
    assert "healthcheck" in said
    assert "ports" not in said or service in ("proxy", "grafana")


def test_every_file_named_is_there_and_every_variable_explained() -> None:
    text = (COMPOSE / "compose.yaml").read_text(encoding="utf-8")
    example = (COMPOSE / ".env.example").read_text(encoding="utf-8")

    mounts = [mount.split(":")[0] for said in services().values() for mount in said.get("volumes", [])]
    assert all((COMPOSE / mount).exists() for mount in mounts if mount.startswith("."))
    assert {found[1] for found in VARIABLE.finditer(text)} == set(re.findall(r"^(\w+)=", example, re.MULTILINE))
    secrets = {name for said in services().values() for name in said.get("secrets", [])}
    assert secrets == yaml.safe_load(text)["secrets"].keys()
    assert not any(PASSWORD in str(said) or "password:" in str(said).lower() for said in services().values())


def test_prometheus_is_set_up_as_haidang_up_does_it(tmp_path: Path) -> None:
    ours = yaml.safe_load((COMPOSE / "prometheus.yml").read_text(encoding="utf-8"))

    theirs = prometheus_config(Plan(data=tmp_path))

    theirs["rule_files"] = ["/etc/haidang/alerts/rules/*.yml"]
    assert ours == theirs


def test_nginx_lets_an_address_have_as_many_connections_as_the_collector() -> None:
    told = re.findall(r"limit_conn addresses (\d+);", (COMPOSE / "nginx.conf").read_text(encoding="utf-8"))

    assert told == [str(Settings().connections_per_address)]


@pytest.mark.parametrize(
    ("path", "size", "passes"),
    [
        ("/registry/import", UPLOAD_BYTES, True),
        ("/registry/import/apply", UPLOAD_BYTES, True),
        ("/registry/import", UPLOAD_BYTES + 1, False),
        ("/api/v1/write", Settings().max_body_bytes, True),
        ("/api/v1/write", Settings().max_body_bytes + 1, False),
    ],
)
def test_nginx_lets_as_much_through_as_the_collector(proxied: str, path: str, size: int, passes: bool) -> None:
    """
    What it lets through, the collector itself answers: it does not know who asks.
    """
    answer = httpx.post(f"{proxied}{path}", content=bytes(size), verify=False, trust_env=False, timeout=60)

    by_nginx = "<center>nginx</center>" in answer.text
    assert (by_nginx, answer.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE) == (not passes, not passes)


@pytest.fixture(scope="module")
def proxied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A collector behind nginx."""
    folder = tmp_path_factory.mktemp("proxied")
    add_agent(database_url(folder))
    with (
        serving(folder, DATABASE_URL=database_url(folder), TRUSTED_PROXIES="127.0.0.1") as served,
        balancer(folder, [served.port] * 2) as url,
    ):
        eventually("nginx answers", lambda: _is_well(url), seconds=20)
        yield url


def _is_well(url: str) -> bool:
    try:
        return httpx.get(f"{url}/healthz", verify=False, trust_env=False).is_success
    except httpx.TransportError:
        return False


def test_the_image_gets_what_the_wheel_and_the_pdfs_need() -> None:
    text = (COMPOSE / "Dockerfile").read_text(encoding="utf-8")
    extras = tomllib.loads((COMPOSE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "optional-dependencies"
    ]
    makefile = (COMPOSE.parent / "Makefile").read_text(encoding="utf-8")

    assert set(re.findall(r"\[([a-z,]+)\]\"", text)[0].split(",")) <= extras.keys()
    assert all(package in text for package in re.findall(r"\b(lib(?:pango|harfbuzz)\S+|fonts-\S+)", makefile))
    assert re.findall(r"^USER (\S+)", text, re.MULTILINE) == ["10001:10001"]


def test_what_a_power_cut_has_broken_is_moved_aside(tmp_path: Path) -> None:
    here = Machine(tmp_path, [])
    files = [tmp_path / "prometheus/chunks_head" / name for name in ("000001", "000002")]
    files[0].parent.mkdir(parents=True)
    for file in files:
        file.write_bytes(bytes(16))

    done = subprocess.run(here.command("mend"), capture_output=True, text=True, check=True)

    assert done.stderr.count("moved to ") == 2
    assert not any(file.exists() for file in files)


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[tuple[Machine, Namespace]]:
    with Namespace() as namespace, names_here(namespace.name, ["database", "collector"]):
        yield Machine(tmp_path, namespace.command()), namespace


@pytest.mark.timeout(300)
def test_everything_runs_together_by_its_own_command(machine: tuple[Machine, Namespace]) -> None:
    """
    The collector finds its database by password file, the store and Alertmanager their collector over loopback, and
    who comes by TLS is not taken for them.
    """
    here, namespace = machine
    for file in ("nginx.conf", "collectors.conf", "prometheus.yml"):
        here.place(file)
    (here.folder / "pgpass").write_text(f"database:5432:haidang:haidang:{PASSWORD}\n", encoding="utf-8")
    (here.folder / "pgpass").chmod(0o600)
    options = services()["database"]["command"][1:]
    asked = [name for name, said in services().items() if "test" in said["healthcheck"]]
    assert [name for name in asked if here.is_well(name)] == []

    def fetch(url: str) -> str:
        return namespace.run(sys.executable, "-IS", "-c", FETCH, url)

    def answers(url: str, words: str = "") -> None:
        eventually(url, lambda: _fetched(fetch, url, words), seconds=60)

    with ExitStack() as stack:
        database = PostgreSQL(prefix=namespace.command(), listen="127.0.0.1", options=options, password=PASSWORD)
        stack.callback(database.stop)
        running = [
            stack.enter_context(here.running(service, *more))
            for service, more in {"collector": (), "prometheus": [SOON], "alertmanager": (), "proxy": ()}.items()
        ]
        answers("http://127.0.0.1:8080/readyz")
        answers("http://127.0.0.1:9090/-/ready")
        answers("https://127.0.0.1:8443/healthz", "ok")
        answers("http://127.0.0.1:9090/api/v1/query?query=min(up)", ',"1"]')
        answers("http://127.0.0.1:9093/api/v2/alerts", "Watchdog")
        with pytest.raises(RuntimeError, match=r"HTTP Error 40[13]"):
            fetch("https://127.0.0.1:8443/metrics/registry")
        assert [name for name in asked if not here.is_well(name)] == ["grafana"], "all that runs here"
        answers("http://127.0.0.1:9090/api/v1/query?query=haidang_store_free_bytes>0", '"result":[{')
        assert pages_of_messages(here.folder / "alerts") == GIVEN["HAIDANG_PUBLIC_URL"].rstrip("/")
        running.append(stack.enter_context(here.running("portals")))
        log = here.folder / "portals.log"
        eventually("a round is done", lambda: "portals: 0, down: 0" in log.read_text(encoding="utf-8"), seconds=60)
        assert [process.poll() for process in running] == [None] * len(running)

        done = subprocess.run(
            here.command("provision"), env=here.environment("provision"), capture_output=True, check=True
        )
        assert done.returncode == 0
        sources = yaml.safe_load((here.folder / "provisioning/datasources/haidang.yml").read_text(encoding="utf-8"))
        assert sources["datasources"][0]["url"].startswith("http://collector:8080/api/v1/prom/")
        boards = list((here.folder / "provisioning/boards").rglob("*.json"))
        assert all(json.loads(board.read_text(encoding="utf-8"))["uid"] for board in boards)
        assert boards


def pages_of_messages(alerts: Path) -> str:
    """Where links in Alertmanager's own messages begin, by these templates."""
    words = ["--template.glob", f"{alerts}/templates/*.tmpl", '--template.text={{ template "haidang.pages" }}']
    done = subprocess.run(["amtool", "template", "render", *words], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def _fetched(fetch: object, url: str, words: str) -> bool:
    try:
        return words in fetch(url)  # type: ignore[operator]
    except RuntimeError as not_yet:
        raise LookupError(str(not_yet)) from None
