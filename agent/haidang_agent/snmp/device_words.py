"""Words that say what kind of device speaks, in sysDescr, ENTITY-MIB and model names."""

from __future__ import annotations

import re
from typing import NamedTuple


class Word(NamedTuple):
    """`pattern` in the device's own words says that it is of this class and role."""

    kind: str
    role: str
    pattern: re.Pattern[str]


def words(*rows: tuple[str, str, str]) -> tuple[Word, ...]:
    """Class, role and pattern; case does not matter."""
    return tuple(Word(kind, role, re.compile(pattern, re.IGNORECASE)) for kind, role, pattern in rows)


GENERIC = words(
    ("ont", "olt", r"\bOLT\b|[GE]PON.*\bOLT|\bxPON"),
    ("ont", "onu", r"\bON[TU]\b"),
    ("ont", "dslam", r"DSLAM|\bMSAN\b"),
    ("display", "projector", r"projector"),
    ("display", "", r"\bsignage\b|smart ?board|interactive (?:flat )?(?:panel|display)"),
    ("camera", "nvr", r"\bN(?:V|etwork Video )R(?:\b|ecorder|\d)|\b[DHX]VR\b|-NVR|-XVR"),
    ("camera", "", r"\bIP ?cam|network camera|\bcamera\b|\bIPC\b|webcam|\bDS-2"),
    ("printer", "", r"\bprinte?r?\b(?! server)|printing system|multifunction|\bMF[PC]\b|laserjet|imagerunner|bizhub"),
    ("printer", "", r"ecosys|taskalfa|workcentre|versalink|phaser|aficio|plotter"),
    ("ap", "wireless controller", r"wireless (?:lan )?controller|wlan controller"),
    ("ap", "", r"access[ -]?point|\bWAP\d|wireless ap\b"),
    ("ups", "", r"\bUPS\b|uninterruptible|netman|ups adapter|cs1[24]1"),
    ("other", "pdu", r"\bPDU\b|power distribution"),
    ("phone", "", r"\bip[ -]?phone|\bvoip phone|sip phone|yealink|\bsnom"),
    ("server", "nas", r"\bNAS\b|freenas|truenas|diskstation|openmediavault|unraid|netapp|data ontap|readynas"),
    ("server", "hypervisor", r"vmware esxi?|\besxi\b|xenserver|proxmox|hyper-v server"),
    ("router", "firewall", r"firewall|pfsense|opnsense|security gateway|security appliance|\bUTM\b|ipfire|smoothwall"),
    ("router", "firewall", r"sophos|sonicwall|untangle"),
    ("router", "", r"\brouters?\b|gateway|vyos|vyatta|openwrt|\blede\b|dd-wrt|routeros|edgeos|adsl|vdsl|broadband"),
    ("router", "", r"cable modem|\bCPE\b"),
    ("switch", "", r"switch(?:es|ing)?\b|\bswch\b|cumulus linux|fastpath"),
    ("computer", "workstation", r"windows (?:7|8|10|11|xp|vista)\b|mac ?os|darwin kernel"),
    ("server", "", r"windows (?:2000 |nt )?server|\bserver\b"),
)
"""Words of any vendor; the first that fits counts."""

SYSTEMS = words(
    ("server", "", r"^linux\b|\bfreebsd\b|openbsd|netbsd|\bsunos\b|solaris|\baix\b|hp-ux"),
    ("computer", "", r"software: windows"),
)
"""Operating systems: what a device is where nothing says otherwise."""

BRANDS = tuple(
    (re.compile(pattern, re.IGNORECASE), vendor)
    for pattern, vendor in (
        (r"(?:Linux )?U(?:AP|SW|DM|XG|CG|DR|SG)\b|EdgeOS|Edge(?:Switch|Router)|ES-\d|Linux ubnt|.*\bUniFi", "Ubiquiti"),
        (r"(?:Lite|Power|Nano|air)(?:Beam|Station|Grid|Fiber)|Rocket ", "Ubiquiti"),
        (r"HPE?\b|ProCurve|Hewlett", "HP"),
        (r"pfSense", "Netgate"),
        (r"OPNsense|FreeBSD \S*opnsense", "Deciso"),
        (r"FreeNAS|TrueNAS", "iXsystems"),
        (r"RouterOS", "MikroTik"),
        (r"Vigor", "DrayTek"),
        (r"Hardware: .* Software: Windows", "Microsoft"),
    )
)
"""Whose product a text begins with, where the number in sysObjectID does not tell."""
