"""Which interfaces of a router look like its WANs: a proposal for `wan_interfaces`, for a person to judge.

By what the interface is (PPP), by where the default route leaves, and by the words in its names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from haidang_agent.i18n import N_

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from haidang_agent.snmp.interfaces import Interface
    from haidang_agent.snmp.routes import DefaultRoute

WORDS = ("wan", "wwan", "lte", "internet", "pppoe", "isp")
ISPS = {
    "vnpt": "VNPT", "viettel": "Viettel", "fpt": "FPT", "cmc": "CMC", "mobifone": "MobiFone", "sctv": "SCTV",
    "netnam": "NetNam", "vtv": "VTVcab",
}  # fmt: skip
_WORD = re.compile(rf"(?<![a-z])({'|'.join((*WORDS, *ISPS))})(?![a-z])")
DEFAULT_ROUTE = N_("the default route leaves by it")
PPP = N_("it is a PPP link")
NAMED = N_("its name has the word")


@dataclass(frozen=True, slots=True)
class Proposal:
    """`isp` is None where no name tells it; `reasons` are msgids, or a msgid, a colon and a word."""

    interface: str
    wan: str
    isp: str | None
    reasons: list[str]


def propose_wans(interfaces: Sequence[Interface], routes: Iterable[DefaultRoute]) -> list[Proposal]:
    """In the device's order; those that an administrator switched off are left out."""
    leaving = {route.index for route in routes}
    found: list[Proposal] = []
    for interface in interfaces:
        reasons = [DEFAULT_ROUTE] if interface.index in leaving else []
        reasons += [PPP] if interface.type == "ppp" else []
        words = _words(interface)
        reasons += [f"{NAMED}: {word}" for word in words]
        if reasons and interface.admin != "down":
            isp = next((ISPS[word] for word in words if word in ISPS), None)
            found.append(Proposal(interface.label, f"wan{len(found) + 1}", isp, reasons))
    return found


def _words(interface: Interface) -> list[str]:
    names = " ".join(name for name in (interface.name, interface.alias, interface.descr) if name)
    return list(dict.fromkeys(_WORD.findall(names.lower())))
