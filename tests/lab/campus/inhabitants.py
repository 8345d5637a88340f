"""What stands in the virtual school's VLANs and rooms, beside the four PCs that are machines of their own."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv4Address
from typing import NamedTuple

from tests.agent.discovery.saying import services, ssdp
from tests.agent.snmp.recording import RECORDINGS, SHARED
from tests.agent.snmp.responder import Device, Responder, encoded
from tests.lab.lan import Datagram, Host, pcs

SNMP_PORT, MDNS_PORT, SSDP_PORT = 161, 5353, 1900
COMMUNITY = "haidang-ro"
SWITCH_ADDRESS, PRINTER_ADDRESS, CAMERA_ADDRESS = "10.20.0.2", "10.20.0.100", "10.20.0.110"
VLANS = {1: "lan", 10: "vlan10", 20: "vlan20"}
"""The bridge of each; this machine's kernel may know no VLANs."""
ROUTER_MACS = {"lan": "4c:5e:0c:00:00:01", "lan10": "4c:5e:0c:00:00:10", "lan20": "4c:5e:0c:00:00:20"}

PORTS = (
    "router", "router10", "router20", "mgmt", "pc1", "pc1b", "pc2", "office", "room1", "room2a", "room2b", "pc3",
    "room3", "pc4",
)  # fmt: skip
"""The switch's ports by their names in the kernel: by SNMP they are Gi1/0/1 and so on."""
CAMERA_SAYS = (("4", b"Network Camera"), ("6", b"1.3.6.1.4.1.368.1.1"))
"""sysDescr and sysObjectID."""
Speaker = Callable[[Datagram], bytes | None]


class SpeaksSnmp(Responder):
    """What a device answers; the datagrams come by a stand-in."""

    def __init__(self, device: Device) -> None:
        super().__init__({COMMUNITY: device})
        self._socket.close()

    def __call__(self, came: Datagram) -> bytes | None:
        return self._answer(came.payload) if came.target[1] == SNMP_PORT else None


class Crowd(NamedTuple):
    """What is plugged in behind one port of the switch: a room's PCs, and others that are always on."""

    port: str
    vlan: int
    pcs: tuple[Host, ...] = ()
    others: tuple[Host, ...] = ()

    def present(self, share_off: float) -> list[Host]:
        """Without the last of the PCs, so many that the share is off."""
        on = len(self.pcs) - round(len(self.pcs) * share_off)
        return [*self.pcs[:on], *self.others]


def recorded(real: str, own: Device) -> Device:
    """The recording of a real device beside the checkout; `own` is an invented one, for where there is none."""
    there = SHARED / "snmp" / f"{real}.snmprec"
    return Device.read(there) if there.exists() else own


def says(port: int, answer: bytes) -> Speaker:
    """To whatever is asked there."""
    return lambda came: answer if came.target[1] == port else None


def mdns(kind: str) -> Speaker:
    return says(MDNS_PORT, services(kind))


def guests(first: str) -> tuple[Host, ...]:
    """A telephone, a laptop, and one that says nothing; they have drawn their MAC addresses at random."""
    at = IPv4Address(first)
    prefix = f"da:a1:19:{at.packed[2]:02x}:00"
    speakers = mdns("_apple-mobdev2._tcp"), mdns("_workstation._tcp"), None
    return tuple(Host(f"{prefix}:{n:02x}", (str(at + n),), says) for n, says in enumerate(speakers))


PRINTER = recorded("brother", Device.read(RECORDINGS / "own_printer.snmprec"))
CAMERA = recorded(
    "axiscam_p1455-le",
    Device({f"1.3.6.1.2.1.1.{n}.0": encoded(*told) for n, told in enumerate(CAMERA_SAYS, start=1)}),
)
ACCESS_POINT = says(SSDP_PORT, ssdp("urn:schemas-upnp-org:device:WLANAccessPointDevice:1", "Linux UPnP/1.0"))

CROWDS = (
    Crowd(
        "office",
        1,
        others=(
            Host("00:1b:a9:00:00:01", (PRINTER_ADDRESS,), SpeaksSnmp(PRINTER)),
            Host("ac:cc:8e:00:00:01", (CAMERA_ADDRESS,), SpeaksSnmp(CAMERA)),
            Host("00:13:92:00:00:01", ("10.20.0.120",), ACCESS_POINT),
            *guests("10.20.0.200"),
        ),
    ),
    Crowd("room1", 10, tuple(pcs(15, "10.20.10.11", "00:06:5b"))),
    Crowd("room2a", 20, tuple(pcs(5, "10.20.20.11", "00:08:74")), guests("10.20.20.200")),
    Crowd("room2b", 20, tuple(pcs(4, "10.20.20.21", "00:0b:db"))),
    Crowd(
        "room3",
        20,
        tuple(pcs(9, "10.20.20.51", "00:0d:56")),
        (
            Host("00:11:22:00:00:01", ("10.20.20.100",), mdns("_ipp._tcp")),
            Host("00:11:22:00:00:02", ("10.20.20.110",), mdns("_onvif._tcp")),
            Host("00:11:22:00:00:03", ("10.20.20.120",), mdns("_pjlink._tcp")),
        ),
    ),
)
