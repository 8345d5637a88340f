"""What the role victoriametrics has scraped, how it starts store and vmalert, and which rules it gives."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest
import yaml
from haidang_collector.supervisor.plan import Plan
from haidang_collector.supervisor.victoria import (
    FROM_ENVIRONMENT,
    OPTIONS,
    PREFIX,
    RULE_OPTIONS,
    RULE_VARIABLES,
    rule_files,
    scrape_config,
)

from tests.ansible.playing import ANSIBLE, BIN, run

ROLE = ANSIBLE / "roles/victoriametrics"
VMALERT = """#!/bin/sh
# Reads rules, of which it knows all but {unknown}.
for word; do
  case $word in -rule=*) ! cat ${{word#-rule=}} | grep -q '{unknown}' || exit 1 ;; esac
done
"""


def written(template: str, folder: Path) -> str:
    """By the role's defaults, with a vmalert."""
    given = {"ansible_python_interpreter": sys.executable, "victoriametrics_vmalert": "/usr/local/bin/vmalert"}
    (folder / "given.json").write_text(json.dumps(given), encoding="ascii")
    files = [word for part in ("defaults", "vars") for word in ("--extra-vars", f"@{ROLE / part / 'main.yml'}")]
    words = ("localhost", "--connection", "local", *files, "--extra-vars", f"@{folder / 'given.json'}")
    told = f"src={ROLE / 'templates' / template} dest={folder / 'written'}"
    run(BIN / "ansible", *words, "--module-name", "template", "--args", told, folder=folder)
    return (folder / "written").read_text(encoding="utf-8")


def test_the_store_asks_whom_haidang_up_has_it_ask(tmp_path: Path) -> None:
    """
    Besides itself: its own figures are asked for by nobody there.
    """
    expected = scrape_config(Plan(data=tmp_path))
    expected["scrape_configs"] = [job for job in expected["scrape_configs"] if job["job_name"] != "prometheus"]

    assert yaml.safe_load(written("scrape.yml.j2", tmp_path)) == expected


def test_the_store_is_started_as_by_haidang_up(tmp_path: Path) -> None:
    """
    But for its folders and where it answers.
    """
    _, line = written("default.j2", tmp_path).splitlines()

    assert _but_for(shlex.split(line)[0], "-storageDataPath", "-httpListenAddr", "-promscrape.config") == set(OPTIONS)


def test_vmalert_is_started_as_by_haidang_up(tmp_path: Path) -> None:
    """
    But for its rules, whom it asks and tells, and where it answers.
    """
    lines = written("haidang-vmalert.service.j2", tmp_path).splitlines()
    (line,) = [line for line in lines if line.startswith("ExecStart=")]

    own = ("-rule", "-notifier.url", "-datasource.url", "-remoteWrite.url", "-remoteRead.url", "-httpListenAddr")
    assert _but_for(line, *own) == {*RULE_OPTIONS, *FROM_ENVIRONMENT}
    given = dict(line.removeprefix("Environment=").split("=") for line in lines if line.startswith("Environment="))
    assert given == {f"{PREFIX}{name}": value for name, value in RULE_VARIABLES.items()}


def _but_for(line: str, *own: str) -> set[str]:
    """Options of a command after `ARGS=` or a program, without those by these names, which must be there."""
    options = {word for word in line.removeprefix("ARGS=").split() if word.startswith("-")}
    names = {option.partition("=")[0] for option in options}
    assert set(own) <= names
    return {option for option in options if option.partition("=")[0] not in own}


@pytest.mark.parametrize("unknown", ["eval_delay", "eval_alignment", "unheard_of"])
def test_vmalert_gets_the_rules_that_haidang_up_gives_it(tmp_path: Path, unknown: str) -> None:
    """
    With the turns and options of groups that it knows.
    """
    vmalert = tmp_path / "vmalert"
    vmalert.write_text(VMALERT.format(unknown=unknown), encoding="ascii")
    vmalert.chmod(0o755)
    given = {
        "ansible_connection": "local", "ansible_python_interpreter": sys.executable,
        "victoriametrics_vmalert": str(vmalert), "victoriametrics_folder": str(tmp_path),
    }  # fmt: skip
    steps = [
        {"ansible.builtin.include_role": {"name": "victoriametrics", "tasks_from": "rules"}},
        {"ansible.builtin.meta": "end_play"},  # before the handlers: nothing runs that could be restarted
    ]
    play = [{"hosts": "localhost", "gather_facts": False, "tasks": steps}]
    (tmp_path / "play.yml").write_text(yaml.safe_dump(play), encoding="ascii")

    words = ("--inventory", "localhost,", "--extra-vars", json.dumps(given), tmp_path / "play.yml")
    run(BIN / "ansible-playbook", *words, folder=tmp_path)

    expected, without = rule_files(str(vmalert))
    groups = [group for name in sorted(expected) for group in expected[name]["groups"]]
    assert (yaml.safe_load((tmp_path / "rules.yml").read_text(encoding="utf-8"))["groups"], without) == (groups, [])
