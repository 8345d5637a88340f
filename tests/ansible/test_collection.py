from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import tree_sitter_powershell
import yaml
from haidang_collector.supervisor.files import alertmanager_config, prometheus_config
from haidang_collector.supervisor.plan import Plan
from tree_sitter import Language, Parser

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]
ANSIBLE = ROOT / "ansible"
ROLES = sorted(path.name for path in (ANSIBLE / "roles").iterdir())
BIN = Path(sys.executable).parent
HAIDANG = BIN / "haidang"
COMMANDS = {"ansible.builtin.command", "ansible.windows.win_command", "ansible.windows.win_powershell"}


def run(*command: str | Path, folder: Path, cwd: Path = ANSIBLE, **more: str) -> str:
    """Standard output of a program of Ansible's; it must end with 0."""
    told = {"ANSIBLE_CONFIG": str(ANSIBLE / "ansible.cfg"), "ANSIBLE_HOME": str(folder / "ansible"), **more}
    environment = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "ANSIBLE_NOCOLOR": "1", "NO_COLOR": "1", **told}
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def loaded(*parts: str) -> Any:
    return yaml.safe_load(ANSIBLE.joinpath(*parts).read_text(encoding="utf-8"))


@pytest.mark.timeout(300)
def test_the_collection_is_sound_by_the_rules_of_production(tmp_path: Path) -> None:
    """
    ansible-lint also runs the syntax check on every playbook.
    """
    run(BIN / "ansible-lint", "--offline", "-q", "--nocolor", folder=tmp_path)


