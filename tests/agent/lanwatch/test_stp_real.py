"""BPDUs of the kernel's own bridges (spanning tree switched on), whose root is taken over by another bridge."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from haidang_agent.lanwatch.detectors.stp_root_changed import StpRootChanged
from haidang_agent.lanwatch.frames import dissect
from haidang_agent.lanwatch.lan import Lan
from haidang_agent.lanwatch.pcap import Packet, read_packets
from haidang_agent.lanwatch.problems import Problems
from haidang_agent.lanwatch.protocols.bridging import Bpdu

from tests.agent.namespaces import Namespace
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

WIRE = Path(__file__).with_name("wire.py")
SWITCH, OTHER = "02:00:00:00:00:0a", "02:00:00:00:00:0b"


def add_bridge(switch: Namespace, name: str, mac: str, priority: int) -> None:
    switch.ip("link", "add", name, "address", mac, "type", "bridge")
    switch.ip("link", "set", name, "type", "bridge", "stp_state", "1", "priority", str(priority), "hello_time", "100")


def connect(switch: Namespace, bridge: str, port: str, peer: str, *where: str) -> None:
    switch.ip("link", "add", port, "type", "veth", "peer", peer, *where)
    switch.ip("link", "set", port, "master", bridge, "up")


def bpdus(file: Path) -> Iterator[tuple[Packet, Bpdu]]:
    with file.open("rb") as stream:
        for packet in read_packets(stream, Problems()):
            frame = dissect(packet)
            if frame is not None and isinstance(frame.message, Bpdu) and frame.message.root:
                yield packet, frame.message


def test_a_bridge_plugged_into_the_switch_takes_the_tree_over(tmp_path: Path) -> None:
    file = tmp_path / "stp.pcap"
    with Namespace() as switch, Namespace() as agent:
        add_bridge(switch, "br0", SWITCH, 0x8000)
        connect(switch, "br0", "port1", "lan0", "netns", agent.name)
        agent.ip("link", "set", "lan0", "up")
        with subprocess.Popen(agent.command(sys.executable, str(WIRE), "record", "lan0", str(file))) as recorder:
            try:
                switch.ip("link", "set", "br0", "up")
                (before, _) = eventually("the switch says it is root", lambda: next(bpdus(file), None), seconds=30)
                add_bridge(switch, "br1", OTHER, 0x1000)
                connect(switch, "br0", "port2", "port3")
                switch.ip("link", "set", "port3", "master", "br1", "up")
                switch.ip("link", "set", "br1", "up")
                after = eventually(
                    "the other bridge is root",
                    lambda: next((packet for packet, said in bpdus(file) if said.root[:2] == b"\x10\x00"), None),
                    seconds=30,
                )
            finally:
                recorder.kill()

    detector = StpRootChanged(Lan())
    told = []
    for second, packet in [(second, before if second < 60 else after) for second in range(0, 80, 2)]:
        frame = dissect(packet._replace(time=float(second)))
        assert frame is not None
        told += detector.feed(frame)
    assert {(change.incident.severity, change.incident.subject["mac"]) for change in told} == {("critical", OTHER)}
    assert told[0].incident.subject["known_mac"] == SWITCH
