"""The doctor's checks of this machine's own network: the way out of it, and a proxy that the agent does not take."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import getproxies

from haidang_agent.finding import Finding
from haidang_agent.i18n import _
from haidang_agent.platform import gateway

if TYPE_CHECKING:
    from collections.abc import Iterator

PROC = Path("/proc")
FAR_AWAY = ((socket.AF_INET, "198.41.0.4"), (socket.AF_INET6, "2001:503:ba3e::2:30"))
"""a.root-servers.net: somewhere beyond the default route. No packet is sent there."""
DISCARD = 9
WEB_PROXIES = ("https", "http", "all")


def network() -> Iterator[Finding]:
    """The proxy is only spoken of where one is set."""
    yield _route()
    proxies = getproxies()
    if proxy := next((proxies[kind] for kind in WEB_PROXIES if proxies.get(kind)), ""):
        address = proxy.rpartition("@")[2]
        yield Finding("proxy", "warn", _("looking for a proxy in this system's settings"), address, "proxy_set")


def _route() -> Finding:
    check, tried = "default route", _("looking for the way out of this network, and for its router")
    if not any(_is_routed(family, address) for family, address in FAR_AWAY):
        return Finding(check, "warn", tried, _("there is none"), "no_route")
    try:
        router = gateway.default_gateway(PROC)
        answers = None if router is None else gateway.answers(router, PROC)
    except OSError as untold:
        return Finding(check, "ok", tried, _("there is one; the router is not known ({why})").format(why=untold))
    if router is None:
        return Finding(check, "ok", tried, _("there is one"))
    if answers is False:
        found = _("the router {router} does not answer").format(router=router.address)
        return Finding(check, "warn", tried, found, "router_silent")
    if answers is None:
        found = _("by the router {router}; whether it answers can't be told").format(router=router.address)
    else:
        found = _("by the router {router}, which answers").format(router=router.address)
    return Finding(check, "ok", tried, found)


def _is_routed(family: socket.AddressFamily, address: str) -> bool:
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as out:
            out.connect((address, DISCARD))
    except OSError:
        return False
    return True
