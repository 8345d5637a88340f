"""Speed and memory of the analysis: `python -m tests.agent.lanwatch.measure [PACKETS]`.

Ordinary: full-size TCP of forty PCs, a DNS question in fifty packets, an ARP question in two thousand. Strangers: ARP,
DHCP, DNS, IPv6, UDP and TCP of hosts that are never met again, mixed.
"""

from __future__ import annotations

import resource
import sys
import time
from typing import TYPE_CHECKING

from haidang_agent.lanwatch.frames import dissect
from haidang_agent.lanwatch.pcap import Packet
from haidang_agent.lanwatch.watch import Watch

from tests.agent.lanwatch.building import START, asks, datagram, dns, ethernet, ipv4
from tests.agent.lanwatch.strangers import MAKERS

if TYPE_CHECKING:
    from collections.abc import Callable

ROUTER = "3c:52:82:00:00:01"
BATCH = 5_000
RATE = 20_000


def stranger(count: int) -> bytes:
    return MAKERS[count % len(MAKERS)](count)


def ordinary(count: int) -> bytes:
    pc = count // 50 % 40
    card, address = f"3c:52:82:01:00:{pc:02x}", f"10.0.0.{100 + pc}"
    if count % 2000 == 0:
        return asks(card, address, "10.0.0.1")
    if count % 50 == 0:
        return datagram((card, address, 1024 + count % 60_000), (ROUTER, "10.0.0.1", 53), dns(count & 0xFFFF, "a.vn"))
    return ethernet(ROUTER, card, 0x0800, ipv4(f"203.0.113.{count % 200}", address, 6, bytes(1460)))


def mebibytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(make: Callable[[int], bytes], packets: int) -> None:
    watch = Watch()
    spent, halfway = 0.0, 0.0
    for start in range(0, packets, BATCH):
        frames = [make(start + count) for count in range(BATCH)]
        batch = [
            Packet(start + count, START + (start + count) / RATE, 0, 1, len(frame), frame)
            for count, frame in enumerate(frames)
        ]
        began = time.process_time()
        for packet in batch:
            taken = dissect(packet)
            if taken:
                list(watch.feed(taken))
        spent += time.process_time() - began
        if start <= packets // 2:
            halfway = mebibytes()
    print(
        f"{make.__name__}: {packets} packets, {packets / spent:,.0f} a second on one core, "
        f"process {halfway:.1f} MiB half-way and {mebibytes():.1f} MiB at the end"
    )


if __name__ == "__main__":
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    measure(ordinary, number)
    measure(stranger, number)
