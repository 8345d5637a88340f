"""The probe `wan` on the virtual school's router: every fault by what it is, soon; nothing that is not known."""

from __future__ import annotations

import errno
import gc
import json
import threading
import time
from contextlib import closing, suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from haidang_agent.probe import Host, Memory, ProbeError, Totals, Watch
from haidang_agent.probes.wan import PROBE, Settings
from haidang_agent.wan import router as router_module

from tests.agent.namespaces import open_files
from tests.agent.probes.watched_lines import Values, Watched, lines, watched
from tests.lab import VirtualSchool

if TYPE_CHECKING:
    from collections.abc import Iterator

UP, CARRIER, ACTIVE = "school_wan_up", "school_wan_carrier", "school_wan_active"
RTT = "school_wan_rtt_seconds"
ONE, TWO = ("wan1", "VNPT"), ("wan2", "Viettel")


@pytest.fixture(scope="module")
def building() -> Iterator[VirtualSchool]:
    with VirtualSchool(pcs=1) as school:
        yield school


@pytest.fixture
def school(building: VirtualSchool) -> VirtualSchool:
    """All well, the traffic with VNPT."""
    building.repair_all()
    building.use_isp("VNPT")
    return building


@pytest.fixture
def router(school: VirtualSchool) -> Iterator[Watched]:
    with watched(school.router, lines(school), (school.centre_address,)) as made:
        made.until(
            "both lines are up, and it is known how fast",
            lambda seen: all(seen.get((UP, *wan)) and (RTT, *wan) in seen for wan in (ONE, TWO)),
        )
        yield made


def causes(seen: Values, wan: str) -> set[str]:
    return {key[1] for key, value in seen.items() if key[0] == "school_outage_active" and key[2] == wan and value}


def test_lines_that_work(router):
    """The spare one without any route by it too."""
    time.sleep(1.2)
    seen = router.values()

    assert (seen[ACTIVE, *ONE], seen[ACTIVE, *TWO]) == (1, 0)
    for wan in (ONE, TWO):
        assert (seen[UP, *wan], seen[CARRIER, wan[0]]) == (1, 1)
        assert seen["school_wan_info", *wan, "fibre", "declared"] == 1
        assert 0 < seen[RTT, *wan] <= seen["school_wan_rtt_p95_seconds", *wan] < 1
        assert seen["school_wan_changes_total", *wan] == 0
        assert causes(seen, wan[0]) == set()
    assert {key: value for key, value in seen.items() if key[0].startswith("school_wan_failover")} == {
        ("school_wan_failovers_total", *pair): 0 for pair in (("wan1", "wan2"), ("wan2", "wan1"))
    }


def test_observed_time_runs_as_the_clock_does(router):
    name, moments = "school_wan_observed_seconds_total", [time.monotonic()]
    before = router.value(name, *ONE)
    moments.append(time.monotonic())
    time.sleep(1)
    moments.append(time.monotonic())
    after = router.value(name, *ONE)
    moments.append(time.monotonic())

    assert moments[2] - moments[1] - 0.1 < after - before < moments[3] - moments[0] + 0.1


def test_a_cut_fibre_is_told_within_a_second_as_carrier(school, router):
    began = time.monotonic()
    school.cut_fibre("Viettel")
    seen = router.until("down", lambda seen: seen[UP, *TWO] == 0, seconds=1)
    assert (seen[CARRIER, "wan2"], causes(seen, "wan2"), seen[UP, *ONE]) == (0, {"carrier"}, 1)
    school.repair("Viettel")
    cut = time.monotonic() - began
    seen = router.until("up again", lambda seen: seen[UP, *TWO] == 1)

    assert (seen[CARRIER, "wan2"], causes(seen, "wan2")) == (1, set())
    assert seen["school_wan_changes_total", *TWO] == 1
    assert seen["school_outages_total", "carrier", "wan2"] == 1
    assert cut - 1 < seen["school_outage_seconds_total", "carrier", "wan2"] < time.monotonic() - began + 1
    assert sum(value for key, value in seen.items() if key[0] == "school_outages_total") == 1


