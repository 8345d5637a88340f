"""What `haidang up` is asked for, and the files its programs read."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

PACKAGED_ALERTS = Path(__file__).parents[1] / "alerts"
CHECKOUT_ALERTS = Path(__file__).parents[3] / "alerts"

RETENTION = "400d"
"""A school year and its evaluation."""
OUT_OF_ORDER_WINDOW = "31d"
"""The back-fill window and a day, so that what ingest lets in at the edge is taken by the store too."""
SCRAPE_SECONDS = 5


class UpError(Exception):
    """The system cannot start; the text is one line with the fix."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Folder, addresses and receivers. `smtp` empty: no mail is sent."""

    data: Path
    collector_port: int = 8080
    prometheus_port: int = 9090
    alertmanager_port: int = 9093
    agent_port: int = 9810
    targets: tuple[str, ...] = ()
    smtp: str = ""
    mail_to: tuple[str, ...] = ()

    @property
    def collector(self) -> str:
        return f"http://127.0.0.1:{self.collector_port}"

    @property
    def prometheus(self) -> str:
        return f"http://127.0.0.1:{self.prometheus_port}"

    @property
    def alertmanager(self) -> str:
        return f"http://127.0.0.1:{self.alertmanager_port}"

    @property
    def agent_config(self) -> Path:
        return self.data / "agent" / "agent.toml"

    def ports(self) -> dict[str, int]:
        """Option to port."""
        return {
            "--port": self.collector_port,
            "--prometheus-port": self.prometheus_port,
            "--alertmanager-port": self.alertmanager_port,
            "--agent-port": self.agent_port,
        }


def binary(*names: str) -> str:
    """The first of `names` that is on PATH. Raises UpError naming the Debian package."""
    for name in names:
        if found := shutil.which(name):
            return found
    raise UpError(
        f"{names[0]} is not on PATH; on Debian: apt-get install {names[0]}, elsewhere put the program "
        f"{' or '.join(names)} of prometheus.io on PATH"
    )


def alerts_folder() -> Path:
    """Rules, routes and templates: in the wheel beside the code, in a checkout at its top."""
    return PACKAGED_ALERTS if PACKAGED_ALERTS.is_dir() else CHECKOUT_ALERTS


def write_files(plan: Plan) -> None:
    """Every file the programs read, below `plan.data`."""
    for name in ("prometheus", "alertmanager", "agent", "log"):
        (plan.data / name).mkdir(parents=True, exist_ok=True)
    _write_yaml(plan.data / "prometheus" / "prometheus.yml", prometheus_config(plan))
    _write_yaml(plan.data / "alertmanager" / "alertmanager.yml", alertmanager_config(plan))
    plan.agent_config.write_text(agent_config(plan), encoding="utf-8")


def prometheus_config(plan: Plan) -> dict[str, Any]:
    """Scrapes the collector for its own figures and the registry's facts; measurements come by remote write."""
    collector = [{"targets": [f"127.0.0.1:{plan.collector_port}"]}]
    return {
        "global": {"scrape_interval": f"{SCRAPE_SECONDS}s", "evaluation_interval": f"{SCRAPE_SECONDS}s"},
        "storage": {"tsdb": {"out_of_order_time_window": OUT_OF_ORDER_WINDOW}},
        "rule_files": [str(alerts_folder() / "rules" / "*.yml")],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{plan.alertmanager_port}"]}]}]},
        "scrape_configs": [
            {"job_name": "collector", "static_configs": collector},
            {
                "job_name": "registry",
                "metrics_path": "/metrics/registry",
                "honor_labels": True,
                "static_configs": collector,
            },
        ],
    }


def alertmanager_config(plan: Plan) -> dict[str, Any]:
    """The committed routes with this machine's addresses; without an SMTP server, without mail."""
    source = alerts_folder()
    config: dict[str, Any] = yaml.safe_load((source / "alertmanager.yml").read_text(encoding="utf-8"))
    config["templates"] = [str(source / "templates" / "*.tmpl")]
    for receiver in config["receivers"]:
        for hook in receiver.get("webhook_configs", []):
            hook["url"] = f"{plan.collector}/api/v1/alertmanager"
        mails = receiver.pop("email_configs", [])
        if plan.smtp and mails:
            config["global"]["smtp_smarthost"] = plan.smtp
            receiver["email_configs"] = [mail | {"to": ", ".join(plan.mail_to)} for mail in mails]
    return config


def agent_config(plan: Plan) -> str:
    """agent.toml of this machine's own agent."""
    lines = [
        "[server]",
        f"url = {json.dumps(plan.collector)}",
        "[agent]",
        'roles = ["site", "host"]',
        f"state_dir = {json.dumps(str(plan.data / 'agent'))}",
        f'listen = "127.0.0.1:{plan.agent_port}"',
    ]
    if plan.targets:
        lines += ["[probes.internet]", f"targets = {json.dumps(list(plan.targets))}"]
    return "\n".join(lines) + "\n"


def _write_yaml(path: Path, content: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
