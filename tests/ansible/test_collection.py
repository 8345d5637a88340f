from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import tree_sitter_powershell
import yaml
from haidang_collector.supervisor.files import alertmanager_config, prometheus_config
from haidang_collector.supervisor.plan import Plan
from tree_sitter import Language, Parser

from tests.ansible.playing import ANSIBLE, BIN, run

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = ANSIBLE.parent
ROLES = sorted(path.name for path in (ANSIBLE / "roles").iterdir())
HAIDANG = BIN / "haidang"
COMMANDS = {"ansible.builtin.command", "ansible.windows.win_command", "ansible.windows.win_powershell"}


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
    assert all("type" in option for option in options.values())
    told = [option["description"] for option in options.values()]
    assert all(isinstance(line, str) for each in told for line in ([each] if isinstance(each, str) else each)), told


@pytest.mark.parametrize("role", ROLES)
def test_no_task_shows_a_secret(role: str) -> None:
    """
    Whatever names a token, a password or a key does not log what it is given.
    """
    shown = []
    for file in sorted((ANSIBLE / "roles" / role / "tasks").glob("*.yml")):
        for task in tasks_of(yaml.safe_load(file.read_text(encoding="utf-8"))):
            given = json.dumps({key: value for key, value in task.items() if key not in ("when", "name")})
            secret = any(
                word in given for word in ("stdin", "_password }}", "_secrets", "collector_key }}", "client_key }}")
            )
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
                assert quiet, f"{file.name}: {task['name']}"


def test_powershell_in_tasks_parses() -> None:
    powershell = Parser(Language(tree_sitter_powershell.language()))
    scripts = [
        task["ansible.windows.win_powershell"]["script"]
        for file in sorted((ANSIBLE / "roles/agent/tasks").glob("*.yml"))
        for task in tasks_of(yaml.safe_load(file.read_text(encoding="utf-8")))
        if "ansible.windows.win_powershell" in task
    ]
    trees = [powershell.parse(re.sub(r"{{.*?}}", "VALUE", script).encode()) for script in scripts]

    assert len(trees) == 1
    assert not [script for script, tree in zip(scripts, trees, strict=True) if tree.root_node.has_error]


