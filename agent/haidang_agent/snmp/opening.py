"""Opens a session over the library that this machine has: gufo-snmp, else pysnmp."""

from __future__ import annotations

import importlib
import importlib.util
import socket
from typing import TYPE_CHECKING, Any

from haidang_agent.snmp.session import Limits, NoLibraryError, SnmpError

if TYPE_CHECKING:
    from collections.abc import Callable

    from haidang_agent.snmp.bounded import BoundedSession
    from haidang_agent.tables import Snmp

SESSIONS = {"gufo": "gufo_session:GufoSession", "pysnmp": "pysnmp_session:PysnmpSession"}
"""In the order of preference: gufo-snmp costs a 60th of the processor time and an eighth of the memory."""
NO_LIBRARY = "SNMP needs gufo-snmp, or on Windows pysnmp: pip install 'haidang[snmp]'"


def libraries() -> tuple[str, ...]:
    """Which of SESSIONS this machine can use, the best first."""
    return tuple(name for name in SESSIONS if importlib.util.find_spec(name))


def open_session(target: Snmp, limits: Limits | None = None, library: str = "") -> BoundedSession[Any]:
    """A session with the device; nothing is asked yet. `library` empty: the best.

    Raises NoLibraryError, ValueError where the keys are of no use, SnmpError where the name is unknown.
    """
    usable = libraries()
    if not usable:
        raise NoLibraryError(NO_LIBRARY)
    module, _, name = SESSIONS[library or usable[0]].partition(":")
    kind: Callable[[Snmp, str, Limits], BoundedSession[Any]] = getattr(
        importlib.import_module(f"haidang_agent.snmp.{module}"), name
    )
    return kind(target, _address(target), limits or Limits())


def _address(target: Snmp) -> str:
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError) as unknown:
        raise SnmpError(f"{target.host}: no such host ({unknown})") from unknown
    return str(found[0][4][0])
