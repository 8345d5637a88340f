"""Devices of the unit's own subnets that answer to SNMP's default communities, `public` and `private`.

Asked is one harmless value, sysObjectID (SNMPv2-MIB, RFC 3418), by SNMPv2c and SNMPv1, once a day and device, and only
where the school allows it. No other community is ever tried, and nothing is written with the one that may write.
"""

from __future__ import annotations

import re
import secrets
import select
import socket
import time
from typing import TYPE_CHECKING

from haidang_agent.i18n import N_
from haidang_agent.intrusion.check import Check, Found, Site
from haidang_agent.intrusion.devices import Device, Rounds, listed, online, pace
from haidang_agent.lanwatch.incident import SEVERITIES, Evidence, Severity
from haidang_agent.probe import ProbeError
from haidang_agent.snmp.ber import error_status, is_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    from haidang_agent.intrusion.settings import Settings

MEMORY_KEY = "intrusion_default_community"
COMMUNITIES = ("public", "private")
"""All that are ever tried."""
VERSIONS = (1, 0)
"""SNMPv2c and SNMPv1, as a message has them."""
SYS_OBJECT_ID = bytes.fromhex("06082b06010201010200")
PORT = 161
PAUSE_SECONDS = 0.1
ANSWER_SECONDS = 1.5
LONGEST_ANSWER = 2048
LENGTH = rb"(?:[\x00-\x7f]|\x81.|\x82..)"
ANSWER = re.compile(
    rb"\x30" + LENGTH + rb"\x02\x01[\x00\x01]\x04[\x06\x07](public|private)\xa2" + LENGTH + rb"\x02\x04(.{4})",
    re.DOTALL,
)
"""A response (RFC 3416, section 3): version, community, and the number of the question."""
REFUSALS = frozenset({"authorizationError", "noAccess"})
ANSWERS = N_('the community "{community}" is answered by {devices}')


def run(site: Site) -> Sequence[Found]:
    """Raises ProbeError where it is not known who is online, or there is no socket."""
    devices, rounds, now = online(site), Rounds(site.host.memory, MEMORY_KEY), time.time()
    due = rounds.due(devices, now, site.settings.default_communities_every_seconds)
    if due:
        try:
            answered = ask(due, site)
        except OSError as failed:
            raise ProbeError("unreadable", f"no socket: {failed.strerror}") from failed
        for device in due:
            rounds.note(device, sorted(answered.get(device.ip, ())), now)
    rounds.keep(devices, now)
    found: dict[str, list[Device]] = {}
    for device, community in rounds.shown():
        found.setdefault(community, []).append(device)
    return [_found(community, each) for community, each in found.items()]


def _found(community: str, devices: Sequence[Device]) -> Found:
    """`private` mostly may write. A printer tells whoever asks how much toner it has: that is for information."""
    severity: Severity = "critical" if community == "private" else "warning"
    if severity == "warning" and all(device.class_ == "printer" for device in devices):
        severity = "info"
    values = {"community": community, "devices": listed(devices)}
    return Found("default_community", severity, {"community": community}, Evidence(ANSWERS, values))


def question(community: str, version: int, number: int) -> bytes:
    """A GetRequest (RFC 3416, section 4.2.1) for sysObjectID.0; `number` takes four bytes."""
    binding = _tagged(0x30, SYS_OBJECT_ID + b"\x05\x00")
    pdu = _tagged(0x02, number.to_bytes(4)) + b"\x02\x01\x00\x02\x01\x00" + _tagged(0x30, binding)
    return _tagged(0x30, bytes([2, 1, version]) + _tagged(0x04, community.encode()) + _tagged(0xA0, pdu))


def ask(devices: Sequence[Device], site: Site) -> dict[str, set[str]]:
    """The communities that each address answered to. Raises OSError where there is no socket."""
    answered: dict[str, set[str]] = {}
    number = 0x10000000 | secrets.randbits(24)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        asked.setblocking(False)
        for device in devices:
            for community in COMMUNITIES:
                for version in VERSIONS:
                    _send(asked, question(community, version, number), device.ip)
            if site.ending.wait(PAUSE_SECONDS):
                break
            _take(asked, number, answered)
        until = time.monotonic() + ANSWER_SECONDS
        while not site.ending.is_set() and (left := until - time.monotonic()) > 0:
            select.select([asked], [], [], left)
            _take(asked, number, answered)
    return {device.ip: answered[device.ip] for device in devices if device.ip in answered}


def _send(asked: socket.socket, message: bytes, address: str) -> None:
    try:
        asked.sendto(message, (address, PORT))
    except OSError:  # no such neighbour any more, or a full queue: as lost as any datagram
        return


def _take(asked: socket.socket, number: int, answered: dict[str, set[str]]) -> None:
    for _ in range(4 * len(COMMUNITIES) * len(VERSIONS)):
        try:
            message, (address, port) = asked.recvfrom(LONGEST_ANSWER)
        except (BlockingIOError, ConnectionError):
            return
        said = ANSWER.match(message)
        is_ours = said is not None and said[2] == number.to_bytes(4) and port == PORT and is_whole(message)
        if said is not None and is_ours and error_status(message) not in REFUSALS:
            answered.setdefault(address, set()).add(said[1].decode())


def _tagged(tag: int, content: bytes) -> bytes:
    return bytes([tag, len(content)]) + content


def _every(settings: Settings) -> float:
    return pace(settings.default_communities_every_seconds) if settings.allow_default_communities else 0.0


CHECK = Check(name="default_community", run=run, every=_every, kinds={"default_community": SEVERITIES}, closes_after=1)
