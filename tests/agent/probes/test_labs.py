"""The `labs` probe: on a PC of the lab, on the school's router and on a machine elsewhere, in the virtual school."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from haidang_agent.probe import Host, NothingToMeasureError, ProbeError, Role, Watch
from haidang_agent.probes.labs import PROBE, Settings
from haidang_agent.tables import Lab

from tests.lab import Node, VirtualSchool

LAB = Lab("lab-1", cidr="10.20.0.0/24")
LAB6 = Lab("lab-6", cidr="2001:db8:20::/64")
ELSEWHERE = Lab("lab-2", cidr="10.20.2.0/24")
DECLARED_ONLY = Lab("lab-3")


@pytest.fixture(scope="module")
def built() -> Iterator[VirtualSchool]:
    with VirtualSchool(isps=("VNPT",), pcs=1) as school:
        yield school


@pytest.fixture
def school(built: VirtualSchool) -> Iterator[VirtualSchool]:
    yield built
    built.repair_all()


def told(
    node: Node,
    *roles: Role,
    labs: tuple[Lab, ...] = (LAB,),
    internet: bool | None = None,
    place: str | None = None,
    paths: tuple[Lab, ...] = (),
) -> dict[str, float]:
    """What the probe says on `node`, up to now asking only the virtual school's Internet; other probes say the rest."""
    host = Host(watch=Watch(roles=roles, lab=labs))
    if internet is not None:
        host.evidence.tell("internet", "", {"up": internet, "since": None}, 60)
    if place is not None:
        host.evidence.tell("place", "", {"lab": place, "use": ""}, 60)
    for lab in paths:
        host.evidence.tell("lab_path", lab.name, True, 60)
    targets = (VirtualSchool.common_target, VirtualSchool.common_target6)
    with node.inside():
        probe = PROBE.start(Settings(targets=targets), host)
        try:
            return {labels[0]: value for _, value, labels in probe.collect()}
        finally:
            probe.close()


def test_a_pc_of_the_lab_tries_by_itself(school):
    """Only of the lab that it stands in; by IPv6 as by IPv4."""
    found = told(school.pc(1), "host", labs=(ELSEWHERE, LAB, DECLARED_ONLY, LAB6))

    assert found == {"lab-1": 1, "lab-6": 1}


@pytest.mark.parametrize(
    ("place", "labs"),
    [("lab-3", {"lab-3": 1}), ("", {"lab-1": 1}), ("no such lab", {"lab-1": 1}), (None, {"lab-1": 1})],
)
def test_a_pc_is_in_the_room_that_it_was_told(school, place, labs):
    """Else in that of its subnet."""
    assert told(school.pc(1), "host", labs=(LAB, DECLARED_ONLY), place=place) == labs


def test_of_nested_subnets_the_longest_prefix_holds(school):
    """Rooms that share one fare alike."""
    labs = (Lab("hall", subnets=("192.0.2.0/24", "10.20.0.0/16")), LAB, Lab("lab-1b", cidr=LAB.cidr))

    assert told(school.pc(1), "host", labs=labs) == {"lab-1": 1, "lab-1b": 1}


@pytest.mark.parametrize("internet", [True, False])
def test_a_room_with_our_path_is_told_with_it(school, internet):
    """Only where this machine is the site's; where nothing is known of the Internet, nothing is told."""
    labs = (LAB, ELSEWHERE, DECLARED_ONLY)

    assert told(school.router, "site", labs=labs, internet=internet, paths=(ELSEWHERE,)) == {
        "lab-1": internet, "lab-2": internet,
    }  # fmt: skip
    assert told(school.router, "site", labs=labs, paths=(ELSEWHERE,)) == {}
    assert told(school.pc(1), "host", labs=labs, paths=(ELSEWHERE,)) == {"lab-1": 1}


def test_a_pc_of_the_lab_sees_the_internet_fail(school):
    school.cut_isp("VNPT")

    assert told(school.pc(1), "host") == {"lab-1": 0}


def test_one_lost_packet_is_no_outage(school):
    """Two of three echoes are dropped on the way, whichever."""
    school.router.nft(
        "add table inet test",
        "add chain inet test forward { type filter hook forward priority 0; }",
        "add rule inet test forward icmp type echo-request numgen inc mod 3 < 2 drop",
        "add rule inet test forward icmpv6 type echo-request drop",
    )
    try:
        found = told(school.pc(1), "host")
    finally:
        school.router.nft("delete table inet test")

    assert found == {"lab-1": 1}


def test_a_pc_in_a_room_it_was_told_sees_the_internet_fail(school):
    school.switch.ip("link set pc1 down")

    assert told(school.pc(1), "host", labs=(DECLARED_ONLY,), place="lab-3") == {"lab-3": 0}


def test_a_pc_whose_cable_is_out_does_not_reach_it(school):
    school.switch.ip("link set pc1 down")

    assert told(school.pc(1), "host") == {"lab-1": 0}


@pytest.mark.parametrize("role", ["router", "site"])
@pytest.mark.parametrize("internet", [True, False])
def test_a_router_or_site_agent_goes_by_the_probe_internet(school, role, internet):
    """And by nothing else: the real Internet is the other way round."""
    if internet:
        school.cut_isp("VNPT")

    assert told(school.router, role, internet=internet) == {"lab-1": float(internet)}


def test_with_a_role_of_both_kinds_the_probe_internet_is_heard_too(school):
    assert told(school.pc(1), "site", "host", internet=False) == {"lab-1": 0}


def test_a_router_whose_link_to_the_lab_is_down_says_so(school):
    """Whether or not anything is known of the Internet."""
    school.switch.ip("link set router down")
    try:
        assert told(school.router, "router", internet=True) == {"lab-1": 0}
        assert told(school.router, "router") == {"lab-1": 0}
    finally:
        school.switch.ip("link set router up")


def test_without_evidence_a_router_says_nothing(school):
    assert told(school.router, "router") == {}


@pytest.mark.parametrize("labs", [(), (DECLARED_ONLY,), (ELSEWHERE,)])
def test_a_machine_outside_of_every_lab_has_nothing_to_measure(school, labs):
    with pytest.raises(NothingToMeasureError):
        told(school.pc(1), "host", labs=labs)


def test_no_target_is_nothing_to_measure_and_no_outage():
    with pytest.raises(NothingToMeasureError, match="targets is empty"):
        PROBE.start(Settings(targets=()), Host(watch=Watch(roles=("host",), lab=(LAB,))))


@pytest.mark.parametrize("cidr", ["10.20.1.1/24", "lab", "10.20.1.0/33"])
def test_a_cidr_that_is_none_is_named_with_the_fix(cidr):
    with pytest.raises(ProbeError, match=r"\[\[lab\]\] 'lab-9' cidr: .*write as 10\.20\.1\.0/24") as refused:
        PROBE.start(Settings(), Host(watch=Watch(roles=("host",), lab=(Lab("lab-9", cidr=cidr),))))

    assert refused.value.reason == "misconfigured"


def test_a_target_that_is_no_address_is_named_with_the_fix():
    with pytest.raises(ProbeError, match=r"\[probes.labs\] targets: 'example.org' is no address; write as 192"):
        PROBE.start(Settings(targets=("example.org",)), Host(watch=Watch(roles=("host",), lab=(LAB,))))
