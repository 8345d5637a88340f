"""The configuration files of the programs that `haidang up` runs, written anew at each start."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from haidang_collector.supervisor.plan import Plan

PACKAGED_ALERTS = Path(__file__).parents[1] / "alerts"
CHECKOUT_ALERTS = Path(__file__).parents[3] / "alerts"

OUT_OF_ORDER_WINDOW = "31d"
"""The back-fill window of 30 days and a day more, so that what ingest lets in at the edge the store takes too."""
SCRAPE_SECONDS = 5
FACTS_SECONDS = 30
"""Facts change by the hour, and those of a city are a hundred thousand series."""


def alerts_folder() -> Path:
    """Rules, routes and templates: in the wheel beside the code, in a checkout at its top."""
    return PACKAGED_ALERTS if PACKAGED_ALERTS.is_dir() else CHECKOUT_ALERTS


def write_files(plan: Plan) -> None:
    """Every file the programs read, below `plan.data`. Raises OSError."""
    for name in ("prometheus", "alertmanager", "agent", "log"):
        (plan.data / name).mkdir(parents=True, exist_ok=True)
    _write_yaml(plan.data / "prometheus" / "prometheus.yml", prometheus_config(plan))
    _write_yaml(plan.data / "alertmanager" / "alertmanager.yml", alertmanager_config(plan))
    pages = f'{{{{ define "haidang.pages" }}}}{(plan.public_url or plan.collector).rstrip("/")}{{{{ end }}}}\n'
    _pages_template(plan).write_text(pages, encoding="utf-8")
    plan.agent_config.write_text(agent_config(plan), encoding="utf-8")


def prometheus_config(plan: Plan) -> dict[str, Any]:
    """Scrapes the collector's own figures, the registry's facts and itself; measurements come by remote write."""
    collector, prometheus = (
        [{"targets": [f"127.0.0.1:{port}"]}] for port in (plan.collector_port, plan.prometheus_port)
    )
    alertmanager = {"static_configs": [{"targets": [f"127.0.0.1:{plan.alertmanager_port}"]}]}
    return {
        "global": {"scrape_interval": f"{SCRAPE_SECONDS}s", "evaluation_interval": f"{SCRAPE_SECONDS}s"},
        "storage": {"tsdb": {"out_of_order_time_window": OUT_OF_ORDER_WINDOW}},
        "rule_files": [str(alerts_folder() / "rules" / "*.yml")],
        "alerting": {"alertmanagers": [alertmanager]},
        "scrape_configs": [
            {"job_name": "collector", "static_configs": collector},
            _registry("registry", "agents", collector),
            _registry("facts", "facts", collector) | {"scrape_interval": f"{FACTS_SECONDS}s"},
            {"job_name": "prometheus", "static_configs": prometheus},
        ],
    }


def _registry(job: str, part: str, targets: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "job_name": job,
        "metrics_path": "/metrics/registry",
        "params": {"part": [part]},
        "honor_labels": True,
        "static_configs": targets,
    }


def alertmanager_config(plan: Plan) -> dict[str, Any]:
    """The committed routes with this machine's addresses; without an SMTP server, without mail."""
    source = alerts_folder()
    config: dict[str, Any] = yaml.safe_load((source / "alertmanager.yml").read_text(encoding="utf-8"))
    config["templates"] = [str(source / "templates" / "mail.tmpl"), str(_pages_template(plan))]
    if plan.notify:
        _mail_only_what_is_critical(config["route"])
    for receiver in config["receivers"]:
        for hook in receiver.get("webhook_configs", []):
            hook["url"] = f"{plan.collector}/api/v1/alertmanager"
        mails = receiver.pop("email_configs", [])
        if plan.smtp and mails:
            config["global"]["smtp_smarthost"] = plan.smtp
            receiver["email_configs"] = [mail | {"to": ", ".join(plan.mail_to)} for mail in mails]
        if plan.deadman and receiver["name"] == "deadman":
            receiver["webhook_configs"] = [_deadman(plan)]
    return config


def _pages_template(plan: Plan) -> Path:
    """In the place of `alerts/templates/pages.tmpl`: says where links in mails lead."""
    return plan.data / "alertmanager" / "pages.tmpl"


def _deadman(plan: Plan) -> dict[str, Any]:
    hook: dict[str, Any] = {"url": plan.deadman, "send_resolved": False}
    if plan.deadman_token_file:
        hook["http_config"] = {"authorization": {"credentials_file": str(plan.deadman_token_file.absolute())}}
    return hook


def _mail_only_what_is_critical(route: dict[str, Any]) -> None:
    """The collector tells people; mail that does not depend on it is for what cannot wait should it be away."""
    for each in route.get("routes", []):
        if each.get("receiver") == "mail":
            each["matchers"].append('severity="critical"')
        _mail_only_what_is_critical(each)


def agent_config(plan: Plan) -> str:
    """agent.toml of this machine's own agent."""
    lines = [
        "# Written by `haidang up` at each start. To change what the agent watches: haidang units config --help",
        "[server]",
        f"url = {json.dumps(plan.collector)}",
        "[agent]",
        'roles = ["site", "host"]',
        f"state_dir = {json.dumps(str(plan.agent_config.parent))}",
        f'listen = "127.0.0.1:{plan.agent_port}"',
    ]
    if plan.targets:
        lines += ["[probes.internet]", f"targets = {json.dumps(list(plan.targets))}"]
    return "\n".join(lines) + "\n"


def _write_yaml(path: Path, content: dict[str, Any]) -> None:
    path.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
