"""The faults of the virtual school are what they say, and no more than that."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.lab import VirtualSchool
from tests.lab.measuring import link_events, ping, reaches, throughput, told_carrier
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def built() -> Iterator[VirtualSchool]:
    with VirtualSchool(isps=("VNPT", "Viettel"), pcs=3) as school:
        yield school


@pytest.fixture
def school(built: VirtualSchool) -> Iterator[VirtualSchool]:
    built.use_isp("VNPT")
    yield built
    built.repair_all()


def test_every_pc_reaches_every_target_and_the_centre(school: VirtualSchool) -> None:
    addresses = [*school.targets, *school.targets6, school.centre_address, school.centre_address6]

    assert [(pc.name, address) for pc in school.pcs for address in addresses if not reaches(pc, address)] == []


def test_pcs_have_their_own_macs(school: VirtualSchool) -> None:
    macs = {node.run("cat", "/sys/class/net/eth0/address").stdout.strip() for node in school.pcs}

    assert macs == {school.pc_mac(number) for number in (1, 2, 3)}


def test_a_cut_fibre_takes_the_carrier_and_another_isp_carries_on(school: VirtualSchool) -> None:
    school.cut_fibre("VNPT")

    assert (school.has_carrier("VNPT"), school.has_carrier("Viettel")) == (False, True)
    assert not reaches(school.pc(1), school.common_target)
    school.use_isp("Viettel")
    assert reaches(school.pc(1), school.common_target)
    assert reaches(school.pc(1), school.common_target6)


def test_the_kernel_tells_of_the_carrier_at_once(school: VirtualSchool) -> None:
    """
    Netlink says so within 0.2 s, both ways: what a probe that listens needs beyond that is its own delay.
    """
    with link_events(school.router) as events:
        for fault, expected in ((school.cut_fibre, False), (school.repair, True)):
            fault("VNPT")
            assert told_carrier(events, 0.2) is expected


def test_a_cut_behind_the_isp_leaves_carrier_and_gateway(school: VirtualSchool) -> None:
    school.cut_isp("VNPT")

    assert school.has_carrier("VNPT")
    assert reaches(school.pc(1), school.isps["VNPT"].gateway)
    assert not reaches(school.pc(1), school.common_target)
    assert not reaches(school.pc(1), school.common_target6)
    school.repair("VNPT")
    assert reaches(school.pc(1), school.common_target)


def test_loss_is_the_share_asked_for(school: VirtualSchool) -> None:
    """
    Of 1,000 packets at 20 %, 130 to 270 are lost in all but one of some millions of runs.
    """
    school.lose("VNPT", percent=20)

    assert 0.13 < 1 - ping(school.pc(1), school.common_target, 1000, 0.002)[0] < 0.27
    school.use_isp("Viettel")
    assert ping(school.pc(1), school.common_target, 200, 0.002)[0] == 1


@pytest.mark.parametrize("target", [VirtualSchool.common_target, VirtualSchool.common_target6])
def test_delay_is_added_and_taken_away(school: VirtualSchool, target: str) -> None:
    school.delay("VNPT", seconds=0.08)
    share, slow = ping(school.pc(1), target, 10)
    school.repair("VNPT")

    assert share == 1
    assert 0.08 <= slow < 0.5
    assert ping(school.pc(1), target)[1] < 0.08


def test_a_line_carries_no_more_than_its_limit_in_either_direction(school: VirtualSchool) -> None:
    school.limit("VNPT", mbit=20)
    for receiving in (school.centre, school.pc(1)):
        assert 4 < throughput(school.pc(1), school.centre, school.centre_address, receiving, 1_000_000) < 20.5


def test_traffic_that_moves_to_another_isp_goes_on(school: VirtualSchool) -> None:
    """
    A running ping loses a packet or two at the change, not its way (the router forgets the old translation).
    """
    running = school.pc(1).start(
        "ping", "-q", "-c", "50", "-i", "0.02", school.common_target, stdout=subprocess.PIPE, text=True
    )
    school.use_isp("Viettel")
    said, _ = running.communicate(timeout=60)

    assert any(f"{received} received" in said for received in range(40, 51))


def test_a_pc_without_power_is_gone_with_all_that_ran_on_it(school: VirtualSchool) -> None:
    process = school.pc(3).start("sh", "-c", "sleep 1000 & sleep 1000")
    school.power_off(3)

    assert process.poll() is not None
    assert not reaches(school.pc(1), school.pc_address(3))
    school.power_on(3)
    eventually("the PC answers", lambda: reaches(school.pc(1), school.pc_address(3)), seconds=10)


def test_without_its_router_the_lan_still_works(school: VirtualSchool) -> None:
    school.cut_fibre("Viettel")
    school.take_router_away()

    assert not reaches(school.pc(1), school.common_target)
    assert reaches(school.pc(1), school.pc_address(2))
    assert not school.has_carrier("VNPT")
    school.bring_router_back()
    eventually("the router is back", lambda: reaches(school.pc(1), school.common_target), seconds=10)
    assert (school.has_carrier("VNPT"), school.has_carrier("Viettel")) == (True, False)


def test_ping_can_be_forbidden_to_the_unprivileged() -> None:
    with VirtualSchool(isps=("FPT",), pcs=1, deny_ping=True) as school:
        shown = school.pc(1).run("cat", "/proc/sys/net/ipv4/ping_group_range").stdout.split()

    assert shown == ["1", "0"]
