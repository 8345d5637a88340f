"""The `snmp` probe: what devices on loopback say of the WANs, look after look."""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from haidang_agent.probe import Evidence, Host, Memory, NothingToMeasureError, ProbeError, Watch
from haidang_agent.probes.snmp import PROBE, Settings, SnmpProbe
from haidang_agent.tables import Snmp

from tests.agent.snmp.recording import RECORDINGS, key
from tests.agent.snmp.responder import Device, Lies, Responder, encoded
from tests.waiting import eventually

COMMUNITY = "s3cret"
FAST = Settings(carrier_seconds=0.05, look_seconds=0.2)
NO_LOOK = Settings(carrier_seconds=0.05, look_seconds=1000.0)
OPER, IN_64, UP_TIME = "1.3.6.1.2.1.2.2.1.8", "1.3.6.1.2.1.31.1.1.1.6", "1.3.6.1.2.1.1.3.0"
ETHER1, SFP1, PPPOE = 1, 3, 11


@pytest.fixture
def device() -> Device:
    return Device.read(RECORDINGS / "router.snmprec")


def tell(device: Device, oid: str, tag: str, value: object) -> None:
    device.rows[key(oid)] = encoded(tag, str(value).encode())


def target(responder: Responder, **wan_interfaces: str) -> Snmp:
    names = {name.replace("_", "-"): wan for name, wan in wan_interfaces.items()}
    return Snmp("127.0.0.1", responder.port, community=COMMUNITY, wan_interfaces=names)


@contextmanager
def probing(
    *targets: Snmp, settings: Settings = FAST, memory: Memory | None = None
) -> Iterator[tuple[SnmpProbe, Host]]:
    host = Host(evidence=Evidence(), memory=memory or Memory(), watch=Watch(snmp=targets))
    probe = PROBE.start(settings, host)
    try:
        yield probe, host
    finally:
        probe.close()


def samples(probe: SnmpProbe) -> dict[tuple[str, str], float]:
    return {(sample.metric.name, sample.labels[0]): sample.value for sample in probe.collect()}


def fact(host: Host, wan: str) -> dict:
    return host.evidence.ask("snmp_wan", wan) or {}


def test_the_wans_are_told_as_the_router_says_them(device):
    with Responder({COMMUNITY: device}) as router, probing(target(router, ether1="wan1", sfp1="wan2")) as (probe, host):
        assert samples(probe) == {("haidang_snmp_up", "127.0.0.1"): 1, ("haidang_snmp_problems", "127.0.0.1"): 0}
        one, two = fact(host, "wan1"), fact(host, "wan2")

    assert one == {
        "carrier": True, "admin": True, "speed_bps": 10**9, "receive_bytes": 0, "transmit_bytes": 0,
    }, "the default route leaves by pppoe-out1, which may run over either"  # fmt: skip
    assert (two["carrier"], two["speed_bps"]) == (False, 10**10)


def test_the_default_route_is_told_where_its_interface_is_known(device):
    with (
        Responder({COMMUNITY: device}) as router,
        probing(target(router, pppoe_out1="wan1", sfp1="wan2")) as (probe, host),
    ):
        samples(probe)

        assert (fact(host, "wan1")["default_route"], fact(host, "wan2")["default_route"]) == (True, False)


def test_of_pppoe_and_its_port_the_port_tells_the_link_and_the_first_named_the_bytes(device):
    with (
        Responder({COMMUNITY: device}) as router,
        probing(target(router, pppoe_out1="wan1", ether1="wan1")) as (_, host),
    ):
        before = eventually("a look", lambda: fact(host, "wan1"), seconds=5)
        tell(device, f"{IN_64}.{PPPOE}", "70", 4294967305 + 1000)
        tell(device, f"{OPER}.{PPPOE}", "2", 2)
        tell(device, UP_TIME, "67", 8640100)
        after = eventually("bytes", lambda: fact(host, "wan1").get("receive_bytes") and fact(host, "wan1"), seconds=5)

    assert (before["default_route"], before["speed_bps"]) == (True, 10**9)
    assert after["receive_bytes"] == 1000
    assert after["carrier"] is True, "PPPoE may be down while the fibre is there"


