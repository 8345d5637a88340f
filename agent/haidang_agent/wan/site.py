"""Lines seen from behind a router that is not ours: by what it says over SNMP, and by which ISP the traffic leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from haidang_agent.probe import Evidence
    from haidang_agent.tables import Wan
    from haidang_agent.wan.outages import Cause


@dataclass(frozen=True, slots=True)
class SiteLine:
    """None is unknown."""

    up: bool | None
    active: bool | None
    carrier: bool | None
    cause: Cause = "isp"


def look(wans: Sequence[Wan], evidence: Evidence, *, cut_off: bool = False) -> dict[str, SiteLine]:
    """What is known of each line now. `cut_off`: this machine does not reach the router, so no line is to blame.

    A spare line is up for all that can be seen only where the router says it has a carrier; that proves no Internet, so
    its state stays unknown. The active one is as good as the Internet is.
    """
    internet: dict[str, Any] | None = None if cut_off else evidence.ask("internet")
    active = _active(wans, evidence)
    return {wan.name: _line(evidence.ask("snmp_wan", wan.name) or {}, internet, active.get(wan.name)) for wan in wans}


def _line(told: dict[str, Any], internet: dict[str, Any] | None, active: bool | None) -> SiteLine:
    carrier: bool | None = told.get("carrier")
    if told.get("admin") is False:
        return SiteLine(up=False, active=active, carrier=None, cause="router")
    if carrier is False:
        return SiteLine(up=False, active=active, carrier=False, cause="carrier")
    if not active or internet is None:
        return SiteLine(None, active, carrier)
    if not internet["up"] and told.get("dark"):
        return SiteLine(up=False, active=active, carrier=carrier, cause="carrier")
    return SiteLine(internet["up"] or (None if carrier is None else False), active, carrier)


def _active(wans: Sequence[Wan], evidence: Evidence) -> dict[str, bool]:
    """By the router's default route, else by the ISP of the first public hop; empty where neither tells."""
    told = {wan.name: evidence.ask("snmp_wan", wan.name) or {} for wan in wans}
    # A routing table that lags behind still names a line that has lost its carrier.
    routed = {name: facts.get("default_route") for name, facts in told.items() if facts.get("carrier") is not False}
    if any(routed.values()):
        return {wan.name: bool(routed.get(wan.name)) for wan in wans}
    if len(wans) == 1:
        return {wans[0].name: True}
    egress = evidence.ask("egress") or {}
    if egress.get("answers") and egress.get("isp") in {wan.isp for wan in wans}:
        return {wan.name: wan.isp == egress["isp"] for wan in wans}
    return {}


def cause_behind_the_router(lines: Mapping[str, SiteLine], evidence: Evidence, since: float) -> Cause:
    """Why the Internet is gone, since when (monotonic seconds), although the school's own router answers.

    That the ISP's router answered before proves nothing.
    """
    in_use = [line for line in lines.values() if line.active is not False]
    carriers = [
        False if line.cause == "carrier" else line.carrier for line in in_use
    ]  # also one that stays without light
    if carriers and all(carrier is False for carrier in carriers):
        return "carrier"
    beyond = evidence.ask("egress") or {}
    answers = beyond.get("answers") and beyond["at"] >= since
    return "isp" if answers or any(carriers) else "router"
