"""Device types by SSDP (UPnP Device Architecture 2.0, section 1) and WS-Discovery (the draft of April 2005)."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING

from haidang_agent.discovery.evidence import Sign

if TYPE_CHECKING:
    from collections.abc import Iterator

GROUP = "239.255.255.250"
SSDP_PORT, WSD_PORT = 1900, 3702
LONGEST_MESSAGE = 8192
MOST_LINES = 40

SSDP_QUESTION = (
    f'M-SEARCH * HTTP/1.1\r\nHOST: {GROUP}:{SSDP_PORT}\r\nMAN: "ssdp:discover"\r\nMX: 1\r\nST: ssdp:all\r\n\r\n'
).encode()

WSD_QUESTION = (
    '<?xml version="1.0" encoding="utf-8"?>'
    '<soap:Envelope xmlns:soap="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:wsa="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
    'xmlns:wsd="http://schemas.xmlsoap.org/ws/2005/04/discovery"><soap:Header>'
    "<wsa:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</wsa:To>"
    "<wsa:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</wsa:Action>"
    "<wsa:MessageID>urn:uuid:{message}</wsa:MessageID></soap:Header>"
    "<soap:Body><wsd:Probe/></soap:Body></soap:Envelope>"
)
SELF_DESCRIBING = re.compile(rb"/discovery/(?:Hello|ProbeMatches|ResolveMatches)\s*<", re.IGNORECASE)
TYPES = re.compile(rb"<(?:\w{1,32}:)?Types(?:\s[^<>]{0,256})?>([^<>]{1,512})</")


def wsd_question() -> bytes:
    """A probe for every device; each has a number of its own."""
    return WSD_QUESTION.format(message=uuid.uuid4()).encode()


def read_ssdp(message: bytes) -> Iterator[Sign]:
    """From an answer (ST), an announcement (NT) and the program's own name. What a search looks for says nothing."""
    first, *lines = message[:LONGEST_MESSAGE].split(b"\r\n")[: MOST_LINES + 1]
    fields = {}
    for line in lines:
        name, colon, value = line.partition(b":")
        if colon:
            fields[name.strip().lower()] = value.strip().decode("latin-1")
    typed = {b"HTTP/1.1 200 OK": b"st", b"NOTIFY * HTTP/1.1": b"nt"}.get(first.strip())
    if typed is None and first.strip() != b"M-SEARCH * HTTP/1.1":
        return
    if typed and fields.get(typed, "").startswith("urn:"):
        yield Sign("upnp", fields[typed])
    for name in (b"server", b"user-agent"):
        if fields.get(name):
            yield Sign("server", fields[name])


def read_wsd(message: bytes) -> Iterator[Sign]:
    """The types without their name spaces. By pattern: an XML parser would believe what is in there."""
    head = message[:LONGEST_MESSAGE]
    if not SELF_DESCRIBING.search(head):
        return
    for found in TYPES.finditer(head):
        for name in found[1].split()[:MOST_LINES]:
            yield Sign("wsd", name.rpartition(b":")[2].decode("latin-1"))
