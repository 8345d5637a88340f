"""The drill of docs/backup.md: the centre is destroyed and comes back, less what came after the back-up."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
import urllib.request
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import httpx
import pytest
from haidang_collector.registry.store import Registry
from haidang_collector.supervisor import victoria

from tests.collector import remote_write as rw
from tests.collector.running import add_agent, serving
from tests.servers import free_port, get, wait_until_ready
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

HAIDANG = Path(sys.executable).with_name("haidang")
BEFORE, AFTER = 20, 5


class Store:
    """Prometheus or VictoriaMetrics on this folder."""

    def __init__(self, kind: str, folder: Path, port: int) -> None:
        self.kind, self.folder, self.data = kind, folder, folder / "data"
        self.url = f"http://127.0.0.1:{port}"
        folder.mkdir(parents=True, exist_ok=True)

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(self._command(), stdout=log, stderr=log)
        try:
            wait_until_ready(f"{self.url}/-/ready", process, seconds=60)
            yield process
        finally:
            process.kill()
            process.wait(timeout=60)

    def _command(self) -> list[str]:
        address = self.url.removeprefix("http://")
        if self.kind == "victoriametrics":
            return [
                victoria.PROGRAM, f"-storageDataPath={self.data}", f"-httpListenAddr={address}", *victoria.OPTIONS,
            ]  # fmt: skip
        settings = self.folder / "prometheus.yml"
        settings.write_text("storage: {tsdb: {out_of_order_time_window: 31d}}\n", encoding="ascii")
        return [
            "prometheus", f"--config.file={settings}", f"--storage.tsdb.path={self.data}",
            f"--web.listen-address={address}", "--web.enable-remote-write-receiver", "--web.enable-admin-api",
        ]  # fmt: skip

    def back_up(self, to: Path) -> None:
        """While it runs, as docs/backup.md says."""
        if self.kind == "victoriametrics":
            self._run("vmbackup", f"-snapshot.createURL={self.url}/snapshot/create", f"-dst=fs://{to}")
            return
        asked = urllib.request.Request(f"{self.url}/api/v1/admin/tsdb/snapshot", method="POST")
        with urllib.request.urlopen(asked, timeout=60) as answer:
            name = json.load(answer)["data"]["name"]
        shutil.copytree(self.data / "snapshots" / name, to)

    def restore(self, source: Path) -> None:
        """While it does not run."""
        if self.kind == "victoriametrics":
            self._run("vmrestore", f"-src=fs://{source}")
        else:
            shutil.copytree(source, self.data)

    def rounds(self) -> dict[str, list[float]]:
        """Values by agent, as of the last ten minutes."""
        asked = urlencode({"query": "round[10m]"})
        found: list[dict[str, Any]] = json.loads(get(f"{self.url}/api/v1/query?{asked}"))["data"]["result"]
        return {series["metric"]["agent"]: [float(value) for _, value in series["values"]] for series in found}

    def _run(self, program: str, *words: str) -> None:
        metrics = f"-httpListenAddr=127.0.0.1:{free_port()}"
        command = [program, f"-storageDataPath={self.data}", metrics, *words]
        subprocess.run(command, check=True, capture_output=True)


@pytest.mark.parametrize("kind", ["prometheus", "victoriametrics"])
def test_destroyed_and_restored_but_for_what_came_after(tmp_path: Path, kind: str) -> None:
    """
    Agents of before the back-up go on with the keys they have; who enrolled after it is not known any more.
    """
    store, database = Store(kind, tmp_path / "store", free_port()), tmp_path / "centre" / "haidang.db"
    database.parent.mkdir()
    url = f"sqlite:///{database}"
    settings = {"DATABASE_URL": url, "STORE": kind, "STORE_WRITE_URL": f"{store.url}/api/v1/write"}
    settings["PROMETHEUS_URL"] = store.url
    agent, authorization = add_agent(url)
    begin = time.time() - 60
    copy, file = tmp_path / "copy", tmp_path / "registry.gz"

    with store.running(), serving(tmp_path, **settings) as served:
        heard = [push(served.url, authorization, begin, number) for number in range(BEFORE)]
        eventually("all are stored", lambda: len(store.rounds()[agent]) == BEFORE, seconds=30)
        store.back_up(copy)
        run("db", "backup", file, "--data", database.parent)
        newcomer, authorization_of_newcomer = add_agent(url)
        heard += [push(served.url, authorization, begin, BEFORE + number) for number in range(AFTER)]
        served.process.kill()
    shutil.rmtree(store.data)
    shutil.rmtree(database.parent)

    store.restore(copy)
    run("db", "restore", file, "--data", database.parent)
    with store.running(), serving(tmp_path, **settings) as served:
        assert set(heard) == {204}
        assert store.rounds() == {agent: [float(number) for number in range(BEFORE)]}
        assert push(served.url, authorization, begin, BEFORE + AFTER) == 204
        assert push(served.url, authorization_of_newcomer, begin, 0) == 401
        eventually("it goes on", lambda: store.rounds()[agent][-1] == BEFORE + AFTER, seconds=30)
    with closing(Registry(url)) as registry:
        assert [fact.agent for fact in registry.agents()] == [agent]
    assert newcomer != agent


def push(url: str, authorization: str, begin: float, number: int) -> int:
    body = rw.snappy(rw.simple("round", number, begin + number))
    headers = rw.HEADERS | {"Authorization": authorization}
    return httpx.post(f"{url}/api/v1/write", content=body, headers=headers, trust_env=False, timeout=30).status_code


def run(*words: str | Path) -> None:
    subprocess.run([HAIDANG, *words], check=True, capture_output=True)
