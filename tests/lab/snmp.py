"""net-snmp's agent in a node, for version 2c and version 3 with authentication and privacy (snmpd.conf(5))."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.lab.node import Node

UDP_PORT = 161


@dataclass(frozen=True, slots=True)
class Snmpd:
    """Where it answers, and by which credentials: version 3 by SHA and AES-128."""

    address: str
    port: int = UDP_PORT
    community: str = "haidang-ro"
    user: str = "haidang"
    auth: str = "authentic-2016"
    priv: str = "private-2016"


@contextmanager
def snmpd(node: Node, address: str, folder: Path) -> Iterator[Snmpd]:
    """Answers at the node's `address` inside the `with`, read only; its log is `folder/snmpd.log`."""
    served = Snmpd(address)
    settings, log = folder / "snmpd.conf", folder / "snmpd.log"
    settings.write_text(
        f"agentaddress udp:{served.address}:{served.port}\n"
        f"rocommunity {served.community}\n"
        f'createUser {served.user} SHA "{served.auth}" AES "{served.priv}"\n'
        f"rouser {served.user} authpriv\n",
        encoding="ascii",
    )
    log.unlink(missing_ok=True)
    command = ["snmpd", "-f", "-C", "-c", str(settings), f"-Lf{log}", "-p", str(folder / "snmpd.pid")]
    with node.start(*command, env=os.environ | {"SNMP_PERSISTENT_DIR": str(folder / "snmpd"), "MIBS": ""}) as process:
        try:
            eventually("snmpd runs", lambda: "NET-SNMP version" in log.read_text(encoding="utf-8"), seconds=10)
            yield served
        finally:
            process.terminate()
