"""The `posture` probe: what leaves the machine, and what it remembers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from haidang_agent.posture.catalogue import CHECKS
from haidang_agent.posture.limits import Limits
from haidang_agent.probe import Host
from haidang_agent.probes.posture import PROBE

from tests.agent.posture.trees import PASSWD, debian

SEVERITY = {check.id: check.severity for check in CHECKS}


def host(root: Path) -> Host:
    tree = debian(root, offered="3.0.17-1")
    tree.write({"etc/passwd": PASSWD + "toor:x:0:0::/:/bin/sh\n", "etc/os-release": "ID=debian\nVERSION_ID=13\n"})
    return Host(proc=root / "proc", sys=root / "sys")


def measured(machine: Host, limits: Limits | None = None) -> dict[str, float]:
    """Value by check; the count of those that could not be read under the empty name."""
    samples = list(PROBE.start(limits or Limits(), machine).collect())
    assert all(SEVERITY[sample.labels[0]] == sample.labels[1] for sample in samples if sample.labels)
    return {sample.labels[0] if sample.labels else "": sample.value for sample in samples}


def test_passed_failed_and_absent(tmp_path: Path) -> None:
    values = measured(host(tmp_path))

    assert values["system_supported"] == 1
    assert (values["second_root"], values["security_updates"]) == (0, 0)
    assert "clock" not in values
    assert "passwords" not in values
    linux = {check.id for check in CHECKS if "linux" in check.platforms}
    assert values[""] == len(linux) - (len(values) - 1)


def test_it_remembers_since_when_an_update_waits(tmp_path: Path) -> None:
    machine = host(tmp_path)
    now = machine.time.moment().wall
    assert measured(machine)["security_updates_overdue"] == 1
    assert machine.memory.recall("posture_waiting_updates").keys() == {"openssl"}
    machine.memory.keep("posture_waiting_updates", {"openssl": now - 15 * 86400})

    assert measured(replace(machine))["security_updates_overdue"] == 0
    assert measured(machine, Limits(update_days=20))["security_updates_overdue"] == 1


def test_no_name_of_an_account_or_file_leaves(tmp_path: Path) -> None:
    samples = PROBE.start(Limits(), host(tmp_path)).collect()

    assert {label for sample in samples for label in sample.labels} <= SEVERITY.keys() | set(SEVERITY.values())
