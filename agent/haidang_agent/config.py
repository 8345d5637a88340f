"""The agent's configuration: agent.toml, environment variables over it, the centre's tables beneath it.

Every fault names file, key, value and the fix, and all of a file's faults are told at once.
"""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from dataclasses import dataclass, field, fields
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from haidang_agent.centre import PIN, check_url
from haidang_agent.reading import FromEnvironment, read_table
from haidang_agent.registry import discover
from haidang_agent.relay.settings import faults_of
from haidang_agent.tables import CONFIG_DIR, Agent, Lab, Portal, Privacy, Relay, Server, Service, Snmp, Wan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

PREFIX = "HAIDANG_"
TABLES = {"server": Server, "agent": Agent, "relay": Relay, "privacy": Privacy, "portal": Portal}
LISTS = {"wan": Wan, "lab": Lab, "snmp": Snmp, "service": Service}
SHORTEST_PUSH, LONGEST_PUSH = 1.0, 15.0
"""Seconds; alerts count silence from a push every 15 s."""
SMALLEST_OUTBOX_MB = 5
SHORTEST_OUTBOX_SECONDS = 3600.0
LAST_PORT = 65535
LONGEST_INTERFACE = 15
FASTEST_PROBING, SLOWEST_PROBING = 0.2, 10.0
"""Seconds between two echoes to one target of a line."""
LONGEST_LAB = 100
"""Characters of a room's name, as in the registry."""
UNIT_KEY = re.compile("(?:[0-9A-Fa-f]{64})?")
LOCAL_ONLY = {"server": None, "relay": None, "privacy": ("share_identifiers",), "agent": ("state_dir", "use", "lab")}
"""Tables, or keys of them, that the centre has no say in: where reports go, what stays in the school."""


