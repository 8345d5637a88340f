"""Real kernels and real servers on a switch made of namespaces, recorded and analysed."""

from __future__ import annotations

import io
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from haidang_agent.lanwatch.analyse import Analysis, analyse

from tests.agent.lanwatch.building import dhcp_client, replies
from tests.agent.namespaces import Lan, Namespace
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WIRE = Path(__file__).with_name("wire.py")
AGENT, FIRST, SECOND = (f"02:00:00:00:00:0{number}" for number in (1, 2, 3))
HEADER_BYTES = 24


@contextmanager
def recording(lan: Lan, folder: Path) -> Iterator[Callable[[], Analysis]]:
    """Everything that reaches the agent's port, analysed as far as it is recorded."""
    file = folder / "real.pcap"
    recorder = subprocess.Popen(lan.agent.command(sys.executable, str(WIRE), "record", "lan0", str(file)))
    try:
        eventually("the recorder runs", lambda: file.stat().st_size >= HEADER_BYTES, seconds=10)
        yield lambda: analyse(io.BytesIO(file.read_bytes()))
    finally:
        recorder.kill()
        recorder.wait()


def send(machine: Namespace, *frames: bytes) -> None:
    machine.run(sys.executable, str(WIRE), "send", "lan0", *(frame.hex() for frame in frames))


def kinds(result: Analysis) -> set[str]:
    return {incident.kind for incident in result.incidents}


def asks_anew(machine: Namespace) -> None:
    machine.ip("neigh", "flush", "dev", "lan0")
    machine.run("ping", "-q", "-c1", "-W2", "10.9.0.1")


def test_machines_that_talk_restart_and_renew_are_no_incident(tmp_path: Path):
    with Lan(pcs=3) as lan, recording(lan, tmp_path) as result:
        for _ in range(3):
            for pc in lan.pcs:
                asks_anew(pc)
        pc = lan.pcs[0]
        pc.ip("link", "set", "lan0", "down")
        pc.ip("link", "set", "lan0", "up")
        asks_anew(pc)
        pc.ip("address", "add", "fd00:9::2/64", "dev", "lan0")
        asks_anew(lan.pcs[1])

        assert (
            eventually("the pings are recorded", lambda: result().packets > 30 and result(), seconds=10).incidents == []
        )


def test_two_machines_are_given_one_address(tmp_path: Path):
    with Lan(pcs=2) as lan, recording(lan, tmp_path) as result:
        lan.pcs[1].ip("address", "flush", "dev", "lan0")
        lan.pcs[1].ip("address", "add", "10.9.0.2/28", "dev", "lan0")
        for _ in range(3):
            for pc in lan.pcs:
                asks_anew(pc)

        (incident,) = eventually("the conflict is seen", lambda: result().incidents, seconds=10)
        assert incident.kind == "ip_conflict"
        assert (incident.subject["ip"], {incident.subject["mac"], incident.subject["other_mac"]}) == (
            "10.9.0.2", {FIRST, SECOND},
        )  # fmt: skip


def test_ipv6_duplicate_address_detection_fails(tmp_path: Path):
    with Lan(pcs=2) as lan, recording(lan, tmp_path) as result:
        first, second = lan.pcs
        first.ip("address", "add", "fd00:9::5/64", "dev", "lan0")
        eventually("the first has it", lambda: "tentative" not in first.ip("address", "show", "lan0"), seconds=10)
        second.ip("address", "add", "fd00:9::5/64", "dev", "lan0")
        eventually("the second is refused it", lambda: "dadfailed" in second.ip("address", "show", "lan0"), seconds=10)

        (incident,) = eventually("the conflict is seen", lambda: result().incidents, seconds=10)
        assert (incident.kind, incident.subject) == (
            "ipv6_address_conflict", {"ip": "fd00:9::5", "mac": SECOND, "other_mac": FIRST},
        )  # fmt: skip


def dnsmasq(machine: Namespace, address: str, stack: ExitStack) -> None:
    """A DHCP server that gives addresses of its own subnet, and itself as the router."""
    subnet = address.rpartition(".")[0]
    machine.ip("address", "add", f"{address}/24", "dev", "lan0")
    words = ("dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--no-ping", "--leasefile-ro")
    words += (
        "--interface=lan0",
        "--bind-dynamic",
        "--user=root",
        f"--dhcp-range={subnet}.50,{subnet}.99,5m",
        "--pid-file=",
    )
    server = stack.enter_context(subprocess.Popen(machine.command(*words), stderr=subprocess.DEVNULL))
    stack.callback(server.kill)


def test_a_second_dnsmasq_is_a_rogue(tmp_path: Path):
    with Lan(pcs=2) as lan, recording(lan, tmp_path) as result, ExitStack() as stack:
        discover = dhcp_client(1, 0x1234, AGENT)

        def answered(number: int) -> Analysis | None:
            send(lan.agent, discover)
            seen = result()
            return seen if len(seen.dhcp_servers) == number else None

        dnsmasq(lan.pcs[0], "10.77.1.1", stack)
        assert eventually("the school's own answers", lambda: answered(1), seconds=20, every=0.5).incidents == []
        dnsmasq(lan.pcs[1], "192.168.5.1", stack)
        (incident,) = eventually("the other answers too", lambda: answered(2), seconds=20, every=0.5).incidents

        assert (incident.kind, incident.severity, incident.subject["mac"], incident.subject["known_mac"]) == (
            "rogue_dhcp", "critical", SECOND, FIRST,
        )  # fmt: skip


def test_a_machine_is_poisoned(tmp_path: Path):
    """The agent's own kernel believes the false reply and is found out by asking again."""
    with Lan(pcs=2) as lan, recording(lan, tmp_path) as result:
        lan.agent.run("ping", "-q", "-c1", "-W2", "10.9.0.2")
        false = replies(SECOND, "10.9.0.2", AGENT, "10.9.0.1")

        def poisoned() -> bool:
            send(lan.pcs[1], false)
            return "arp_spoof" in kinds(result())

        eventually("the attack is seen", poisoned, seconds=20, every=0.5)
        assert SECOND in lan.agent.ip("neigh", "show", "10.9.0.2")
        (incident,) = result().incidents
        assert incident.subject == {"ip": "10.9.0.2", "mac": SECOND, "true_mac": FIRST}
