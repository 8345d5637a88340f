"""What an honest network serves: addresses, names and IPv6 router advertisements by dnsmasq, sites by TLS."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.lab.node import Node

TLS_SERVER = Path(__file__).parents[1] / "agent/intrusion/tls_server.py"
LEASE = "2m"
"""The shortest that dnsmasq gives: clients renew after one minute."""
ADVERTISEMENT_SECONDS = 4
ADVERTISE = "--enable-ra", "--dhcp-range=2001:db8:20::,ra-only", f"--ra-param=lan,{ADVERTISEMENT_SECONDS}"
BASE = "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--pid-file=", "--user=root", "--no-hosts"


@contextmanager
def addresses(node: Node, interface: str, first: str, last: str, *more: str) -> Iterator[None]:
    """A DHCP server that gives out these, and itself as router and name server; further words are dnsmasq's."""
    words = "--port=0", "--no-ping", "--leasefile-ro", f"--interface={interface}"
    given = f"--dhcp-range={first},{last},{LEASE}", "--dhcp-option=option:dns-server,0.0.0.0"
    with _running(node, *BASE, *words, "--bind-dynamic", *given, *more):
        eventually("the DHCP server listens", lambda: _listens(node, "udp", 67), seconds=10)
        yield


@contextmanager
def names(node: Node, records: Mapping[str, str]) -> Iterator[None]:
    """A name server for these names; no others exist."""
    hosts = [f"--host-record={name},{address}" for name, address in records.items()]
    with _running(node, *BASE, "--no-resolv", "--address=/#/", *hosts):
        eventually("the name server listens", lambda: _listens(node, "udp", 53), seconds=10)
        yield


@contextmanager
def sites(node: Node, address: str, port: int, certificates: Mapping[str, str]) -> Iterator[None]:
    """A TLS server of these sites, each with the file of its certificate and key."""
    shown = [f"{name}={file}" for name, file in certificates.items()]
    process = node.start(
        sys.executable, str(TLS_SERVER), f"{address}:{port}", *shown, stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            if cast("IO[str]", process.stdout).readline() != "ready\n":
                raise RuntimeError("the TLS server did not start")
            yield
        finally:
            process.kill()


@contextmanager
def _running(node: Node, *command: str) -> Iterator[None]:
    with node.start(*command, stderr=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.kill()


def _listens(node: Node, protocol: str, port: int) -> bool:
    return f":{port} " in node.run("ss", "-lnH", f"--{protocol}").stdout