def test_a_logical_link_that_is_down_says_nothing_of_the_port_below_unless_it_says_so(device):
    tell(device, f"{OPER}.{PPPOE}", "2", 2)
    with Responder({COMMUNITY: device}) as router, probing(target(router, pppoe_out1="wan1")) as (_, host):
        down = eventually("a look", lambda: fact(host, "wan1"), seconds=5)
        tell(device, f"{OPER}.{PPPOE}", "2", 7)
        eventually("lower layer down", lambda: fact(host, "wan1").get("carrier") is False, seconds=5)

    assert "carrier" not in down


def test_a_cut_is_seen_by_the_next_question_after_links_without_reading_the_rest(device):
    with (
        Responder({COMMUNITY: device}) as router,
        probing(target(router, ether1="wan1"), settings=NO_LOOK) as (_, host),
    ):
        eventually("the link", lambda: fact(host, "wan1").get("carrier"), seconds=5)
        asked = len(router.asked)
        tell(device, f"{OPER}.{ETHER1}", "2", 2)
        eventually("the cut", lambda: fact(host, "wan1").get("carrier") is False, seconds=2, every=0.02)
        questions = router.asked[asked:]

    assert {tuple(oids) for *_, oids in questions} == {(f"{OPER}.{ETHER1}",)}
    assert fact(host, "wan1")["speed_bps"] == 10**9, "what else was read still holds"


def test_totals_go_on_over_a_restart_of_the_device_and_of_ours(device):
    memory = Memory()
    with Responder({COMMUNITY: device}) as router:
        with probing(target(router, ether1="wan1"), memory=memory) as (_, host):
            eventually("a look", lambda: fact(host, "wan1"), seconds=5)
            tell(device, UP_TIME, "67", 8640500)
            tell(device, f"{IN_64}.{ETHER1}", "70", 5000000000 + 700)
            eventually("700 bytes", lambda: fact(host, "wan1")["receive_bytes"] == 700, seconds=5)
            tell(device, f"{IN_64}.{ETHER1}", "70", 90)
            tell(device, UP_TIME, "67", 100)
            asked = len(router.asked)
            eventually("a look at it", lambda: len(router.asked) > asked + 30, seconds=5)
            started_anew = fact(host, "wan1")["receive_bytes"]
        kept = Memory(memory.copy())
        tell(device, UP_TIME, "67", 600)
        tell(device, f"{IN_64}.{ETHER1}", "70", 140)
        with probing(target(router, ether1="wan1"), memory=kept) as (_, host):
            eventually("50 more", lambda: fact(host, "wan1").get("receive_bytes") == 750, seconds=5)

    assert started_anew == 700


def test_a_device_that_falls_silent_takes_its_links_back_and_delays_no_other(device):
    lies = Lies()
    with (
        Responder({COMMUNITY: device}, lies) as mute,
        Responder({COMMUNITY: Device.read(RECORDINGS / "router.snmprec")}) as router,
    ):
        other = Snmp("localhost", router.port, community=COMMUNITY, wan_interfaces={"sfp1": "wan2"})
        with probing(target(mute, ether1="wan1"), other) as (probe, host):
            samples(probe)
            eventually("both", lambda: fact(host, "wan1") and fact(host, "wan2"), seconds=5)
            lies.falls_silent_after = 0
            asked = len(router.asked)
            eventually("silence", lambda: samples(probe)["haidang_snmp_up", "127.0.0.1"] == 0, seconds=20)
            took = []
            for _ in range(5):
                began = time.monotonic()
                told = samples(probe)
                took.append(time.monotonic() - began)
            assert fact(host, "wan1") == {}
            assert fact(host, "wan2")["carrier"] is False
            assert len(router.asked) > asked + 20
            lies.falls_silent_after = float("inf")
            eventually("its return", lambda: fact(host, "wan1").get("carrier"), seconds=20)

    assert told["haidang_snmp_up", "localhost"] == 1
    assert min(took) < 0.5


def test_a_name_that_no_interface_has_is_a_problem_and_the_others_are_told(device):
    with Responder({COMMUNITY: device}) as router, probing(target(router, ether9="wan1", sfp1="wan2")) as (probe, host):
        told = samples(probe)
        wan1, wan2 = fact(host, "wan1"), fact(host, "wan2")

    assert told["haidang_snmp_problems", "127.0.0.1"] == 1
    assert (wan1, wan2["carrier"]) == ({}, False)


