"""Who mails what: Alertmanager everything, or, where the collector tells people, what is critical only."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml
from haidang_collector.supervisor.files import alertmanager_config
from haidang_collector.supervisor.plan import Plan

if TYPE_CHECKING:
    from pathlib import Path

ALERTS = [
    {"alertname": "InternetDown", "category": "link"},
    {"alertname": "RogueDhcpServer", "category": "security", "kind": "rogue_dhcp"},
    {"alertname": "RiskyPort", "category": "security", "kind": "risky_port"},
    {"alertname": "PostureFindings", "category": "security"},
]


@pytest.mark.parametrize("notify", [False, True])
def test_the_way_of_an_alert(tmp_path: Path, notify: bool) -> None:
    file = tmp_path / "alertmanager.yml"
    file.write_text(yaml.safe_dump(alertmanager_config(Plan(tmp_path, notify=notify))))

    def way(severity: str, labels: dict[str, str]) -> str:
        pairs = [f"{name}={value}" for name, value in (labels | {"severity": severity}).items()]
        command = ["amtool", "config", "routes", "test", f"--config.file={file}", *pairs]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()

    assert {way("critical", alert) for alert in ALERTS} == {"mail"}
    assert {way("warning", alert) for alert in ALERTS} == {"webhook" if notify else "mail"}
    assert way("info", ALERTS[0]) == "webhook"
    assert way("none", {"alertname": "Watchdog"}) == "deadman"
