"""The `inventory` probe: what leaves the machine, what other probes told, and what is remembered."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest
from haidang_agent.probe import Evidence, Host, Memory, Moment, Watch
from haidang_agent.probes.inventory import MEMORY, PROBE, Settings
from haidang_agent.probes.lan import PROBE as LAN

from tests.agent.equipment.edids import edid
from tests.agent.equipment.trees import Machine

ALWAYS = Settings(look_every_seconds=0)
TODAY = 20_000 * 86400.0


class Clock:
    """The agent's; `centre` is None before the first contact."""

    def __init__(self, wall: float = TODAY, centre: float | None = TODAY) -> None:
        self.wall, self.centre = wall, centre

    def moment(self) -> Moment:
        return Moment("", 0.0, self.wall, self.centre)


def host(root: Path, *roles: str, clock: Clock | None = None) -> Host:
    return Host(
        proc=root / "proc",
        sys=root / "sys",
        time=clock or Clock(),
        watch=Watch(roles=roles),  # type: ignore[arg-type]  # literals
    )


def measured(machine: Host, settings: Settings = ALWAYS) -> dict[tuple[str, ...], float]:
    """Value by kind and source; of those unread by kind alone."""
    samples = list(PROBE.start(settings, machine).collect())
    assert all(sample.metric in PROBE.metrics for sample in samples)
    return {sample.labels: sample.value for sample in samples}


def with_projector(root: Path) -> Machine:
    machine = Machine(root)
    machine.screen("card0-HDMI-A-1", edid("EPSON PJ", 0, 0))
    return machine


def test_kinds_that_are_none_are_0_and_that_could_not_be_read_absent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with_projector(tmp_path).write({"run/cups/cups.sock": ""})
    probe = PROBE.start(ALWAYS, host(tmp_path, "host"))

    with caplog.at_level(logging.WARNING):
        values = {sample.labels: sample.value for sample in [*probe.collect(), *probe.collect()]}

    assert values == {
        ("webcam", "agent"): 0,
        ("display", "agent"): 1,
        ("webcam",): 0,
        ("display",): 0,
        ("printer",): 1,
    }
    assert [record.getMessage() for record in caplog.records] == [
        "printer: not counted: CUPS failed: [Errno 111] Connection refused"
    ]


@pytest.mark.parametrize(
    ("use", "management", "subject_group"),
    [("management", 1, 0), ("subject_group", 0, 1), ("teaching", 0, 0), ("", None, None)],
)
def test_what_the_machine_is_used_as(
    tmp_path: Path, use: str, management: float | None, subject_group: float | None
) -> None:
    Machine(tmp_path)
    machine = host(tmp_path, "host")
    machine.evidence.tell("place", "", {"lab": "", "use": use}, 60)
    values = measured(machine)

    assert values.get(("management_computer", "agent")) == management
    assert values.get(("subject_group_computer", "agent")) == subject_group


def test_a_machine_nobody_has_placed_is_none_of_them(tmp_path: Path) -> None:
    Machine(tmp_path)

    assert ("management_computer", "agent") not in measured(host(tmp_path, "host"))


def test_what_the_sweep_has_seen(tmp_path: Path) -> None:
    machine = host(tmp_path, "site")
    assert measured(machine) == {}
    machine.evidence.tell("lan_equipment", "", {"printer": 3, "camera": 0, "display": 1}, 60)

    assert measured(machine) == {("printer", "network"): 3, ("camera", "network"): 0, ("display", "network"): 1}


def test_what_the_first_sweep_has_seen_is_told_long_before_the_second() -> None:
    """And PowerShell's 90 seconds on a slow PC are no failure."""
    assert 90 < PROBE.timeout_seconds < PROBE.every_seconds < LAN.every_seconds / 2


def test_the_machine_is_looked_at_seldom_and_what_was_told_is_read_always(tmp_path: Path) -> None:
    machine = host(tmp_path, "host")
    tree = Machine(tmp_path)
    probe = PROBE.start(Settings(), machine)
    assert [sample.value for sample in probe.collect() if sample.labels == ("display", "agent")] == [0]

    tree.screen("card0-HDMI-A-1", edid("EPSON PJ", 0, 0))
    machine.evidence.tell("place", "", {"lab": "", "use": "management"}, 60)
    values = {sample.labels: sample.value for sample in probe.collect()}

    assert values["display", "agent"] == 0
    assert values["management_computer", "agent"] == 1


def test_a_projector_that_is_off_counts_for_30_days_across_restarts(tmp_path: Path) -> None:
    tree = with_projector(tmp_path)
    machine = host(tmp_path, "host")
    assert measured(machine)["display", "agent"] == 1
    tree.screen("card0-HDMI-A-1", b"", connected=False)
    stored = Memory(json.loads(json.dumps(machine.memory.copy())))

    for days, expected in ((0, 1), (29, 1), (30, 0)):
        later = replace(machine, memory=stored, time=Clock(centre=TODAY + days * 86400))
        assert measured(later)["display", "agent"] == expected


def test_a_machines_own_clock_writes_nothing_down(tmp_path: Path) -> None:
    """One that wakes up in 2009 forgets nothing, and one that runs ahead keeps nothing for ever."""
    tree = with_projector(tmp_path)
    machine = host(tmp_path, "host")
    measured(machine)
    kept = machine.memory.recall(MEMORY)
    tree.screen("card0-HDMI-A-1", b"", connected=False)

    assert measured(replace(machine, time=Clock(centre=None)))["display", "agent"] == 1
    for wall in (1.2e9, TODAY + 400 * 86400):
        assert measured(replace(machine, time=Clock(wall=wall, centre=None)))["display", "agent"] == 0
    assert machine.memory.recall(MEMORY) is kept
    assert measured(machine)["display", "agent"] == 1
    machine.memory.keep(MEMORY, {"display": {"30000": 7}})
    assert measured(machine)["display", "agent"] == 0
    assert "30000" not in machine.memory.recall(MEMORY)["display"]


def test_memory_is_rewritten_only_when_something_is_new(tmp_path: Path) -> None:
    with_projector(tmp_path)
    machine = host(tmp_path, "host")
    measured(machine)
    kept = machine.memory.recall(MEMORY)
    measured(machine)

    assert machine.memory.recall(MEMORY) is kept
    assert kept == {"webcam": {"20000": 0}, "printer": {"20000": 0}, "display": {"20000": 1}}


def test_nothing_but_numbers_leaves(tmp_path: Path) -> None:
    tree = with_projector(tmp_path)
    tree.usb_device("1-1", interfaces=("07",))
    labels = {label for key in measured(replace(host(tmp_path, "host"), evidence=Evidence())) for label in key}

    assert labels == {"webcam", "printer", "display", "agent"}
