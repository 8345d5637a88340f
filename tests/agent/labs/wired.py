"""Rooms to count, and what the `lan` probe makes of them on a real wire beside switches of ours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from haidang_agent.probe import Host, Memory, Watch
from haidang_agent.probes.lan import PROBE, Settings
from haidang_agent.tables import Lab, Snmp

from tests.agent.labs.times import Machine
from tests.agent.snmp.recording import RECORDINGS, key
from tests.agent.snmp.responder import Device, Responder, encoded
from tests.lab import lan
from tests.lab.lan import Wire
from tests.lab.node import Node

OWN = Lab("Văn phòng", cidr="10.9.0.0/28")
LAB_1 = Lab("Phòng máy 1", cidr="10.9.0.16/28", declared=14)
LAB_2 = Lab("Phòng máy 2", subnets=("10.20.7.0/24",))
BY_PORT = Lab("Phòng máy 3", ports=("127.0.0.1 gi2-8",))
PLACELESS = Lab("Phòng máy 4")
QUIET = Settings(questions=False, packets_per_second=1000)
ARP, FDB = "1.3.6.1.2.1.4.22.1.2", "1.3.6.1.2.1.17.7.1.2.2.1.2"
PROC = Path("/proc")
SOMEBODY, NAMELESS, PRINTER = "8c:ec:4b:00:00:63", "00:e0:4c:00:00:63", "00:80:77:00:00:63"
WITHOUT_SUBNETS = [BY_PORT, Lab("Phòng máy 3", vlan=10), Lab("Phòng máy 3", machines=(SOMEBODY, NAMELESS))]
"""The same computers, told in each way."""

Counts = dict[tuple[str, ...], float]


def host(
    *labs: Lab, unit_key: bytes = b"", snmp: tuple[Snmp, ...] = (), memory: Memory | None = None, proc: Path = PROC
) -> Host:
    watch = Watch(roles=("site",), lab=labs, snmp=snmp, unit_key=unit_key)
    return Host(watch=watch, time=Machine(), memory=memory or Memory(), proc=proc)


def sweep(wire: Wire, at: Host, settings: Settings = QUIET) -> Counts:
    """All samples of one run, by metric and labels."""
    with Node(wire.agent.name).inside():
        probe = PROBE.start(settings, at)
        return {(metric.name, *labels): value for metric, value, labels in probe.collect()}


def computers(counts: Counts) -> Counts:
    return {labels[1:]: value for labels, value in counts.items() if labels[0] == "school_lab_computers"}


def told(lab: Lab, **states: float) -> Counts:
    return {(lab.name, state): value for state, value in states.items()}


@contextmanager
def device(wire: Wire, *rows: str) -> Iterator[Snmp]:
    """A switch of ours that knows more, on the agent's own machine."""
    recorded = (RECORDINGS / "switch.snmprec").read_text()
    known = Device({})
    for line in (*recorded.splitlines(), *rows):
        known.rows |= _row(line)
    known.order = sorted(known.rows)
    with Node(wire.agent.name).inside():
        responder = Responder({"ro": known})
    with responder:
        yield Snmp("127.0.0.1", port=responder.port, community="ro")


def _row(line: str) -> dict[tuple[int, ...], bytes]:
    oid, tag, raw = line.split("|", 2)
    return {key(oid.strip(".")): encoded(tag, raw.encode())}


def arp(address: str, mac: str) -> str:
    return f"{ARP}.1.{address}|4x|{mac.replace(':', '')}"


def fdb(mac: str, port: int, table: int = 1) -> str:
    """Table 1 is of VLAN 10, table 2 of VLAN 20."""
    arcs = ".".join(str(each) for each in bytes.fromhex(mac.replace(":", "")))
    return f"{FDB}.{table}.{arcs}|2|{port}"


def hosts(addresses: Iterable[str]) -> list[lan.Host]:
    return [lan.Host(f"8c:ec:4b:00:01:{number:02x}", (each,)) for number, each in enumerate(addresses)]
