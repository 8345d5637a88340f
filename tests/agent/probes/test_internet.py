"""The `internet` probe, in namespaces that reach nothing else."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from haidang_agent.probe import Evidence, Host, NothingToMeasureError, ProbeError, Totals
from haidang_agent.probes.internet import LOST, PROBE, SENT, Internet, Settings

from tests.agent.namespaces import Lan, Namespace
from tests.agent.probes.running import Running
from tests.lab import Node

if TYPE_CHECKING:
    from collections.abc import Iterator

UP = ("school_internet_up",)
EVERYBODY = "0 2147483647"
NOBODY = "1 0"
ODD_RESPONDER = Path(__file__).with_name("odd_responder.py")


def of(target: str, figure: str) -> tuple[str, str]:
    return (f"school_internet_{figure}", target)


@pytest.fixture
def machine() -> Iterator[Namespace]:
    """A machine that only reaches itself and grants ICMP sockets to everybody."""
    with Namespace() as namespace:
        namespace.sysctl("net.ipv4.ping_group_range", EVERYBODY)
        yield namespace


@pytest.mark.parametrize("target", ["127.0.0.1", "::1", "[::1]"])
@pytest.mark.parametrize("group_range", [EVERYBODY, NOBODY])
def test_an_answer_is_up_without_loss(machine, target, group_range):
    """An unprivileged user gets up, loss, round trip, jitter and both counters, with an ICMP socket or without."""
    machine.sysctl("net.ipv4.ping_group_range", group_range)

    with Running(machine, "internet", nobody=True, targets=[target]) as probe:
        first, second = probe.collect(), probe.collect()

    assert (first.values[UP], first.values[of(target, "loss_ratio")]) == (1, 0)
    assert of(target, "jitter_seconds") not in first.values
    assert 0 < second.values[of(target, "rtt_seconds")] < 1
    assert 0 <= second.values[of(target, "jitter_seconds")] < 1
    assert second.values[of(target, "probes_total")] == 2
    assert second.values[of(target, "probes_lost_total")] == 0
    assert ("TCP connect instead" in probe.log) is (group_range == NOBODY)


def test_loss_is_counted_exactly(machine):
    """Two of eight probes lost are a loss of a quarter, and no outage; after a silent round come three copies."""
    machine.drop("icmp type echo-request numgen inc mod 6 == 0")

    with Running(machine, "internet", targets=["127.0.0.1"]) as probe:
        runs = [probe.collect() for _ in range(8)]

    assert runs[-1].values[of("127.0.0.1", "loss_ratio")] == 0.25
    assert runs[-1].values[of("127.0.0.1", "probes_total")] == 8
    assert runs[-1].values[of("127.0.0.1", "probes_lost_total")] == 2
    assert {run.values[UP] for run in runs if UP in run.values} == {1}


def test_three_silent_probes_are_an_outage_and_one_answer_ends_it(machine):
    """Up stays 1 for two lost probes, is 0 at the third, and 1 with the first answer; no run outlasts its second."""
    with Running(machine, "internet", targets=["127.0.0.1", "127.0.0.2"]) as probe:
        assert probe.collect().values[UP] == 1
        machine.drop("icmp type echo-request")
        silent = [probe.collect() for _ in range(3)]
        machine.accept_all()
        back = probe.collect()

    assert [run.values[UP] for run in silent] == [1, 1, 0]
    assert all(0.9 <= run.seconds < PROBE.timeout_seconds for run in silent)
    assert back.values[UP] == 1
    assert back.values[of("127.0.0.1", "loss_ratio")] == 0.6


def test_one_target_that_answers_is_enough(machine):
    with Running(machine, "internet", targets=["198.51.100.1", "127.0.0.1"]) as probe:
        runs = [probe.collect() for _ in range(4)]

    assert runs[-1].values[UP] == 1
    assert runs[-1].values[of("198.51.100.1", "loss_ratio")] == 1


@pytest.mark.parametrize("target", ["198.51.100.1", "2001:db8::1", "198.51.100.1:443"])
def test_no_route_is_a_measured_outage(machine, target):
    """Nothing is claimed before the third probe; then it is down, at once, with no invented round trip."""
    with Running(machine, "internet", targets=[target]) as probe:
        runs = [probe.collect() for _ in range(3)]

    assert [run.values.get(UP) for run in runs] == [None, None, 0]
    assert min(run.seconds for run in runs) < 0.5
    assert of(target, "rtt_seconds") not in runs[-1].values
    assert runs[-1].values[of(target, "probes_lost_total")] == 3


@pytest.mark.parametrize("target", ["127.0.0.1", "127.0.0.1:443"])
def test_a_firewall_of_this_machine_is_a_lost_probe(machine, target):
    """The system's refusal to send (EPERM) is measured, not raised."""
    machine.drop("meta oifname lo", hook="output")

    with Running(machine, "internet", targets=[target]) as probe:
        runs = [probe.collect() for _ in range(3)]

    assert runs[-1].values[UP] == 0