def test_a_fibre_that_is_mended_before_the_line_works_again_stays_the_cause(school, router):
    """Light comes back first, answers later: a look in between must not blame the ISP."""
    school.cut_fibre("Viettel")
    router.until("down", lambda seen: seen[UP, *TWO] == 0, seconds=1)
    school.isps["Viettel"].cut_core()
    school.isps["Viettel"].ip("link set line up")
    seen = router.until("light, no answer", lambda seen: seen[CARRIER, "wan2"] == 1, seconds=2)
    assert (seen[UP, *TWO], causes(seen, "wan2")) == (0, {"carrier"})
    school.repair("Viettel")
    seen = router.until("up again", lambda seen: seen[UP, *TWO] == 1)

    assert (seen["school_outages_total", "carrier", "wan2"], seen["school_outages_total", "isp", "wan2"]) == (1, 0)


@pytest.mark.parametrize("cut", ["cut_isp", "cut_gateway"])
def test_a_line_dead_behind_its_carrier_is_told_within_3_s_as_the_isps(school, router, cut):
    getattr(school, cut)("VNPT")
    seen = router.until("down", lambda seen: seen[UP, *ONE] == 0)
    assert (seen[CARRIER, "wan1"], causes(seen, "wan1"), seen[UP, *TWO]) == (1, {"isp"}, 1)
    school.repair("VNPT")
    seen = router.until("up again", lambda seen: seen[UP, *ONE] == 1)

    assert seen["school_outages_total", "isp", "wan1"] == 1


def test_targets_that_are_dead_are_no_fault_of_the_line(school, router):
    school.internet.ip(f"addr del {school.isps['VNPT'].target}/32 dev lo", f"addr del {school.common_target}/32 dev lo")
    try:
        seen = router.until("service", lambda seen: causes(seen, "wan1"), seconds=5)

        assert (seen[UP, *ONE], causes(seen, "wan1")) == (1, {"service"})
        assert seen["school_wan_changes_total", *ONE] == 0
    finally:
        school.internet.ip(
            f"addr add {school.isps['VNPT'].target}/32 dev lo", f"addr add {school.common_target}/32 dev lo"
        )
    router.until("over", lambda seen: not causes(seen, "wan1"), seconds=4)


def test_failover_and_failback_with_their_gaps(school, router):
    began = time.monotonic()
    school.cut_isp("VNPT")
    router.until("down", lambda seen: seen[UP, *ONE] == 0)
    school.use_isp("Viettel")
    gap = time.monotonic() - began
    labels = ("wan1", "wan2")
    counted = ("school_wan_failovers_total", *labels)
    seen = router.until("counted", lambda seen: seen[counted] and seen[ACTIVE, *TWO])
    most = time.monotonic() - began

    assert (seen[ACTIVE, *ONE], seen[ACTIVE, *TWO]) == (0, 1)
    assert (
        seen["school_wan_last_failover_duration_seconds", *labels] == seen["school_wan_failover_seconds_sum", *labels]
    )
    assert seen["school_wan_failover_seconds_count", *labels] == 1
    assert gap - 1 < seen["school_wan_failover_seconds_sum", *labels] < most + 1
    assert seen["school_wan_failover_seconds_bucket", *labels, "+Inf"] == 1
    school.repair("VNPT")
    router.until("up again", lambda seen: seen[UP, *ONE] == 1)
    school.use_isp("VNPT")
    seen = router.until("failback", lambda seen: seen.get(("school_wan_failovers_total", "wan2", "wan1")), seconds=6)

    assert seen["school_wan_last_failover_duration_seconds", "wan2", "wan1"] == 0
    assert seen["school_wan_failovers_total", *labels] == 1


def test_load_that_is_shared_is_told_as_several_active(school, router):
    school.router.spread(*school.isps.values())
    router.until("both", lambda seen: seen[ACTIVE, *ONE] == seen[ACTIVE, *TWO] == 1)
    school.router.withdraw_route()
    seen = router.until("none", lambda seen: seen[ACTIVE, *ONE] == seen[ACTIVE, *TWO] == 0)

    assert (seen[UP, *ONE], seen[UP, *TWO]) == (1, 1)


