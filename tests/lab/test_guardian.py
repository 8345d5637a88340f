"""Of a virtual school nothing is left, however its maker ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.lab import VirtualSchool, guardian
from tests.lab.traces import left_of, machine
from tests.waiting import eventually

REPOSITORY = Path(__file__).parents[2]
FOREVER = """
from tests.lab import VirtualSchool
with VirtualSchool() as school:
    named = school.folder / "named-in-every-command-line"
    named.touch()
    school.pc(1).start("sh", "-c", f"exec >/dev/null; tail -f {named} & tail -f {named}")
    school.centre.start("sh", "-c", f"trap '' TERM INT HUP; setsid tail -f {named} >/dev/null; true")
    print("up", flush=True)
    input()
"""


@pytest.fixture(autouse=True)
def _clean() -> None:
    assert left_of(os.getpid()) == []


def running_school() -> subprocess.Popen[str]:
    """8 namespaces, a folder, and 6 programs: the guardian, two shells and three of their children."""
    program = subprocess.Popen(
        [sys.executable, "-c", FOREVER],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # noqa: PLW1509 - no threads; `nohup make test` has it ignored
    )
    assert program.stdout is not None
    assert program.stdout.readline() == "up\n"
    eventually("all is there", lambda: len(left_of(program.pid)) == 15, seconds=10)
    return program


def test_nothing_is_left_after_an_exception() -> None:
    with pytest.raises(ZeroDivisionError), VirtualSchool(isps=("VNPT",), pcs=1) as school:  # noqa: PT012 - the story
        school.pc(1).start("sh", "-c", f"sleep 1000 # {school.folder}")
        raise ZeroDivisionError

    assert left_of(os.getpid()) == []


def test_nothing_is_left_where_building_fails() -> None:
    school = VirtualSchool(isps=("VNPT",), pcs=1)
    school.pc_mac = lambda number: f"no address, {number}"  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="no address"):
        school.__enter__()

    assert left_of(os.getpid()) == []


def test_the_machines_own_network_is_not_touched() -> None:
    before = machine()
    with VirtualSchool() as school:
        school.limit("VNPT", mbit=5)
        school.lose("VNPT", percent=5)
        assert machine() == before

    assert machine() == before


def test_two_at_once_keep_out_of_each_others_way() -> None:
    with VirtualSchool(pcs=1) as one, VirtualSchool(pcs=1) as other:
        one.power_off(1)
        assert other.pc(1).run("ping", "-c1", "-W1", other.common_target).returncode == 0

    assert left_of(os.getpid()) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_nothing_is_left_when_the_maker_is_killed(number: signal.Signals) -> None:
    with running_school() as program:
        program.send_signal(number)
        program.wait()

    eventually("nothing is left", lambda: left_of(program.pid) == [], seconds=10)


def test_what_even_the_guardian_left_is_swept_by_the_next() -> None:
    """
    Maker and guardian, both by SIGKILL.
    """
    with running_school() as program:
        maker = psutil.Process(program.pid)
        for process in (*(child for child in maker.children() if guardian.__file__ in child.cmdline()), maker):
            process.kill()
        program.wait()
    assert len(left_of(program.pid)) == 14

    with VirtualSchool(isps=("VNPT",), pcs=1):
        assert left_of(program.pid) == []


def test_the_living_are_not_swept() -> None:
    with running_school() as program:
        guardian.sweep()
        assert len(left_of(program.pid)) == 15
        program.communicate("\n")
