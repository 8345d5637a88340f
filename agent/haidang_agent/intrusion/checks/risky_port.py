"""Services that no device should offer to a whole school: telnet, open SMB, remote desktops, UPnP, administration.

Of each device of the unit's own subnets that is online, once a day: the ports of a short fixed list are connected and
closed again, nothing is sent and nothing tried; one question by SSDP asks whether it opens ports of the router for
anybody (UPnP InternetGatewayDevice). One incident a service, the devices stand in its evidence.
"""

from __future__ import annotations

import select
import socket
import time
from ipaddress import IPv4Address, IPv4Network
from typing import TYPE_CHECKING, NamedTuple

from haidang_agent.i18n import N_
from haidang_agent.intrusion.check import Check, Found, Site
from haidang_agent.intrusion.devices import Device, Rounds, listed, online, pace
from haidang_agent.lanwatch.incident import SEVERITIES, Evidence, Severity
from haidang_agent.probe import ProbeError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from haidang_agent.intrusion.settings import Settings

MEMORY_KEY = "intrusion_risky_port"
ANSWER_SECONDS = 0.9
"""Below TCP's first repetition, after 1 s (RFC 6298): one SYN a port."""
PAUSE_SECONDS = 0.5
"""Between two devices: at most some ten connections a second."""
SSDP_PORT = 1900
UPNP = "upnp"
GATEWAY_TYPE = b":InternetGatewayDevice:"
SSDP_QUESTION = (
    b"M-SEARCH * HTTP/1.1\r\nHOST: %s:1900\r\n"
    b'MAN: "ssdp:discover"\r\nST: urn:schemas-upnp-org:device:InternetGatewayDevice:1\r\n\r\n'
)
"""UPnP Device Architecture 1.1, section 1.3.2: to one device there is no MX."""
LONGEST_ANSWER = 2048
NETWORK = frozenset({"network", "ap"})
ADMINISTERED = NETWORK | {"camera"}
UNKNOWN = frozenset({"unknown", "other"})
OFFERS = N_("{service} is open to the whole network at {devices}")


class Risk(NamedTuple):
    """`worse` are classes of devices for which it is critical; `of` those that are looked at, empty for all."""

    service: str
    ports: tuple[int, ...]
    severity: Severity
    worse: frozenset[str] = frozenset()
    of: frozenset[str] = frozenset()


RISKS = (
    Risk("Telnet", (23, 2323), "warning", worse=ADMINISTERED),
    Risk("SMB", (445,), "info"),
    Risk("RDP", (3389,), "warning"),
    Risk("VNC", (5900,), "warning"),
    Risk("Android debugging (ADB)", (5555,), "critical"),
    Risk("TR-069", (7547,), "warning", of=NETWORK | UNKNOWN),
    Risk("MikroTik Winbox", (8291,), "info", of=NETWORK | UNKNOWN),
    Risk("Dahua DVR", (37777,), "info", of=UNKNOWN | {"camera"}),
    Risk("Hikvision SDK", (8000,), "info", of=frozenset({"camera"})),
    Risk("HTTP administration", (80, 8080), "info", of=ADMINISTERED),
)
"""Ports by IANA's registry and the vendors' manuals; 2323, 5555 and 7547 as the Mirai botnets look for them
(CISA alert TA16-288A; ADB: Android's developer guide; TR-069 amendment 6, section 3.2.2). SMB: machines that share
files and printers are ordinary; whether they do so dangerously (version 1, guests) is for their own posture to say."""
PORT_OPENING = Risk("UPnP port opening", (), "warning", of=NETWORK | UNKNOWN)


