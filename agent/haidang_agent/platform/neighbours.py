"""The system's own neighbour table, for a machine whose agent may not send ARP itself."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ipaddress import IPv4Network
    from pathlib import Path

COMPLETE = 0x2
"""ATF_COM of /proc/net/arp (arp(7))."""
DISCARD_PORT = 9
SETTLE_SECONDS = 1.0


def nudge(network: IPv4Network, packets_per_second: float) -> None:
    """Send an empty datagram to the discard port (RFC 863) of each address, so that the system asks who has it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.setblocking(False)
        for address in network.hosts():
            try:
                out.sendto(b"", (str(address), DISCARD_PORT))
            except OSError:
                continue  # nobody there, or a full queue: the table will not hold it
            finally:
                time.sleep(1 / packets_per_second)
    time.sleep(SETTLE_SECONDS)


def table(proc: Path, interface: str) -> dict[str, str]:
    """Address to MAC of the neighbours that answered on `interface`. Raises OSError."""
    if sys.platform == "win32":
        listing = subprocess.run(["arp", "-a"], check=True, stdout=subprocess.PIPE)  # noqa: S607 - in System32
        return parse_windows(listing.stdout.decode("oem", errors="replace"))
    return parse_linux((proc / "net" / "arp").read_text(), interface)


def parse_linux(listing: str, interface: str) -> dict[str, str]:
    """/proc/net/arp (proc(5)): address, type, flags, MAC, mask, device."""
    rows = (line.split() for line in listing.splitlines()[1:])
    return {
        row[0]: row[3].lower()
        for row in rows
        if len(row) == 6 and row[5] == interface and int(row[2], 16) & COMPLETE  # noqa: PLR2004 - six columns
    }


def parse_windows(listing: str) -> dict[str, str]:
    """`arp -a`: rows of address, MAC with hyphens, kind; headings differ by display language and are passed over."""
    found = {}
    for line in listing.splitlines():
        columns = line.split()
        if len(columns) == 3 and columns[0].count(".") == 3 and columns[1].count("-") == 5:  # noqa: PLR2004 - see above
            mac = columns[1].replace("-", ":").lower()
            if not int(mac[:2], 16) & 1:
                found[columns[0]] = mac
    return found
