"""The agent as a process: first metric, goodbye, kill -9, full disk, taken port, configuration from the centre."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from haidang_agent import credentials
from haidang_agent.credentials import Credentials
from haidang_agent.outbox import Outbox

from tests.agent.scripted_centre import CONFIG, Asked, Say, ScriptedCentre, json_body, scripted_centre
from tests.servers import free_port, get
from tests.waiting import eventually

AGENT = Path(sys.executable).parent / "haidang-agent"


class Machine:
    """A folder with agent.toml in it, and the agent that reads it."""

    def __init__(self, folder: Path, centre: ScriptedCentre | None = None, more: str = "") -> None:
        self.folder = folder
        self.port = free_port()
        server = "" if centre is None else f'[server]\nurl = "{centre.url}"\n'
        self.config = folder / "agent.toml"
        self.config.write_text(
            f'{server}[agent]\nroles = ["host"]\nprobes = ["machine"]\nstate_dir = "{folder}/state"\n'
            f'listen = "127.0.0.1:{self.port}"\npush_interval = "1s"\n{more}'
        )
        if centre is not None:
            credentials.save(folder / "state", Credentials("k" * 43, "a-test", "U1"))

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[str]]:
        command = [AGENT, "run", "--config", self.config]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            try:
                yield process
            finally:
                process.kill()

    def value(self, series: str) -> float:
        """Of /metrics. Raises LookupError where there is none."""
        text = get(f"http://127.0.0.1:{self.port}/metrics").decode()
        found = re.search(rf"^{re.escape(series)} (\S+)$", text, re.MULTILINE)
        if found is None:
            raise LookupError(series)
        return float(found[1])


@pytest.fixture
def centre() -> Iterator[ScriptedCentre]:
    with scripted_centre() as scripted:
        scripted.answer = lambda asked: Say(200, b"{}") if asked.path == CONFIG else Say()
        yield scripted


def test_it_measures_without_a_collector(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    with machine.running():
        eventually("a first metric", lambda: machine.value("node_memory_MemTotal_bytes"), seconds=10)
        eventually("a snapshot", lambda: machine.value("haidang_outbox_snapshots") >= 1, seconds=10)


def test_it_says_goodbye_and_is_gone_at_once(tmp_path: Path, centre: ScriptedCentre) -> None:
    machine = Machine(tmp_path, centre)
    with machine.running() as process:
        eventually("a push", lambda: centre.writes, seconds=10)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0

    assert [asked.headers.get("haidang-goodbye") for asked in centre.writes].index("1") == len(centre.writes) - 1


def test_counters_go_on_after_kill_9(tmp_path: Path) -> None:
    """
    What the outbox had acknowledged is there after the kill, and counting goes on from it.
    """
    machine = Machine(tmp_path)
    with machine.running():
        eventually("snapshots", lambda: machine.value("haidang_snapshots_total") >= 2, seconds=15)
    before = _stored(machine)
    with machine.running():
        eventually("more", lambda: machine.value("haidang_snapshots_total") > before, seconds=15)

    assert _stored(machine) > before >= 2


def test_with_a_full_disk_it_goes_on_measuring_and_recovers(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", state], check=True)
    try:
        machine = Machine(tmp_path)
        with machine.running():
            eventually("a snapshot", lambda: machine.value("haidang_outbox_writable") == 1, seconds=10)
            ballast = state / "ballast"
            with pytest.raises(OSError, match="No space left"):
                _fill(ballast)
            eventually("it says so", lambda: machine.value("haidang_outbox_writable") == 0, seconds=20)
            assert machine.value("node_memory_MemTotal_bytes") > 0
            ballast.unlink()
            eventually("it recovers", lambda: machine.value("haidang_outbox_writable") == 1, seconds=20)
    finally:
        subprocess.run(["umount", "--lazy", state], check=True)


def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    with machine.running():
        eventually("the first has the port", lambda: machine.value("haidang_outbox_writable"), seconds=10)
        second = subprocess.run(
            [AGENT, "run", "--config", machine.config], capture_output=True, text=True, timeout=20, check=False
        )

    assert second.returncode == 1
    assert "Traceback" not in second.stderr
    assert str(machine.port) in second.stderr


def test_the_centres_configuration_is_used_and_kept_for_a_start_offline(tmp_path: Path) -> None:
    """
    The second start finds no collector, and still runs what the centre had said.
    """
    tables = {"agent": {"push_interval": "2s"}, "probes": {"internet": {"targets": ["127.0.0.1"]}}}

    def answer(asked: Asked) -> Say:
        return Say(200, json_body(tables), {"ETag": '"1"'}) if asked.path == CONFIG else Say()

    with scripted_centre() as centre:
        centre.answer = answer
        machine = Machine(tmp_path, centre, more="")
        with machine.running() as process:
            eventually("it is cached", (tmp_path / "state" / "centre.json").exists, seconds=10)
            process.terminate()
            process.wait(timeout=10)

    assert json.loads((tmp_path / "state" / "centre.json").read_text())["tables"] == tables
    with machine.running():
        eventually("it measures offline", lambda: machine.value("node_load1") >= 0, seconds=10)


def test_a_configuration_that_cannot_be_used_changes_nothing(tmp_path: Path, centre: ScriptedCentre) -> None:
    centre.answer = lambda asked: Say(200, b'{"agent": {"outbox_max_mb": "big"}}') if asked.path == CONFIG else Say()
    machine = Machine(tmp_path, centre)
    with machine.running() as process:
        eventually("it pushes all the same", lambda: centre.writes, seconds=10)
        process.terminate()
        words = process.communicate(timeout=10)[1]

    assert "the centre's configuration cannot be used" in words
    assert not (tmp_path / "state" / "centre.json").exists()


def test_metrics_are_what_promtool_accepts(tmp_path: Path) -> None:
    """
    All but node_exporter's own names of memory, which no dashboard would find under others.
    """
    machine = Machine(tmp_path)
    with machine.running():
        eventually("metrics", lambda: machine.value("haidang_snapshots_total") >= 1, seconds=10)
        text = get(f"http://127.0.0.1:{machine.port}/metrics").decode()
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False)
    complaints = (checked.stdout + checked.stderr).splitlines()

    assert all(
        re.fullmatch(r"node_memory_\w+_bytes metric names should be written in 'snake_case' not 'camelCase'", line)
        for line in complaints
    ), complaints


def _fill(file: Path) -> None:
    with file.open("wb", buffering=0) as ballast:
        while True:
            ballast.write(b"x" * 4096)


def _stored(machine: Machine) -> int:
    outbox = Outbox(machine.folder / "state" / "outbox.db")
    stats = outbox.stats()
    outbox.close()
    assert stats.lost == {}
    return stats.snapshots_total
