"""The `egress` probe on a PC of the virtual school, whose router tells nothing."""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from haidang_agent.probe import Host, Memory, NothingToMeasureError, ProbeError, Watch
from haidang_agent.probes.egress import PROBE, Egress, Settings
from haidang_agent.tables import Wan

from tests.agent.namespaces import Namespace
from tests.agent.probes.running import Running
from tests.lab import VirtualSchool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab import Node

WANS = (Wan("wan1", "VNPT", prefixes=("203.0.113.0/28",)), Wan("wan2", "Viettel", prefixes=("203.0.113.16/28",)))
GATEWAYS = {"VNPT": "203.0.113.1", "Viettel": "203.0.113.17"}
TARGETS = ("198.51.100.1", "198.51.100.2", "198.51.100.200")
SETTINGS = Settings(targets=TARGETS, max_hops=4)
FAR = Settings(targets=("192.0.2.10", "192.0.2.11", "192.0.2.12"), max_hops=4)
"""The centre's: a second router, which could be taken for the first, is on the way there."""
BEHIND = Wan("wan3", "FPT", prefixes=("10.255.0.0/30",))
NO_TIME_EXCEEDED = "icmp type time-exceeded"


@pytest.fixture(scope="module")
def built() -> Iterator[VirtualSchool]:
    with VirtualSchool(pcs=1) as school:
        school.centre.ip(*(f"addr add {address}/24 dev eth0" for address in FAR.targets[1:]))
        for node in (school.router, school.internet, *school.isps.values()):
            node.sysctl({"ipv4/icmp_ratelimit": "0"})  # 1 a second is enough for a run every 10 s, not for one a moment
        yield school


@pytest.fixture
def school(built: VirtualSchool) -> Iterator[VirtualSchool]:
    built.use_isp("VNPT")
    yield built
    built.repair_all()


class Pc:
    """The probe in PC 1; an agent that is started anew has the memory of the one before."""

    def __init__(self, school: VirtualSchool, wans: tuple[Wan, ...] = WANS, settings: Settings = SETTINGS) -> None:
        self._school, self._wans, self._settings = school, wans, settings
        self._memory = Memory()
        self.restart()

    def restart(self) -> None:
        self._memory = Memory(self._memory.copy())
        self._host = Host(memory=self._memory, watch=Watch(wan=self._wans))
        self._probe = Egress(self._settings, self._host)

    def run(self) -> dict[tuple[str, ...], float]:
        with self._school.pc(1).inside():
            return {(s.metric.name, *s.labels): s.value for s in self._probe.collect()}

    @property
    def evidence(self) -> Any:
        """Without the time it was asked at."""
        fact = self._host.evidence.ask("egress")
        return fact and {key: value for key, value in fact.items() if key != "at"}


def leaves_by(isp: str, hops: int = 2) -> dict[tuple[str, ...], float]:
    return {("school_egress_hops",): hops, ("school_egress_info", isp): 1}


def told(isp: str | None, hop: str, *, answers: bool) -> dict[str, object]:
    return {"isp": isp, "hop": hop, "answers": answers}


@contextmanager
def rules(node: Node, hook: str, *rules: str) -> Iterator[None]:
    """Packet filter rules of the test's own."""
    chain = f"add chain inet test {hook} {{ type filter hook {hook} priority 0; }}"
    node.nft("add table inet test", chain, *(f"add rule inet test {hook} {rule}" for rule in rules))
    try:
        yield
    finally:
        node.nft("delete table inet test")


def counted(node: Node) -> int:
    listed = node.run("nft", "list", "table", "inet", "test", check=True).stdout
    return sum(int(packets) for packets in re.findall(r"packets (\d+)", listed))


def test_the_isp_is_named_by_the_prefixes_of_its_wan(school: VirtualSchool) -> None:
    pc = Pc(school)

    assert pc.run() == leaves_by("VNPT")
    assert pc.evidence == told("VNPT", GATEWAYS["VNPT"], answers=True)


