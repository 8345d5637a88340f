"""Fibre or copper? What the identification fields say, where they agree with one another.

A wrong "fibre" would be counted as a school's proof of fibre, so a contradiction is "unknown" and named, as is whatever
a wrong checksum covers. It is not rare: many copper SFPs above 1 Gbit/s say LC and 850 nm, to be taken by switches that
know no better (drivers/net/phy/sfp.c of Linux keeps a list of such modules by name).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from haidang_agent.sff import codes

if TYPE_CHECKING:
    from haidang_agent.sff.module import Medium

COPPER_PART = re.compile(r"(?i)(?:GE|FE|\d+G[A-Z]?|1000|^GLC)-?TE?(?![A-Z0-9])|BASE-?TX?\b|RJ-?45")
"""Part numbers that name twisted pair: SFP-2.5G-T, SFP-10GM-T, SFP-GE-T, GLC-T, 1000BASE-T."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What the identification fields claim, whatever their layout. `part` may contradict."""

    connector: int
    says_copper: bool
    says_optical: bool
    wavelength_nm: float
    reach_metres: int
    part: str | None


def judge(claims: Claims) -> tuple[Medium, str | None]:
    """The medium, and what contradicts itself (then "unknown"). Silence is "unknown" without a contradiction."""
    optical_plug = claims.connector in codes.OPTICAL_CONNECTORS
    copper = claims.says_copper or claims.connector in codes.COPPER_CONNECTORS
    plug = codes.connector_name(claims.connector)
    if copper:
        if optical_plug:
            return "unknown", f"says copper, with connector {plug}"
        return "copper", None
    if not optical_plug and not claims.says_optical:
        return "unknown", None
    if claims.part and COPPER_PART.search(claims.part):
        return "unknown", f"says fibre, with the part number of a copper module ({claims.part})"
    if not claims.says_optical and not claims.wavelength_nm and not claims.reach_metres:
        return "unknown", f"says connector {plug}, but neither wavelength nor reach"
    return "fibre", None
