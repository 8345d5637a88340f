"""The agent as a process: first metric, goodbye, kill -9, full disk, taken port, configuration from the centre."""

from __future__ import annotations

import ctypes
import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from haidang_agent.outbox import Outbox
from haidang_agent.stamp import Stamp

from tests.agent.machines import AGENT, Machine
from tests.agent.namespaces import Namespace, addresses
from tests.agent.outboxes import snapshot, take_all_room
from tests.agent.promtool import complaints
from tests.agent.scripted_centre import CONFIG, Asked, Say, ScriptedCentre, json_body, scripted_centre
from tests.disks import disk
from tests.waiting import eventually

SHOWN = 'haidang_probe_overruns_total{probe="machine"}'
OVERRUNS = "haidang_probe_overruns_total\x1fmachine"
"""As the outbox has it."""


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
        assert process.wait(timeout=60) == 0

    assert [asked.headers.get("haidang-goodbye") for asked in centre.writes].index("1") == len(centre.writes) - 1


def test_a_signal_that_another_thread_gets_stops_it(tmp_path: Path) -> None:
    """
    As the kernel does where the main thread has one to handle already; it waited there for ever.
    """
    machine = Machine(tmp_path)
    with machine.running() as process:
        eventually("a snapshot", lambda: machine.value("haidang_outbox_snapshots") >= 1, seconds=10)
        threads = [int(thread.name) for thread in Path(f"/proc/{process.pid}/task").iterdir()]
        another = next(thread for thread in threads if thread != process.pid)
        assert ctypes.CDLL(None).tgkill(process.pid, another, signal.SIGTERM) == 0
        assert process.wait(timeout=60) == 0


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


def test_enrolled_for_another_unit_it_tells_that_nothing_of_the_first(tmp_path: Path, centre: ScriptedCentre) -> None:
    machine = Machine(tmp_path, centre)
    _measured_before(machine.state, "U0")
    with machine.running() as process:
        eventually("it pushes", lambda: len(centre.writes) >= 2, seconds=20)
        process.terminate()
        words = process.communicate(timeout=60)[1]

    named = {dict(labels)["__name__"] for push in centre.writes for labels, _ in push.samples}
    assert "haidang_snapshots_total" in named
    assert "a" not in named
    assert "measurements of unit U0; they are kept as outbox.db.unit-" in words
    assert _totals(machine.state)[OVERRUNS] == 0


def test_with_a_full_disk_it_goes_on_measuring_and_recovers(tmp_path: Path) -> None:
    with disk(tmp_path / "state", "512k") as state:
        machine = Machine(tmp_path)
        with machine.running():
            eventually("a snapshot", lambda: machine.value("haidang_outbox_writable") == 1, seconds=10)
            ballast = state / "ballast"
            with pytest.raises(OSError, match="No space left"):
                take_all_room(ballast)
            eventually("it says so", lambda: machine.value("haidang_outbox_writable") == 0, seconds=20)
            assert machine.value("node_memory_MemTotal_bytes") > 0
            ballast.unlink()
            eventually("it recovers", lambda: machine.value("haidang_outbox_writable") == 1, seconds=20)


def test_started_on_a_full_disk_it_counts_on_from_the_last_run(tmp_path: Path) -> None:
    with disk(tmp_path / "state", "512k") as state:
        machine = Machine(tmp_path)
        _measured_before(state)
        ballast = state / "ballast"
        with pytest.raises(OSError, match="No space left"):
            take_all_room(ballast)
        with machine.running():
            eventually("it counts on", lambda: machine.value(SHOWN) == 41, seconds=20)
            eventually("it says so", lambda: machine.value("haidang_outbox_writable") == 0, seconds=20)
            ballast.unlink()
            eventually("it stores", lambda: machine.value("haidang_outbox_writable") == 1, seconds=20)
        assert _totals(state)[OVERRUNS] == 41


def test_what_could_not_be_read_at_the_start_is_not_written_over(tmp_path: Path) -> None:
    """
    Nothing is stored until it can be read, as when root has mended whose file it is; then counting goes on from it.
    """
    machine = Machine(tmp_path)
    machine.state.mkdir()
    _measured_before(machine.state)
    (machine.state / "outbox.db").rename(tmp_path / "elsewhere")
    (machine.state / "outbox.db").mkdir()
    with machine.running():
        eventually("it measures", lambda: machine.value(SHOWN) == 0, seconds=20)
        eventually("it says so", lambda: machine.value("haidang_outbox_writable") == 0, seconds=20)
        (machine.state / "outbox.db").rmdir()
        (tmp_path / "elsewhere").rename(machine.state / "outbox.db")
        eventually("it stores", lambda: machine.value("haidang_outbox_writable") == 1, seconds=20)
        assert machine.value(SHOWN) == 41
    assert _totals(machine.state)[OVERRUNS] == 41


