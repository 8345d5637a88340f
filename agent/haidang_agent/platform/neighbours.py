"""The system's own neighbour table, for a machine whose agent may not send ARP itself."""

from __future__ import annotations

import socket
import time
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from ipaddress import IPv4Address, IPv4Network

COMPLETE = 0x2
"""ATF_COM of /proc/net/arp (arp(7))."""
DISCARD_PORT = 9
BLOCK = 256
"""Addresses nudged at a time: Linux keeps 1,024 neighbours at most and from 512 on forgets (gc_thresh2, arp(7))."""
SETTLE_SECONDS = 9.0
"""So long a neighbour that was switched off stays complete: 5 s delay_first_probe_time, then 3 questions, 1 s apart."""
NOBODY = "00:00:00:00:00:00"


def look(
    network: IPv4Network, own: IPv4Address, packets_per_second: float, table: Callable[[], dict[str, str]]
) -> set[str]:
    """MAC addresses in `table` of the hosts of `network`, after a nudge. Raises OSError."""
    found: set[str] = set()
    hosts = (address for address in network.hosts() if address != own)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.bind((str(own), 0))
        out.setsockopt(socket.SOL_SOCKET, socket.SO_DONTROUTE, 1)  # never by way of a router
        out.setblocking(False)
        while block := {str(address) for address in islice(hosts, BLOCK)}:
            for address in block:
                _nudge(out, address)
                time.sleep(1 / packets_per_second)
            time.sleep(SETTLE_SECONDS)
            found |= {mac for address, mac in table().items() if address in block}
    return found


def _nudge(out: socket.socket, address: str) -> None:
    """An empty datagram to the discard port (RFC 863), so that the system asks who has the address."""
    try:
        out.sendto(b"", (address, DISCARD_PORT))
    except OSError:
        return  # nobody there, or a full queue: the table will not hold it


def parse_linux(listing: str, interface: str) -> dict[str, str]:
    """/proc/net/arp (proc(5)): address, type, flags, MAC, mask, device. Complete entries of `interface` only."""
    rows = (line.split() for line in listing.splitlines()[1:])
    return {
        row[0]: row[3].lower()
        for row in rows
        if len(row) == 6 and row[5] == interface and int(row[2], 16) & COMPLETE and row[3] != NOBODY  # noqa: PLR2004
    }


def parse_windows(listing: str) -> dict[str, str]:
    """`arp -a`: rows of address, MAC with hyphens, kind; headings differ by display language and are passed over."""
    found = {}
    for line in listing.splitlines():
        columns = line.split()
        if len(columns) >= 2 and columns[0].count(".") == 3 and columns[1].count("-") == 5:  # noqa: PLR2004 - see above
            mac = columns[1].replace("-", ":").lower()
            if not int(mac[:2], 16) & 1 and mac != NOBODY:
                found[columns[0]] = mac
    return found
