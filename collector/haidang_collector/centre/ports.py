"""The ports at which the centre asks for websites: who registers an address must not make it knock at any door.

Of units' portals and services for parents; what schools' agents ask by themselves is not bound by it.
"""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from haidang_reach.address import Address

VARIABLE = "HAIDANG_PORTAL_PORTS"
USUAL = "80,443,8080,8443"
"""HTTP and HTTPS, and what is used beside them (IANA: 8080 http-alt; 8443 by custom)."""
HIGHEST = 65535
_SPAN = re.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?")


class BadPortsError(ValueError):
    """No list of ports; the text says what to write."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Those that are asked. As text: as a person writes them."""

    spans: tuple[range, ...]

    def __contains__(self, port: int) -> bool:
        return any(port in span for span in self.spans)

    def __str__(self) -> str:
        return ", ".join(f"{span.start}-{span.stop - 1}" if len(span) > 1 else str(span.start) for span in self.spans)

    def refuse(self, address: Address) -> bool:
        """Whether the centre does not ask there for its port. A private address is not asked anyway, or at any port."""
        return address.port not in self and not _is_private(address.host)

    def why_not(self, port: int) -> str:
        return f"the centre does not ask at port {port}, but at {self} ({VARIABLE})"


def parse_ports(text: str) -> Ports:
    """Numbers and ranges with commas, as `80,443,8000-8999`. Raises BadPortsError."""
    spans = []
    for part in text.split(","):
        found = _SPAN.fullmatch(part.strip())
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
        if not 0 < first <= last <= HIGHEST:
            raise BadPortsError(f"{part.strip()!r} is no port: write numbers and ranges, as 80,443,8000-8999")
        spans.append(range(first, last + 1))
    return Ports(tuple(spans))


def asked_ports(environment: Mapping[str, str] = os.environ) -> Ports:
    """Those of HAIDANG_PORTAL_PORTS, or the usual ones. Raises BadPortsError, which names the variable."""
    text = environment.get(VARIABLE, USUAL)
    try:
        return parse_ports(text)
    except BadPortsError as wrong:
        raise BadPortsError(f"{VARIABLE}={text!r}: {wrong}") from None


def _is_private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False