def test_sources_divided_by_rules_are_several_active(school, router):
    school.router.divide({"10.20.0.128/25": school.isps["Viettel"]})
    router.until("both", lambda seen: seen[ACTIVE, *ONE] == seen[ACTIVE, *TWO] == 1)
    school.router.forget_tables()
    router.until("one", lambda seen: (seen[ACTIVE, *ONE], seen[ACTIVE, *TWO]) == (1, 0))


def test_a_lost_lease_is_down_and_a_new_address_is_used(school, router):
    school.lose_address("Viettel")
    seen = router.until("down", lambda seen: seen.get((UP, *TWO)) == 0)
    assert (seen[CARRIER, "wan2"], causes(seen, "wan2")) == (1, {"isp"})
    school.repair("Viettel")
    router.until("up again", lambda seen: seen.get((UP, *TWO)) == 1)
    school.router.ip("addr del 203.0.113.18/28 dev wan2", "addr add 203.0.113.20/28 dev wan2")
    try:
        router.until("up by the other address", lambda seen: seen.get((UP, *TWO)) == 1)
    finally:
        school.router.ip("addr del 203.0.113.20/28 dev wan2", "addr add 203.0.113.18/28 dev wan2")


def test_a_session_that_ends_above_a_live_port_is_down_by_the_isp(school):
    """As PPPoE: its interface goes, the port below it keeps its carrier."""
    wan1, wan2 = lines(school)
    session = replace(wan2, interface="ppp0", port="wan2")
    address = "203.0.113.18/28"
    school.router.ip(f"addr del {address} dev wan2", "link add ppp0 link wan2 type macvlan mode bridge")
    try:
        school.router.ip("link set ppp0 up", f"addr add {address} dev ppp0")
        with watched(school.router, (wan1, session), (school.centre_address,)) as router:
            router.until("up", lambda seen: seen.get((UP, *TWO)) == 1)
            school.router.ip("link del ppp0")
            seen = router.until("down", lambda seen: seen.get((UP, *TWO)) == 0, seconds=1)
            assert (seen[CARRIER, "wan2"], causes(seen, "wan2")) == (1, {"isp"})
            school.router.ip("link add ppp0 link wan2 type macvlan mode bridge", "link set ppp0 up")
            school.router.ip(f"addr add {address} dev ppp0")
            router.until("dialled in again", lambda seen: seen.get((UP, *TWO)) == 1)
    finally:
        with suppress(RuntimeError):  # gone already
            school.router.ip("link del ppp0")
        school.router.ip(f"addr add {address} dev wan2")


def test_an_interface_that_goes_and_comes_again(school, router):
    """Renamed, as when a USB modem is pulled: gone is the router's doing, not the ISP's."""
    school.router.ip("link set wan2 down", "link set wan2 name usb0")
    try:
        seen = router.until("down", lambda seen: seen[UP, *TWO] == 0)
        router.until("whose", lambda seen: causes(seen, "wan2") == {"router"})
        assert (CARRIER, "wan2") not in router.values()
        assert seen[UP, *ONE] == 1
    finally:
        school.router.ip("link set usb0 name wan2", "link set wan2 up")
        school.router.regain_address(school.isps["Viettel"])
    router.until("up again", lambda seen: seen.get((UP, *TWO)) == 1, seconds=6)


def test_a_gateway_with_another_mac_is_found(school, router):
    """The ISP has changed its device: the line is up again within seconds."""
    isp = school.isps["Viettel"]
    shown = isp.run("cat", "/sys/class/net/line/address").stdout.strip()
    isp.ip("link set line address 02:00:5e:00:99:99")
    try:
        time.sleep(1)
        router.until("it works", lambda seen: seen[UP, *TWO] == 1 and seen["school_wan_loss_ratio", *TWO] < 1)
        time.sleep(2)
        assert router.value(UP, *TWO) == 1
    finally:
        isp.ip(f"link set line address {shown}")


