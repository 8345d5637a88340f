"""Windows: one PowerShell script tells the facts as JSON, and they are counted here; no word of them is translated.

Not run on Windows yet: the counting is tried on answers written by us after Microsoft's documents.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from haidang_agent.equipment.screens import Screen, for_a_room
from haidang_agent.equipment.usb import VIDEO_GRABBERS
from haidang_agent.powershell.answer import number
from haidang_agent.powershell.asking import ask as ask_powershell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from haidang_agent.powershell.answer import Answer

SCRIPT = Path(__file__).with_name("inventory.ps1")

USB_ID = re.compile(r"USB\\VID_([0-9A-F]{4})&PID_([0-9A-F]{4})[^\\]*?(&MI_[0-9A-F]{2})?\\([^\\]+)", re.IGNORECASE)
VIDEO, PRINTER = r"usb\class_0e", r"usb\class_07"
"""USB-IF's base classes, as in Microsoft's "Standard USB identifiers"."""
LOCAL_PORT = re.compile(r"(?:[A-Z]{0,3}USB|DOT4_|LPT|COM)[0-9]*:?", re.IGNORECASE)
NO_PAPER = re.compile(r"\b(?:pdf|xps|fax|onenote|image writer)\b", re.IGNORECASE)
"""In the names of drivers, which are not translated: some of these are put on LPT1."""
BUILT_IN = frozenset({6, 11, 13, 0x80000000})
NO_SCREEN = frozenset({17, 0xFFFFFFFE, 0xFFFFFFFF})
"""D3DKMDT_VIDEO_OUTPUT_TECHNOLOGY: LVDS, embedded DisplayPort and UDI, internal; and virtual, uninitialised, other."""
WITHOUT_EDID = "default_monitor"


class UsbDevice(NamedTuple):
    """`instance` tells apart two devices of one product; the interfaces of one device share it."""

    vendor: str
    product: str
    instance: str


def ask() -> Answer:
    """Raises UnreadError."""
    return ask_powershell(SCRIPT)


def readers(answer: Answer) -> dict[str, Callable[[], int]]:
    """By kind; each raises UnreadError."""
    return {
        "webcam": partial(webcams, answer),
        "printer": partial(printers, answer),
        "display": partial(displays, answer),
    }


def webcams(answer: Answer) -> int:
    """USB devices of the video class, and what Windows 10 and later put among the cameras."""
    rows = answer.rows("usb")
    devices = set(_devices(row for row in rows if VIDEO in _text(row, "compatible") or row.get("camera") is True))
    return sum(device.vendor not in VIDEO_GRABBERS for device in devices)


def printers(answer: Answer) -> int:
    """Those with a queue, or those on USB now, whichever are more: some of each are the same.

    A device has one port and often several drivers; plugged in elsewhere it keeps its driver and gets one more port.
    """
    queues = [(_text(row, "port"), _text(row, "driver")) for row in answer.rows("printers")]
    local = [(port, driver) for port, driver in queues if LOCAL_PORT.fullmatch(port) and not NO_PAPER.search(driver)]
    queued = min(len({port for port, _driver in local}), len({driver for _port, driver in local}))
    connected = set(_devices(row for row in answer.rows("usb") if PRINTER in _text(row, "compatible")))
    return max(queued, len(connected))


def displays(answer: Answer) -> int:
    """Active screens that are for a room."""
    told = ((number(row, "technology", 0), row) for row in answer.rows("screens"))
    return for_a_room([_screen(technology, row) for technology, row in told if technology not in NO_SCREEN])


def _screen(technology: int, row: dict[str, Any]) -> Screen:
    built_in = technology in BUILT_IN
    if _text(row, "model") == WITHOUT_EDID:
        return Screen(built_in)
    return Screen(built_in, _text(row, "name"), (number(row, "width"), number(row, "height")))


def _devices(rows: Iterator[dict[str, Any]]) -> Iterator[UsbDevice]:
    """Of an interface's own instance, the last part is its number."""
    for row in rows:
        if told := USB_ID.fullmatch(_text(row, "id")):
            vendor, product, interface, instance = told.groups()
            yield UsbDevice(vendor, product, instance.rpartition("&")[0] if interface else instance)


def _text(row: dict[str, Any], key: str) -> str:
    value = row.get(key)
    return value.strip().lower() if isinstance(value, str) else ""
