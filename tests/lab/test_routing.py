"""The set-ups of a router with two ISPs, and the faults that only such a router knows."""

from __future__ import annotations

import asyncio
import itertools
import json
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

import pytest
from pysnmp.hlapi.v3arch.asyncio import (
    CommunityData,
    ContextData,
    ObjectIdentity,
    ObjectType,
    SnmpEngine,
    UdpTransportTarget,
    UsmUserData,
    usmAesCfb128Protocol,
    usmHMACSHAAuthProtocol,
    walk_cmd,
)

from tests.lab import VirtualSchool
from tests.lab.measuring import link_events, ping, reaches, told_carrier
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def built() -> Iterator[VirtualSchool]:
    with VirtualSchool(isps=("VNPT", "Viettel"), pcs=2, cgnat=("Viettel",)) as school:
        yield school


@pytest.fixture
def school(built: VirtualSchool) -> Iterator[VirtualSchool]:
    built.use_isp("VNPT")
    yield built
    built.repair_all()


def default_routes(school: VirtualSchool) -> list[str]:
    shown = school.router.run("ip", "-j", "route", "show", "default", check=True)
    return [hop["dev"] for route in json.loads(shown.stdout) for hop in route.get("nexthops", [route])]


def way(school: VirtualSchool, target: str, sender: str) -> str:
    """The router's port by which this sender's packets go there."""
    shown = school.router.run("ip", "-j", "route", "get", target, "from", sender, "iif", "lan", check=True)
    port: str = json.loads(shown.stdout)[0]["dev"]
    return port


def test_a_dead_gateway_keeps_the_carrier_and_answers_nothing(school: VirtualSchool) -> None:
    school.cut_gateway("VNPT")

    assert school.has_carrier("VNPT")
    assert not reaches(school.router, school.isps["VNPT"].gateway)
    assert not reaches(school.router, school.isps["VNPT"].gateway6)
    school.repair("VNPT")
    eventually("it is back", lambda: reaches(school.router, school.isps["VNPT"].gateway), seconds=10)


def test_loss_both_ways_is_squared(school: VirtualSchool) -> None:
    """
    Of 1,000 echoes at 20 % each way 640 are answered; 560 to 720 in all but one of some millions of runs.
    """
    school.lose("VNPT", 20, both_ways=True)
    share, _ = ping(school.pc(1), school.common_target, 1000, 0.002)

    assert 0.56 < share < 0.72
    assert sum(school.isps["VNPT"].lost_echoes().values()) == round(1000 * (1 - share))


def test_the_echoes_lost_are_counted(school: VirtualSchool) -> None:
    with pytest.raises(LookupError, match="VNPT loses nothing"):
        school.isps["VNPT"].lost_echoes()
    school.lose("VNPT", 50)
    share, _ = ping(school.pc(1), school.common_target, 50, 0.002)

    assert 0 < share < 1
    assert school.isps["VNPT"].lost_echoes() == {school.common_target: round(50 * (1 - share))}


def test_a_flapping_fibre_is_told_by_the_kernel_each_time(school: VirtualSchool) -> None:
    """
    Every change, in order; some the kernel tells twice.
    """
    with link_events(school.router) as events:
        changes = school.flap("VNPT", "fibre", 0.6, 3)
        told = []
        with suppress(TimeoutError):
            while True:
                told.append(told_carrier(events, 1.5))

    assert [change.up for change in changes] == [False, True] * 3
    assert 5 * 0.3 - 0.1 < changes[-1].at - changes[0].at < 10
    assert [up for up, _ in itertools.groupby(told)] == [False, True] * 3


@pytest.mark.parametrize("what", ["fibre", "core"])
def test_a_flapping_line_is_whole_afterwards(school: VirtualSchool, what: Literal["fibre", "core"]) -> None:
    began = time.monotonic()
    school.flap("VNPT", what, 0.4, 2)

    assert 0.7 < time.monotonic() - began < 10
    assert school.isps["VNPT"].faults == {}
    eventually("it works", lambda: reaches(school.pc(1), school.common_target), seconds=5)


def test_a_lost_address_takes_the_routes_along_and_comes_back(school: VirtualSchool) -> None:
    school.lose_address("VNPT")

    assert default_routes(school) == []
    assert school.has_carrier("VNPT")
    school.repair("VNPT")
    assert default_routes(school) == ["wan1"]
    assert reaches(school.pc(1), school.common_target)