def test_late_duplicate_and_forged_answers_count_neither_now_nor_later():
    """Who answers each probe twice is heard once; who answers after 1 s, or with other data than was sent, is lost."""
    late, forged, sound = "10.9.0.3", "10.9.0.4", "10.9.0.2"
    with Lan(pcs=1) as lan:
        lan.agent.sysctl("net.ipv4.ping_group_range", EVERYBODY)
        (pc,) = lan.pcs
        for address in (late, forged):
            pc.ip("address", "add", f"{address}/28", "dev", "lan0")
        pc.sysctl("net.ipv4.icmp_echo_ignore_all", "1")
        responder = subprocess.Popen(
            pc.command(sys.executable, str(ODD_RESPONDER), late, forged), stdout=subprocess.PIPE
        )
        try:
            assert responder.stdout.readline() == b"ready\n"
            with Running(lan.agent, "internet", targets=[forged, sound]) as probe:
                runs = [probe.collect() for _ in range(2)]
            with Running(lan.agent, "internet", targets=[late]) as probe:
                belated = [probe.collect() for _ in range(2)]
        finally:
            responder.kill()
            responder.communicate()

    assert [runs[-1].values[of(target, "loss_ratio")] for target in (forged, sound)] == [1, 0]
    assert belated[-1].values[of(late, "loss_ratio")] == 1
    assert runs[-1].values[of(sound, "rtt_seconds")] < 1


def test_without_icmp_the_port_that_answers_is_kept(machine):
    """443 is dropped on the way and 53 answers: after the first probe only 53 is asked, and nothing is lost."""
    machine.sysctl("net.ipv4.ping_group_range", NOBODY)
    machine.drop("tcp dport 443")

    with Running(machine, "internet", targets=["127.0.0.1"]) as probe:
        runs = [probe.collect() for _ in range(3)]

    assert runs[-1].values[of("127.0.0.1", "loss_ratio")] == 0
    assert "packets 1 " in machine.run("nft", "list", "ruleset")


def test_without_icmp_another_port_is_found_when_the_kept_one_falls_silent(machine):
    machine.sysctl("net.ipv4.ping_group_range", NOBODY)

    with Running(machine, "internet", targets=["127.0.0.1"]) as probe:
        probe.collect()
        machine.drop("tcp dport 443")
        runs = [probe.collect() for _ in range(2)]

    assert runs[-1].values[of("127.0.0.1", "probes_lost_total")] == 1


def test_a_named_port_is_asked_by_tcp_and_no_other(machine):
    """Refused is an answer; dropped on the way is none, though ICMP and other ports would answer."""
    machine.drop("tcp dport 8443")

    with Running(machine, "internet", targets=["127.0.0.1:9", "[::1]:9", "127.0.0.1:8443"]) as probe:
        run = probe.collect()

    losses = [run.values[of(target, "loss_ratio")] for target in ("127.0.0.1:9", "[::1]:9", "127.0.0.1:8443")]
    assert losses == [0, 0, 1]


def test_what_was_lost_a_minute_ago_is_forgotten_by_the_window_and_kept_by_the_counter(machine):
    machine.ip("link", "set", "lo", "down")

    with Running(machine, "internet", targets=["127.0.0.1"]) as probe:
        lost = probe.collect()
        machine.ip("link", "set", "lo", "up")
        runs = [probe.collect() for _ in range(60)]

    assert lost.values[of("127.0.0.1", "loss_ratio")] == 1
    assert runs[-2].values[of("127.0.0.1", "loss_ratio")] == pytest.approx(1 / 60)
    assert runs[-1].values[of("127.0.0.1", "loss_ratio")] == 0
    assert runs[-1].values[of("127.0.0.1", "probes_lost_total")] == 1