def run(site: Site) -> Sequence[Found]:
    """Raises ProbeError where it is not known who is online, or there are no sockets left."""
    allowed = _Allowed(site.settings.risky_ports_allowed)
    devices, rounds, now = online(site), Rounds(site.host.memory, MEMORY_KEY), time.time()
    try:
        for device in rounds.due(devices, now, site.settings.risky_ports_every_seconds):
            rounds.note(device, _look(device), now)
            if site.ending.wait(PAUSE_SECONDS):
                break
    except OSError as failed:
        raise ProbeError("unreadable", f"no socket: {failed.strerror}") from failed
    finally:
        rounds.keep(devices, now)
    open_: dict[str, list[tuple[Device, Severity]]] = {}
    for device, text in rounds.shown():
        risk = _risk(text, device.class_)
        if risk is not None and not allowed(device.ip, text):
            severity: Severity = "critical" if device.class_ in risk.worse else risk.severity
            open_.setdefault(risk.service, []).append((device, severity))
    return [_found(service, shown) for service, shown in open_.items()]


def _found(service: str, shown: Sequence[tuple[Device, Severity]]) -> Found:
    devices = list(dict.fromkeys(device for device, _ in shown))
    severity = min((severity for _, severity in shown), key=SEVERITIES.index)
    values = {"service": service, "devices": listed(devices)}
    return Found("risky_port", severity, {"service": service}, Evidence(OFFERS, values))


def _look(device: Device) -> list[str]:
    """Ports that are open, and `upnp`. Raises OSError where the system has no socket left."""
    wanted = [port for risk in RISKS if not risk.of or device.class_ in risk.of for port in risk.ports]
    shown = [str(port) for port in sorted(open_ports(device.ip, wanted))]
    if device.class_ in PORT_OPENING.of and opens_ports(device.ip):
        shown.append(UPNP)
    return shown


def open_ports(address: str, ports: Iterable[int]) -> set[int]:
    """Connected and closed again, all at once. Raises OSError where the system has no socket left."""
    poll, under_way, found = select.poll(), dict[int, tuple[socket.socket, int]](), set[int]()
    try:
        for port in ports:
            attempt = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            attempt.setblocking(False)
            under_way[attempt.fileno()] = attempt, port
            attempt.connect_ex((address, port))
            poll.register(attempt, select.POLLOUT)
        until = time.monotonic() + ANSWER_SECONDS
        while under_way and (left := until - time.monotonic()) > 0:
            for number, _event in poll.poll(left * 1000):
                poll.unregister(number)
                attempt, port = under_way.pop(number)
                with attempt:
                    if attempt.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0:
                        found.add(port)
    finally:
        for attempt, _port in under_way.values():
            attempt.close()
    return found


def opens_ports(address: str) -> bool:
    """It says by SSDP that it is an Internet gateway device. Raises OSError where the system has no socket left."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.settimeout(ANSWER_SECONDS)
        try:
            asked.connect((address, SSDP_PORT))
            asked.send(SSDP_QUESTION % address.encode())
            return GATEWAY_TYPE in asked.recv(LONGEST_ANSWER)
        except OSError:  # silent, nobody at that port, no such neighbour any more
            return False


def _risk(text: str, class_: str) -> Risk | None:
    if text == UPNP:
        return PORT_OPENING
    fitting = [risk for risk in RISKS if int(text) in risk.ports and (not risk.of or class_ in risk.of)]
    return fitting[0] if fitting else None


class _Allowed:
    """The school's exceptions."""

    def __init__(self, texts: Collection[str]) -> None:
        """Raises ProbeError for one that cannot be read."""
        self._ports: set[str] = set()
        self._places: list[tuple[IPv4Network, str]] = []
        for text in texts:
            place, _, port = text.rpartition(":")
            if text == UPNP or text.isdecimal():
                self._ports.add(text)
                continue
            try:
                self._places.append((IPv4Network(place or text), port if place else ""))
            except ValueError as wrong:
                fix = 'write "445", "10.20.0.5", "10.20.0.0/24" or "10.20.0.5:445"'
                raise ProbeError("misconfigured", f"risky_ports_allowed {text!r}: {wrong}; {fix}") from wrong

    def __call__(self, ip: str, port: str) -> bool:
        address = IPv4Address(ip)
        return port in self._ports or any(address in network and only in {"", port} for network, only in self._places)


def _every(settings: Settings) -> float:
    return pace(settings.risky_ports_every_seconds)


CHECK = Check(name="risky_port", run=run, every=_every, kinds={"risky_port": SEVERITIES}, closes_after=1)
