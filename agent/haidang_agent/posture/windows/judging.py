"""What the script's facts mean; all of it is numbers, SIDs and GUIDs, so the display language does not matter."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from haidang_agent.i18n import _
from haidang_agent.posture.check import (
    LEAVES_THE_ROOM,
    Outcome,
    few_administrators,
    overdue_updates,
    waiting_updates,
)
from haidang_agent.posture.open_ports import risky
from haidang_agent.posture.support import supported
from haidang_agent.powershell.answer import Answer, number
from haidang_agent.unread import UnreadError

if TYPE_CHECKING:
    from collections.abc import Callable

    from haidang_agent.posture.limits import Limits

LONG_TERM, LONG_TERM_IOT = frozenset({125, 126, 129, 130}), 191
ENTERPRISE = frozenset({4, 27, 70, 72, 84, 121, 122, 188})
"""OperatingSystemSKU of Win32_OperatingSystem (GetProductInfo): Enterprise, Education and IoT Enterprise, and LTSC."""
PROFILES = ("1", "2", "4")
"""NET_FW_PROFILE_TYPE2: domain, private, public."""
ON, OUT_OF_DATE = 0x1, 0x10
"""Of SecurityCenter2's productState: bits 12 to 15 and 4 to 7."""
MOST_SIGNATURE_DAYS = 7
FIRST_WITH_REMOVABLE_SMB1 = 9200
FEATURE_ON = 1
"""InstallState of Win32_OptionalFeature."""
NETBIOS_OFF = 2
ALL_DRIVES = 255
LONGEST_LOCK_SECONDS = 900
GUEST = "-501"
NOT_SYNCHRONISED = re.compile(r":\s*3\s*\(")
"""The leap indicator, the first line of `w32tm /query /status`: RFC 5905, 7.3."""


@dataclass(frozen=True, slots=True)
class Question:
    """`now` is in Unix seconds."""

    answer: Answer
    now: float
    limits: Limits


def system(asked: Question) -> Outcome:
    told = asked.answer.table("system")
    build, sku = number(told, "build"), number(told, "sku")
    family = "windows"
    if told.get("server") is True:
        family = "windows-server"
    elif sku in LONG_TERM:
        family = "windows-ltsc"
    elif sku == LONG_TERM_IOT:
        family = "windows-iot-ltsc"
    elif sku in ENTERPRISE:
        family = "windows-enterprise"
    name = f"{str(told.get('caption') or family).strip()[:100]} ({build})"
    return supported(family, str(build), name, asked.now)


def security_updates(asked: Question) -> Outcome:
    """Windows Update's own list, of when it last searched."""
    searched = number(asked.answer.table("searched"), "at", 0)
    return waiting_updates(len(asked.answer.numbers("updates")), searched, asked.now)


def overdue(asked: Question) -> Outcome:
    """`updates` are the times at which Microsoft published those that wait."""
    published = asked.answer.numbers("updates")
    if not published:
        return security_updates(asked)
    return overdue_updates(len(published), asked.now - min(published), asked.limits.update_days)


def reboot(asked: Question) -> Outcome:
    waits = asked.answer.texts("reboot")
    return Outcome(not waits, _("an update waits for it") if waits else _("none waits"))


def firewall(asked: Question) -> Outcome:
    told = asked.answer.table("firewall")
    if not all(isinstance(told.get(profile), bool) for profile in PROFILES):
        raise UnreadError(_("Windows did not tell {section}").format(section="firewall"))
    names = {"1": _("domain"), "2": _("private"), "4": _("public")}
    off = [names[profile] for profile in PROFILES if not told[profile]]
    return Outcome(not off, _("off for: {profiles}").format(profiles=", ".join(off)) if off else _("on"))


def antivirus(asked: Question) -> Outcome:
    """One that is on and up to date suffices: Windows turns Defender off where another is installed."""
    rows = asked.answer.rows("antivirus")
    if not rows:
        return Outcome(passed=False, found=_("none"))
    states = [_protects(row) for row in rows]
    if any(on and fresh for on, fresh in states):
        return Outcome(passed=True, found=_("on and up to date"))
    return Outcome(passed=False, found=_("out of date") if any(on for on, _fresh in states) else _("off"))


def _protects(row: dict[str, Any]) -> tuple[bool, bool]:
    """On, and up to date: by the Security Center on PCs, by Defender itself on servers."""
    if row.get("state") is not None:
        state = number(row, "state")
        return (state >> 12) & 0xF == ON, not state & OUT_OF_DATE
    return row.get("on") is True, number(row, "age_days") <= MOST_SIGNATURE_DAYS


def encryption(asked: Question) -> Outcome:
    if not LEAVES_THE_ROOM.intersection(asked.answer.numbers("chassis")):
        return Outcome(passed=True, found=_("stays in its room"))
    protected = number(asked.answer.table("encryption"), "protection") == 1
    return Outcome(protected, _("encrypted") if protected else _("not encrypted"))


