"""The centre's time on machines whose own clock is wrong, before and after the first contact."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from haidang_agent.clock import Clock, boot_id, monotonic
from haidang_agent.outbox import Outbox
from haidang_agent.stamp import Stamp

from tests.agent.outboxes import NOW, at, backlog, noise, snapshot, times
from tests.disks import disk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Y2009 = 1_230_768_000.0
CENTRE = NOW / 1000


@dataclass
class Machine:
    """Its two clocks, turned by hand."""

    up: float = 100.0
    wall: float = Y2009

    def passes(self, seconds: float) -> None:
        self.up += seconds
        self.wall += seconds


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outbox.db"


@pytest.fixture
def outbox(path: Path) -> Iterator[Outbox]:
    box = Outbox(path)
    yield box
    box.close()


def clock(outbox: Outbox, machine: Machine, boot: str = "this") -> Clock:
    return Clock(outbox, boot, now=lambda: machine.up, wall=lambda: machine.wall)


def test_before_the_first_contact_nothing_has_a_time(outbox: Outbox, machine: Machine) -> None:
    """Snapshots are kept, but neither newest nor backlog shows them."""
    ours = clock(outbox, machine)
    stamp = ours.stamp()
    assert stamp == Stamp(None, "this", 100_000, round(Y2009 * 1000))
    assert ours.offset_seconds is None
    outbox.append(snapshot(1.0, 1.0), stamp, {})
    assert outbox.newest() is None
    assert backlog(outbox) is None
    assert outbox.stats().snapshots == 1


def test_given_their_time_by_the_monotonic_clock(outbox: Outbox, machine: Machine) -> None:
    """At the first contact, whatever the wall clock said or did meanwhile."""
    ours = clock(outbox, machine)
    for jump in (0.0, 400_000_000.0, -900_000_000.0):
        machine.wall += jump
        outbox.append(snapshot(1.0, 1.0), ours.stamp(), {})
        machine.passes(15)
    ours.learn(CENTRE, machine.up, machine.up)
    assert ours.offset_seconds == pytest.approx(machine.wall - CENTRE)
    outbox.append(snapshot(1.0, 1.0), ours.stamp(), {})
    assert times(outbox) == [NOW - 45_000, NOW - 30_000, NOW - 15_000, NOW]


def test_an_instant_before_and_stored_after_the_first_contact(outbox: Outbox, machine: Machine) -> None:
    """The stamp was taken without a time, then the time came, then it was stored: it is not left behind for ever."""
    ours = clock(outbox, machine)
    stamp = ours.stamp()
    machine.passes(1)
    ours.learn(CENTRE, machine.up, machine.up)
    outbox.append(snapshot(1.0, 1.0), stamp, {})
    assert times(outbox) == [NOW - 1_000]


def test_an_instant_before_and_stored_after_a_correction(outbox: Outbox, machine: Machine, path: Path) -> None:
    """Its time was a year ahead: stored so, none later would be taken, and all before it would be too old."""
    outbox.append(snapshot(1.0, 1.0), at(NOW - 1_000), {})
    outbox.close()
    again = Outbox(path)
    ours = clock(again, machine)
    ours.learn(CENTRE + 365 * 86400, machine.up, machine.up)
    stamp = ours.stamp()
    ours.learn(CENTRE, machine.up, machine.up)
    assert again.append(snapshot(1.0, 1.0), stamp, {})
    machine.passes(1)
    assert again.append(snapshot(1.0, 1.0), ours.stamp(), {})
    assert again.stats().lost == {}
    assert times(again) == [NOW - 1_000, NOW, NOW + 1_000]
    again.close()


def test_killed_while_times_are_given(outbox: Outbox, machine: Machine, path: Path) -> None:
    """The time counts as remembered only when all have theirs; else the next process would leave some without."""
    outbox.append(snapshot(1.0, 1.0), clock(outbox, machine).stamp(), {})

    with sqlite3.connect(path) as database:
        database.execute("CREATE TRIGGER dying BEFORE UPDATE ON snapshot BEGIN SELECT raise(ABORT, 'killed'); END")
    with pytest.raises(sqlite3.IntegrityError, match="killed"):
        clock(outbox, machine).learn(CENTRE, machine.up, machine.up)
    with database:
        database.execute("DROP TRIGGER dying")
    database.close()
    again = clock(outbox, machine)
    assert again.offset_seconds is None
    again.learn(CENTRE, machine.up, machine.up)
    assert times(outbox) == [NOW]


class TestEarlierBoot:
    """Snapshots that were stored without a time, and then the machine was restarted."""

    def test_corrected_by_the_error_of_the_wall_clock(self, outbox: Outbox, machine: Machine) -> None:
        """The clock was slow by years, and still is: the error is the same, the times are known."""
        before = clock(outbox, machine, boot="before")
        outbox.append(snapshot(1.0, 1.0), before.stamp(), {})
        machine.passes(3600)
        machine.up = 60.0
        now = clock(outbox, machine, boot="this")
        outbox.append(snapshot(1.0, 1.0), now.stamp(), {})
        now.learn(CENTRE, machine.up, machine.up)
        assert times(outbox) == [NOW - 3_600_000, NOW]
        assert outbox.stats().lost == {}

    def test_dropped_where_the_wall_clock_did_not_run_on(self, outbox: Outbox, machine: Machine) -> None:
        """Without a battery it began at 2009 again: by its word, the earlier boot overlaps this one. Counted."""
        before = clock(outbox, machine, boot="before")
        for _ in range(3):
            outbox.append(snapshot(1.0, 1.0), before.stamp(), {})
            machine.passes(15)
        machine.up, machine.wall = 10.0, Y2009
        now = clock(outbox, machine, boot="this")
        outbox.append(snapshot(1.0, 1.0), now.stamp(), {})
        now.learn(CENTRE, machine.up, machine.up)
        assert outbox.stats().lost == {"clock": 3}
        assert times(outbox) == [NOW]

    def test_one_boot_dropped_another_kept(self, outbox: Outbox, machine: Machine) -> None:
        """Each boot is judged for itself."""
        sound = clock(outbox, machine, boot="sound")
        outbox.append(snapshot(1.0, 1.0), sound.stamp(), {})
        machine.passes(600)
        machine.up = 5.0
        ahead = clock(outbox, Machine(5.0, machine.wall + 9e8), boot="ahead")
        outbox.append(snapshot(1.0, 1.0), ahead.stamp(), {})
        clock(outbox, machine).learn(CENTRE, machine.up, machine.up)
        assert outbox.stats().lost == {"clock": 1}
        assert times(outbox) == [NOW - 600_000]


class TestEarlierProcess:
    """As `TestEarlierBoot` where the system has no name for its boots (Windows), and the agent alone was restarted."""

    def stored(self, outbox: Outbox, machine: Machine) -> None:
        ours = clock(outbox, machine, boot="process-1")
        for _ in range(2):
            outbox.append(snapshot(1.0, 1.0), ours.stamp(), {})
            machine.passes(15)

    def contact(self, outbox: Outbox, machine: Machine) -> None:
        ours = clock(outbox, machine, boot="process-2")
        machine.passes(15)
        outbox.append(snapshot(1.0, 1.0), ours.stamp(), {})
        ours.learn(CENTRE, machine.up, machine.up)

    @pytest.mark.parametrize("error", [0.0, 7 * 3600.0, -7 * 3600.0])
    def test_given_their_time_by_the_monotonic_clock_that_ran_on(self, outbox: Outbox, error: float) -> None:
        """A clock that stands on the wrong time zone is still one that runs."""
        machine = Machine(100.0, CENTRE + error)
        self.stored(outbox, machine)
        self.contact(outbox, machine)
        assert outbox.stats().lost == {}
        assert times(outbox) == [NOW - 45_000, NOW - 30_000, NOW]

    def test_the_machine_was_restarted_and_its_clock_ran_on(self, outbox: Outbox) -> None:
        machine = Machine(100.0, CENTRE)
        self.stored(outbox, machine)
        machine.passes(600)
        machine.up = 60.0
        self.contact(outbox, machine)
        assert times(outbox) == [NOW - 645_000, NOW - 630_000, NOW]

    def test_the_agent_was_restarted_long_after_the_machine(self, outbox: Outbox) -> None:
        """That the machine was is known from the process between."""
        machine = Machine(1000.0, CENTRE)
        self.stored(outbox, machine)
        machine.passes(600)
        machine.up = 60.0
        outbox.append(snapshot(1.0, 1.0), clock(outbox, machine, boot="process-1b").stamp(), {})
        machine.passes(7200)
        self.contact(outbox, machine)
        assert outbox.stats().lost == {}
        assert times(outbox) == [NOW - 7_845_000, NOW - 7_830_000, NOW - 7_215_000, NOW]

    @pytest.mark.parametrize(
        ("wall", "up_again", "wall_again"),
        [
            (Y2009, 130.0, Y2009 + 30),  # an empty battery: perhaps another boot, which began in 2009 again
            (CENTRE, 130.0, CENTRE + 90),  # somebody set it
            (CENTRE - 3600, 130.0, CENTRE + 30),  # perhaps set, perhaps another boot
            (CENTRE, 90.0, CENTRE - 10),  # another boot, for this clock went back
        ],
    )
    def test_dropped_where_it_is_not_certain(
        self, outbox: Outbox, wall: float, up_again: float, wall_again: float
    ) -> None:
        """No time is invented. Counted."""
        self.stored(outbox, Machine(100.0, wall))
        self.contact(outbox, Machine(up_again, wall_again))
        assert outbox.stats().lost == {"clock": 2}
        assert times(outbox) == [NOW]


def test_remembered_over_a_restart_of_the_process(outbox: Outbox, machine: Machine) -> None:
    """The same boot: the time is known before any contact. Another boot: it is not."""
    clock(outbox, machine).learn(CENTRE, machine.up, machine.up)
    machine.passes(7)
    assert clock(outbox, machine).stamp().timestamp_ms == NOW + 7_000
    assert clock(outbox, machine, boot="another").stamp().timestamp_ms is None


def test_jitter_is_not_followed(outbox: Outbox, machine: Machine) -> None:
    """A slow answer tells the time with an error: stamps stay evenly spaced. A step is followed."""
    ours = clock(outbox, machine)
    ours.learn(CENTRE, machine.up, machine.up)
    for late, way in ((0.24, 0.0), (-0.24, 0.0), (1.2, 2.0)):
        ours.learn(CENTRE + late, machine.up - way / 2, machine.up + way / 2)
        assert ours.stamp().timestamp_ms == NOW
    ours.learn(CENTRE + 5, machine.up, machine.up)
    assert ours.stamp().timestamp_ms == NOW + 5_000


def test_the_cap_holds_while_times_are_given(tmp_path: Path, machine: Machine) -> None:
    """All snapshots of a long outage get their time at once, on a disk no larger than the cap."""
    cap = 5_000_000
    with disk(tmp_path / "disk", f"{cap // 1024}k") as folder:
        box = Outbox(folder / "outbox.db", max_bytes=cap)
        ours = clock(box, machine)
        for number in range(4_500):
            box.append(noise(120, number), ours.stamp(), {})
            machine.passes(15)
        stored = box.stats().snapshots
        ours.learn(CENTRE, machine.up, machine.up)
        found = times(box)
        assert found == [NOW - 15_000 * back for back in range(stored, 0, -1)]
        assert not box.append(snapshot(1.0, 1.0), at(found[-1]), {}), "a time that was given counts as the last"
        box.close()


def test_the_machines_own_clocks() -> None:
    """One boot has one name, and its clock does not go back."""
    assert boot_id() == boot_id()
    assert monotonic() <= monotonic()


def test_earlier_boot_survives_a_wall_clock_that_was_mended_before_the_contact(
    outbox: Outbox, machine: Machine
) -> None:
    """The system's own time service sets the clock of this boot right; the earlier boot's error was the old one."""
    before = clock(outbox, machine, boot="before")
    outbox.append(snapshot(1.0, 1.0), before.stamp(), {})
    machine.passes(3600)
    machine.up = 60.0
    now = clock(outbox, machine, boot="this")
    outbox.append(snapshot(1.0, 1.0), now.stamp(), {})
    machine.wall = CENTRE
    now.learn(CENTRE, machine.up, machine.up)
    assert times(outbox) == [NOW - 3_600_000, NOW]


def test_earlier_boot_is_not_torn_apart_by_a_step_of_its_wall_clock(outbox: Outbox, machine: Machine) -> None:
    """Its snapshots were 15 s apart, whatever its wall clock did between them."""
    before = clock(outbox, machine, boot="before")
    outbox.append(snapshot(1.0, 1.0), before.stamp(), {})
    machine.passes(15)
    machine.wall += 7200
    outbox.append(snapshot(1.0, 1.0), before.stamp(), {})
    machine.passes(600)
    machine.up = 60.0
    clock(outbox, machine, boot="this").learn(CENTRE, machine.up, machine.up)
    assert times(outbox) == [NOW - 615_000, NOW - 600_000]


def test_earlier_boot_that_would_lie_before_what_is_known_is_dropped(outbox: Outbox, machine: Machine) -> None:
    """No time is invented among data of another day."""
    outbox.append(snapshot(1.0, 1.0), at(NOW - 60_000), {})
    before = clock(outbox, machine, boot="before")
    outbox.append(snapshot(1.0, 1.0), before.stamp(), {})
    machine.passes(3600)
    machine.up = 5.0
    clock(outbox, machine, boot="this").learn(CENTRE, machine.up, machine.up)
    assert outbox.stats().lost == {"clock": 1}


def test_a_centre_that_was_a_year_ahead_is_forgiven(outbox: Outbox, machine: Machine) -> None:
    """Once its clock is right again, snapshots get their true time, and later ones are taken."""
    ours = clock(outbox, machine)
    ours.learn(CENTRE + 365 * 86400, machine.up, machine.up)
    outbox.append(snapshot(1.0, 1.0), ours.stamp(), {})
    machine.passes(15)
    ours.learn(CENTRE + 15, machine.up, machine.up)
    machine.passes(15)
    outbox.append(snapshot(1.0, 1.0), ours.stamp(), {})
    assert times(outbox) == [NOW, NOW + 30_000]
    assert outbox.stats().lost == {}


class TestMoment:
    """Now, as probes are told it."""

    def test_the_centres_time_is_known_from_the_first_contact_on(self, outbox: Outbox, machine: Machine) -> None:
        """Also of an agent that is started again in the same boot."""
        ours = clock(outbox, machine)
        assert ours.moment() == ("this", 100.0, Y2009, None)
        ours.learn(CENTRE, machine.up, machine.up)
        machine.passes(10)
        assert ours.moment() == ("this", 110.0, Y2009 + 10, CENTRE + 10)
        assert clock(outbox, machine).moment() == ours.moment()

    def test_without_a_centre_the_machines_clock_is_the_only_one(self, outbox: Outbox, machine: Machine) -> None:
        """It is not enrolled, and waits for nobody."""
        ours = clock(outbox, machine)
        ours.alone = True
        assert ours.moment().centre == Y2009
