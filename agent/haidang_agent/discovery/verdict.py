"""The class of a device from what it has shown, with the reasons and how sure they make us.

Of one source the strongest clue for a class counts, since its signs come from one text; sources are taken as
independent. The classes' odds are then weighed against each other and against none of them: two that contradict leave
`unknown`.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from haidang_agent.discovery.evidence import Evidence, Sign

CLUES = Path(__file__).parent / "data" / "clues.toml"
CLASSES = ("computer", "printer", "camera", "phone", "ap", "network", "display", "other", "unknown")
BAR = 0.7
"""Below it the verdict is `unknown`."""
CERTAIN = 0.999
SAID = {
    "vendor": "vendor {}",
    "mdns": "mDNS service {}",
    "model": "model {}",
    "name": "name {}",
    "upnp": "UPnP type {}",
    "server": "SSDP program {}",
    "wsd": "WS-Discovery type {}",
    "netbios": "NetBIOS name {}",
    "port": "TCP port {} open",
    "dhcp_class": "DHCP class {}",
    "dhcp_options": "DHCP options {}",
    "role": "{}",
    "snmp": "SNMP says {}",
    "own": "{}",
}
"""How a sign of each source is told as a reason."""
ONE_TEXT = {"server": "upnp", "dhcp_class": "dhcp", "dhcp_options": "dhcp"}
"""Sources that come from one and the same program."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`confidence` is that of the likeliest class, also where it stays below the bar; 0 without any clue."""

    class_: str
    confidence: float
    reasons: tuple[str, ...]


class Clue(NamedTuple):
    """`pattern` None: the sign's whole text is in `texts`."""

    source: str
    class_: str
    weight: float
    texts: frozenset[str]
    pattern: re.Pattern[str] | None


class _Hit(NamedTuple):
    class_: str
    weight: float
    sign: Sign


def classify(evidence: Evidence) -> Verdict:
    """Reasons are the signs for the likeliest class, the strongest first; then those against, if it is not settled."""
    hits = _hits(evidence)
    likely = _odds(hits)
    if not likely:
        return Verdict("unknown", 0.0, ("nothing that it shows tells what it is",) if any(evidence) else ())
    best = max(likely, key=lambda class_: likely[class_])
    confidence = likely[best] / (sum(likely.values()) + 1)
    settled = confidence >= BAR
    told = sorted(hits, key=lambda hit: -hit.weight)
    reasons = [_reason(hit) for hit in told if hit.class_ == best]
    if not settled:
        reasons = [f"{_reason(hit)} (as of {hit.class_})" for hit in told]
    return Verdict(best if settled else "unknown", round(confidence, 2), tuple(dict.fromkeys(reasons)))


def _odds(hits: list[_Hit]) -> dict[str, float]:
    doubts: dict[str, dict[str, float]] = defaultdict(dict)
    for class_, weight, sign in hits:
        group = ONE_TEXT.get(sign.source, sign.source)
        doubts[class_][group] = min(1 - weight, doubts[class_].get(group, 1.0))
    likely = {}
    for class_, by_source in doubts.items():
        chance = min(CERTAIN, 1 - math.prod(by_source.values()))
        likely[class_] = chance / (1 - chance)
    return likely


def _hits(evidence: Evidence) -> list[_Hit]:
    shared = set(evidence.of("shared"))
    return [
        _Hit(clue.class_, clue.weight, sign)
        for sign in evidence
        for clue in clues().get(sign.source, ())
        if (clue.pattern.search(sign.text) if clue.pattern else sign.text in clue.texts)
        and not (sign.source == "mdns" and sign.text in shared)
    ]


def _reason(hit: _Hit) -> str:
    return SAID[hit.sign.source].format(hit.sign.text)


@cache
def clues() -> dict[str, tuple[Clue, ...]]:
    """By source."""
    table: dict[str, list[Clue]] = defaultdict(list)
    for row in tomllib.loads(CLUES.read_text(encoding="utf-8"))["clue"]:
        pattern = re.compile(row["like"], re.IGNORECASE) if "like" in row else None
        clue = Clue(row["source"], row["class"], row["weight"], frozenset(row.get("is", ())), pattern)
        table[clue.source].append(clue)
    return {source: tuple(rows) for source, rows in table.items()}
