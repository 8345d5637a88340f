"""Every alert is sound, explained, tested, in both languages, and asks only for metrics that something declares."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from haidang_collector.evaluation.model import ROWS
from haidang_collector.policy import policy

from scripts import metrics_page
from tests.alerts.declared import declared, recorded

ROOT = Path(__file__).parents[2]
RULE_FILES = sorted((ROOT / "alerts" / "rules").glob("*.yml"))
TEST_FILES = sorted((ROOT / "alerts" / "tests").glob("*.yml"))
GROUPS: dict[str, list[dict[str, Any]]] = {file.name: yaml.safe_load(file.read_text())["groups"] for file in RULE_FILES}
RULES: list[dict[str, Any]] = [rule for groups in GROUPS.values() for group in groups for rule in group["rules"]]
ALERTS = [rule for rule in RULES if "alert" in rule]
NAME = r"\b(?:(?:agent|centre|city|district|isp|policy|school|unit):\w+(?::\w+)?|(?:school|haidang|node)_\w+)"
TESTED = "".join(file.read_text() for file in TEST_FILES)
OWN_LIMITS = {
    ("R1", "fibre_rx_drop_decibels"), ("R2", "wan_loss_ratio"), ("R2", "wan_rtt_p95_seconds"), ("R2", "wan_changes"),
    ("R7", "host_silent_school_days"),
}  # fmt: skip
"""Of alerts: a number stands in policy.yml, and a policy may have another."""


def severities(rule: dict[str, Any]) -> set[str]:
    """All that its alerts can have: those of incidents have the incident's."""
    said = rule["labels"]["severity"]
    return {"critical", "warning", "info"} if said == "{{ $labels.severity }}" else {said}


@pytest.mark.parametrize(
    "command",
    [
        ["promtool", "check", "rules", *map(str, RULE_FILES)],
        ["amtool", "check-config", "alerts/alertmanager.yml"],
    ],
    ids=["promtool check", "amtool check-config"],
)
def test_prometheus_own_tools_are_content(command: list[str]) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", TEST_FILES, ids=lambda file: file.stem)
def test_rules_do_as_their_cases_say(file: Path) -> None:
    done = subprocess.run(["promtool", "test", "rules", file], cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_alert_is_explained_and_tested(rule: dict[str, Any]) -> None:
    assert (ROOT / rule["annotations"]["runbook_url"]).is_file()
    assert f"alertname: {rule['alert']}\n" in TESTED, "an alert that fires, with its exact text"
    assert f"{{alertname: {rule['alert']}, eval_time" in TESTED or rule["alert"] == "Watchdog", "one that must not fire"
    assert {"summary", "summary_en", "description", "description_en"} < rule["annotations"].keys()
    assert severities(rule) <= {"critical", "warning", "info", "none"}
    assert rule["labels"]["category"] in {"link", "equipment", "security", "service", "platform"}
    assert re.fullmatch(r"R\d+", rule["labels"]["row"])


def test_every_runbook_belongs_to_an_alert() -> None:
    runbooks = {file.stem for file in (ROOT / "docs" / "runbooks").glob("*.md")}

    assert runbooks == {rule["alert"] for rule in ALERTS}


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_alert_goes_where_its_severity_says(rule: dict[str, Any]) -> None:
    """Mail for what somebody should act on; the watchdog to a receiver of its own."""
    told = {}
    for severity in severities(rule):
        labels = {"alertname": rule["alert"], "unit": "U1", **rule["labels"], "severity": severity}
        if severity != rule["labels"]["severity"]:
            labels["kind"] = "of an incident"
        pairs = [f'{name}="{value}"' for name, value in labels.items()]
        command = ["amtool", "config", "routes", "test", "--config.file=alerts/alertmanager.yml", *pairs]
        told[severity] = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()

    receivers = {"critical": "mail", "warning": "mail", "info": "webhook", "none": "deadman"}
    assert told == {severity: [receivers[severity]] for severity in severities(rule)}


def test_every_metric_named_is_declared(tmp_path: Path) -> None:
    named = set(re.findall(NAME, json.dumps(RULES)))

    assert named - declared(tmp_path) - recorded(RULE_FILES) == set()


@pytest.mark.parametrize("row", ROWS)
def test_row_is_judged_and_a_unit_that_meets_it_and_one_that_does_not_are_tested(row: str) -> None:
    judged = {rule["labels"]["row"] for rule in RULES if rule.get("record") == "school:row:compliant"}
    tested = re.findall(rf"school:row:compliant{{[^}}]*row=\"{row}\"[^}}]*}}', value: ([01])}}", TESTED)

    assert row in judged
    assert set(tested) == {"0", "1"}


@pytest.mark.parametrize("rule", GROUPS["facts.yml"][0]["rules"], ids=lambda rule: rule["record"])
def test_what_the_registry_told_holds_while_it_cannot_be_read(rule: dict[str, Any]) -> None:
    """By what is always told in the same part of it."""
    of_agents = rule["record"] == "agent:haidang_agent:info"
    always = "haidang_collector_start_timestamp_seconds" if of_agents else "school_day"
    kept = f"or {rule['record']} and on () absent({always})"

    assert rule["expr"].endswith(kept)


def test_limits_that_rules_ask_for_are_in_the_policy() -> None:
    asked = set(re.findall(r'policy:school_limit:value{row="(R\d+)", limit="(\w+)"', "".join(map(str, RULES))))
    limits = {(limit.row, limit.limit) for limit in policy.load().limits if limit.enabled}

    assert asked - limits == OWN_LIMITS


def test_news_is_looked_for_once_at_a_deadline() -> None:
    """The evaluations of a group are as far apart as its interval; the window after the deadline is as long."""
    (group,) = (group for group in GROUPS["services.yml"] if group["name"] == "services")
    expressions = [rule["expr"] for rule in group["rules"] if rule["record"] == "unit:school_news_on_time:sampled"]

    assert group["interval"] == "4m"
    assert [">= 0 < 240)" in expression for expression in expressions] == [True, True]


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