def screen_lock(asked: Question) -> Outcome:
    """The limit for the whole machine, else each logged-in user's own screen saver."""
    told = asked.answer.table("screen")
    if 0 < number(told, "inactivity", 0) <= LONGEST_LOCK_SECONDS:
        return Outcome(passed=True, found=_("on"))
    users = asked.answer.rows("screen_users")
    if not users:
        raise UnreadError(_("each user sets it, and nobody is logged in"))
    locks = [
        (user.get("active"), user.get("secure")) == ("1", "1") and 0 < _seconds(user) <= LONGEST_LOCK_SECONDS
        for user in users
    ]
    return Outcome(all(locks), _("on") if all(locks) else _("off"))


def _seconds(user: dict[str, Any]) -> int:
    text = str(user.get("timeout") or "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < len("1000000") else 0


def guest_account(asked: Question) -> Outcome:
    guests = [row for row in asked.answer.rows("accounts") if str(row.get("sid")).endswith(GUEST)]
    open_ = any(row.get("disabled") is False for row in guests)
    return Outcome(not open_, _("guests can log in") if open_ else _("none"))


def passwords(asked: Question) -> Outcome:
    """Accounts that are on and may have no password; Windows does not tell which have none."""
    rows = asked.answer.rows("accounts")
    count = sum(row.get("disabled") is False and row.get("password_required") is False for row in rows)
    if count:
        return Outcome(passed=False, found=_("{count} accounts may be without a password").format(count=count))
    return Outcome(passed=True, found=_("none"))


def administrators(asked: Question) -> Outcome:
    disabled = {row.get("sid") for row in asked.answer.rows("accounts") if row.get("disabled") is True}
    members = set(asked.answer.texts("administrators")) - disabled
    return few_administrators(len(members), asked.limits.administrators)


def remote_desktop(asked: Question) -> Outcome:
    told = asked.answer.table("remote_desktop")
    if number(told, "denied", 1) == 1:
        return Outcome(passed=True, found=_("off"))
    nla = number(told, "nla", 0) == 1
    return Outcome(nla, _("on, with NLA") if nla else _("on, without NLA"))


def smb1(asked: Question) -> Outcome:
    """Windows 7 serves it unless the registry says 0; from 8 on it is a feature, that may also be off there."""
    told = asked.answer.table("smb1")
    off = told.get("registry") == 0
    if not off and number(asked.answer.table("system"), "build") >= FIRST_WITH_REMOVABLE_SMB1:
        off = number(told, "feature") != FEATURE_ON
    return Outcome(off, _("off") if off else _("on"))


def name_services(asked: Question) -> Outcome:
    told, adapters = asked.answer.table("names"), asked.answer.numbers("netbios")
    found = [] if told.get("llmnr") == 0 else ["LLMNR"]
    found += ["NetBIOS"] if any(option != NETBIOS_OFF for option in adapters) else []
    return Outcome(not found, ", ".join(found) or _("none"))


def autorun(asked: Question) -> Outcome:
    off = number(asked.answer.table("autorun"), "drives", 0) == ALL_DRIVES
    return Outcome(off, _("off") if off else _("on"))


def open_services(asked: Question) -> Outcome:
    return risky(asked.answer.numbers("listening"))


def clock(asked: Question) -> Outcome:
    told = asked.answer.table("clock")
    lines = asked.answer.texts("clock_status")
    if told.get("running") is not True:
        return Outcome(passed=False, found=_("the time service does not run"))
    if not lines:
        raise UnreadError(_("Windows did not tell {section}").format(section="clock"))
    synchronised = not NOT_SYNCHRONISED.search(lines[0])
    return Outcome(synchronised, _("synchronised") if synchronised else _("not synchronised"))


def own_files(asked: Question) -> Outcome:
    """`own_files` are those that Everyone, Users or Authenticated Users may read."""
    told = asked.answer.table("own")
    if number(told, "count") == 0:
        raise UnreadError(_("none of the agent's files is there"))
    exposed = asked.answer.texts("own_files")
    text = _("open to everybody: {files}").format(files=", ".join(exposed)) if exposed else _("closed")
    return Outcome(not exposed, text)


READERS: dict[str, Callable[[Question], Outcome]] = {
    "system_supported": system,
    "security_updates": security_updates,
    "security_updates_overdue": overdue,
    "reboot": reboot,
    "firewall": firewall,
    "antivirus": antivirus,
    "disk_encryption": encryption,
    "screen_lock": screen_lock,
    "guest_account": guest_account,
    "passwords": passwords,
    "administrators": administrators,
    "remote_desktop": remote_desktop,
    "smb1": smb1,
    "name_services": name_services,
    "autorun": autorun,
    "open_services": open_services,
    "clock": clock,
    "own_files": own_files,
}
"""By the check's id; each raises UnreadError."""
