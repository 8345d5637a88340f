"""The promises of every probe, present and future."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from haidang_agent import probes
from haidang_agent.doctor import CAPABILITIES
from haidang_agent.probe import AnyProbe
from haidang_agent.registry import discover

FILES = {file.stem for file in Path(probes.__path__[0]).glob("[a-z]*.py")}
LONGEST_FILE = 200


def test_every_file_is_a_probe_of_its_name() -> None:
    assert set(discover()) == FILES


@pytest.mark.parametrize("probe", discover().values(), ids=lambda probe: probe.name)
def test_probe_is_well_declared(probe: AnyProbe) -> None:
    probe.settings()  # every setting has a default

    assert probe.timeout_seconds < probe.every_seconds or probe.every_seconds <= 1
    assert probe.roles
    assert probe.needs <= CAPABILITIES.keys(), "doctor knows how to look for it"
    assert all(metric.name.startswith(("school_", "node_", "haidang_")) for metric in probe.metrics)
    assert all(metric.help.endswith(".") for metric in probe.metrics)
    plain = [metric for metric in probe.metrics if metric.part_of is None]
    assert all(metric.name.endswith("_total") == (metric.kind == "counter") for metric in plain)
    wholes = {metric.part_of for metric in probe.metrics} - {None}
    assert all(whole is None or set(whole.metrics) <= set(probe.metrics) for whole in wholes), "histograms are whole"
    labels = {label for metric in probe.metrics for label in metric.labels}
    assert not labels & {"unit", "district", "agent", "job", "instance"}, "the centre sets these, and refuses them"
    assert (Path(__file__).parent / "probes" / f"test_{probe.name}.py").is_file()


@pytest.mark.parametrize("name", sorted(FILES))
def test_probe_fits_a_readers_head(name: str) -> None:
    assert len(Path(probes.__path__[0], f"{name}.py").read_text().splitlines()) <= LONGEST_FILE


def test_probes_are_found_where_there_is_nothing_of_linux_alone() -> None:
    """As on Windows: modules and socket families that it lacks are only asked for when a probe starts."""
    script = (
        "import sys, socket, select, psutil, subprocess, logging.handlers\n"
        "sys.modules.update(dict.fromkeys(('fcntl', 'pyroute2', 'gufo.snmp', 'termios')))\n"
        "[delattr(socket, name) for name in dir(socket) if name.startswith(('AF_PACKET', 'AF_NETLINK', 'SO_BINDTO',"
        " 'PACKET_', 'NETLINK_', 'CMSG_'))]\n"
        "from haidang_agent.registry import discover\n"
        "print(*discover())\n"
    )
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)

    assert set(done.stdout.split()) == FILES
