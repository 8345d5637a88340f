"""Asks the neighbours for machines that do not exist: who answers would answer for any, to draw others' logins.

Three made-up names by LLMNR (RFC 4795) and NetBIOS (RFC 1002, section 4.2.12): the passive watch hears the answers, and
its detector `dns_spoof` judges them. One more by mDNS (RFC 6762, section 5.1), which that does not judge: who answers
only to that is found here.
"""

from __future__ import annotations

import secrets
import select
import socket
import string
import struct
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from haidang_agent.i18n import N_
from haidang_agent.intrusion.check import Check, Found, Site
from haidang_agent.intrusion.names import question
from haidang_agent.lanwatch.incident import Evidence
from haidang_agent.lanwatch.protocols import MalformedError
from haidang_agent.lanwatch.protocols.dns import HEAD, LLMNR_PORT, MDNS_PORT, NB, NBNS_PORT, read
from haidang_agent.platform import system
from haidang_agent.probe import ProbeError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from haidang_agent.intrusion.settings import Settings
    from haidang_agent.platform.subnets import Subnet

NAMES = 3
"""So many answers are what the detector judges."""
PREFIX, LETTERS = "DESKTOP-", string.ascii_uppercase + string.digits
SIGNS = 7
"""As Windows names a new PC: one in 78 billion is somebody's."""
LLMNR_GROUP, MDNS_GROUP = "224.0.0.252", "224.0.0.251"
MDNS_HOPS = 255
NETBIOS_FLAGS = 0x0110
"""A question that everybody is to hear; recursion desired (RFC 1002, section 4.2.12)."""
INTERNET = 1
NETBIOS_BYTES = 16
ANSWER_SECONDS = 1.5
JITTER_MILLISECONDS = 3000
"""Nobody is to keep still just then."""
MOST_ANSWERS, LONGEST_ANSWER = 256, 2048
ANSWERED = N_("{ip} answers by mDNS for {name}, a name that nobody has")


def run(site: Site) -> Sequence[Found]:
    """Raises ProbeError where not one question could be sent."""
    if site.ending.wait(secrets.randbelow(JITTER_MILLISECONDS) / 1000):
        return ()
    name = f"{made_up()}.local".lower()
    refused: list[OSError] = []
    with ExitStack() as stack:
        asked: dict[socket.socket, Subnet] = {}
        for subnet in site.subnets:
            try:
                out = stack.enter_context(_opened(subnet))
                _ask(out, subnet, name)
            except OSError as failed:  # an interface that has just gone, or has no way out
                refused.append(failed)
            else:
                asked[out] = subnet
        if refused and not asked:
            raise ProbeError("unreadable", f"no question could be sent: {refused[0].strerror}")
        return _judge(site, name, _answers(site, asked))


def made_up() -> str:
    """A PC's name that no PC has."""
    return PREFIX + "".join(secrets.choice(LETTERS) for _ in range(SIGNS))


def netbios_question(name: str, number: int) -> bytes:
    """For the address of a workstation: 15 letters, service 0 (RFC 1001, section 14.1)."""
    padded = name.encode().ljust(NETBIOS_BYTES - 1) + b"\0"
    halves = bytes(ord("A") + half for letter in padded for half in divmod(letter, NETBIOS_BYTES))
    label = bytes([len(halves)]) + halves + b"\0"
    return HEAD.pack(number, NETBIOS_FLAGS, 1, 0, 0, 0) + label + struct.pack("!HH", NB, INTERNET)


def _opened(subnet: Subnet) -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        opened.bind((str(subnet.own), 0))
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        opened.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, subnet.own.packed)
        opened.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, MDNS_HOPS)
        opened.setblocking(False)
    except OSError:
        opened.close()
        raise
    return opened


def _ask(out: socket.socket, subnet: Subnet, name: str) -> None:
    for _ in range(NAMES):
        bait, number = made_up(), secrets.randbits(16)
        out.sendto(question(bait, number, recursion=False), (LLMNR_GROUP, LLMNR_PORT))
        out.sendto(netbios_question(bait, number), (str(subnet.network.broadcast_address), NBNS_PORT))
    out.sendto(question(name, secrets.randbits(16), recursion=False), (MDNS_GROUP, MDNS_PORT))


def _answers(site: Site, asked: Mapping[socket.socket, Subnet]) -> dict[tuple[str, str], set[str]]:
    """Names that were answered for, by interface and the address of who did."""
    found: dict[tuple[str, str], set[str]] = {}
    until, left = time.monotonic() + ANSWER_SECONDS, MOST_ANSWERS
    while left and not site.ending.is_set() and (wait := until - time.monotonic()) > 0:
        for ready in select.select(list(asked), [], [], wait)[0]:
            left = max(left - 1, 0)
            try:
                message, (sender, _port) = ready.recvfrom(LONGEST_ANSWER)
                said = read(message)
            except (MalformedError, BlockingIOError):  # a wrong checksum has woken us
                continue
            if said.is_response and said.answers:
                found.setdefault((asked[ready].interface, sender), set()).add(said.name)
    return found


def _judge(site: Site, name: str, answers: Mapping[tuple[str, str], set[str]]) -> list[Found]:
    """Those who answered for `name` alone."""
    found = []
    for (interface, sender), names in answers.items():
        if names != {name}:
            continue
        try:
            mac = system.neighbour_table(site.host.proc, interface).get(sender, "")
        except OSError as failed:
            raise ProbeError("unreadable", f"neighbours: {failed.strerror}") from failed
        subject = {"mac": mac} if mac else {"ip": sender}
        found.append(Found("dns_spoof", "critical", subject, Evidence(ANSWERED, {"ip": sender, "name": name})))
    return found


def _every(settings: Settings) -> float:
    return settings.bait_every_seconds


CHECK = Check(name="bait", run=run, every=_every, kinds={"dns_spoof": ("critical", "warning")})
