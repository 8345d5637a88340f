"""A centre for the benchmarks: a real Prometheus behind a real collector, on loopback."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import fetch, wait_for
from tests.servers import free_port, prometheus

if TYPE_CHECKING:
    from contextlib import ExitStack

    from tests.servers import Prometheus

BIN = Path(sys.executable).parent
UNIT = "BENCH-01"


@dataclass(frozen=True, slots=True)
class Centre:
    """A running collector at `url`, its Prometheus, and the environment its commands run in."""

    url: str
    store: Prometheus
    environment: dict[str, str]
    collector_pid: int

    def haidang(self, *arguments: str) -> str:
        """Output of `haidang ARGUMENTS` on this centre's registry; raises where it fails."""
        done = subprocess.run(
            [BIN / "haidang", *arguments], env=self.environment, check=True, stdout=subprocess.PIPE, text=True
        )
        return done.stdout

    def enrolled_agent(self, folder: Path, config: str = "", push_interval: str = "15s") -> list[str | Path]:
        """Enrol an agent of unit BENCH-01 with state in `folder`; returns the command that runs it."""
        folder.mkdir(parents=True, exist_ok=True)
        port = free_port()
        (folder / "agent.toml").write_text(
            f'[server]\nurl = "{self.url}"\n[agent]\nstate_dir = "{folder}"\nlisten = "127.0.0.1:{port}"\n'
            f'push_interval = "{push_interval}"\n{config}'
        )
        token = self.haidang("tokens", "create", UNIT).strip()
        subprocess.run(
            [BIN / "haidang-agent", "enrol", "--server", self.url, "--config", folder / "agent.toml"],
            env={**os.environ, "HAIDANG_TOKEN": token},
            check=True,
            stdout=subprocess.DEVNULL,
        )
        return [BIN / "haidang-agent", "run", "--config", folder / "agent.toml"]


def start(stack: ExitStack, folder: Path, units: str | None = None) -> Centre:
    """Start store and collector; `units` is a CSV, by default of one unit."""
    folder.mkdir(parents=True, exist_ok=True)
    store = stack.enter_context(prometheus(folder))
    port = free_port()
    environment = {
        **os.environ,
        "HAIDANG_DATABASE_URL": f"sqlite:///{folder}/haidang.db",
        "HAIDANG_LISTEN": f"127.0.0.1:{port}",
        "HAIDANG_STORE_WRITE_URL": store.write_url,
        "HAIDANG_PROMETHEUS_URL": store.url,
    }
    table = folder / "units.csv"
    table.write_text(units or f"code,name,district,level\n{UNIT},Bench,D1,primary\n")
    subprocess.run([BIN / "haidang", "db", "upgrade"], env=environment, check=True, stdout=subprocess.DEVNULL)
    subprocess.run([BIN / "haidang", "units", "import", table], env=environment, check=True, stdout=subprocess.DEVNULL)
    with (folder / "collector.log").open("wb") as log:
        process = subprocess.Popen([BIN / "haidang", "serve"], env=environment, stdout=log, stderr=log)
    stack.callback(process.wait)
    stack.callback(process.terminate)
    url = f"http://127.0.0.1:{port}"
    wait_for("the collector", lambda: bool(fetch(f"{url}/readyz")))
    return Centre(url, store, environment, process.pid)
