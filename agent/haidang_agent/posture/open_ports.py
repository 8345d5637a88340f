"""Services that have no business in a school's LAN: without a password by default, or with one in the clear."""

from __future__ import annotations

from typing import TYPE_CHECKING

from haidang_agent.i18n import _
from haidang_agent.posture.check import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

RISKY_TCP = {
    21: "FTP",
    23: "Telnet",
    512: "rexec",
    513: "rlogin",
    514: "rsh",
    873: "rsync",
    1433: "SQL Server",
    1521: "Oracle",
    2375: "Docker",
    3306: "MySQL",
    5432: "PostgreSQL",
    5800: "VNC",
    5900: "VNC",
    6379: "Redis",
    9200: "Elasticsearch",
    11211: "memcached",
    27017: "MongoDB",
}
"""IANA service names and port numbers; file and printer sharing is left to the firewall and to SMBv1's own check."""
RISKY_UDP = {69: "TFTP", 11211: "memcached"}


def risky(tcp: Iterable[int], udp: Iterable[int] = ()) -> Outcome:
    """Of the ports that others can reach."""
    found = [f"{RISKY_TCP[port]} ({port}/tcp)" for port in sorted(set(tcp) & RISKY_TCP.keys())]
    found += [f"{RISKY_UDP[port]} ({port}/udp)" for port in sorted(set(udp) & RISKY_UDP.keys())]
    if found:
        return Outcome(passed=False, found=", ".join(found))
    return Outcome(passed=True, found=_("none of the risky ones"))
