"""Every alert is sound, explained, tested, in both languages, and asks only for metrics that something declares."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from haidang_agent import own_metrics, runner
from haidang_agent.registry import discover
from haidang_collector.ingest.egress import Egress
from haidang_collector.ingest.seen import Seen
from haidang_collector.metrics import FactCollector
from haidang_collector.registry.store import Registry
from haidang_isps import Prefixes

from scripts import metrics_page

ROOT = Path(__file__).parents[2]
RULE_FILES = sorted((ROOT / "alerts" / "rules").glob("*.yml"))
TEST_FILES = sorted((ROOT / "alerts" / "tests").glob("*.yml"))
GROUPS: dict[str, list[dict[str, Any]]] = {file.name: yaml.safe_load(file.read_text())["groups"] for file in RULE_FILES}
RULES: list[dict[str, Any]] = [rule for groups in GROUPS.values() for group in groups for rule in group["rules"]]
ALERTS = [rule for rule in RULES if "alert" in rule]
NAME = r"\b(?:(?:agent|centre|city|district|isp|policy|school|unit):\w+(?::\w+)?|(?:school|haidang|node)_\w+)"
TESTED = "".join(file.read_text() for file in TEST_FILES)


@pytest.mark.parametrize(
    "command",
    [
        ["promtool", "check", "rules", *map(str, RULE_FILES)],
        ["promtool", "test", "rules", *map(str, TEST_FILES)],
        ["amtool", "check-config", "alerts/alertmanager.yml"],
    ],
    ids=["promtool check", "promtool test", "amtool check-config"],
)
def test_prometheus_own_tools_are_content(command: list[str]) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_alert_is_explained_and_tested(rule: dict[str, Any]) -> None:
    assert (ROOT / rule["annotations"]["runbook_url"]).is_file()
    assert f"alertname: {rule['alert']}\n" in TESTED, "an alert that fires, with its exact text"
    assert f"{{alertname: {rule['alert']}, eval_time" in TESTED or rule["alert"] == "Watchdog", "one that must not fire"
    assert {"summary", "summary_en", "description", "description_en"} < rule["annotations"].keys()
    assert rule["labels"]["severity"] in {"critical", "warning", "info", "none"}
    assert rule["labels"]["category"] in {"link", "equipment", "security", "service", "platform"}
    assert re.fullmatch(r"R\d+", rule["labels"]["row"])


def test_every_runbook_belongs_to_an_alert() -> None:
    runbooks = {file.stem for file in (ROOT / "docs" / "runbooks").glob("*.md")}

    assert runbooks == {rule["alert"] for rule in ALERTS}


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_alert_goes_where_its_severity_says(rule: dict[str, Any]) -> None:
    """Mail for what somebody should act on; the watchdog to a receiver of its own."""
    expected = {"critical": "mail", "warning": "mail", "info": "webhook", "none": "deadman"}[rule["labels"]["severity"]]
    labels = [f"{name}={value}" for name, value in {"alertname": rule["alert"], **rule["labels"]}.items()]
    command = ["amtool", "config", "routes", "test", "--config.file=alerts/alertmanager.yml", *labels]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.split() == [expected]


def test_every_metric_named_is_declared(tmp_path: Path) -> None:
    registry = Registry(f"sqlite:///{tmp_path}/registry.db")
    collector = FactCollector(registry, Seen(registry.record_seen), Egress(Prefixes.load()))
    facts = {family.name for family in collector.collect()}
    registry.close()
    declared = {metric.name for probe in discover().values() for metric in probe.metrics} | facts
    declared |= {metric.name for metric in (*own_metrics.METRICS, *runner.METRICS)}
    recorded = {rule["record"] for rule in RULES if "record" in rule}
    named = set(re.findall(NAME, json.dumps(RULES)))

    assert named - declared - recorded == set()


def test_every_record_says_what_it_means() -> None:
    """The comment above a rule becomes its row of docs/metrics.md; its labels are those that the expression leaves."""
    named = {name for name, *_ in metrics_page._recorded()}

    assert named == {rule["record"] for rule in RULES if "record" in rule}


def test_tests_of_several_groups_say_in_which_order_they_come() -> None:
    """Without it promtool takes any, and a test that looks at a certain second fails now and then."""
    for file in TEST_FILES:
        test = yaml.safe_load(file.read_text())
        asked = [group["name"] for name in test["rule_files"] for group in GROUPS[Path(name).name]]

        assert sorted(test.get("group_eval_order", [])) == sorted(asked), file.name