def test_without_a_default_route_nothing_goes_out(school: VirtualSchool) -> None:
    school.router.withdraw_route()

    assert not reaches(school.pc(1), school.common_target)
    assert not reaches(school.pc(1), school.common_target6)
    assert reaches(school.router, school.isps["VNPT"].gateway)


def test_several_next_hops_share_the_flows(school: VirtualSchool) -> None:
    school.router.spread(school.isps["VNPT"], school.isps["Viettel"])
    ways = {way(school, f"198.51.100.{host}", school.pc_address(1)) for host in range(1, 60)}

    assert ways == {"wan1", "wan2"}
    assert all(reaches(school.pc(1), target) for target in school.targets)


def test_ranked_routes_stand_side_by_side(school: VirtualSchool) -> None:
    school.router.rank(school.isps["Viettel"], school.isps["VNPT"])

    assert default_routes(school) == ["wan2", "wan1"]
    assert way(school, school.common_target, school.pc_address(1)) == "wan2"


def test_rules_divide_the_school_and_bind_to_each_line(school: VirtualSchool) -> None:
    school.router.divide({school.pc_address(2): school.isps["Viettel"]})

    assert [way(school, school.common_target, school.pc_address(pc)) for pc in (1, 2)] == ["wan1", "wan2"]
    assert [reaches_by(school, port) for port in ("wan1", "wan2")] == [True, True]
    school.router.forget_tables()
    assert way(school, school.common_target, school.pc_address(2)) == "wan1"
    assert "lookup 10" not in school.router.run("ip", "rule").stdout


def reaches_by(school: VirtualSchool, port: str) -> bool:
    return school.router.run("ping", "-c1", "-W1", "-I", port, school.common_target).returncode == 0


def test_behind_cgnat_the_second_hop_is_the_first_public_one(school: VirtualSchool) -> None:
    isp = school.isps["Viettel"]
    school.use_isp("Viettel")
    hops = [school.pc(1).run("ping", "-n", "-c1", "-W1", "-t", str(ttl), school.common_target).stdout for ttl in (2, 3)]

    assert isp.customer.startswith("100.64.")
    assert [f"From {hop} " in said for hop, said in zip((isp.gateway, isp.beyond), hops, strict=True)] == [True, True]
    assert isp.beyond.startswith("203.0.113.")
    assert reaches(school.pc(1), school.centre_address)
    assert reaches(school.pc(1), school.centre_address6)


@pytest.mark.parametrize("name", ["VNPT", "Viettel"])
def test_the_centre_sees_the_public_address(school: VirtualSchool, name: str) -> None:
    school.use_isp(name)
    with school.centre.inside():
        centre = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with school.pc(1).inside():
        pc = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with centre, pc:
        centre.bind((school.centre_address, 0))
        centre.settimeout(2)
        pc.sendto(b"here", centre.getsockname())
        _, (seen, _) = centre.recvfrom(16)

    assert seen == school.isps[name].public


@pytest.mark.parametrize("version", [2, 3])
def test_the_router_answers_snmp(school: VirtualSchool, version: int) -> None:
    with school.snmpd() as served, school.pc(1).inside():
        usm = UsmUserData(served.user, served.auth, served.priv, usmHMACSHAAuthProtocol, usmAesCfb128Protocol)
        asked_by = CommunityData(served.community) if version == 2 else usm
        names = asyncio.run(_interface_names(asked_by, served.address, served.port))

    assert names == {"lo", "lan", "wan1", "wan2"}


async def _interface_names(asked_by: CommunityData | UsmUserData, address: str, port: int) -> set[str]:
    engine = SnmpEngine()
    target = await UdpTransportTarget.create((address, port), timeout=1, retries=2)
    column = ObjectType(ObjectIdentity("1.3.6.1.2.1.31.1.1.1.1"))
    found = set()
    async for error, _, _, rows in walk_cmd(
        engine, asked_by, target, ContextData(), column, lexicographicMode=False, lookupMib=False
    ):
        assert error is None
        found |= {str(value) for _, value in rows}
    engine.close_dispatcher()
    return found