def test_a_failover_and_back_is_seen_by_the_next_run(school: VirtualSchool) -> None:
    pc = Pc(school)
    pc.run()

    for isp in ("Viettel", "VNPT"):
        school.use_isp(isp)
        assert pc.run() == leaves_by(isp)
        assert pc.evidence == told(isp, GATEWAYS[isp], answers=True)


def test_once_found_one_packet_a_run_is_enough(school: VirtualSchool) -> None:
    pc = Pc(school)
    pc.run()

    with rules(school.router, "prerouting", 'iifname "lan" ip protocol { icmp, udp } counter'):
        runs = [pc.run() for _ in range(3)]
        packets = counted(school.router)

    assert runs == [leaves_by("VNPT")] * 3
    assert packets == 3


def test_where_the_isp_is_dead_its_first_router_still_answers(school: VirtualSchool) -> None:
    pc = Pc(school)
    pc.run()
    school.cut_isp("VNPT")

    assert pc.run() == leaves_by("VNPT")
    assert pc.evidence == told("VNPT", GATEWAYS["VNPT"], answers=True)


@pytest.mark.parametrize("fault", ["cut_fibre", "cut_gateway"])
def test_where_the_line_is_dead_it_does_not(school: VirtualSchool, fault: str) -> None:
    """
    The ISP is still named as the last known one, the metrics say nothing; and all is well again after the repair.
    """
    pc = Pc(school)
    pc.run()
    getattr(school, fault)("VNPT")

    assert pc.run() == {}
    assert pc.evidence == told("VNPT", GATEWAYS["VNPT"], answers=False)
    school.repair("VNPT")
    assert pc.run() == leaves_by("VNPT")
    assert pc.evidence == told("VNPT", GATEWAYS["VNPT"], answers=True)


def test_after_a_restart_the_last_known_router_is_asked(school: VirtualSchool) -> None:
    """
    It answers an echo, and nothing is said of a path that is not there.
    """
    pc = Pc(school)
    pc.run()
    pc.restart()
    with rules(school.isps["VNPT"], "output", f"{NO_TIME_EXCEEDED} drop"):
        school.cut_isp("VNPT")
        assert pc.run() == {}
        assert pc.evidence == told("VNPT", GATEWAYS["VNPT"], answers=True)
    pc.restart()
    school.cut_fibre("VNPT")

    assert pc.run() == {}
    assert pc.evidence == told("VNPT", GATEWAYS["VNPT"], answers=False)


def test_lost_answers_do_not_make_the_next_router_the_first(school: VirtualSchool) -> None:
    """
    Five of six answers of the first router are lost, and the one behind it is another ISP's by its address.
    """
    pc = Pc(school, (*WANS, BEHIND), FAR)
    pc.run()

    with rules(school.isps["VNPT"], "output", f"{NO_TIME_EXCEEDED} numgen inc mod 6 < 5 drop"):
        run = pc.run()

    assert run == leaves_by("VNPT")


def test_a_first_router_whose_answers_are_lost_once_is_asked_again(school: VirtualSchool) -> None:
    with rules(
        school.isps["VNPT"], "output", f"{NO_TIME_EXCEEDED} limit rate 1/hour burst {len(FAR.targets)} packets drop"
    ):
        run = Pc(school, (*WANS, BEHIND), FAR).run()

    assert run == leaves_by("VNPT")


def test_traffic_shared_out_between_isps_is_nobodys_unless_most_targets_agree(school: VirtualSchool) -> None:
    school.router.ip(f"route add {TARGETS[1]} via {GATEWAYS['Viettel']}")
    try:
        shared = Pc(school, settings=Settings(targets=TARGETS[:2], max_hops=4))
        runs = [shared.run() for _ in range(2)]
        evidence = shared.evidence
        mostly = Pc(school).run()
    finally:
        school.router.ip(f"route del {TARGETS[1]}")

    assert runs == [leaves_by("unknown")] * 2
    assert evidence["isp"] is None
    assert evidence["answers"] is True
    assert mostly == leaves_by("VNPT")


