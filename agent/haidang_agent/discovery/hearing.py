"""What devices say of themselves to everybody, from the frames of a capture; by MAC address, bounded."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from haidang_agent.discovery import dhcp, mdns, netbios, upnp
from haidang_agent.discovery.evidence import Evidence, Sign
from haidang_agent.lanwatch.frames import dissect
from haidang_agent.lanwatch.pcap import read_packets
from haidang_agent.lanwatch.problems import Problems
from haidang_agent.lanwatch.protocols import MalformedError
from haidang_agent.lanwatch.protocols.bridging import Bpdu
from haidang_agent.lanwatch.protocols.dhcp import CLIENT_PORT, SERVER_PORT
from haidang_agent.lanwatch.protocols.nd import RouterAdvertisement
from haidang_agent.lanwatch.protocols.neighbours import Announcement
from haidang_agent.lanwatch.protocols.redundancy import Redundancy, is_virtual

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import BinaryIO

    from haidang_agent.lanwatch.frames import Frame

READERS: dict[int, Callable[[bytes], Iterable[Sign]]] = {
    mdns.PORT: mdns.read,
    netbios.PORT: netbios.read,
    upnp.SSDP_PORT: upnp.read_ssdp,
    upnp.WSD_PORT: upnp.read_wsd,
}
"""By the UDP port of the service."""
ROLES = {
    Bpdu: "sends BPDUs",
    RouterAdvertisement: "advertises itself as IPv6 router",
    Redundancy: "speaks VRRP or HSRP",
}
MOST_DEVICES = 8192


def learn(evidence: Evidence, port: int, message: bytes) -> None:
    """Take in a datagram from a service's port; what is malformed ends where the fault is."""
    with suppress(MalformedError):
        evidence.add(READERS[port](message))


class Hearing:
    """Evidence by MAC address, of at most 8,192 devices."""

    def __init__(self) -> None:
        self.evidence: dict[str, Evidence] = {}

    def take(self, frame: Frame) -> None:
        if frame.ports and SERVER_PORT in frame.ports and CLIENT_PORT in frame.ports:
            client = dhcp.read(frame.payload)
            if client:
                self._of(client.mac).add(client.signs)
            return
        if len(frame.source) != dhcp.MAC_BYTES or frame.source[0] & 1 or is_virtual(frame.source):
            return
        mac = frame.source.hex(":")
        message = frame.message
        if isinstance(message, Announcement):
            self._of(mac).add([Sign("role", "says by LLDP or CDP that it forwards")] if message.forwards else [])
        elif type(message) in ROLES:
            self._of(mac).add([Sign("role", ROLES[type(message)])])
        elif frame.is_group and frame.ports:
            # To everybody: no router has passed it on, so that its source is the one who speaks.
            port = next((port for port in frame.ports if port in READERS), None)
            if port is not None:
                learn(self._of(mac), port, frame.payload)

    def _of(self, mac: str) -> Evidence:
        if mac not in self.evidence and len(self.evidence) >= MOST_DEVICES:
            return Evidence()
        return self.evidence.setdefault(mac, Evidence())


def hear(stream: BinaryIO) -> tuple[dict[str, Evidence], list[str]]:
    """Evidence of a capture file, and what could not be read of it. Raises NotACaptureError, OSError."""
    problems, hearing = Problems(), Hearing()
    for packet in read_packets(stream, problems):
        frame = dissect(packet)
        if frame is not None:
            hearing.take(frame)
    return hearing.evidence, problems.told(translated=False)