def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    with machine.running():
        eventually("the first has the port", lambda: machine.value("haidang_outbox_writable"), seconds=10)
        second = subprocess.run(
            [AGENT, "run", "--config", machine.config], capture_output=True, text=True, timeout=120, check=False
        )

    assert second.returncode == 1
    (line,) = second.stderr.splitlines()
    assert line == (
        f"cannot start: [agent] listen = '127.0.0.1:{machine.port}': Address already in use; choose another port there"
    )


def test_the_centres_configuration_restarts_the_probes_and_is_kept_for_a_start_offline(tmp_path: Path) -> None:
    """The second start finds no collector, and still runs what the centre had said."""
    tables = {"agent": {"probes": ["internet"]}, "probes": {"internet": {"targets": ["127.0.0.1:9"]}}}

    def answer(asked: Asked) -> Say:
        return Say(200, json_body(tables), {"ETag": '"1"'}) if asked.path == CONFIG else Say()

    with scripted_centre() as centre:
        centre.answer = answer
        machine = Machine(tmp_path, centre)
        machine.config.write_text(machine.config.read_text().replace('probes = ["machine"]\n', ""))
        with machine.running() as process:
            eventually("the centre's probe", lambda: machine.value("school_internet_up") == 1, seconds=10)
            assert "node_memory" not in machine.metrics()
            process.terminate()
            assert process.wait(timeout=60) == 0

    assert json.loads((tmp_path / "state" / "centre.json").read_text()) == {"etag": '"1"', "tables": tables}
    with machine.running():
        eventually("it measures offline", lambda: machine.value("school_internet_up") == 1, seconds=10)


def test_what_the_centre_said_long_ago_does_not_keep_the_agent_from_starting(tmp_path: Path) -> None:
    """It was for another version, or does not fit the file any more."""
    machine = Machine(tmp_path)
    machine.state.mkdir()
    (machine.state / "centre.json").write_text('{"etag": "1", "tables": {"agent": {"outbox_max_age": "2s"}}}')
    with machine.running() as process:
        eventually("it measures", lambda: machine.value("node_memory_MemTotal_bytes") > 0, seconds=10)
        process.terminate()

        assert "what the centre said last cannot be used" in process.communicate(timeout=60)[1]


@pytest.mark.parametrize(
    "body",
    [
        b'{"agent": {"outbox_max_mb": "big"}}', b'{"server": {"url": "https://other.example"}}', b"[[1]]", b"null",
        b"<html>", b"[" * 100_000, b"",
    ],
    ids=["fault", "server", "list", "null", "html", "deep", "empty"],
)  # fmt: skip
def test_a_configuration_that_cannot_be_used_changes_nothing(
    tmp_path: Path, centre: ScriptedCentre, body: bytes
) -> None:
    centre.answer = lambda asked: Say(200, body) if asked.path == CONFIG else Say()
    machine = Machine(tmp_path, centre)
    with machine.running() as process:
        eventually("it pushes all the same", lambda: centre.writes, seconds=10)
        process.terminate()
        words = process.communicate(timeout=60)[1]

    assert "the centre's configuration cannot be used" in words
    assert not (tmp_path / "state" / "centre.json").exists()


def test_it_stops_at_once_while_a_probe_is_in_the_middle_of_its_work(tmp_path: Path) -> None:
    """A sweep that takes 24 s."""
    machine = Machine(tmp_path, probes='["lan"]', more="[probes.lan]\npackets_per_second = 1\n")
    with Namespace() as lan:
        addresses(["10.9.0.1/28"], lan)
        machine.within = lan.command()
        with machine.running() as process:
            eventually("it answers", lambda: "no agent answers" not in machine.command("status")[2], seconds=20)
            process.terminate()

            assert process.wait(timeout=20) == 0


def test_metrics_are_what_promtool_accepts(tmp_path: Path, centre: ScriptedCentre) -> None:
    machine = Machine(tmp_path, centre)
    with machine.running():
        eventually("a push", lambda: machine.value('haidang_push_requests_total{answer="204"}') > 0, seconds=10)

        assert complaints(machine.metrics()) == []


def _stored(machine: Machine) -> int:
    outbox = Outbox(machine.folder / "state" / "outbox.db")
    stats = outbox.stats()
    outbox.close()
    assert stats.lost == {}
    return stats.snapshots_total


def _measured_before(state: Path, unit: str = "U1") -> None:
    """By a run that ended in order."""
    outbox = Outbox(state / "outbox.db")
    outbox.belong_to("a-before", unit)
    outbox.append(snapshot(7.0, 1.0), Stamp(1), {OVERRUNS: 41.0})
    outbox.close()


def _totals(state: Path) -> dict[str, float]:
    outbox = Outbox(state / "outbox.db")
    try:
        return outbox.totals()
    finally:
        outbox.close()
