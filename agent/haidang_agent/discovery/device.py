"""A device as it is shown: whose, of what class, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from haidang_agent.discovery import oui
from haidang_agent.discovery.evidence import Sign
from haidang_agent.discovery.verdict import classify

if TYPE_CHECKING:
    from collections.abc import Iterable

    from haidang_agent.discovery.evidence import Evidence
    from haidang_agent.discovery.merging import Found
    from haidang_agent.discovery.verdict import Verdict

MOST_NAMES = 4


@dataclass(frozen=True, slots=True)
class Device:
    """`randomised`: the MAC address is locally administered, so that this is no equipment to be counted.

    `seen_by` says how we know of it, `places` the switch ports that have seen it, `macs` what further cards it has.
    """

    mac: str
    ips: tuple[str, ...]
    vendor: str | None
    verdict: Verdict
    randomised: bool
    names: tuple[str, ...]
    seen_by: tuple[str, ...]
    places: tuple[str, ...]
    macs: tuple[str, ...]
    evidence: Evidence

    def as_json(self) -> dict[str, Any]:
        """`class` is no name in Python; what is not known is null or an empty list."""
        verdict = self.verdict
        return {
            "mac": self.mac,
            "ips": self.ips,
            "vendor": self.vendor,
            "class": verdict.class_,
            "confidence": verdict.confidence,
            "reasons": verdict.reasons,
            "randomised": self.randomised,
            "names": self.names,
            "seen_by": self.seen_by,
            "place": self.places[0] if self.places else None,
            "macs": self.macs,
        }


def describe(found: Iterable[Found]) -> tuple[Device, ...]:
    """In the order of their addresses; those without come last."""
    listed = sorted(found, key=lambda each: (not each.ips, each.ips[:1], each.mac))
    makers = oui.vendors(each.mac for each in listed)
    return tuple(_describe(each, makers.get(each.mac)) for each in listed)


def _describe(found: Found, vendor: str | None) -> Device:
    evidence = found.evidence
    evidence.add([Sign("vendor", vendor)] if vendor else [])
    return Device(
        mac=found.mac,
        ips=tuple(str(address) for address in (*sorted(found.ips), *sorted(found.ips_v6))),
        vendor=vendor,
        verdict=classify(evidence),
        randomised=oui.is_local(found.mac),
        names=evidence.of("name")[:MOST_NAMES],
        seen_by=tuple(found.seen_by),
        places=tuple(found.places),
        macs=tuple(sorted(found.macs)),
        evidence=evidence,
    )
