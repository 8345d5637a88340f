"""Whose fault it is that the Internet is gone: nearest first, by what can still be asked."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from haidang_agent.platform import gateway

if TYPE_CHECKING:
    from pathlib import Path

    from haidang_agent.wan.outages import Cause
    from haidang_agent.wan.router import Router

EXAMINED_EVERY_SECONDS = 3.0


class OwnPath:
    """Link and gateway of this machine, remembered from when there was a default route."""

    def __init__(self, proc: Path) -> None:
        self._proc = proc
        self._gateway = gateway.default_gateway(proc)
        self._examined_at: float | None = None
        self._cause: Cause | None = None
        self._examining = threading.Lock()

    def examine(self) -> None:
        """Look and ask, not more often than every three seconds; takes up to half a second.

        Who comes while another examines waits for what is found.
        """
        with self._examining:
            now = time.monotonic()
            if self._examined_at is not None and now - self._examined_at < EXAMINED_EVERY_SECONDS:
                return
            self._examined_at = now
            self._cause = self._find_cause()

    def cause(self) -> Cause | None:
        """`host` or `lan`; None where both are in order, or cannot be told."""
        return self._cause

    def _find_cause(self) -> Cause | None:
        found = gateway.default_gateway(self._proc)
        self._gateway = found or self._gateway
        if self._gateway is None:
            return "lan" if gateway.any_link_is_up() else "host"  # linked, but nobody gave it an address and a way out
        if not gateway.link_is_up(self._gateway.interface):
            return "host"
        return "lan" if gateway.answers(self._gateway, self._proc) is False else None


def of_the_lines(router: Router) -> Cause | None:
    """Of the lines that the default route uses, or of all where it uses none; None where one of them works."""
    lines = [router.lines[name] for name in sorted(router.active)] or list(router.lines.values())
    down = [entry for entry in lines if entry.line.up is False]
    if len(down) < len(lines):
        return None
    causes: set[Cause] = {entry.cause() for entry in down}
    return "isp" if "isp" in causes else "carrier" if "carrier" in causes else "router"
