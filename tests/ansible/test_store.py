"""Which store the roles take, by the groups of the inventory."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from haidang_collector.tenants import KINDS

from tests.ansible.playing import ANSIBLE, BIN, run

if TYPE_CHECKING:
    from pathlib import Path

PROMETHEUS = {"agent_prometheus_host": "p1", "agent_prometheus_url": KINDS["prometheus"].read_url}
VICTORIA = {"agent_prometheus_host": "v1", "agent_prometheus_url": KINDS["victoriametrics"].read_url}
NOBODY = {"agent_prometheus_host": "", "agent_prometheus_url": KINDS["prometheus"].read_url}


@pytest.mark.parametrize(
    ("groups", "asked", "store"),
    [
        ({"prometheus": ["p1"]}, PROMETHEUS, None),
        ({"prometheus": ["p1"], "victoriametrics": ["v1"]}, PROMETHEUS, None),
        ({"victoriametrics": ["v1"]}, VICTORIA, "victoriametrics"),
        ({"prometheus": [], "victoriametrics": ["v1"]}, VICTORIA, "victoriametrics"),
        ({}, NOBODY, None),
    ],
)
def test_the_store_is_that_of_the_group(
    tmp_path: Path, groups: dict[str, list[str]], asked: dict[str, str], store: str | None
) -> None:
    """
    Whom an upgrade asks whether agents are heard, and what the collector is told of its store.
    """
    hosts = {group: {"hosts": dict.fromkeys(names)} for group, names in {"collector": ["c1"], **groups}.items()}

    told = _told(tmp_path, hosts, [*asked, "collector_environment"])

    assert told.pop("collector_environment").get("HAIDANG_STORE") == store
    assert told == asked


def _told(folder: Path, hosts: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """Values that variables of the roles agent and collector have on the collector's host."""
    (folder / "hosts.yml").write_text(yaml.safe_dump(hosts), encoding="ascii")
    files = ("agent/defaults", "collector/defaults", "collector/vars")
    content = {name: f"{{{{ {name} }}}}" for name in names}
    task = {"ansible.builtin.copy": {"content": content, "dest": str(folder / "told.json")}}
    play = {
        "hosts": "collector",
        "gather_facts": False,
        "vars_files": [str(ANSIBLE / "roles" / file / "main.yml") for file in files],
        "tasks": [task],
    }
    (folder / "play.yml").write_text(yaml.safe_dump([play]), encoding="utf-8")
    given = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    words = ("--inventory", folder / "hosts.yml", "--extra-vars", json.dumps(given))
    run(BIN / "ansible-playbook", *words, folder / "play.yml", folder=folder)
    told: dict[str, Any] = json.loads((folder / "told.json").read_text(encoding="utf-8"))
    return told
