"""The system itself: its support, a reboot that waits, the clock, disk encryption, the screen's lock, our own files."""

from __future__ import annotations

import ctypes
import re
from typing import TYPE_CHECKING

from haidang_agent.i18n import _
from haidang_agent.posture.check import LEAVES_THE_ROOM, Outcome
from haidang_agent.posture.linux.machine import read
from haidang_agent.posture.support import supported
from haidang_agent.unread import UnreadError

if TYPE_CHECKING:
    from pathlib import Path

    from haidang_agent.posture.linux.machine import Machine

RED_HAT_LIKE = frozenset({"rhel", "centos", "almalinux", "rocky"})
STA_UNSYNC, TIME_ERROR = 0x40, 5
"""adjtimex(2)."""
MOST_LAYERS = 16
LOCK = re.compile(r"^\s*lock-enabled\s*=\s*(true|false)", re.MULTILINE)
EVERYBODY_READS, EVERYBODY_WRITES, EVERYBODY_ENTERS = 0o004, 0o002, 0o001


def supported_system(machine: Machine) -> Outcome:
    """os-release(5)."""
    text = machine.text("/etc/os-release") or machine.text("/usr/lib/os-release")
    if text is None:
        raise UnreadError(_("there is no {file}").format(file="/etc/os-release"))
    told = {
        key: value.strip().strip("\"'") for key, _equals, value in (row.partition("=") for row in text.splitlines())
    }
    family, version = told.get("ID", ""), told.get("VERSION_ID", "")
    if family in RED_HAT_LIKE:
        version = version.partition(".")[0]
    if family == "centos" and "stream" in told.get("NAME", "").lower():
        family = "centos-stream"
    return supported(family, version, told.get("PRETTY_NAME") or f"{family} {version}", machine.now)


def reboot(machine: Machine) -> Outcome:
    """A package asked for it, or a newer kernel of the running one's flavour is installed."""
    if machine.path("/run/reboot-required").exists():
        return Outcome(passed=False, found=_("an update waits for it"))
    running = (read(machine.proc / "sys/kernel/osrelease") or "").strip()
    kernels = [file.name.removeprefix("vmlinuz-") for file in machine.path("/boot").glob("vmlinuz-*")]
    if running in kernels:
        newest = max((name for name in kernels if _flavour(name) == _flavour(running)), key=_numbers)
        if newest != running:
            found = _("kernel {newest} is installed, {running} runs").format(newest=newest, running=running)
            return Outcome(passed=False, found=found)
    return Outcome(passed=True, found=_("none waits"))


def _flavour(release: str) -> str:
    return release.rpartition("-")[2] if "-" in release else ""


def _numbers(release: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", release)))


def clock(machine: Machine) -> Outcome:
    """By the kernel, which every time service tells; chrony only with `rtcsync`, as distributions set it."""
    if not machine.is_this_one:
        raise UnreadError(_("a captured tree has no clock"))
    if _kernel_is_synchronised():
        return Outcome(passed=True, found=_("synchronised"))
    if machine.runs("chronyd"):
        raise UnreadError(_("chronyd runs, but does not tell the kernel: set rtcsync in chrony.conf"))
    return Outcome(passed=False, found=_("not synchronised"))


class _Timex(ctypes.Structure):
    """The beginning of struct timex, and room for the rest."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("frequency", ctypes.c_long),
        ("largest_error", ctypes.c_long),
        ("estimated_error", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def _kernel_is_synchronised() -> bool:
    told = _Timex()
    state: int = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(told))
    if state < 0:
        raise UnreadError(_("{command} failed: {why}").format(command="adjtimex", why=ctypes.get_errno()))
    return state != TIME_ERROR and not told.status & STA_UNSYNC


def encryption(machine: Machine) -> Outcome:
    """Only of a machine that leaves the room, by its chassis (SMBIOS)."""
    chassis = (read(machine.sys / "class/dmi/id/chassis_type") or "").strip()
    if not chassis.isdigit():
        raise UnreadError(_("the firmware does not tell what kind of machine this is"))
    if int(chassis) not in LEAVES_THE_ROOM:
        return Outcome(passed=True, found=_("stays in its room"))
    encrypted = _is_encrypted(_root_device(machine), MOST_LAYERS)
    return Outcome(encrypted, _("encrypted") if encrypted else _("not encrypted"))


def _root_device(machine: Machine) -> Path:
    """The block device of /, by proc_pid_mountinfo(5)."""
    rows = [line.split() for line in (read(machine.proc / "self/mountinfo") or "").splitlines()]
    number = next((row[2] for row in reversed(rows) if row[4:5] == ["/"]), "")
    device = machine.sys / "dev/block" / number
    if not number or not device.exists():
        raise UnreadError(_("the file system of / is on no device of its own"))
    return device


def _is_encrypted(device: Path, layers: int) -> bool:
    """Or any device below it (LVM, RAID) is."""
    if (read(device / "dm/uuid") or "").startswith("CRYPT-"):
        return True
    return layers > 0 and any(_is_encrypted(below, layers - 1) for below in (device / "slaves").glob("*"))


def screen_lock(machine: Machine) -> Outcome:
    """What the administrator set for all users of GNOME; each user's own setting is private to that user."""
    if not any(any(machine.path(f"/usr/share/{kind}").glob("*.desktop")) for kind in ("xsessions", "wayland-sessions")):
        return Outcome(passed=True, found=_("no desktop"))
    files = [file for file in sorted(machine.path("/etc/dconf/db").glob("*.d/*"))[:64] if file.is_file()]
    set_to = [match for file in files for match in LOCK.findall(read(file) or "")]
    if not set_to:
        raise UnreadError(_("each user sets it; no system-wide setting in /etc/dconf/db"))
    return Outcome("false" not in set_to, _("on") if "false" not in set_to else _("off"))


def own_files(machine: Machine) -> Outcome:
    """Keys and communities are for root and the agent's user only."""
    modes = {file: mode for file in machine.own_files if (mode := _exposure(file)) is not None}
    if not modes:
        raise UnreadError(_("none of the agent's files is there"))
    exposed = [str(file) for file, mode in modes.items() if mode]
    return Outcome(
        not exposed, _("open to everybody: {files}").format(files=", ".join(exposed)) if exposed else _("closed")
    )


def _exposure(file: Path) -> int | None:
    """What everybody may do with it; None where it is not there."""
    try:
        mode, folder = file.stat().st_mode, file.parent.stat().st_mode
    except FileNotFoundError:
        return None
    except OSError as failed:
        raise UnreadError(f"{file}: {failed.strerror}") from None
    return mode & (EVERYBODY_READS | EVERYBODY_WRITES) if folder & EVERYBODY_ENTERS else 0
