"""What kind of device answers, who made it, and why we think so.

One clue is never the whole evidence: sysObjectID is often that of the SNMP agent's maker (net-snmp), a server has print
queues, a router bridges. Each clue has a weight; the heaviest decides, the sum of the others where two are as heavy.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from haidang_agent.i18n import N_, _
from haidang_agent.snmp.device_facts import ENTERPRISES, HR_DISK, HR_PRINTER, HR_PROCESSOR, gather
from haidang_agent.snmp.device_models import model
from haidang_agent.snmp.device_products import PRODUCTS
from haidang_agent.snmp.device_vendors import BRANCHES, RELABELLED, USUAL, VENDORS
from haidang_agent.snmp.device_words import BRANDS, GENERIC, SYSTEMS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from haidang_agent.snmp.device_facts import Facts
    from haidang_agent.snmp.device_words import Word
    from haidang_agent.snmp.session import Session

DECISIVE, PRODUCT, BRANCH, RADIO, WORD, VENDOR, SHAPE, SYSTEM, HINT = 9, 8, 7, 6, 5, 4, 3, 2, 1
"""Weights: a MIB that only such devices have; the product's name; its family's OID; a word of any language; …"""

ANSWERS, SPEAKS, SAYS = N_("answers {said}"), N_("speaks {said}"), N_("says {said}")

WIRELESS, GPON = 71, 250
ETHERNET = frozenset({6, 26, 62, 69, 117})
FEWEST_SWITCH_PORTS = 5
LAYER_2, LAYER_3 = 2, 4


class System(Protocol):
    """The system group, as `reading` has it."""

    @property
    def object_id(self) -> str | None: ...
    @property
    def descr(self) -> str | None: ...


class Clue(NamedTuple):
    """`message` is a msgid with a place for what was `said`."""

    kind: str
    role: str
    weight: int
    message: str
    said: object = ""


@dataclass(frozen=True, slots=True)
class Device:
    """The verdict; None is what cannot be known.

    `class_` is router (firewalls too), switch, ap (access points, radio bridges and their controllers), ont (PON: ONT,
    ONU, MDU and OLT), printer, camera (recorders too), computer, server (NAS too), ups, display (projectors), phone,
    other, or unknown where the evidence is too thin. `role` says it closer: firewall, olt, nvr, nas, projector, …
    """

    class_: str
    vendor: str | None
    model: str | None
    role: str | None
    clues: tuple[Clue, ...]

    @property
    def reasons(self) -> list[str]:
        """In English, the weightiest first."""
        return list(dict.fromkeys(clue.message.format(said=clue.said) for clue in self.clues))

    def because(self) -> list[str]:
        """The reasons in the reader's language."""
        return list(dict.fromkeys(_(clue.message).format(said=clue.said) for clue in self.clues))

    def as_json(self) -> dict[str, Any]:
        """`class` is no name in Python."""
        return {"class": self.class_} | {name: getattr(self, name) for name in ("vendor", "model", "role", "reasons")}


NOTHING = Clue("unknown", "", 0, N_("nothing that it says tells what it is"))


def classify(session: Session, system: System) -> Device:
    """Raises SnmpError."""
    facts = gather(session, system.object_id, system.descr)
    vendor = _vendor(facts)
    clues = sorted(_clues(facts, vendor), key=lambda clue: -clue.weight)
    totals: dict[str, tuple[int, int]] = {}
    for clue in clues:
        heaviest, total = totals.get(clue.kind, (clue.weight, 0))
        totals[clue.kind] = heaviest, total + clue.weight
    kind, (heaviest, _total) = max(totals.items(), key=lambda item: item[1], default=("unknown", (0, 0)))
    products = [word.pattern for word in PRODUCTS.get(vendor or "", ()) if word.kind == kind]
    name = model(session, facts, vendor, products)
    if heaviest <= HINT:
        return Device(NOTHING.kind, vendor, name, None, (NOTHING,))
    of_kind = tuple(clue for clue in clues if clue.kind == kind)
    return Device(kind, vendor, name, next((clue.role for clue in of_kind if clue.role), None), of_kind)


def _vendor(facts: Facts) -> str | None:
    """By the enterprise number, unless it is that of an agent's maker or of a supplier to other brands."""
    numbered = VENDORS.get(facts.enterprise or 0)
    if numbered and facts.enterprise not in RELABELLED:
        return numbered
    by_mib = next((scalar.vendor for scalar in facts.scalars if scalar.vendor), None)
    return by_mib or _named(facts) or numbered