@pytest.mark.parametrize("group_range", [EVERYBODY, NOBODY])
def test_no_socket_is_left_behind(machine, group_range):
    machine.sysctl("net.ipv4.ping_group_range", group_range)

    with Running(machine, "internet", targets=["127.0.0.1", "::1", "127.0.0.1:9", "198.51.100.1"]) as probe:
        runs = [probe.collect() for _ in range(5)]

    assert runs[0].files == runs[-1].files
    assert "ResourceWarning" not in probe.log


def test_no_socket_to_be_had_is_the_machines_fault_not_an_outage(machine):
    """A process out of file descriptors must not report the Internet down."""
    with Running(machine, "internet", max_files=4, targets=["127.0.0.1:9"]) as probe:
        run = probe.collect()

    assert (run.reason, run.values) == ("unreadable", {})
    assert "Too many open files" in run.detail


@pytest.mark.parametrize(
    "target",
    [
        "example.org", "example.org:443", "", " ", "0.0.0.0", "::", "224.0.0.1", "ff02::1", "192.0.2.1:0",
        "192.0.2.1:65536", "192.0.2.1:", "[::1", "::1]", "[::1]:x", "300.1.1.1", "192.0.2.1/24", "192.0.2.1:٤٤٣",
    ],
)  # fmt: skip
def test_what_is_no_address_of_a_machine_is_refused_with_the_fix(target):
    """0.0.0.0 most of all: Linux would ask itself, and always answer."""
    with pytest.raises(ProbeError, match=r"\[probes.internet\] targets: .*write as 192\.0\.2\.1") as refused:
        PROBE.start(Settings(targets=("127.0.0.1", target)), Host())

    assert refused.value.reason == "misconfigured"
    assert repr(target) in refused.value.detail


def test_no_target_is_nothing_to_measure():
    with pytest.raises(NothingToMeasureError):
        PROBE.start(Settings(targets=()), Host())


def test_a_target_given_twice_is_asked_once():
    probe = PROBE.start(Settings(targets=("127.0.0.1:9", "127.0.0.1:9")), Host())

    samples = list(probe.collect())

    assert len(samples) == len({(sample.metric.name, sample.labels) for sample in samples})


def test_counters_go_on_where_the_last_process_stopped():
    before = Totals()
    before.add(SENT, 41, ("127.0.0.1:9",))
    before.add(LOST, 1, ("127.0.0.1:9",))
    probe = PROBE.start(Settings(targets=("127.0.0.1:9",)), Host(totals=Totals(before.copy())))

    values = {sample.metric: sample.value for sample in probe.collect()}

    assert (values[SENT], values[LOST]) == (42, 1)


def test_jitter_passes_over_pairs_with_a_lost_probe():
    """RFC 3393 knows no variation for a pair of which one was lost."""
    probe = Internet(Settings(targets=("127.0.0.1:9",)), Host())
    probe._targets[0].window.extend([0.010, None, 0.050, 0.020, 0.030])

    values = {sample.metric.name: sample.value for sample in probe._figures(probe._targets[0])}

    assert values["school_internet_jitter_seconds"] == pytest.approx(0.020)
    assert values["school_internet_rtt_seconds"] == pytest.approx(0.0275)


def test_evidence_tells_since_when_nothing_has_answered(machine):
    """From the sending of the first lost probe on: while it still counts as up, and until one is answered."""
    host = Host()

    def told() -> dict[str, object]:
        list(probe.collect())
        return host.evidence.ask("internet")

    with Node(machine.name).inside():
        probe = Internet(Settings(targets=("127.0.0.1", "127.0.0.2")), host)
        before = told()
        machine.drop("icmp type echo-request")
        cut = time.monotonic()
        silent = [told() for _ in range(3)]
        machine.accept_all()
        after = told()
        probe.close()

    assert before == after == {"up": True, "since": None}
    assert [fact["up"] for fact in silent] == [True, True, False]
    assert len({fact["since"] for fact in silent}) == 1
    assert cut <= silent[0]["since"] < cut + 3


def test_no_evidence_before_the_verdict_nor_long_after_the_last(machine):
    now = 100.0
    evidence = Evidence(now=lambda: now)

    with Node(machine.name).inside():
        probe = Internet(Settings(targets=("198.51.100.1",)), Host(evidence=evidence))
        told = []
        for _ in range(3):
            list(probe.collect())
            told.append(evidence.ask("internet"))
        probe.close()
    now += 3.5

    assert told[:2] == [None, None]
    assert told[2]["up"] is False
    assert evidence.ask("internet") is None
