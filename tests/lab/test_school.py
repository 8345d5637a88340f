"""The faults of the virtual school are what they say, and nothing of it is left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.lab import Node, VirtualSchool
from tests.lab.node import NAMESPACES
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = Path(__file__).parents[2]
FOREVER = """
from tests.lab import VirtualSchool
with VirtualSchool() as school:
    school.pc(1).start("sleep", "1000")
    print("up", flush=True)
    input()
"""


@pytest.fixture(scope="module")
def school() -> Iterator[VirtualSchool]:
    with VirtualSchool(isps=("VNPT", "Viettel"), pcs=3) as built:
        yield built


@pytest.fixture(autouse=True)
def repaired(school: VirtualSchool) -> Iterator[None]:
    yield
    school.bring_router_back()
    school.use_isp("VNPT")


def ping(node: Node, address: str, count: int = 3, interval: float = 0.05) -> tuple[float, float]:
    """Share of answers, and their mean round trip in seconds (0 without any)."""
    text = node.run("ping", "-c", str(count), "-i", str(interval), "-W", "1", address).stdout
    received = int(text.partition(" received")[0].split()[-1])
    rtt = re.search(r"= [\d.]+/([\d.]+)/", text)
    return received / count, float(rtt[1]) / 1000 if rtt else 0.0


def carrier(school: VirtualSchool, port: str) -> str:
    return school.router.run("cat", f"/sys/class/net/{port}/carrier").stdout.strip()


def test_every_pc_reaches_every_target_and_the_centre(school: VirtualSchool) -> None:
    for pc in school.pcs:
        for address in (*school.targets, school.centre_address):
            assert ping(pc, address, 1)[0] == 1


def test_pcs_have_their_own_macs(school: VirtualSchool) -> None:
    macs = {node.run("cat", "/sys/class/net/eth0/address").stdout.strip() for node in school.pcs}

    assert macs == {school.pc_mac(number) for number in (1, 2, 3)}


def test_a_cut_fibre_takes_the_carrier_and_another_isp_carries_on(school: VirtualSchool) -> None:
    school.cut_fibre("VNPT")

    assert carrier(school, "wan1") == "0"
    assert ping(school.pc(1), school.common_target)[0] == 0
    school.use_isp("Viettel")
    assert ping(school.pc(1), school.common_target)[0] == 1


def test_a_cut_behind_the_isp_leaves_carrier_and_gateway(school: VirtualSchool) -> None:
    school.cut_isp("VNPT")

    assert carrier(school, "wan1") == "1"
    assert ping(school.pc(1), school.isps["VNPT"].gateway)[0] == 1
    assert ping(school.pc(1), school.common_target)[0] == 0
    school.repair("VNPT")
    assert ping(school.pc(1), school.common_target)[0] == 1


def test_loss_is_the_share_asked_for(school: VirtualSchool) -> None:
    """
    Of 1,000 packets at 20 %, 150 to 250 are lost in all but one of 10,000 runs.
    """
    school.lose("VNPT", percent=20)

    assert 0.15 < 1 - ping(school.pc(1), school.common_target, 1000, 0.002)[0] < 0.25


def test_delay_is_added_and_taken_away(school: VirtualSchool) -> None:
    before = ping(school.pc(1), school.common_target)[1]
    school.delay("VNPT", seconds=0.08)
    slow = ping(school.pc(1), school.common_target)
    school.repair("VNPT")

    assert slow[0] == 1
    assert 0.08 <= slow[1] - before < 0.12
    assert ping(school.pc(1), school.common_target)[1] < 0.02


def test_a_pc_without_power_is_gone_with_all_that_ran_on_it(school: VirtualSchool) -> None:
    process = school.pc(3).start("sleep", "1000")
    school.power_off(3)

    assert process.poll() is not None
    assert ping(school.pc(1), school.pc_address(3), 1)[0] == 0
    school.power_on(3)
    eventually("the PC answers", lambda: ping(school.pc(1), school.pc_address(3), 1)[0] == 1, seconds=10)


def test_without_its_router_the_lan_still_works(school: VirtualSchool) -> None:
    school.take_router_away()

    assert carrier(school, "wan2") == "0"
    assert ping(school.pc(1), school.common_target)[0] == 0
    assert ping(school.pc(1), school.pc_address(2))[0] == 1


def test_nothing_is_left_behind_after_an_exception() -> None:
    before = _traces()
    with pytest.raises(ZeroDivisionError):
        _fail_inside()

    assert _traces() == before


def test_what_a_killed_program_left_is_swept_by_the_next() -> None:
    """
    SIGKILL leaves namespaces (nobody could clean up), but no process; the next virtual school takes them away.
    """
    before = _traces()
    child = subprocess.Popen(
        [sys.executable, "-c", FOREVER], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"up\n"
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    with VirtualSchool(isps=("VNPT",), pcs=1):
        pass

    assert _traces() == before


def _fail_inside() -> None:
    with VirtualSchool(isps=("VNPT",), pcs=1) as school:
        school.pc(1).start("sleep", "1000")
        raise ZeroDivisionError


def _traces() -> tuple[list[str], str]:
    """Namespaces, and the interfaces of the machine itself."""
    names = sorted(entry.name for entry in NAMESPACES.iterdir())
    return names, subprocess.run(["ip", "-br", "link"], capture_output=True, text=True, check=True).stdout