def test_an_isp_of_the_built_in_list_needs_no_prefixes(school: VirtualSchool) -> None:
    """
    The router shows an address of VNPT's, as in earnest; then one that is in no list.
    """
    isp = school.isps["VNPT"]
    pc = Pc(school, ())
    isp.ip("addr add 14.160.1.1/32 dev line", f"route replace {isp.prefix} dev line src 14.160.1.1")
    try:
        real = pc.run(), pc.evidence
    finally:
        isp.ip(f"route replace {isp.prefix} dev line src {isp.gateway}", "addr del 14.160.1.1/32 dev line")

    assert real == (leaves_by("VNPT"), told("VNPT", "14.160.1.1", answers=True))
    assert pc.run() == leaves_by("unknown")
    assert pc.evidence == told(None, GATEWAYS["VNPT"], answers=True)


def test_carrier_grade_nat_is_passed_over_unless_declared() -> None:
    with VirtualSchool(isps=("VNPT",), pcs=1, cgnat=("VNPT",)) as school:
        settings = Settings(targets=(school.centre_address,))
        passed_over = Pc(school, WANS, settings)
        declared = Pc(school, (Wan("wan1", "VNPT", prefixes=("100.64.0.0/28",)),), settings)

        assert passed_over.run() == leaves_by("VNPT", hops=3)
        assert passed_over.evidence == told("VNPT", school.isps["VNPT"].beyond, answers=True)
        assert declared.run() == leaves_by("VNPT", hops=2)


def test_a_way_that_never_showed_a_router_of_an_isp_is_nothing_to_measure(school: VirtualSchool) -> None:
    school.cut_fibre("VNPT")
    pc = Pc(school)

    with pytest.raises(NothingToMeasureError):
        pc.run()
    assert pc.evidence is None


def test_a_target_is_no_router_on_the_way_to_itself(school: VirtualSchool) -> None:
    """
    All before it is silent or private: whose network the target is in says nothing of the school's ISP.
    """
    with (
        rules(school.isps["VNPT"], "output", f"{NO_TIME_EXCEEDED} drop"),
        pytest.raises(NothingToMeasureError),
    ):
        Pc(school).run()


def test_no_run_outlasts_its_time(school: VirtualSchool) -> None:
    pc = Pc(school)
    pc.run()
    school.cut_gateway("VNPT")
    began = time.monotonic()

    assert pc.run() == {}
    assert time.monotonic() - began < PROBE.timeout_seconds


def test_no_socket_to_be_had_is_the_machines_fault() -> None:
    with Namespace() as machine, Running(machine, "egress", max_files=8, targets=["198.51.100.1"]) as probe:
        run = probe.collect()

    assert (run.reason, run.values) == ("unreadable", {})


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (Settings(targets=("example.org",)), "[probes.egress] targets: "),
        (Settings(targets=("2001:db8::1",)), "write IPv4 without a port"),
        (Settings(targets=("192.0.2.1:53",)), "write IPv4 without a port"),
        (Settings(max_hops=0), "max_hops = 0: not in 1…20"),
        (Settings(max_hops=21), "max_hops = 21: not in 1…20"),
    ],
)
def test_a_setting_that_cannot_work_is_named(settings: Settings, text: str) -> None:
    with pytest.raises(ProbeError) as wrong:
        PROBE.start(settings, Host())

    assert wrong.value.reason == "misconfigured"
    assert text in wrong.value.detail


def test_a_prefix_that_is_none_names_its_wan() -> None:
    host = Host(watch=Watch(wan=(Wan("wan2", "VNPT", prefixes=("203.0.113.1/28",)),)))

    with pytest.raises(ProbeError, match=r"\[\[wan\]\] wan2: prefixes: 203.0.113.1/28 has host bits set"):
        PROBE.start(Settings(), host)


def test_no_target_is_nothing_to_measure() -> None:
    with pytest.raises(NothingToMeasureError):
        PROBE.start(Settings(targets=()), Host())