def test_a_spare_line_that_cannot_be_probed_is_unknown_not_down(school):
    """Neither a route nor its gateway's address: nothing is claimed of it, its carrier is."""
    with watched(school.router, lines(school, gateway=""), (school.centre_address,)) as router:
        router.until("the other is up", lambda seen: seen.get((UP, *ONE)) == 1)
        time.sleep(1)
        seen = router.values()

    assert (UP, *TWO) not in seen
    assert (seen[CARRIER, "wan2"], seen[ACTIVE, *TWO]) == (1, 0)
    assert seen["school_wan_observed_seconds_total", *TWO] == 0
    assert causes(seen, "wan2") == set()


def test_a_gateway_learnt_from_a_route_is_remembered_after_a_failover(school):
    with watched(school.router, lines(school, gateway=""), (school.centre_address,)) as router:
        router.until("the active one is up", lambda seen: seen.get((UP, *ONE)) == 1)
        school.use_isp("Viettel")
        router.until("both are up", lambda seen: seen.get((UP, *ONE)) == seen.get((UP, *TWO)) == 1)
        time.sleep(1)

        assert router.value(UP, *ONE) == 1


def test_where_no_line_can_be_probed_the_probe_says_why(school):
    school.router.withdraw_route()
    with watched(school.router, lines(school, gateway="")) as router, pytest.raises(ProbeError, match="CAP_NET_RAW"):
        router.values()


def test_the_only_line_of_a_router_that_loses_its_lease_is_told_as_down(school):
    """Not as one that the agent may not probe."""
    with watched(school.router, lines(school)[1:], (school.centre_address,)) as router:
        router.until("up", lambda seen: seen.get((UP, *TWO)) == 1)
        school.lose_address("Viettel")
        try:
            router.until("down", lambda seen: seen.get((UP, *TWO)) == 0)
        finally:
            school.repair("Viettel")


def test_an_outage_goes_on_over_a_restart_and_its_counters_too(school):
    """Memory as the outbox has it; the time in between is the agent's, not the outage's."""
    references = (school.centre_address,)
    with watched(school.router, lines(school), references) as router:
        router.until("up", lambda seen: seen.get((UP, *TWO)) == 1)
        school.cut_isp("Viettel")
        router.until("down", lambda seen: seen[UP, *TWO] == 0, seconds=5)
        left = time.monotonic()
    totals, memory = Totals(router.host.totals.copy()), Memory(json.loads(json.dumps(router.host.memory.copy())))
    time.sleep(1)
    with watched(school.router, lines(school), references, totals=totals, memory=memory) as again:
        away = time.monotonic() - left
        seen = again.until("still down", lambda seen: causes(seen, "wan2"), seconds=5)
        assert causes(seen, "wan2") == {"isp"}
        school.repair("Viettel")
        seen = again.until("up", lambda seen: seen.get((UP, *TWO)) == 1)

    assert seen["school_outages_total", "isp", "wan2"] == 1
    assert seen["school_wan_changes_total", *TWO] == 1
    assert 0.4 < seen["school_unobserved_seconds_total", "stopped"] < away + 0.6
    assert seen["school_unobserved_seconds_total", "crashed"] == 0


def test_nothing_is_left_open_by_restarts(school):
    def once() -> None:
        with watched(school.router, lines(school), (school.centre_address,)) as router:
            router.values()

    once()
    gc.collect()
    before = open_files(), threading.active_count()
    for _ in range(3):
        once()

    assert open_files() <= before[0]
    assert threading.active_count() <= before[1]


def test_a_kernel_that_does_not_tell_its_routes_now_ends_nothing(school, router, monkeypatch):
    def refuse(_: object) -> None:
        raise OSError(errno.EBUSY, "Device or resource busy")

    with monkeypatch.context() as broken:
        broken.setattr("haidang_agent.platform.netlink.Netlink.facts", refuse)
        school.use_isp("Viettel")
        time.sleep(0.5)
        assert router.value(ACTIVE, *ONE) == 1, "what was known stands"

    router.until("it was asked again", lambda seen: seen[ACTIVE, *TWO] == 1, seconds=7)


