"""VictoriaMetrics in the place of Prometheus: it stores and scrapes, and vmalert beside it evaluates the rules.

Options after VictoriaMetrics 1.79, Debian 12's. What differs from Prometheus stands in docs/scale.md.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import yaml

from haidang_collector.supervisor.child import Child
from haidang_collector.supervisor.files import SCRAPE_SECONDS, alerts_folder, prometheus_config
from haidang_collector.supervisor.programs import RETENTION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from haidang_collector.supervisor.plan import Plan

PROGRAM, RULES_PROGRAM = "victoria-metrics", "vmalert"
OPTIONS = (
    f"-retentionPeriod={RETENTION}",
    "-search.latencyOffset=0s",  # by default the newest 30 s are hidden, and pages and alerts show now
    "-dedup.minScrapeInterval=1ms",  # a batch that an agent sends twice is stored once, as in Prometheus
    "-maxLabelsPerTimeseries=80",  # ingest lets 64 in and adds three; what is over 30 would be dropped unsaid
    "-maxInsertRequestSize=67108864",
    "-search.maxStalenessInterval=5m",
)
RULE_OPTIONS = (
    f"-evaluationInterval={SCRAPE_SECONDS}s",
    "-remoteWrite.flushInterval=1s",
    "-disableAlertgroupLabel=true",  # routes and incidents go by the labels that Prometheus gives
)
PREFIX = "VM_"
FROM_ENVIRONMENT = ("-envflag.enable", f"-envflag.prefix={PREFIX}")
RULE_VARIABLES = {"datasource_queryTimeAlignment": "false"}
"""
Without it a rule of every half hour would speak of up to half an hour ago. Newer ones, which have OF_GROUPS for it, do
not start with the option and do not mind the variable.
"""
NEWER = "keep_firing_for"
"""What vmalert 1.79 does not know: without it, an alert that comes and goes is told each time."""
OF_GROUPS = {"eval_alignment": False, "eval_delay": "0s"}
"""Each from some version on: what -datasource.queryTimeAlignment was, and not to look 30 s back."""
READ = "vmalert_iteration_(duration_seconds|interval_seconds|missed_total)"
"""What rules ask of vmalert, by name; it tells several series of each rule besides."""
TURNS = {"4m": "1m", "5s": "2s"}
"""
Intervals here, by those in the files: a rule sees what the one before it recorded only at the next turn (in Prometheus
at once), so that a chain of six rules is behind by five turns.
"""


def store(plan: Plan, program: str) -> Child:
    folder = plan.data / "victoriametrics"
    return Child(
        "victoriametrics",
        [
            program,
            f"-storageDataPath={folder / 'data'}",
            f"-promscrape.config={folder / 'scrape.yml'}",
            f"-httpListenAddr=127.0.0.1:{plan.prometheus_port}",
            *OPTIONS,
        ],
        log=plan.log("victoriametrics"),
        ready_url=f"{plan.prometheus}/-/ready",
        environment=os.environ,
    )


def alerting(plan: Plan, program: str) -> Child:
    return Child(
        "vmalert",
        [
            program,
            f"-rule={plan.data / 'victoriametrics' / 'rules' / '*.yml'}",
            f"-datasource.url={plan.prometheus}",
            f"-remoteWrite.url={plan.prometheus}",
            f"-remoteRead.url={plan.prometheus}",
            f"-notifier.url={plan.alertmanager}",
            f"-httpListenAddr=127.0.0.1:{plan.vmalert_port}",
            *RULE_OPTIONS,
            *FROM_ENVIRONMENT,
        ],
        log=plan.log("vmalert"),
        ready_url=f"http://127.0.0.1:{plan.vmalert_port}/-/ready",
        environment={**os.environ, **{f"{PREFIX}{name}": value for name, value in RULE_VARIABLES.items()}},
    )


def scrape_config(plan: Plan) -> dict[str, Any]:
    """What Prometheus would scrape, and what vmalert tells of its rules."""
    vmalert = {
        "job_name": "vmalert",
        "static_configs": [{"targets": [f"127.0.0.1:{plan.vmalert_port}"]}],
        "metric_relabel_configs": [{"source_labels": ["__name__"], "regex": READ, "action": "keep"}],
    }
    return {
        "global": {"scrape_interval": f"{SCRAPE_SECONDS}s"},
        "scrape_configs": [*prometheus_config(plan)["scrape_configs"], vmalert],
    }


def write_files(plan: Plan, rules_program: str) -> Sequence[str]:
    """What both read, below `plan.data`. Names of the alerts that this vmalert cannot keep firing. Raises OSError."""
    folder = plan.data / "victoriametrics"
    (folder / "rules").mkdir(parents=True, exist_ok=True)
    scrape = yaml.safe_dump(scrape_config(plan), sort_keys=False, allow_unicode=True)
    (folder / "scrape.yml").write_text(scrape, encoding="utf-8")
    contents, without = rule_files(rules_program)
    for name, content in contents.items():
        text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
        (folder / "rules" / name).write_text(text, encoding="utf-8")
    return without


def rule_files(rules_program: str) -> tuple[dict[str, Any], Sequence[str]]:
    """The rules as this vmalert can read them, by name of their file; and the alerts that it cannot keep firing.

    Raises OSError.
    """
    source = alerts_folder() / "rules"
    older = not _takes(rules_program, f"-rule={source / '*.yml'}")
    options = {name: value for name, value in OF_GROUPS.items() if _knows(rules_program, {name: value})}
    contents: dict[str, Any] = {}
    without: list[str] = []
    for file in source.glob("*.yml"):
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        for group in content["groups"]:
            group["interval"] = TURNS.get(group["interval"], group["interval"])
            group.update(options)
        rules = [rule for group in content["groups"] for rule in group["rules"]]
        if older:
            without += [rule["alert"] for rule in rules if rule.pop(NEWER, None)]
        contents[file.name] = content
    return contents, sorted(without)


def knows_headers(rules_program: str) -> bool:
    """Whether this vmalert can say whose data it asks for, as Mimir wants it. Raises OSError."""
    return _knows(rules_program, {}, "-datasource.headers=X:y")


def _knows(rules_program: str, of_group: Mapping[str, Any], *options: str) -> bool:
    group = {"name": "one", "rules": [{"record": "one", "expr": "1"}], **of_group}
    with TemporaryDirectory(prefix="haidang-") as folder:
        file = Path(folder, "one.yml")
        file.write_text(yaml.safe_dump({"groups": [group]}), encoding="utf-8")
        return _takes(rules_program, f"-rule={file}", *options)


def _takes(rules_program: str, *options: str) -> bool:
    command = [rules_program, "-dryRun", *options]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0  # noqa: S603 - found by us