class BadConfigError(Exception):
    """The file, or what the centre sent, cannot be used. `faults` has a line for each thing wrong."""

    def __init__(self, source: str, faults: Sequence[str]) -> None:
        super().__init__("\n".join(f"{source}: {fault}" for fault in faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Config:
    """`probes` holds the settings of every probe, by name."""

    server: Server | None = None
    agent: Agent = field(default_factory=Agent)
    relay: Relay = field(default_factory=Relay)
    privacy: Privacy = field(default_factory=Privacy)
    portal: Portal = field(default_factory=Portal)
    probes: Mapping[str, Any] = field(default_factory=dict)
    wan: tuple[Wan, ...] = ()
    lab: tuple[Lab, ...] = ()
    snmp: tuple[Snmp, ...] = ()
    service: tuple[Service, ...] = ()

    @property
    def state_dir(self) -> Path:
        return Path(self.agent.state_dir)


def config_path(given: Path | None) -> Path:
    """The file to read: the one given, else $HAIDANG_CONFIG, else the system's."""
    return given or Path(os.environ.get(PREFIX + "CONFIG") or Path(CONFIG_DIR, "agent.toml"))


def load(given: Path | None = None, centre: Mapping[str, Any] | None = None, *, may_be_missing: bool = False) -> Config:
    """Read the configuration; the system's own file may be missing always. Raises BadConfigError."""
    path = config_path(given)
    is_systems_own = given is None and PREFIX + "CONFIG" not in os.environ
    local = _read_file(path, may_be_missing=may_be_missing or is_systems_own)
    _overlay_environment(local, os.environ)
    if centre:
        check_told(centre)
    return parse(merge(centre or {}, local), str(path))


def parse(raw: Mapping[str, Any], source: str) -> Config:
    """Tables as a Config. Raises BadConfigError; `source` names the file in its text."""
    faults: list[str] = []
    values: dict[str, Any] = {}
    for key, table in raw.items():
        if key == "probes":
            values[key] = table
        elif key in LISTS:
            values[key] = _read_list(key, table, faults)
        elif key in TABLES:
            values[key] = read_table(TABLES[key], table, f"[{key}]", faults)
        else:
            faults.append(f"[{key}]: unknown table; known are {', '.join(f.name for f in fields(Config))}")
    values["probes"] = _read_probes(values.get("probes", {}), faults)
    if not faults:
        faults = _check(values)
    if faults:
        raise BadConfigError(source, faults)
    return Config(**values)


def merge(centre: Mapping[str, Any], local: Mapping[str, Any]) -> dict[str, Any]:
    """Local keys win; lists of tables are merged by `name` (`host` for snmp)."""
    merged = dict(centre)
    for key, mine in local.items():
        theirs = merged.get(key)
        if isinstance(mine, dict) and isinstance(theirs, dict):
            merged[key] = merge(theirs, mine)
        elif key in LISTS and isinstance(mine, list) and isinstance(theirs, list):
            by = "host" if key == "snmp" else "name"
            named = [item.get(by) if isinstance(item, dict) else None for item in mine]
            merged[key] = mine + [item for item in theirs if not isinstance(item, dict) or item.get(by) not in named]
        else:
            merged[key] = mine
    return merged


def check_told(centre: Mapping[str, Any]) -> None:
    """Raises BadConfigError where the centre's tables have what is the school's alone to say."""
    faults = []
    for table, keys in LOCAL_ONLY.items():
        theirs = centre.get(table)
        if keys is None and theirs is not None:
            faults.append(f"[{table}]: is for agent.toml only; leave it out at the centre")
        elif keys and isinstance(theirs, dict):
            faults += [
                f"[{table}] {key}: is for agent.toml only; leave it out at the centre" for key in keys if key in theirs
            ]
    if faults:
        raise BadConfigError("the centre's configuration", faults)


def _read_file(path: Path, *, may_be_missing: bool) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        if may_be_missing:
            return {}
        raise BadConfigError(str(path), ["there is no such file; give another with --config"]) from None
    except OSError as failed:
        raise BadConfigError(str(path), [f"cannot be read: {failed.strerror}"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as broken:
        raise BadConfigError(str(path), [f"is no TOML: {broken}; texts stand in quotes"]) from None


def _overlay_environment(local: dict[str, Any], environment: Mapping[str, str]) -> None:
    """`HAIDANG_<TABLE>_<KEY>` and `HAIDANG_PROBES_<PROBE>_<KEY>`."""
    places: list[tuple[tuple[str, ...], type]] = [((key,), kind) for key, kind in TABLES.items()]
    places += [(("probes", name), probe.settings) for name, probe in discover().items()]
    for path, kind in places:
        for setting in fields(kind):
            text = environment.get("_".join((PREFIX + path[0], *path[1:], setting.name)).upper())
            if text is not None:
                table: Any = local
                for part in path:
                    table = table.setdefault(part, {}) if isinstance(table, dict) else None
                if isinstance(table, dict):  # else `parse` says what is wrong with it
                    table[setting.name] = FromEnvironment(text)


def _read_list(key: str, tables: object, faults: list[str]) -> tuple[Any, ...]:
    if not isinstance(tables, list):
        faults.append(f"[[{key}]]: must be a list of tables, with double brackets")
        return ()
    return tuple(read_table(LISTS[key], table, f"[[{key}]] {number}", faults) for number, table in enumerate(tables, 1))


def _read_probes(tables: object, faults: list[str]) -> dict[str, Any]:
    if not isinstance(tables, dict):
        faults.append("[probes]: must be tables, as [probes.internet]")
        return {}
    known = discover()
    faults += [
        f"[probes.{name}]: there is no such probe; known are {', '.join(known)}" for name in tables if name not in known
    ]
    return {
        name: read_table(probe.settings, tables.get(name, {}), f"[probes.{name}]", faults)
        for name, probe in known.items()
    }


def _check(values: Mapping[str, Any]) -> list[str]:
    faults: list[str] = []
    agent: Agent = values.get("agent") or Agent()
    if not SHORTEST_PUSH <= agent.push_interval <= LONGEST_PUSH:
        faults.append(f'[agent] push_interval = {agent.push_interval:g} s: must be from "1s" to "15s"')
    if agent.outbox_max_mb < SMALLEST_OUTBOX_MB:
        faults.append(f"[agent] outbox_max_mb = {agent.outbox_max_mb}: must be at least {SMALLEST_OUTBOX_MB}")
    if agent.outbox_max_age < SHORTEST_OUTBOX_SECONDS:
        faults.append(f'[agent] outbox_max_age = {agent.outbox_max_age:g} s: must be at least "1h"')
    faults += [
        f"[agent] probes: there is no probe {name!r}; known are {', '.join(discover())}"
        for name in agent.probes
        if name not in discover()
    ]
    if not agent.roles:
        faults.append('[agent] roles = []: give at least one of "site", "router", "host"')
    host, colon, port = agent.listen.rpartition(":")
    if agent.listen and not (colon and host and re.fullmatch("[0-9]{1,5}", port) and int(port) <= LAST_PORT):
        faults.append(f'[agent] listen = {agent.listen!r}: must be host:port, as "127.0.0.1:9810", or "" for none')
    faults += _check_rooms(agent, values.get("lab", ()))
    faults += _check_key(values.get("privacy") or Privacy())
    for key in LISTS:
        names = [getattr(each, "host" if key == "snmp" else "name") for each in values.get(key, ())]
        faults += [
            f"[[{key}]] {name!r}: stands there {names.count(name)} times; give each its own name"
            for name in dict.fromkeys(names)
            if names.count(name) > 1
        ]
    for wan in values.get("wan", ()):
        faults += _check_wan(wan)
    faults += _check_lines(values.get("wan", ()))
    if values.get("server") is not None:
        faults += _check_server(values["server"])
    return faults + faults_of(values.get("relay") or Relay(), values.get("server"))


def _check_server(server: Server) -> list[str]:
    faults: list[str] = []
    try:
        check_url(server.url)
    except ValueError as wrong:
        faults.append(f"[server] url = {wrong}")
    if server.client_key and not server.client_cert:
        faults.append("[server] client_key: is the key of a certificate; set client_cert too, or remove it")
    return faults + [
        f"[server] pins = {pin!r}: must be sha256: and 64 hexadecimal digits, of the collector's certificate"
        for pin in server.pins
        if not PIN.fullmatch(pin)
    ]


def _check_rooms(agent: Agent, labs: Iterable[Lab]) -> list[str]:
    named = [("[agent] lab", agent.lab), *(("[[lab]] name", lab.name) for lab in labs)]
    return [
        f"{where} = {name!r}: has more than {LONGEST_LAB} characters; shorten it"
        for where, name in named
        if len(name) > LONGEST_LAB
    ]


def _check_key(privacy: Privacy) -> list[str]:
    if UNIT_KEY.fullmatch(privacy.unit_key):
        return []
    return ["[privacy] unit_key = (secret): must be 64 hexadecimal digits, as the centre tells it"]


def _check_wan(wan: Wan) -> list[str]:
    def fault(key: str, value: object, fix: str) -> str:
        return f"[[wan]] {wan.name!r} {key} = {value!r}: {fix}"

    faults = [
        fault("targets", target, "must be an IP address; a name would make DNS part of the line")
        for target in wan.targets
        if not _reads(ipaddress.ip_address, target)
    ]
    faults += [
        fault("prefixes", prefix, "must be a network, as 203.0.113.0/24")
        for prefix in wan.prefixes
        if not _reads(ipaddress.ip_network, prefix)
    ]
    if not wan.name.strip() or not wan.name.isprintable():
        faults.append(fault("name", wan.name, "must be one line of text"))
    faults += [
        fault(key, name, "must be the name of an interface, as eth0: at most 15 bytes, without / and spaces")
        for key, name in (("interface", wan.interface), ("port", wan.port))
        if name and not _names_interface(name)
    ]
    if wan.gateway and not _reads(ipaddress.IPv4Address, wan.gateway):
        faults.append(fault("gateway", wan.gateway, "must be an IPv4 address, or be left out"))
    if not FASTEST_PROBING <= wan.probe_interval <= SLOWEST_PROBING:
        faults.append(fault("probe_interval", wan.probe_interval, 'must be from "200ms" to "10s"'))
    return faults


def _check_lines(wans: Sequence[Wan]) -> list[str]:
    """Two that are one would both be up, and each the other's spare."""
    return [
        f"[[wan]] {one.name!r} and {other.name!r} interface = {one.interface!r}: is the same line; give each its own "
        "interface, or its own gateway there"
        for one, other in combinations(wans, 2)
        if one.interface
        and one.interface == other.interface
        and (one.gateway in ("", other.gateway) or not other.gateway)
    ]


def _names_interface(name: str) -> bool:
    """As the kernel has it (dev_valid_name)."""
    return (
        len(os.fsencode(name)) <= LONGEST_INTERFACE
        and name not in (".", "..")
        and name.isprintable()
        and not set("/: ") & set(name)
    )


def _reads(kind: Callable[[str], object], text: str) -> bool:
    try:
        kind(text)
    except ValueError:
        return False
    return True