def _named(facts: Facts) -> str | None:
    """A vendor whose name, or whose product's name, begins one of the device's own texts."""
    own = [facts.descr, *facts.chassis, *([facts.radio_product] if facts.radio_product else [])]
    for words in own:
        for name in dict.fromkeys(VENDORS.values()):
            if re.match(rf"(?:\W*){re.escape(name)}(?!\w)", words, re.IGNORECASE):
                return name
    return next((vendor for words in own for begin, vendor in BRANDS if begin.match(words)), None)


def _clues(facts: Facts, vendor: str | None) -> Iterator[Clue]:
    for scalar, name in facts.scalars.items():
        if scalar.kind:
            yield Clue(scalar.kind, scalar.role, DECISIVE, ANSWERS, f"{scalar.mib} {name!r}")
    if facts.printer_mib:
        yield Clue("printer", "", DECISIVE, SPEAKS, "Printer-MIB")
    if facts.ups_mib:
        yield Clue("ups", "", DECISIVE, SPEAKS, "UPS-MIB")
    if facts.radio_product:
        yield Clue("ap", "radio", RADIO, ANSWERS, f"IEEE802dot11-MIB {facts.radio_product!r}")
    yield from _by_name(facts, vendor)
    yield from _by_number(facts)
    yield from _by_shape(facts)
    yield from _by_host(facts)


def _by_name(facts: Facts, vendor: str | None) -> Iterator[Clue]:
    names = [name for scalar, name in facts.scalars.items() if scalar.is_model]
    own = [facts.descr, *names, *facts.chassis, *(name for name in (facts.radio_product, facts.hr_descr) if name)]
    for weight, words in ((PRODUCT, PRODUCTS.get(vendor or "", ())), (WORD, GENERIC)):
        if found := _first(words, own):
            word, said = found
            yield Clue(word.kind, word.role, weight, SAYS, repr(said))


def _first(words: Iterable[Word], own: list[str]) -> tuple[Word, str] | None:
    """The first text that has a word, and what it says there."""
    for text in own:
        for word in words:
            if found := word.pattern.search(text):
                return word, found.group()
    return None


def _by_number(facts: Facts) -> Iterator[Clue]:
    below = facts.object_id.removeprefix(ENTERPRISES)
    branches = sorted(BRANCHES, key=len, reverse=True)
    if branch := next((branch for branch in branches if f"{below}.".startswith(f"{branch}.")), None):
        yield Clue(*BRANCHES[branch], BRANCH, N_("sysObjectID {said} is of such a family"), facts.object_id)
    if usual := USUAL.get(facts.enterprise or 0):
        yield Clue(*usual, VENDOR, N_("enterprise {said} in sysObjectID makes little else"), facts.enterprise)


def _by_shape(facts: Facts) -> Iterator[Clue]:
    """What its interfaces and layers look like."""
    pon, radios = facts.interface_types[GPON], facts.interface_types[WIRELESS]
    wired = sum(facts.interface_types[kind] for kind in ETHERNET)
    if pon > 1:
        yield Clue("ont", "olt", RADIO, N_("has {said} GPON ports"), pon)
    if facts.bridge_ports >= FEWEST_SWITCH_PORTS <= wired:
        yield Clue("switch", "", SHAPE, N_("bridges {said} ports"), facts.bridge_ports)
    if radios and wired < FEWEST_SWITCH_PORTS:
        yield Clue("ap", "", SYSTEM, N_("has {said} IEEE 802.11 interfaces"), radios)
    layers = facts.services or 0
    if layers & LAYER_2 and not layers & LAYER_3:
        yield Clue("switch", "", HINT, N_("sysServices {said} has layer 2 and not layer 3"), layers)
    if facts.forwarding and wired > 1:
        yield Clue("router", "", HINT, N_("forwards IP (ipForwarding)"))


def _by_host(facts: Facts) -> Iterator[Clue]:
    """What HOST-RESOURCES-MIB and the name of the operating system say."""
    processors, disks = facts.hr_types[HR_PROCESSOR], facts.hr_types[HR_DISK]
    if facts.hr_types[HR_PRINTER] and not processors:
        yield Clue("printer", "", WORD, N_("hrDeviceType is printer: {said}"), repr(facts.hr_descr))
    if found := _first(SYSTEMS, [facts.descr]):
        word, said = found
        yield Clue(word.kind, word.role, SYSTEM, SAYS, repr(said))
    if processors and disks:
        yield Clue("server", "", HINT, N_("lists processors and disks (HOST-RESOURCES-MIB)"))
