"""What VictoriaMetrics and its vmalert are given, tried by themselves."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest
import yaml
from haidang_collector.supervisor import victoria
from haidang_collector.supervisor.files import alerts_folder, write_files
from haidang_collector.supervisor.plan import Plan

if TYPE_CHECKING:
    from pathlib import Path


def test_debians_programs_take_what_is_written(tmp_path: Path) -> None:
    """
    The rules that lack something are named, and are the only ones that do.
    """
    plan = Plan(data=tmp_path, store="victoriametrics")
    write_files(plan)

    without = victoria.write_files(plan, victoria.RULES_PROGRAM)

    rules, scrape = tmp_path / "victoriametrics" / "rules", tmp_path / "victoriametrics" / "scrape.yml"
    subprocess.run([victoria.RULES_PROGRAM, "-dryRun", f"-rule={rules}/*.yml"], check=True, capture_output=True)
    dry_run = [victoria.PROGRAM, f"-promscrape.config={scrape}", "-promscrape.config.dryRun"]
    subprocess.run(dry_run, check=True, capture_output=True)
    told = {rule["alert"] for file in alerts_folder().glob("rules/*.yml") for rule in _rules(file) if _keeps(rule)}
    assert set(without) == told
    assert sum(len(_rules(file)) for file in rules.glob("*.yml")) == sum(
        len(_rules(file)) for file in alerts_folder().glob("rules/*.yml")
    )


IN_BETWEEN = """\
#!/bin/sh
for option; do
  case $option in -rule=*) ! grep -Eqs '{unknown}' ${{option#-rule=}} || exit 1 ;; esac
done
"""


@pytest.mark.parametrize(
    ("unknown", "options"),
    [
        ("keep_firing_for|eval_alignment|eval_delay", {}),
        ("eval_alignment|eval_delay", {}),
        ("eval_delay", {"eval_alignment": False}),
        ("no_such", {"eval_alignment": False, "eval_delay": "0s"}),
    ],
)
def test_a_vmalert_is_given_what_it_knows(tmp_path: Path, unknown: str, options: dict[str, object]) -> None:
    """
    One that refuses files with these words. What one knows came in several versions.
    """
    program = tmp_path / "vmalert"
    program.write_text(IN_BETWEEN.format(unknown=unknown), encoding="utf-8")
    program.chmod(0o755)

    contents, without = victoria.rule_files(str(program))

    for group in (group for content in contents.values() for group in content["groups"]):
        assert {name: group[name] for name in victoria.OF_GROUPS if name in group} == options
    assert bool(without) == ("keep_firing_for" in unknown)


def test_no_vmalert_minds_what_only_older_ones_know(tmp_path: Path) -> None:
    """
    As a variable: 1.151 does not start with the option (seen), and Debian's heeds the variable.
    """
    plan = Plan(data=tmp_path, store="victoriametrics")
    victoria.write_files(plan, victoria.RULES_PROGRAM)
    started = victoria.alerting(plan, victoria.RULES_PROGRAM)

    asked = [*started._command, "-dryRun"]
    done = subprocess.run(asked, env=dict(started._environment), capture_output=True, text=True, check=True)

    assert not [word for word in started._command if "queryTimeAlignment" in word]
    assert '"datasource.queryTimeAlignment"="false"' in done.stderr


def test_the_store_and_its_rules_listen_on_the_ports_of_the_plan(tmp_path: Path) -> None:
    plan = Plan(data=tmp_path, store="victoriametrics", prometheus_port=19090, vmalert_port=18880)

    store, alerting = victoria.store(plan, "vm")._command, victoria.alerting(plan, "vmalert")._command

    assert "-httpListenAddr=127.0.0.1:19090" in store
    assert {"-datasource.url=http://127.0.0.1:19090", "-httpListenAddr=127.0.0.1:18880"} <= set(alerting)
    assert plan.ports()["--vmalert-port"] == 18880


def _rules(file: Path) -> list[dict[str, object]]:
    return [rule for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]]


def _keeps(rule: dict[str, object]) -> bool:
    return victoria.NEWER in rule
