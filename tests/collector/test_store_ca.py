"""A store behind TLS whose certificate the department's own authority has signed: written to and read."""

from __future__ import annotations

import json
import ssl
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from haidang_collector.cli import build
from haidang_collector.settings import BadSettingError, Settings
from typer.testing import CliRunner

from tests.agent.intrusion.authority import Authority
from tests.collector import remote_write as rw
from tests.collector.running import add_agent, client_of, database_url
from tests.servers import free_port
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def prometheus_with_tls(folder: Path, authority: Authority) -> Iterator[str]:
    """The URL of a Prometheus that takes remote write."""
    certificate = authority.issue("localhost")
    web, settings, port = folder / "web.yml", folder / "prometheus.yml", free_port()
    web.write_text(f"tls_server_config: {{cert_file: {certificate}, key_file: {certificate}}}\n")
    settings.write_text("storage: {tsdb: {out_of_order_time_window: 1d}}\n")
    command = [
        "prometheus", f"--config.file={settings}", f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}", f"--web.config.file={web}", "--web.enable-remote-write-receiver",
    ]  # fmt: skip
    trusting = ssl.create_default_context(cafile=authority.pem)
    url = f"https://localhost:{port}"

    def ready() -> bool:
        with urllib.request.urlopen(f"{url}/-/ready", timeout=5, context=trusting) as answer:
            return bool(answer.status == 200)

    with (folder / "prometheus.log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            eventually("ready", ready, seconds=30)
            yield url
        finally:
            process.kill()


def test_writes_and_reads_trust_the_departments_authority_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, database = Authority(tmp_path, "department"), database_url(tmp_path)
    agent, authorization = add_agent(database)
    body = rw.snappy(rw.simple("up", 1, time.time()))
    with prometheus_with_tls(tmp_path, authority) as url:
        right = Settings(
            database_url=database,
            store_write_url=f"{url}/api/v1/write",
            prometheus_url=url,
            store_ca=str(authority.pem),
        )
        written, asked = {}, {}
        for name, settings in (("right", right), ("usual", replace(right, store_ca=""))):
            with client_of(settings) as client:
                headers = rw.HEADERS | {"Authorization": authorization}
                written[name] = client.post("/api/v1/write", content=body, headers=headers).status_code
                question = client.get("/api/v1/prom/city/api/v1/query", params={"query": "up"})
                asked[name] = (client.get("/readyz").json()["store"], question.status_code)
                if name == "right":
                    assert question.json()["data"]["result"][0]["metric"]["agent"] == agent
                    assert "does not answer" not in client.get("/evaluation").text

        assert written == {"right": 204, "usual": 503}
        assert asked == {"right": ("ok", 200), "usual": ("does not answer", 503)}

        for name in ("database_url", "prometheus_url", "store_ca"):
            monkeypatch.setenv(f"HAIDANG_{name.upper()}", getattr(right, name))
        shown = CliRunner().invoke(build(), ["agents", "top", "--json"])
        assert [each["agent"] for each in json.loads(shown.stdout)] == [agent]
        judged = CliRunner().invoke(build(), ["evaluate", "--format", "json"])
        assert judged.exit_code in (0, 1), judged.stderr


@pytest.mark.parametrize("file", ["/nowhere/ca.pem", __file__])
def test_what_holds_no_authority_stops_the_start(file: str) -> None:
    with pytest.raises(BadSettingError, match=r"HAIDANG_STORE_CA=.*give a file of certificates in PEM"):
        Settings(store_ca=file)
