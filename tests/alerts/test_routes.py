"""Which way each alert goes, by Alertmanager's own tool, with the committed routes and with those of `haidang up`."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from haidang_collector.supervisor.files import alertmanager_config
from haidang_collector.supervisor.plan import Plan

CONFIG = Path(__file__).parents[2] / "alerts/alertmanager.yml"
OF_UNIT = {"unit": "TH-001", "district": "Quận 1"}


class Case(NamedTuple):
    """An alert; the receiver by the committed routes, and by those where the collector tells people itself."""

    labels: dict[str, str]
    committed: str
    with_notify: str

    def __str__(self) -> str:
        return f"{self.labels['alertname']} {self.labels['severity']}"


CASES = [
    Case({"alertname": "Watchdog", "severity": "none"}, "deadman", "deadman"),
    Case(OF_UNIT | {"alertname": "InternetDown", "severity": "critical"}, "mail", "mail"),
    Case(OF_UNIT | {"alertname": "WanDown", "severity": "warning"}, "mail", "webhook"),
    Case(OF_UNIT | {"alertname": "FailedOver", "severity": "info"}, "webhook", "webhook"),
    Case({"alertname": "CentreCutOff", "severity": "critical"}, "mail", "mail"),
    Case({"alertname": "IspOutage", "severity": "critical", "district": "Quận 1", "isp": "VNPT"}, "mail", "mail"),
    Case({"alertname": "IspOutageInCity", "severity": "critical", "isp": "VNPT"}, "mail", "mail"),
    Case({"alertname": "PowerOutage", "severity": "critical", "district": "Quận 1"}, "mail", "mail"),
    Case({"alertname": "ServiceDownInDistrict", "severity": "warning", "district": "Quận 1"}, "mail", "webhook"),
    *(
        Case(OF_UNIT | {"alertname": name, "severity": severity, "category": "security", "kind": kind}, mail, notify)
        for name, kind in (("RogueDhcpServer", "rogue_dhcp"), ("RiskyPort", "risky_port"))
        for severity, mail, notify in (
            ("critical", "mail", "mail"), ("warning", "mail", "webhook"), ("info", "webhook", "webhook"),
        )
    ),
    Case(OF_UNIT | {"alertname": "PostureFindings", "severity": "critical", "category": "security"}, "mail", "mail"),
    Case(OF_UNIT | {"alertname": "PostureFindings", "severity": "warning", "category": "security"}, "mail", "webhook"),
    Case(OF_UNIT | {"alertname": "LanWatchBlind", "severity": "warning", "category": "security"}, "mail", "webhook"),
]  # fmt: skip


def receiver(config: Path, labels: dict[str, str]) -> str:
    pairs = [f'{name}="{value}"' for name, value in labels.items()]
    command = ["amtool", "config", "routes", "test", f"--config.file={config}", *pairs]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_alert_goes_its_way(tmp_path: Path, case: Case) -> None:
    """Critical ones by mail in any case: that way needs no collector."""
    with_notify = tmp_path / "alertmanager.yml"
    with_notify.write_text(yaml.safe_dump(alertmanager_config(Plan(tmp_path, notify=True))))

    assert (receiver(CONFIG, case.labels), receiver(with_notify, case.labels)) == (case.committed, case.with_notify)


def test_every_route_is_the_way_of_some_case(tmp_path: Path) -> None:
    """Each route gets a receiver of its own name: the cases must reach all of them but the ones that only pass on."""
    config = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    named: dict[str, dict[str, Any]] = {}

    def name_all(route: dict[str, Any]) -> None:
        route["receiver"] = f"route-{len(named)}"
        named[route["receiver"]] = route
        for child in route.get("routes", []):
            name_all(child)

    name_all(config["route"])
    config["receivers"] = [{"name": name} for name in named]
    file = tmp_path / "alertmanager.yml"
    file.write_text(yaml.safe_dump(config))
    reached = {receiver(file, case.labels) for case in CASES}

    assert reached == named.keys(), [json.dumps(named[name].get("matchers")) for name in named.keys() - reached]