@pytest.mark.parametrize("role", ROLES)
def test_defaults_are_those_that_the_argument_specs_tell(role: str) -> None:
    """
    A required variable has no default: Ansible would take an empty one for given.
    """
    options: Mapping[str, Any] = loaded("roles", role, "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    told = {name: option["default"] for name, option in options.items() if "default" in option}

    assert loaded("roles", role, "defaults/main.yml") == told
    assert not [name for name, option in options.items() if option.get("required") and "default" in option]
    assert all("type" in option and "description" in option for option in options.values())


@pytest.mark.parametrize("role", ROLES)
def test_no_task_shows_a_secret(role: str) -> None:
    """
    Whatever names a token, a password or a key does not log what it is given.
    """
    shown = []
    for file in sorted((ANSIBLE / "roles" / role / "tasks").glob("*.yml")):
        for task in tasks_of(yaml.safe_load(file.read_text(encoding="utf-8"))):
            given = json.dumps({key: value for key, value in task.items() if key not in ("when", "name")})
            secret = any(word in given for word in ("stdin", "_password }}", "_secrets", "collector_key }}"))
            if secret and not task.get("no_log"):
                shown.append(f"{file.name}: {task['name']}")

    assert shown == []


@pytest.mark.parametrize("role", ROLES)
def test_every_command_says_when_it_changes_something(role: str) -> None:
    """
    Or a second run would never be without changes.
    """
    for file in sorted((ANSIBLE / "roles" / role / "tasks").glob("*.yml")):
        for task in tasks_of(yaml.safe_load(file.read_text(encoding="utf-8"))):
            for module in COMMANDS & task.keys():
                quiet = "changed_when" in task or "creates" in task[module] or "$Ansible.Changed" in str(task[module])
                assert quiet or file.name == "restart_windows.yml", f"{file.name}: {task['name']}"


def test_powershell_in_tasks_parses() -> None:
    powershell = Parser(Language(tree_sitter_powershell.language()))
    scripts = [
        task["ansible.windows.win_powershell"]["script"]
        for file in sorted((ANSIBLE / "roles/agent/tasks").glob("*.yml"))
        for task in tasks_of(yaml.safe_load(file.read_text(encoding="utf-8")))
        if "ansible.windows.win_powershell" in task
    ]
    trees = [powershell.parse(re.sub(r"{{.*?}}", "VALUE", script).encode()) for script in scripts]

    assert len(trees) == 5
    assert not [script for script, tree in zip(scripts, trees, strict=True) if tree.root_node.has_error]


def tasks_of(tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """With those in blocks."""
    return [inner for task in tasks for inner in (tasks_of(task["block"]) if "block" in task else [task])]


def test_service_files_that_roles_name_are_there() -> None:
    named = set(loaded("roles/collector/vars/main.yml")["collector_units"])
    there = {path.name for path in (ROOT / "packaging/linux").iterdir()}

    assert named <= there
    assert {"haidang", "haidang-agent.service", "haidang-agent-router.conf", "haidang-agent.sysusers.conf"} <= there


def test_ansible_reads_hosts_and_groups_from_the_registry(tmp_path: Path) -> None:
    hosts, data = tmp_path / "hosts.csv", tmp_path / "data"
    hosts.write_text("host,unit,address,roles,os\nth-01,TH-MAU-01,10.20.0.12,site host,linux\n", encoding="utf-8")
    run(HAIDANG, "units", "import", ROOT / "docs/examples/units.csv", "--data", data, folder=tmp_path)
    told = json.loads(
        run(
            *(BIN / "ansible-inventory", "--list", "--inventory", "inventory/registry"),
            folder=tmp_path,
            HAIDANG=str(HAIDANG),
            HAIDANG_DATA=str(data),
            HAIDANG_HOSTS=str(hosts),
        )
    )

    assert told["role_site"]["hosts"] == told["district_quan_mau_bac"]["hosts"] == ["th-01"]
    assert told["_meta"]["hostvars"]["th-01"]["district"] == "Quận Mẫu Bắc"
    assert told["_meta"]["hostvars"]["th-01"]["ansible_host"] == "10.20.0.12"


@pytest.mark.timeout(300)
def test_prometheus_and_alertmanager_get_what_haidang_up_gives_them(tmp_path: Path) -> None:
    """
    Written by the roles themselves, and let pass by promtool and amtool, which the roles ask.
    """
    play = tmp_path / "play.yml"
    names = ("prometheus", "alertmanager")
    steps = [{"ansible.builtin.include_role": {"name": name, "tasks_from": "configure"}} for name in names]
    steps.append({"ansible.builtin.meta": "end_play"})  # before the handlers: nothing runs that could be reloaded
    play.write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "tasks": steps}]), encoding="utf-8")
    given = {
        "ansible_connection": "local",
        "ansible_python_interpreter": sys.executable,
        "prometheus_folder": str(tmp_path),
        "alertmanager_folder": str(tmp_path),
        "alertmanager_group": str(os.getgid()),
        "alertmanager_smtp": "mail.example:25",
        "alertmanager_mail_to": ["a@hcm.edu.vn", "b@hcm.edu.vn"],
    }
    (tmp_path / "given.json").write_text(json.dumps(given), encoding="utf-8")
    run(
        *(BIN / "ansible-playbook", "--inventory", "localhost,", "--extra-vars", f"@{tmp_path / 'given.json'}"),
        play,
        folder=tmp_path,
    )
    plan = Plan(data=tmp_path, smtp="mail.example:25", mail_to=("a@hcm.edu.vn", "b@hcm.edu.vn"))
    prometheus = yaml.safe_load((tmp_path / "prometheus.yml").read_text(encoding="utf-8"))
    alertmanager = yaml.safe_load((tmp_path / "alertmanager.yml").read_text(encoding="utf-8"))

    assert prometheus.pop("rule_files") == [f"{tmp_path}/haidang/rules.yml"]
    assert prometheus == {name: part for name, part in prometheus_config(plan).items() if name != "rule_files"}
    assert alertmanager.pop("templates") == [f"{tmp_path}/haidang/templates/*.tmpl"]
    assert alertmanager == {name: part for name, part in alertmanager_config(plan).items() if name != "templates"}
    rules = yaml.safe_load((tmp_path / "haidang/rules.yml").read_text(encoding="utf-8"))["groups"]
    files = sorted((ROOT / "alerts/rules").glob("*.yml"))
    assert rules == [group for file in files for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]]