def tasks_of(tasks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """With those in blocks."""
    return [inner for task in tasks for inner in (tasks_of(task["block"]) if "block" in task else [task])]


def test_what_is_done_to_agents_is_done_on_both_systems() -> None:
    tasks = ANSIBLE / "roles/agent/tasks"
    texts = {path.name: path.read_text(encoding="utf-8") for path in tasks.glob("*.yml")}
    by_system = [name for text in texts.values() for name in re.findall(r"(\S*){{ agent_system }}.yml", text)]

    assert {f'"{step}_' for step in ("abandon", "rollback", "trust", "uninstall", "verify")} | {'"'} == set(by_system)
    assert {f"{name[1:]}{system}.yml" for name in by_system for system in ("linux", "windows")} <= texts.keys()
    assert [book.name for book in (ANSIBLE / "playbooks").iterdir() if "!windows" in book.read_text("utf-8")] == []


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
        "prometheus_source": "package",
        "alertmanager_source": "package",
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


SYSTEMS = {
    "python3.11": {"distribution": "AlmaLinux", "distribution_version": "9.7", "distribution_major_version": "9"},
    "python3": {"distribution": "Rocky", "distribution_version": "10.0", "distribution_major_version": "10"},
}
"""What Ansible's setup says there, by the Python to take; and what it says on both."""
RED_HAT = {
    "os_family": "RedHat", "pkg_mgr": "dnf", "architecture": "x86_64", "service_mgr": "systemd",
    "selinux": {"status": "enabled", "mode": "enforcing", "type": "targeted", "policyvers": 33},
}  # fmt: skip
DNF = """
import json, pathlib
from ansible.module_utils.basic import AnsibleModule
module = AnsibleModule({{"name": {{"type": "list", "elements": "str"}}, "state": {{}}}}, supports_check_mode=True)
pathlib.Path({asked!r}).write_text(json.dumps(module.params["name"]))
module.exit_json(changed=False)
"""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("python", SYSTEMS)
def test_the_family_of_red_hat_gets_its_own(tmp_path: Path, python: str) -> None:
    """
    In check mode, by such a machine's facts: packages and Python by their names there, SELinux's labels, firewalld.
    """
    for folder in ("library", "bin"):
        (tmp_path / folder).mkdir()
    asked, systemctl = tmp_path / "asked", tmp_path / "bin/systemctl"
    (tmp_path / "library/dnf.py").write_text(DNF.format(asked=str(asked)), encoding="ascii")
    systemctl.write_text("#!/bin/sh\necho active\n", encoding="ascii")
    systemctl.chmod(0o755)
    given = {
        "ansible_connection": "local", "ansible_python_interpreter": sys.executable, "release_version": "0.1.0",
        "release_program": "agent", "release_extras": [], "release_root": str(tmp_path / "opt"),
        "release_source": "index", "firewalld_port": "9811/udp",
    }  # fmt: skip
    steps: list[dict[str, Any]] = [{"ansible.builtin.set_fact": RED_HAT | SYSTEMS[python] | {"cacheable": True}}]
    steps += [{"ansible.builtin.include_role": {"name": name}} for name in ("release", "firewalld")]
    restart = {"name": "Restart", "listen": "haidang release", "ansible.builtin.debug": {"msg": "restarted"}}
    play = [{"hosts": "localhost", "gather_facts": False, "vars": given, "tasks": steps, "handlers": [restart]}]
    (tmp_path / "play.yml").write_text(yaml.safe_dump(play), encoding="utf-8")

    said = run(
        *(BIN / "ansible-playbook", "--check", "-vv", "--inventory", "localhost,", tmp_path / "play.yml"),
        folder=tmp_path,
        PATH=f"{tmp_path / 'bin'}:{os.environ['PATH']}",
    )

    assert json.loads(asked.read_text(encoding="ascii")) == [python, "openssl", "tar"]
    commands = [yaml.safe_load(found) for found in re.findall(r"^ +cmd:\n((?: +- .*\n)+)", said, re.MULTILINE)]
    release = f"{tmp_path}/opt/releases/0.1.0"
    assert [python, "-m", "venv", release] in commands, said
    assert ["restorecon", "-R", "-v", release] in commands, said
    assert ["firewall-cmd", "--add-port=9811/udp", "--permanent"] in commands, said


ARCHIVES = {
    "prometheus": ("prometheus", "promtool"),
    "alertmanager": ("alertmanager", "amtool"),
    "victoriametrics": ("victoria-metrics", "vmalert"),
}


@pytest.mark.timeout(300)
def test_the_family_of_red_hat_has_the_centre_from_archives(tmp_path: Path) -> None:
    """
    In check mode, by such a machine's facts and without this one's packages; Grafana is in a repository of its makers'.
    """
    for folder in ("etc", "repositories"):
        (tmp_path / folder).mkdir()
    given = {
        "ansible_connection": "local", "ansible_python_interpreter": sys.executable, "grafana_admin_password": "drill",
        "program_root": str(tmp_path / "programs"),
        **{f"{role}_folder": str(tmp_path / "etc") for role in ARCHIVES},
    }  # fmt: skip
    steps: list[dict[str, Any]] = [
        {"ansible.builtin.set_fact": RED_HAT | SYSTEMS["python3.11"] | {"cacheable": True}},
        *({"ansible.builtin.include_role": {"name": name}} for name in (*ARCHIVES, "grafana")),
    ]
    elsewhere = {"ansible.builtin.yum_repository": {"reposdir": str(tmp_path / "repositories")}}
    play = [{"hosts": "localhost", "gather_facts": False, "vars": given, "module_defaults": elsewhere, "tasks": steps}]
    (tmp_path / "play.yml").write_text(yaml.safe_dump(play), encoding="utf-8")

    no_packages = json.dumps({f"{role}_packaged": "/none" for role in ARCHIVES})
    options = ("--check", "--diff", "-vv", "--inventory", "localhost,", "--extra-vars", no_packages)
    said = run(
        *(BIN / "ansible-playbook", *options, tmp_path / "play.yml"),
        folder=tmp_path,
    )

    versions = {role: loaded("roles", role, "defaults/main.yml")[f"{role}_version"] for role in ARCHIVES}
    for role, commands in ARCHIVES.items():
        folders = {f"{tmp_path}/programs/{name}-{versions[role]}" for name in (*commands, "vmutils")}
        assert any(folder in said for folder in folders), said
        assert all(f"/usr/local/bin/{command}\n" in said for command in commands), said
        assert f"/usr/local/bin/{commands[0]} $ARGS" in said
    assert "+baseurl = https://rpm.grafana.com\n" in said
    assert "+gpgkey = https://rpm.grafana.com/gpg.key\n" in said


def test_each_system_has_its_names_for_the_same_things() -> None:
    for file in (ANSIBLE / "roles").glob("*/vars/Debian.yml"):
        role = file.parents[1].name
        assert loaded("roles", role, "vars/Debian.yml").keys() == loaded("roles", role, "vars/RedHat.yml").keys()
