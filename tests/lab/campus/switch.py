"""What a managed switch tells by SNMP of the bridges that it is made of here: which MAC address is behind which port.

The kernel's own forwarding table, as Q-BRIDGE-MIB (RFC 4363), BRIDGE-MIB (RFC 4188) and IF-MIB (RFC 2863) have it.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence

from tests.agent.snmp.responder import Device, encoded
from tests.lab.campus.inhabitants import COMMUNITY, SWITCH_ADDRESS, SpeaksSnmp
from tests.lab.lan import Datagram, Host

INTERFACES, NAMES = "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1.1"
BRIDGE_PORTS, FORWARDING = "1.3.6.1.2.1.17.1.4.1.2", "1.3.6.1.2.1.17.7.1.2.2.1.2"
SYSTEM = "1.3.6.1.2.1.1"
DESCR, TYPE, PHYS_ADDRESS, ADMIN, OPER = 2, 3, 6, 7, 8
MAC = "00:0c:43:00:00:02"


class ManagedSwitch:
    """The bridges (by VLAN) of a namespace, their ports numbered from 1; `host` is how it speaks in the LAN."""

    def __init__(self, namespace: str, ports: Sequence[str], bridges: Mapping[int, str]) -> None:
        self._namespace = namespace
        self._numbers = {port: number for number, port in enumerate(ports, start=1)}
        self._vlans = {bridge: vlan for vlan, bridge in bridges.items()}
        self._speaks = SpeaksSnmp(Device({}))
        self.host = Host(MAC, (SWITCH_ADDRESS,), self._says)

    def _says(self, came: Datagram) -> bytes | None:
        """By what the kernel knows now."""
        self._speaks.devices[COMMUNITY] = Device(dict(self._rows()))
        return self._speaks(came)

    def _rows(self) -> Iterator[tuple[str, bytes]]:
        told = {1: ("4", b"24-port managed switch"), 2: ("6", b"1.3.6.1.4.1.8072.3.2.10"), 5: ("4", b"switch-tang-1")}
        for column, (tag, raw) in told.items():
            yield f"{SYSTEM}.{column}.0", encoded(tag, raw)
        for number in self._numbers.values():
            label = f"Gi1/0/{number}".encode()
            for column, tag, raw in (
                (DESCR, "4", label), (TYPE, "2", b"6"), (PHYS_ADDRESS, "4x", MAC.replace(":", "").encode()),
                (ADMIN, "2", b"1"), (OPER, "2", b"1"),
            ):  # fmt: skip
                yield f"{INTERFACES}.{column}.{number}", encoded(tag, raw)
            yield f"{NAMES}.{number}", encoded("4", label)
            yield f"{BRIDGE_PORTS}.{number}", encoded("2", str(number).encode())
        for mac, port, bridge in self._learnt():
            arcs = ".".join(str(each) for each in bytes.fromhex(mac.replace(":", "")))
            yield f"{FORWARDING}.{self._vlans[bridge]}.{arcs}", encoded("2", str(self._numbers[port]).encode())

    def _learnt(self) -> Iterator[tuple[str, str, str]]:
        shown = subprocess.run(
            ["bridge", "-n", self._namespace, "-j", "fdb", "show"], capture_output=True, text=True, check=True
        )
        for row in json.loads(shown.stdout):
            if row.get("master") in self._vlans and row.get("state") != "permanent":
                yield row["mac"], row["ifname"], row["master"]
