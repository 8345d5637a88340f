"""The model's name: from the vendor's MIB, ENTITY-MIB, the radio's or the printer's name, else out of sysDescr."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from haidang_agent.snmp.device_facts import ENTITY_DESCR
from haidang_agent.snmp.values import text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from haidang_agent.snmp.device_facts import Facts
    from haidang_agent.snmp.session import Session, Value

DESCRIBED = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"Router Model: ([\w+-]+)",
        r"^RouterOS (.+)$",
        r"MODEL: ([\w-]+)\)",
        r"^Huawei (\S+) Huawei Versatile",
        r"\bAXIS ([^;]+);",
        r"BDCOM\(tm\) (\S+) Software",
        r"^(SNR-\S+) Device",
        r"^(C\d{3}\w*) Version",
        r"(ZXR10 \d[\w+-]+)",
        r"^DrayTek Corporation, (Vigor[\w +-]+),",
        r"^(PowerConnect \S+?),",
        r"^Linux (T[SVE]S?-\w+) ",
        r"^Juniper Networks, Inc\. (\S+)",
        r"^Juniper (\S+)",
        r"^SonicWALL (.+?) \(",
        r"^KONICA MINOLTA (.+)$",
        r"^RICOH (.+?) \d+(?:\.\d+)* /",
        r"^Canon (.+?)(?: /P)?$",
        r"^Xerox (.+?);",
        r"^Lexmark (\S+)",
        r"^HP (J\w+ .+?),",
        r"^(?:HPE ANW|Aruba|HP|ProCurve) (J[LEG]?\d+A? .+?),? (?:revision|Swch|ROM)",
        r"^(?:D-Link )?(D\w{1,3}-[\w-]+)",
        r"^(AT-\S+|x\d{3}\S*) ",
        r"^(\S+) (?:ProSafe|ProSAFE)",
        r"(?:HPE?|H3C) ((?!Comware)[A-Z]{0,3}\d\S*(?: \S+){0,7}?) (?:Software|Copyright|$)",
        r"\bMDL:([^;]+);",
        r"^(NetMan \S+)",
    )
)
"""In sysDescr, as these vendors write it."""

FAMILY = re.compile(r"Cisco .*?Software[^,]*, (\w+) Software \(")
"""In sysDescr of Cisco IOS, where ENTITY-MIB is silent."""

PART = re.compile(r"[\w+./-]+")

VERSION = re.compile(r"v?\d+\.", re.IGNORECASE)
MOST_WORDS = 3

PLAIN = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[\w+./-]{3,40}")
"""A sysDescr that is one word with letters and digits: `GS1900-48`."""

NOT_A_MODEL = re.compile(
    r"(?:stack|chassis|switch|frame|rack|shelf|slot|n/?a|none|unknown|default string|to be filled.*)[-_. ]*\d*"
    r"|(?:0x)?[\d ]{0,2}|(?:00 ?)+|rtl\d.*|timos.*|zxa10|cat\dk.*|ap\dg\d.*",
    re.IGNORECASE,
)
"""Places, blanks, chips and software."""
IDENTIFIER = re.compile(r"\s*(?: series)?\s*\[[0-9a-fA-F]{12}\]| series$")
"""Some printers write their MAC address behind the model; it is none of it."""
PREFIXES = {"FGT_": "FortiGate ", "FGR_": "FortiGate Rugged ", "FWF_": "FortiWiFi "}
LONGEST = 80


def model(session: Session, facts: Facts, vendor: str | None, patterns: Sequence[re.Pattern[str]]) -> str | None:
    """None where the device does not say it; `patterns` are the names of the vendor's products of its kind.

    Raises SnmpError.
    """
    told = [name for scalar, name in facts.scalars.items() if scalar.is_model and scalar.vendor in {"", vendor}]
    printer = facts.hr_descr if facts.printer_mib else None
    described = [_described(facts.descr), facts.chassis_model, facts.radio_product, printer]
    worded = [_family(facts.descr), _product(facts.descr, patterns), _introduced(facts.descr, vendor)]
    found = (_clean(name, vendor) for name in (*told, *described, *worded, *facts.chassis[-1:]) if name)
    return next((name for name in found if name and not NOT_A_MODEL.fullmatch(name)), None) or next(
        (name for value in _parts(session, patterns) if (name := _product(text(value) or "", patterns))), None
    )


def _parts(session: Session, patterns: Sequence[re.Pattern[str]]) -> Iterable[Value]:
    """What ENTITY-MIB says of the parts: a fan box may be one `for MA5603T`."""
    return session.walk(ENTITY_DESCR).values() if patterns else ()


def _product(words: str, patterns: Sequence[re.Pattern[str]]) -> str | None:
    """The first word that begins as a product's name does."""
    tokens = [token for token in PART.findall(words) if PLAIN.fullmatch(token)]
    return next((token for token in tokens if any(pattern.match(token) for pattern in patterns)), None)


def _introduced(descr: str, vendor: str | None) -> str | None:
    """What follows the vendor's name where sysDescr is hardly more than both: `SHARP MX-2640N`."""
    first, _, rest = descr.partition(" ")
    tokens = rest.split()
    if vendor is None or first.lower() != vendor.lower() or not 0 < len(tokens) <= MOST_WORDS:
        return None
    return rest if any(PLAIN.fullmatch(token) and not VERSION.match(token) for token in tokens) else None


def _described(descr: str) -> str | None:
    if PLAIN.fullmatch(descr):
        return descr
    found = next((found for pattern in DESCRIBED if (found := pattern.search(descr))), None)
    return found.group(found.lastindex or 0) if found else None


def _family(descr: str) -> str | None:
    return found.group(1) if (found := FAMILY.search(descr)) else None


def _clean(name: str, vendor: str | None) -> str:
    """Without the vendor's own name in front."""
    first, _, rest = name.partition(" ")
    short = IDENTIFIER.sub("", rest if rest and vendor and first.lower() == vendor.lower() else name)
    prefix = next((prefix for prefix in PREFIXES if short.startswith(prefix)), None)
    return (PREFIXES[prefix] + short.removeprefix(prefix) if prefix else short).strip(" ,;")[:LONGEST]
