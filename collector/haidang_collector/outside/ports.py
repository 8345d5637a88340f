"""The ports by which routers are administered, and what listens there as a rule."""

from __future__ import annotations

PORTS = {
    22: "SSH",
    23: "Telnet",
    80: "HTTP",
    443: "HTTPS",
    7547: "TR-069",
    8080: "HTTP",
    8291: "Winbox",
    8443: "HTTPS",
}
"""IANA's service names, but 7547 (CWMP, Broadband Forum TR-069) and 8291 (MikroTik's Winbox)."""