def test_faults_while_somebody_looks_all_the_time_are_harmless(school, router):
    """The router's thread writes what the others read; a bug in it would show in `broken`."""
    ends, wrong = threading.Event(), []

    def look() -> None:
        while not ends.wait(0.005):
            try:
                router.values()
            except Exception as crash:  # noqa: BLE001 - whatever it is, it is told
                wrong.append(crash)

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(8):
        school.cut_fibre("Viettel")
        school.use_isp("Viettel")
        school.repair("Viettel")
        school.use_isp("VNPT")
        time.sleep(0.1)
    ends.set()
    for thread in threads:
        thread.join()

    assert wrong == []
    assert not router.probe._keeper.broken
    router.until("all is well", lambda seen: seen[UP, *TWO] == seen[UP, *ONE] == 1, seconds=5)


def test_a_reference_must_be_an_address():
    with pytest.raises(ProbeError, match=r"\[probes.wan\] references: 'dns.example' does not appear to be") as refused:
        PROBE.start(Settings(references=("dns.example",)), Host())

    assert refused.value.reason == "misconfigured"


def test_who_is_no_router_leaves_the_interfaces_alone(school):
    """Every agent of the school is told the same lines."""
    host = Host(watch=Watch(roles=("site",), wan=lines(school)))
    with closing(PROBE.start(Settings(), host)) as probe:
        names = {sample.metric.name for sample in probe.collect()}

    assert names.isdisjoint({UP, CARRIER, ACTIVE})
    assert not any(thread.name == "wan" for thread in threading.enumerate())


def test_without_any_line_the_default_path_is_still_watched():
    values = {(sample.metric.name, *sample.labels) for sample in PROBE.start(Settings(), Host()).collect()}

    assert ("school_outage_active", "isp", "") in values
    assert not any(name == UP for name, *_ in values)


def test_a_line_that_never_gets_an_address_is_not_unknown_for_ever(school, monkeypatch):
    """The lease may take its time after a start; then it is the ISP's word that is missing."""
    monkeypatch.setattr(router_module, "LEASE_SECONDS", 5.0)
    isp = school.isps["VNPT"]
    school.router.ip(f"addr del {isp.customer}/28 dev {isp.wan}")
    try:
        first, second = lines(school)
        with watched(school.router, (replace(first, gateway=""), second)) as made:
            assert made.value("school_wan_up", isp.wan, "VNPT") is None
            made.until("down", lambda seen: seen.get(("school_wan_up", isp.wan, "VNPT")) == 0, seconds=10)
    finally:
        school.router.ip(f"addr add {isp.customer}/28 dev {isp.wan}")
        school.use_isp("VNPT")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"interface": "wan9"}, "there is no such interface"),
        ({"gateway": "192.0.2.77"}, "its gateway 192.0.2.77 is not in its network"),
    ],
)
def test_a_mistake_in_the_configuration_is_no_outage(school, changes, why):
    first, second = lines(school)
    with watched(school.router, (first, replace(second, **changes))) as made:
        seen = made.until("the other is up", lambda seen: seen.get(("school_wan_up", first.name, first.isp)) == 1)
        states = made.states()

    assert ("school_wan_up", second.name, second.isp) not in seen
    assert not any(value for key, value in seen.items() if key[0] == "school_outage_active")
    assert why in next(state.denied for state in states if state.wan.name == second.name)


def test_a_module_without_light_is_the_carriers_fault_though_the_link_stays_up(school, router):
    """As a GPON stick does; the probe `optics` tells."""
    school.cut_isp("VNPT")
    router.host.evidence.tell("optics", "wan1", {"fibre": True, "dark": True}, 60)
    seen = router.until("down", lambda seen: seen[UP, *ONE] == 0)

    assert seen["school_outage_active", "carrier", "wan1"] == 1
    assert seen["school_outage_active", "isp", "wan1"] == 0
