from __future__ import annotations

import json
import time
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import httpx
import pytest
import yaml
from haidang_collector.cli import build
from haidang_collector.registry.store import Registry, Sighting
from haidang_collector.sd import LISTED_SECONDS, scrape_address
from haidang_collector.settings import Settings
from typer.testing import CliRunner

from tests.collector import remote_write as rw
from tests.collector.running import add_agent, client_of, database_url
from tests.servers import prometheus
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.testclient import TestClient
    from typer.testing import Result


def offering(client: TestClient, authorization: str, port: str | None) -> None:
    headers = rw.HEADERS | {"Authorization": authorization}
    if port is not None:
        headers["Haidang-Scrape-Port"] = port
    client.post("/api/v1/write", content=rw.snappy(rw.simple("up", 1, time.time())), headers=headers)


def test_agents_that_offer_a_port_are_listed_as_http_sd_wants(tmp_path: Path) -> None:
    url = database_url(tmp_path)
    agent, authorization = add_agent(url, roles=("site", "host"))
    silent = add_agent(url)[1]
    store = httpx.MockTransport(lambda _: httpx.Response(503))
    with client_of(Settings(database_url=url), store=store) as client:
        offering(client, authorization, "9810")
        offering(client, silent, None)
        listed = client.get("/sd/agents")
        offering(client, authorization, None)
        withdrawn = client.get("/sd/agents")

    labels = {
        "unit": "TH-001",
        "district": "Quận 1",
        "agent": agent,
        "__meta_haidang_roles": ",site,host,",
        "__meta_haidang_version": "0.1.0",
        "__meta_haidang_os": "linux",
    }
    assert listed.headers["Content-Type"] == "application/json"
    assert listed.json() == [{"targets": ["127.0.0.1:9810"], "labels": labels}]
    assert withdrawn.json() == []


def test_who_starts_knows_what_was_offered_before(tmp_path: Path) -> None:
    """
    Otherwise every scrape of agents would end whenever the collector is restarted. Who is not heard for a day goes.
    """
    url = database_url(tmp_path)
    (heard, authorization), (gone, _), (revoked, _) = (add_agent(url) for _ in range(3))
    store = httpx.MockTransport(lambda _: httpx.Response(204))
    with client_of(Settings(database_url=url), store=store) as client:
        offering(client, authorization, "9810")
    with closing(Registry(url)) as registry:
        long_ago = time.time() - LISTED_SECONDS - 60
        registry.record_seen({gone: Sighting(long_ago, stopped=False, scrape_address="192.0.2.7:9810")})
        registry.record_seen({revoked: Sighting(time.time(), stopped=False, scrape_address="192.0.2.8:9810")})
        registry.revoke_agent(revoked)
    with client_of(Settings(database_url=url), store=store) as client:
        listed = client.get("/sd/agents").json()

    assert [(group["labels"]["agent"], group["targets"]) for group in listed] == [(heard, ["127.0.0.1:9810"])]


@pytest.mark.parametrize(
    ("host", "port", "address"),
    [
        ("10.20.0.5", "9810", "10.20.0.5:9810"),
        ("2001:db8::5", "9810", "[2001:db8::5]:9810"),
        ("10.20.0.5", "0", None),
        ("10.20.0.5", "65536", None),
        ("10.20.0.5", "99999999999999999999", None),
        ("10.20.0.5", "0000019810", None),
        ("10.20.0.5", "٩٨١٠", None),
        ("10.20.0.5", "9810/metrics?x=", None),
        ("10.20.0.5", "", None),
        ("10.20.0.5", None, None),
    ],
)
def test_only_a_port_is_taken_from_the_agent(host: str, port: str | None, address: str | None) -> None:
    assert scrape_address(host, port) == address


def test_the_job_has_the_bounds_of_this_environment() -> None:
    def printed(most: str) -> Result:
        return CliRunner().invoke(build(), ["agents", "scrape-job"], env={"HAIDANG_MAX_SERIES": most})

    assert yaml.safe_load(printed("7").stdout)[0]["sample_limit"] == 7
    assert (printed("many").exit_code, printed("many").stdout) == (2, "")


LIES = """\
school_internet_up 1 1000
school_policy_limit{row="R4"} 99
ALERTS{alertname="InternetDown"} 1
school:row:compliant{row="R4"} 1
school_wan_up{unit="TH-002"} 0
school_service_up{agent="a-2"} 0
school_lab_computers{job="collector",instance="x"} 5
school_internet_probes_total 7
school_seconds_bucket{le="+Inf"} 7
school_seconds_count 7
school_seconds_sum 7
"""
KNOWN = {"unit": "TH-001", "district": "Quận 1", "agent": "a-1"}


@contextmanager
def liar() -> Iterator[str]:
    """Its URL: an exporter of lies, and a list of agents that names it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            listed = [{"targets": [f"127.0.0.1:{server.server_port}"], "labels": KNOWN}]
            body = (json.dumps(listed) if self.path == "/sd/agents" else LIES).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json" if self.path == "/sd/agents" else "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def test_a_scraped_agent_tells_nothing_that_the_centre_alone_may_and_is_nobody_else(tmp_path: Path) -> None:
    with liar() as url:
        printed = CliRunner().invoke(build(), ["agents", "scrape-job", "--collector", url]).stdout
        jobs = [job | {"scrape_interval": "1s"} for job in yaml.safe_load(printed)]
        with prometheus(tmp_path, more=yaml.safe_dump({"scrape_configs": jobs})) as store:
            eventually("a scrape", lambda: store.query("school_internet_up"), seconds=30)
            told = store.query('{__name__=~"(school|ALERTS).*"}')

    assert sorted((series["metric"] for series in told), key=str) == sorted(
        (
            {"__name__": "school_internet_up", **KNOWN},
            {"__name__": "school_lab_computers", "exported_job": "collector", "exported_instance": "x", **KNOWN},
        ),
        key=str,
    )
