"""The tables of agent.toml as frozen dataclasses. The same tables come from the centre (all but `[server]`)."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from os import environ
from typing import Literal, NewType

from haidang_agent.probe import Role  # noqa: TC001 - read_table looks the types up

Seconds = NewType("Seconds", float)
"""A duration: `"15s"`, `"500ms"`, `"5m"`, `"2h"`, `"30d"`, or a number of seconds."""

Medium = Literal["fibre", "copper", "cellular", "unknown"]
Level = Literal["primary", "lower_secondary", "upper_secondary"]
Use = Literal["", "teaching", "management", "subject_group", "server", "other"]


def _system_folder(linux: str) -> str:
    if sys.platform == "win32":
        return environ.get("PROGRAMDATA", r"C:\ProgramData") + r"\Haidang"
    return linux


STATE_DIR = _system_folder("/var/lib/haidang")
CONFIG_DIR = _system_folder("/etc/haidang")


@dataclass(frozen=True, slots=True)
class Server:
    """`url` of the collector; `ca` is a PEM file, empty for the system's own CAs.

    `pins` are the SHA-256 fingerprints of certificates (`sha256:…`, with or without colons); empty: any that is valid.
    `relay` is the address of the site agent to go through (`http://192.168.1.10:9196`); empty: straight.
    `client_cert` is a PEM file to show to a proxy that asks for one, `client_key` its key where that is in another.
    """

    url: str
    ca: str = ""
    pins: tuple[str, ...] = ()
    relay: str = ""
    client_cert: str = ""
    client_key: str = ""

    @property
    def shown(self) -> tuple[str, str]:
        """Files of the certificate and of its key; empty where there is none."""
        return self.client_cert, self.client_key


@dataclass(frozen=True, slots=True)
class Relay:
    """`listen` is host:port for host agents that do not reach the Internet; empty: none go through this agent.

    `clients` are the networks that they may come from; empty: those of private addresses. `max_mb` is the room for what
    they leave here while the collector is away.
    """

    listen: str = ""
    clients: tuple[str, ...] = ()
    max_mb: int = 256


@dataclass(frozen=True, slots=True)
class Agent:
    """`probes` names the probes to run, empty for all of the roles. `listen` empty: no /metrics.

    `use` is what this machine is for, `lab` the [[lab]] in which it stands; empty: not told.
    """

    roles: tuple[Role, ...] = ("site", "host")
    probes: tuple[str, ...] = ()
    state_dir: str = STATE_DIR
    listen: str = "127.0.0.1:9810"
    push_interval: Seconds = Seconds(15.0)
    outbox_max_mb: int = 256
    outbox_max_age: Seconds = Seconds(30 * 86400.0)
    use: Use = ""
    lab: str = ""


@dataclass(frozen=True, slots=True)
class Privacy:
    """`share_identifiers` is the unit's own consent to raw MAC addresses and host names leaving the school.

    `unit_key` is known to the unit's own agents alone, 64 hexadecimal digits: it signs the roll call.
    """

    share_identifiers: bool = False
    unit_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Wan:
    """One line to one ISP.

    `interface` is this router's own; `port` the physical one below it, where it is PPPoE. `prefixes` are address ranges
    of the ISP beyond the built-in list, by which a site agent tells which ISP carries the traffic.
    """

    name: str
    isp: str
    medium: Medium = "unknown"
    interface: str = ""
    port: str = ""
    prefixes: tuple[str, ...] = ()
    gateway: str = ""
    targets: tuple[str, ...] = ()
    probe_interval: Seconds = Seconds(1.0)


@dataclass(frozen=True, slots=True)
class Lab:
    """A computer room; `level` empty: shared by all levels.

    What stands in it: `machines` by MAC address, else what is at `ports` (`10.20.0.2 Gi1/0/1-24`: a switch by its
    `[[snmp]]` host, then its interfaces), else in the VLAN `vlan` (0: none), else in the network `cidr` or `subnets`.
    """

    name: str
    cidr: str = ""
    subnets: tuple[str, ...] = ()
    vlan: int = 0
    ports: tuple[str, ...] = ()
    machines: tuple[str, ...] = ()
    declared: int = 0
    level: Level | Literal[""] = ""


@dataclass(frozen=True, slots=True)
class Snmp:
    """A device that answers SNMP; `version` 3 takes `user`, `auth`, `priv` instead of `community`."""

    host: str
    port: int = 161
    version: Literal["2c", "3"] = "2c"
    community: str = field(default="", repr=False)
    user: str = ""
    auth: str = field(default="", repr=False)
    priv: str = field(default="", repr=False)
    wan_interfaces: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Service:
    """An online system the school uses; one of a unit's own for parents has a name that begins with `public_`.

    `match` is a text that must be on its page, `status` what it may answer after redirects (empty: 200 to 299),
    `family` the only one to be tried (empty: both, as a browser does).
    """

    name: str
    url: str
    match: str = ""
    status: tuple[int, ...] = ()
    family: Literal["", "ipv4", "ipv6"] = ""


@dataclass(frozen=True, slots=True)
class Portal:
    """The unit's web portal; `mail_domain` is that of its e-mail addresses. Empty: none, or not known.

    `department_feed` is the address of the feed (RSS, Atom) whose news the unit is to take into its site.
    """

    url: str = ""
    mail_domain: str = ""
    department_feed: str = ""
