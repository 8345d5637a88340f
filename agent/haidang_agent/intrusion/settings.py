"""The section `[probes.intrusion]`: of the probe itself and of the active checks."""

from __future__ import annotations

from dataclasses import dataclass, fields

LEAST_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Settings:
    """`interfaces` empty: all that hold an IPv4 subnet, are not virtual and are no line to an ISP (`[[wan]]`).

    `scanners` are MAC addresses that may ask for every address of the LAN, as inventory software does.
    `checks_off` names active checks that are not wanted. `evidence`: whether frames are kept, on this machine.

    `dhcp_servers` are addresses (IP or MAC) of the school's DHCP servers: with them any other is unknown, also when it
    is the only one to answer. `dhcp_ask_every_seconds`: how often DHCP servers are asked to show themselves, 0 never.

    `bait_every_seconds`: how often made-up names are asked for by LLMNR, NetBIOS and mDNS, 0 never.

    `protected` are IPv4 networks in which a device never seen before is told of, after the first `learning_days`.

    `risky_ports_every_seconds` and `default_communities_every_seconds`: so often each device of the unit's own subnets
    is looked at, 0 never; the second only with `allow_default_communities`. `risky_ports_allowed` are exceptions:
    "445" (a port), "10.20.0.5" (a device or a network), "10.20.0.5:445"; "upnp" as a port is port opening by UPnP.

    `dns_check_every_seconds` and `tls_check_every_seconds`: how often the name servers are asked, and how often the
    collector or one of the sites, in turn, is asked for its certificate.

    A pace is 0 or at least a second.

    What the centre sees (`haidang views`): `known_sites` are names, each with the networks in which its addresses lie
    where these do not change, as "hcm.edu.vn 203.0.113.0/24"; `known_issuers` are certificates of the authorities that
    issued theirs, DER in base 64. `missing_under` are domains where a made-up name does not exist.
    """

    interfaces: tuple[str, ...] = ()
    scanners: tuple[str, ...] = ()
    checks_off: tuple[str, ...] = ()
    evidence: bool = True
    dhcp_servers: tuple[str, ...] = ()
    dhcp_ask_every_seconds: float = 3600.0
    bait_every_seconds: float = 60.0
    protected: tuple[str, ...] = ()
    learning_days: float = 7.0
    risky_ports_every_seconds: float = 86400.0
    risky_ports_allowed: tuple[str, ...] = ()
    allow_default_communities: bool = False
    default_communities_every_seconds: float = 86400.0
    dns_check_every_seconds: float = 20.0
    tls_check_every_seconds: float = 20.0
    known_sites: tuple[str, ...] = ()
    known_issuers: tuple[str, ...] = ()
    missing_under: tuple[str, ...] = ("edu.vn", "com")

    def check(self) -> None:
        """Raises ValueError for a pace that would flood the LAN or the sites."""
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name.endswith("_every_seconds") and value != 0 and not value >= LEAST_SECONDS:
                raise ValueError(f"{field.name} = {value:g}: write at least {LEAST_SECONDS:g}, or 0 for never")
