"""Linux: by /sys and udev's notes of it, and by CUPS. No camera is opened, so none lights up."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from haidang_agent.equipment import cups, edid
from haidang_agent.equipment.screens import Screen, for_a_room
from haidang_agent.equipment.usb import VIDEO_GRABBERS
from haidang_agent.i18n import _
from haidang_agent.posture.linux.machine import read
from haidang_agent.unread import UnreadError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PRINTER_CLASS = "07"
CUPS_SOCKET, CUPS_PORT = "run/cups/cups.sock", 631
BROADCAST = frozenset({"tuner", "radio"})
GRABBER_DRIVERS = frozenset(
    {"au0828", "cx231xx", "dvb_usb", "em28xx", "go7007", "hdpvr", "pvrusb2", "stk1160", "tm6000", "usbtv"}
)
"""For video of another device, not of a lens of their own: drivers/media/usb of the kernel."""
BUILT_IN = frozenset({"DPI", "DSI", "LVDS", "eDP"})
OUTSIDE = frozenset({"Component", "Composite", "DIN", "DP", "DVI-A", "DVI-D", "DVI-I", "HDMI-A", "HDMI-B", "SVIDEO"})
OUTSIDE |= {"TV", "USB", "VGA"}
"""Names of DRM's connector types (drivers/gpu/drm/drm_connector.c); the others are no screens: Virtual, Writeback."""


def readers(root: Path, sysfs: Path) -> dict[str, Callable[[], int]]:
    """By kind; each raises UnreadError."""
    return {
        "webcam": partial(webcams, root, sysfs),
        "printer": partial(printers, root, sysfs),
        "display": partial(displays, sysfs),
    }


def webcams(root: Path, sysfs: Path) -> int:
    """USB devices with a video4linux node that captures; those of several nodes once."""
    nodes: dict[Path, list[Path]] = defaultdict(list)
    for node in _children(sysfs, "class/video4linux", "video*"):
        if device := _usb_device(node):
            nodes[device].append(node)
    televisions = {_usb_device(node) for node in _children(sysfs, "class/dvb", "*")}
    return sum(device not in televisions and _is_webcam(root, device, nodes[device]) for device in nodes)


def _is_webcam(root: Path, device: Path, nodes: list[Path]) -> bool:
    drivers = {(node / "device" / "driver").resolve().name for node in nodes}
    if drivers & GRABBER_DRIVERS or (read(device / "idVendor") or "").strip() in VIDEO_GRABBERS:
        return False
    able = [_capabilities(root, node) for node in nodes]
    return any("capture" in each for each in able) and not any(BROADCAST & each for each in able)


def _capabilities(root: Path, node: Path) -> frozenset[str]:
    """As udev's v4l_id was told by VIDIOC_QUERYCAP; else by V4L2's custom that the first node captures."""
    number = (read(node / "dev") or "").strip()
    for line in (read(root / "run/udev/data" / f"c{number}") or "").splitlines():
        key, _mark, value = line.partition("=")
        if key == "E:ID_V4L_CAPABILITIES":
            return frozenset(value.strip().strip(":").split(":"))
    return frozenset({"capture"} if (read(node / "index") or "").strip() == "0" else ())


def _usb_device(node: Path) -> Path | None:
    """Of a node whose `device` is a USB interface, or the device itself; of others None."""
    interface = (node / "device").resolve()
    return next((path for path in (interface, interface.parent) if (path / "idVendor").is_file()), None)


def printers(root: Path, sysfs: Path) -> int:
    """Those of CUPS' queues, or those on USB now, whichever are more: some of each are the same."""
    connected = {
        interface.name.partition(":")[0]
        for interface in _children(sysfs, "bus/usb/devices", "*:*")
        if (read(interface / "bInterfaceClass") or "").strip() == PRINTER_CLASS
    }
    queued = cups.local_printers(root / CUPS_SOCKET, CUPS_PORT if root == Path("/") else None)
    return max(len(connected), queued or 0)


def displays(sysfs: Path) -> int:
    """Connected screens that are for a room. Raises UnreadError where the driver tells no connectors."""
    connectors = [path for path in _children(sysfs, "class/drm", "card*-*") if (path / "status").is_file()]
    if not connectors:
        raise UnreadError(_("the graphics driver does not tell which screens are connected"))
    return for_a_room([screen for path in connectors if (screen := _screen(path))])


def _screen(connector: Path) -> Screen | None:
    """`card0-HDMI-A-1`: None where nothing is connected, or no screen can be."""
    kind = connector.name.partition("-")[2].rpartition("-")[0]
    if kind not in BUILT_IN | OUTSIDE or (read(connector / "status") or "").strip() != "connected":
        return None
    try:
        told = edid.parse((connector / "edid").read_bytes())
    except (OSError, ValueError):  # as over a cable without the data lines
        return Screen(kind in BUILT_IN)
    return Screen(kind in BUILT_IN, told.name, (told.width_cm, told.height_cm))


def _children(sysfs: Path, folder: str, pattern: str) -> Iterable[Path]:
    """In a folder that is not there where the kernel has no such devices. Raises UnreadError where all is missing."""
    if not (sysfs / "class").is_dir():
        raise UnreadError(_("{file} is missing").format(file=sysfs / "class"))
    return sorted((sysfs / folder).glob(pattern))
