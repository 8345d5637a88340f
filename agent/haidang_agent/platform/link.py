"""Speed and duplex of a link as Linux shows them (Documentation/ABI/testing/sysfs-class-net)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from pathlib import Path

UNKNOWN_SPEED = 0xFFFFFFFF
"""SPEED_UNKNOWN (linux/ethtool.h), that older kernels print without a sign."""


def link_speed_bps(sys: Path, interface: str) -> int | None:
    """Negotiated speed in bits per second; None where there is no link, or none with a speed."""
    try:
        megabits = int((sys / "class" / "net" / interface / "speed").read_text())
    except (OSError, ValueError):  # gone, or down: the kernel refuses the read with EINVAL
        return None
    return megabits * 1_000_000 if 0 < megabits < UNKNOWN_SPEED else None


def link_duplex(sys: Path, interface: str) -> Literal["full", "half"] | None:
    """None where there is no link, or none with a duplex."""
    try:
        word = (sys / "class" / "net" / interface / "duplex").read_text().strip()
    except OSError:
        return None
    return "full" if word == "full" else "half" if word == "half" else None
