"""Facts about USB devices that both systems need."""

VIDEO_GRABBERS = frozenset({"345f", "534d"})
"""Vendor ids of MacroSilicon, whose HDMI grabbers say that they are cameras (usb.org and linux-usb.org, 2026)."""
