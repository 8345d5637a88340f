"""The peers: Debian's node_exporter, blackbox_exporter, smokeping_prober and vmagent, set to a site agent's work."""

from __future__ import annotations

import json
import shutil
import subprocess
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.measure import fetch, wait_for

if TYPE_CHECKING:
    from contextlib import ExitStack
    from pathlib import Path

NODE, BLACKBOX, SMOKEPING, VMAGENT = 29100, 29115, 29374, 28429
BLACKBOX_MODULES = {"modules": {"icmp": {"prober": "icmp", "timeout": "5s"}}}


def _scrape_config(targets: tuple[str, ...]) -> dict[str, object]:
    """Scrapes at 15 s, the agent's push interval (vmagent reads JSON, a subset of YAML)."""
    probe = {
        "job_name": "internet",
        "metrics_path": "/probe",
        "params": {"module": ["icmp"]},
        "static_configs": [{"targets": list(targets)}],
        "relabel_configs": [
            {"source_labels": ["__address__"], "target_label": "__param_target"},
            {"source_labels": ["__param_target"], "target_label": "instance"},
            {"target_label": "__address__", "replacement": f"127.0.0.1:{BLACKBOX}"},
        ],
    }
    plain = [
        {"job_name": name, "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
        for name, port in (("node", NODE), ("smokeping", SMOKEPING))
    ]
    return {"global": {"scrape_interval": "15s"}, "scrape_configs": [*plain, probe]}


def start(stack: ExitStack, folder: Path, targets: tuple[str, ...], store_url: str) -> dict[str, int]:
    """Start all four; they push to `store_url`. Returns name → process id."""
    folder.mkdir(parents=True)
    (folder / "blackbox.yml").write_text(json.dumps(BLACKBOX_MODULES))
    (folder / "scrape.yml").write_text(json.dumps(_scrape_config(targets)))
    (folder / "smokeping.yml").write_text(json.dumps({"targets": []}))
    commands = {
        "node_exporter": ["prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{NODE}"],
        "blackbox_exporter": [
            "prometheus-blackbox-exporter",
            f"--web.listen-address=127.0.0.1:{BLACKBOX}",
            f"--config.file={folder}/blackbox.yml",
        ],
        "smokeping_prober": [
            "prometheus-smokeping-prober",
            f"--web.listen-address=127.0.0.1:{SMOKEPING}",
            f"--config.file={folder}/smokeping.yml",
            "--privileged",
            *targets,
        ],
        "vmagent": [
            "vmagent",
            f"-httpListenAddr=127.0.0.1:{VMAGENT}",
            f"-promscrape.config={folder}/scrape.yml",
            f"-remoteWrite.url={store_url}",
            f"-remoteWrite.tmpDataPath={folder}/queue",
        ],
    }
    pids = {name: _spawn(stack, folder / f"{name}.log", command) for name, command in commands.items()}
    for port in (NODE, BLACKBOX, SMOKEPING, VMAGENT):
        wait_for(f"the peer on port {port}", partial(fetch, f"http://127.0.0.1:{port}/metrics"))
    return pids


def _spawn(stack: ExitStack, log: Path, command: list[str]) -> int:
    if shutil.which(command[0]) is None:
        message = f"{command[0]} is missing: `make bench` installs it"
        raise SystemExit(message)
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
    stack.callback(process.wait)
    stack.callback(process.terminate)
    return process.pid
