"""The `machine` probe, beside Debian's node_exporter on this same machine."""

from __future__ import annotations

import platform
import re
import subprocess
from pathlib import Path

import psutil
import pytest
from haidang_agent.exposition import expose
from haidang_agent.probe import Host, Metric
from haidang_agent.probes.machine import PROBE, Settings, collect
from prometheus_client.parser import text_string_to_metric_families

from tests.agent.namespaces import Namespace, addresses
from tests.agent.probes.running import Running
from tests.servers import free_port, get, wait_until_ready
from tests.waiting import eventually

PROC = Path(__file__).parent / "data" / "proc"
PRIVATE = {"nodename", "domainname"}
CONSTANT = re.compile(
    r"node_(boot_time_seconds|uname_info|memory_(Mem|Swap)Total_bytes|filesystem_(size_bytes|readonly))"
)
CLOSE = re.compile(r"node_(memory|filesystem|load)")

NEAR = {"memory": psutil.virtual_memory().total / 4, "filesystem": 2e9, "load": 2.0}
"""How much of it others may take or give back between two readings."""
GENERALISED = re.compile(r"other|/dev/(dm-\d+|other)|(en|wl|ww)x\d+")
"""Labels that node_exporter would give in full, and we do not."""

Values = dict[tuple[str, frozenset[tuple[str, str]]], float]


def parsed(text: bytes) -> Values:
    return {
        (
            sample.name,
            frozenset((name, value) for name, value in sample.labels.items() if name not in PRIVATE),
        ): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def measured() -> Values:
    return parsed(expose(collect(Settings(), Host())))


@pytest.fixture(scope="module")
def beside():
    """Our figures, and node_exporter's of just before and just after, while no file system and no interface came."""
    port = free_port()
    exporter = subprocess.Popen(
        ["prometheus-node-exporter", f"--web.listen-address=127.0.0.1:{port}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until_ready(f"http://127.0.0.1:{port}/", exporter)
        return eventually("three readings of the same things", lambda: _readings(port), seconds=20)
    finally:
        exporter.kill()
        exporter.wait()


def _readings(port: int) -> tuple[Values, Values, Values] | None:
    before = parsed(get(f"http://127.0.0.1:{port}/metrics"))
    ours = measured()
    after = parsed(get(f"http://127.0.0.1:{port}/metrics"))
    same = {key: value for key, value in ours.items() if not any(GENERALISED.fullmatch(text) for _, text in key[1])}
    names = {name for name, _ in same}
    stayed = {key for key in before if key[0] in names} == {key for key in after if key[0] in names}
    return (before, same, after) if stayed else None


def test_names_and_labels_are_node_exporters(beside):
    """Each series of ours is one of node_exporter's, to the label, but for those that would name a person or host."""
    before, ours, _ = beside

    assert ours
    assert ours.keys() <= before.keys()


def test_every_processor_mode_and_memory_figure_is_there(beside):
    """What every Linux machine has is not left out."""
    before, ours, _ = beside
    whole = re.compile(r"node_(cpu_seconds_total|load\d+|boot_time_seconds|uname_info)")

    assert {key for key in before if whole.fullmatch(key[0])} == {key for key in ours if whole.fullmatch(key[0])}
    assert sum(1 for name, _ in ours if name.startswith("node_memory_")) == 7


def test_constants_are_equal(beside):
    before, ours, _ = beside
    constants = {key: value for key, value in ours.items() if CONSTANT.fullmatch(key[0])}

    assert constants
    assert constants == {key: before[key] for key in constants}


def test_counters_lie_between_and_gauges_close(beside):
    """A counter read in between two readings of node_exporter's is between them; a CPU's may lag by a tick."""
    before, ours, after = beside
    counters = {metric.name for metric in PROBE.metrics if metric.kind == "counter"}

    for key, value in ours.items():
        if key[0] in counters:
            assert before[key] - 0.02 <= value <= after[key] + 0.02, key
        elif close := CLOSE.match(key[0]):
            assert value == pytest.approx(before[key], rel=0.1, abs=NEAR[close[1]]), key


def test_only_what_is_declared_and_each_series_once():
    samples = list(collect(Settings(), Host()))

    assert {sample.metric for sample in samples} <= set(PROBE.metrics)
    assert len({(sample.metric, sample.labels) for sample in samples}) == len(samples)
    assert all(len(sample.labels) == len(sample.metric.labels) for sample in samples)


def test_no_host_name_and_no_user_leaves(monkeypatch):
    """On a laptop whose volume group, datasets and mount points name it and its user."""
    monkeypatch.setattr(psutil, "disk_partitions", captured_partitions())
    samples = list(collect(Settings(), Host()))
    text = expose(samples).decode()

    assert 'mountpoint="other"' in text
    for secret in ("nguyenvanan", "HIEUTRUONG", "nas.truong", "/an", "DIEM"):
        assert secret not in text
    assert platform.node() not in {label for sample in samples for label in sample.labels}


def test_no_mac_address_leaves():
    """Neither does an adapter's that udev named after it."""
    with Namespace() as machine:
        addresses([], machine)
        machine.ip("link", "set", "lan0", "down")
        machine.ip("link", "set", "lan0", "address", "02:ab:cd:ef:01:23", "name", "enx02abcdef0123", "up")
        with Running(machine, "machine", nobody=True) as probe:
            values = probe.collect().values

    assert ("node_network_receive_bytes_total", "enx0") in values
    assert values["node_network_up", "enx0"] == 1
    assert "02abcdef0123" not in str(values).replace(":", "").lower()


def test_a_file_system_that_does_not_answer_says_so_and_the_rest_is_measured(monkeypatch):
    """/luu-tru-cua-an of the captured table is not there."""
    monkeypatch.setattr(psutil, "disk_partitions", captured_partitions())

    values = {(sample.metric.name, sample.labels): sample.value for sample in collect(Settings(), Host())}

    gone, root = ("/dev/sde1", "ext4", "other"), ("/dev/nvme0n1p2", "ext4", "/")
    assert values["node_filesystem_device_error", gone] == 1
    assert ("node_filesystem_size_bytes", gone) not in values
    assert values["node_filesystem_device_error", root] == 0
    assert values["node_filesystem_size_bytes", root] > 0
    assert "node_load1" in {name for name, _ in values}


def captured_partitions():
    """psutil's own reading of the captured table, for a whole reading of this machine."""
    original, before = psutil.disk_partitions, psutil.PROCFS_PATH
    try:
        psutil.PROCFS_PATH = str(PROC)
        parts = original(all=False)
    finally:
        psutil.PROCFS_PATH = before
    return lambda **_: parts


def test_every_metric_is_of_one_kind_and_explained():
    """Counters end in _total, nothing else does."""
    metrics: tuple[Metric, ...] = PROBE.metrics

    assert len({metric.name for metric in metrics}) == len(metrics)
    assert all((metric.kind == "counter") == metric.name.endswith("_total") for metric in metrics)
    assert all(metric.help.endswith(".") for metric in metrics)