def test_an_interface_that_is_no_longer_there_takes_back_what_was_told_of_it(device):
    """As some routers drop a PPPoE interface from the table when the session ends."""
    with Responder({COMMUNITY: device}) as router, probing(target(router, pppoe_out1="wan1")) as (_, host):
        eventually("a look", lambda: fact(host, "wan1").get("carrier"), seconds=5)
        for oid, told in device.rows.items():
            if told.endswith(b"pppoe-out1"):
                device.rows[oid] = encoded("4", b"pppoe-out2")
        eventually("nothing any more", lambda: fact(host, "wan1") == {}, seconds=5)


def test_a_device_without_wans_is_only_asked_whether_it_is_there(device):
    with Responder({COMMUNITY: device}) as router, probing(target(router)) as (probe, _):
        told = samples(probe)

    assert told["haidang_snmp_up", "127.0.0.1"] == 1
    assert {tuple(oids) for *_, oids in router.asked} == {(UP_TIME,)}


def test_optics_of_the_wans_own_port_are_fibre():
    router_with_sfp = Device.read(RECORDINGS / "own_router_sfp.snmprec")
    with Responder({COMMUNITY: router_with_sfp}) as router, probing(target(router, sfp1="wan1")) as (_, host):
        told = eventually("a look", lambda: fact(host, "wan1"), seconds=5)

    assert told["fibre"] is True
    assert -40 < told["rx_dbm"] < 10


def test_the_first_run_waits_for_a_silent_device_no_longer_than_it_may(caplog):
    caplog.set_level(logging.DEBUG)
    with Responder({}) as mute:
        began = time.monotonic()
        with probing(target(mute, ether1="wan1")) as (probe, _):
            samples(probe)
            took = time.monotonic() - began
            silent = {("haidang_snmp_up", "127.0.0.1"): 0, ("haidang_snmp_problems", "127.0.0.1"): 0}
            eventually("silence", lambda: samples(probe) == silent, seconds=10)

    assert took < PROBE.timeout_seconds
    assert "does not answer" in caplog.text
    assert COMMUNITY not in caplog.text


def test_close_ends_the_threads(device):
    eventually("those of other tests", lambda: "snmp" not in str(threading.enumerate()), seconds=10)
    before = threading.active_count()
    with Responder({COMMUNITY: device}) as router:
        with probing(target(router, ether1="wan1")) as (probe, _):
            samples(probe)
        eventually("their end", lambda: not [each for each in threading.enumerate() if "snmp" in each.name], seconds=10)

    assert threading.active_count() <= before


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (Snmp("192.0.2.1", version="3"), "version 3 needs a user"),
        (Snmp("192.0.2.1", version="3", user="u", auth="sha:short"), "at least 8 characters"),
        (Snmp("192.0.2.1", version="3", user="u", priv="aes:long enough"), "priv needs auth"),
    ],
)
def test_keys_of_no_use_are_refused_with_the_device_and_without_the_key(wrong, words):
    with pytest.raises(ProbeError, match=words) as refused:
        PROBE.start(Settings(), Host(watch=Watch(snmp=(wrong,))))

    assert refused.value.reason == "misconfigured"
    assert "192.0.2.1" in refused.value.detail
    assert "short" not in refused.value.detail


def test_no_device_is_nothing_to_measure():
    with pytest.raises(NothingToMeasureError):
        PROBE.start(Settings(), Host())


def test_a_fibre_that_was_lit_and_no_longer_is_makes_the_line_dark():
    """While the Internet is gone the light is looked at with every question."""
    device = Device.read(RECORDINGS / "own_router_sfp.snmprec")
    with (
        Responder({COMMUNITY: device}) as router,
        probing(target(router, sfp1="wan1"), settings=NO_LOOK) as (_, host),
    ):
        lit = eventually("a look", lambda: fact(host, "wan1"), seconds=5)
        tell(device, "1.3.6.1.4.1.14988.1.1.19.1.1.10.9", "2", -40000)
        host.evidence.tell("internet", "", {"up": False, "since": 0.0}, 60)
        dark = eventually("dark", lambda: fact(host, "wan1").get("dark") and fact(host, "wan1"), seconds=15)

    assert lit["rx_dbm"] < 0
    assert "dark" not in lit
    assert "rx_dbm" not in dark
