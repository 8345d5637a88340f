"""Of a virtual school nothing is left, however its maker ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab import VirtualSchool, guardian
from tests.waiting import eventually

REPOSITORY = Path(__file__).parents[2]
FOREVER = """
from tests.lab import VirtualSchool
with VirtualSchool() as school:
    school.pc(1).start("sh", "-c", "sleep 4711 & sleep 4711")
    print("up", flush=True)
    input()
"""
Traces = tuple[list[str], list[str], str]


def traces() -> Traces:
    """Namespaces, programs of virtual schools, and the machine's own interfaces, addresses, routes and rules."""
    programs = [
        words
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and ("4711" in (words := _command(entry)) or guardian.__file__ in words)
    ]
    shown = [
        subprocess.run(words.split(), capture_output=True, text=True, check=True).stdout
        for words in ("ip -br link", "ip -br addr", "ip route show table all", "ip rule", "nft list ruleset")
    ]
    return guardian.namespaces(), sorted(programs), "".join(shown)


def _command(entry: Path) -> str:
    try:
        return (entry / "cmdline").read_text().replace("\0", " ")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def running_school() -> subprocess.Popen[str]:
    program = subprocess.Popen(
        [sys.executable, "-c", FOREVER],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert program.stdout is not None
    assert program.stdout.readline() == "up\n"
    return program


def test_nothing_is_left_after_an_exception() -> None:
    before = traces()
    with pytest.raises(ZeroDivisionError), VirtualSchool(isps=("VNPT",), pcs=1) as school:  # noqa: PT012 - the story
        school.pc(1).start("sleep", "4711")
        raise ZeroDivisionError

    assert traces() == before


def test_nothing_is_left_where_building_fails() -> None:
    before = traces()
    school = VirtualSchool(isps=("VNPT",), pcs=1)
    school.pc_mac = lambda number: f"no address, {number}"  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="no address"):
        school.__enter__()

    assert traces() == before


def test_nothing_is_left_after_many() -> None:
    before = traces()
    for _ in range(5):
        with VirtualSchool(pcs=3):
            pass

    assert traces() == before


def test_two_at_once_keep_out_of_each_others_way() -> None:
    before = traces()
    with VirtualSchool(pcs=1) as one, VirtualSchool(pcs=1) as other:
        one.power_off(1)
        assert other.pc(1).run("ping", "-c1", "-W1", other.common_target).returncode == 0

    assert traces() == before


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_nothing_is_left_when_the_maker_is_killed(number: signal.Signals) -> None:
    before = traces()
    with running_school() as program:
        assert traces() != before
        program.send_signal(number)
        program.wait()

    eventually("nothing is left", lambda: traces() == before, seconds=10)


def test_what_even_the_guardian_left_is_swept_by_the_next() -> None:
    """
    The maker's process group, the guardian with it: all by SIGKILL.
    """
    before = traces()
    with running_school() as program:
        listed = subprocess.run(
            ["pgrep", "-P", str(program.pid), "-f", guardian.__file__], capture_output=True, check=True
        )
        for process in (int(listed.stdout), program.pid):
            os.kill(process, signal.SIGKILL)
        program.wait()
    assert traces() != before

    with VirtualSchool(isps=("VNPT",), pcs=1):
        assert len(guardian.namespaces()) == len(before[0]) + 6
    assert traces() == before
