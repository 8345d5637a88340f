"""An hour of clean traffic: the recordings of no attack that lie beside the checkout, each as fast as it was made.

`python -m benchmarks.intrusion_replay [--seconds N]`, as root: every recording on a cable of its own, at whose other
end the probe `intrusion` listens, all at once; of long ones the first N seconds (2,000: more than an hour in all).
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, Self, cast

from haidang_agent.lanwatch.pcap import read_packets
from haidang_agent.lanwatch.problems import Problems

from tests.agent.namespaces import Namespace
from tests.lab.node import Node

DATA = Path(__file__).parents[1] / "../shared/data"
CHILD = str(Path(__file__).parents[1] / "tests/agent/intrusion/child.py")
LABELS_OF_OURS = {"second_ra_source"}
"""Labels of what may be told, or not: nothing is proven by those recordings."""
FRAMES = "haidang_intrusion_frames_total"
SECONDS = 2000.0
SETTLE_SECONDS = 2.0
ETHERNET = 1
CHECKS = ["dns_tampered", "tls_intercepted", "risky_port"]
"""They look for what no recording has."""
LARGEST = 1514
SETTINGS = {"interfaces": ["lan0"], "dhcp_ask_every_seconds": 0.0, "checks_off": CHECKS}


class Cable(threading.Thread):
    """A recording at one end, the probe at the other. Context manager."""

    def __init__(self, file: str, seconds: float) -> None:
        super().__init__(daemon=True)
        self.file = file
        with (DATA / file).open("rb") as stream:
            packets = [packet for packet in read_packets(stream, Problems()) if packet.link_type == ETHERNET]
        self._begin = packets[0].time if packets else 0.0
        self.packets = [packet for packet in packets if packet.time - self._begin <= seconds]
        self.sent = 0
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            here, there = stack.enter_context(Namespace()), stack.enter_context(Namespace())
            here.ip("link", "add", "lan0", "type", "veth", "peer", "end0", "netns", there.name)
            here.ip("address", "add", "192.0.2.77/24", "broadcast", "+", "dev", "lan0")
            here.ip("link", "set", "lan0", "up")
            there.ip("link", "set", "end0", "up")
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="haidang-bench-"))
            command = here.command(sys.executable, CHILD, folder, json.dumps(SETTINGS))
            self._probe = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            stack.callback(self._probe.communicate)
            self.look()
            with Node(there.name).inside():
                self._out = stack.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
            self._out.bind(("end0", 0))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def length(self) -> float:
        """Seconds from the first frame to the last."""
        return self.packets[-1].time - self._begin if self.packets else 0.0

    def run(self) -> None:
        began = time.monotonic()
        for packet in self.packets:
            time.sleep(max(packet.time - self._begin - (time.monotonic() - began), 0))
            if len(packet.data) <= LARGEST:
                self._out.send(packet.data)
                self.sent += 1

    def look(self) -> tuple[list[str], float]:
        """Kinds of all incidents, and how many frames were looked into."""
        stdin, stdout = cast("IO[str]", self._probe.stdin), cast("IO[str]", self._probe.stdout)
        stdin.write("look\n")
        stdin.flush()
        answer: dict[str, Any] = json.loads(stdout.readline())
        cases = answer["memory"].get("intrusion", {})
        found = [f"{case['kind']} ({case['severity']})" for key in ("open", "past") for case in cases.get(key, [])]
        return found, sum(value for name, _labels, value in answer["samples"] if name == FRAMES)


def main() -> bool:
    """True if nothing was told."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.intrusion_replay", description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS, help=f"of each at most (default {SECONDS:g})")
    options = parser.parse_args()
    with ExitStack() as stack:
        cables = [stack.enter_context(Cable(file, options.seconds)) for file in _clean()]
        for cable in cables:
            cable.start()
        for cable in cables:
            cable.join()
        time.sleep(SETTLE_SECONDS)
        seen = {cable.file: cable.look() for cable in cables}
    told = {file: kinds for file, (kinds, _frames) in seen.items() if kinds}
    frames, sent = sum(number for _kinds, number in seen.values()), sum(cable.sent for cable in cables)
    length = sum(cable.length for cable in cables)
    print(f"{len(cables)} recordings, {length:.0f} s in all: {sent} frames sent, {frames:.0f} looked into")
    print(f"incidents: {told or 'none'}")
    return not told


def _clean() -> list[str]:
    captures = json.loads((DATA / "index.json").read_text(encoding="utf-8"))["pcap"]
    labels = {each["file"]: each["expected_findings"] for each in captures}
    return [
        file
        for file, findings in labels.items()
        if all(one.get("optional") and one["type"] not in LABELS_OF_OURS for one in findings)
    ]


if __name__ == "__main__":
    raise SystemExit(not main())
