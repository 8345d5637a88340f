"""The doctor's checks of what the centre has told this agent of its school: computer rooms, unit key, roll call."""

from __future__ import annotations

import errno
import socket
import sys
import time
from typing import TYPE_CHECKING

from haidang_agent.finding import Finding
from haidang_agent.i18n import _
from haidang_agent.labs.rooms import read_room
from haidang_agent.rollcall.message import PORT
from haidang_agent.unread import UnreadError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_agent.config import Config
    from haidang_agent.running_agent import Samples

ALL_ADDRESSES = "0.0.0.0"


def school(config: Config, samples: Samples | None, *, enrolled: bool, in_roll_call: bool) -> Iterator[Finding]:
    """`samples` of the running agent, None without one; `in_roll_call`: this machine's probes answer the roll call."""
    yield from _rooms(config)
    if enrolled:
        yield _unit_key(config)
    if in_roll_call:
        yield from _roll_call(samples)
        if sys.platform == "linux":
            yield from _firewall()


def _rooms(config: Config) -> Iterator[Finding]:
    check, own = "computer room", config.agent.lab
    names = [lab.name for lab in config.lab]
    for lab in config.lab:
        try:
            read_room(lab)
        except ValueError as wrong:
            yield Finding(check, "warn", _("reading the registered computer rooms"), str(wrong), "room_faulty")
    if own and own not in names:
        tried = _("looking for [agent] lab = {room} among the registered ones").format(room=own)
        found = _("registered are: {rooms}").format(rooms=", ".join(names) or _("none"))
        yield Finding(check, "warn", tried, found, "room_unknown")
    elif not names:
        yield Finding(check, "ok", _("reading the registered computer rooms"), _("none"), "no_rooms")
    else:
        found = _("this machine stands in {room}").format(room=own) if own else ", ".join(names)
        yield Finding(check, "ok", _("reading the registered computer rooms"), found)


def _unit_key(config: Config) -> Finding:
    """It is never shown."""
    tried = _("looking for the key that the agents of this unit know one another by")
    if not config.privacy.unit_key:
        return Finding("unit key", "warn", tried, _("not known yet"), "no_unit_key")
    return Finding("unit key", "ok", tried, _("known"))


def _roll_call(samples: Samples | None) -> Iterator[Finding]:
    """Nothing where no agent listens that could: whether one would get the port is told by the port alone."""
    listening = (samples or {}).get("haidang_rollcall_listening", {}).get(())
    tried = _("looking whether UDP port {port} is the agent's").format(port=PORT)
    if listening:
        yield Finding("roll call", "ok", tried, _("the agent listens there"))
    elif listening is not None or (samples is None and not _is_free(PORT)):
        yield Finding("roll call", "warn", tried, _("another program has it"), "roll_call_taken")


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial:
        try:
            trial.bind((ALL_ADDRESSES, port))
        except OSError as refused:
            return refused.errno != errno.EADDRINUSE
    return True


def _firewall() -> Iterator[Finding]:
    """Nothing where this user may not read the kernel's rules, or there is no nft(8) to read them by."""
    from haidang_agent.posture.linux.machine import Machine  # noqa: PLC0415 - Linux only
    from haidang_agent.posture.linux.network import refuses_input  # noqa: PLC0415 - as above

    try:
        rules = Machine(time.time()).run("nft", "-s", "list", "ruleset")
    except UnreadError:
        return
    check, tried = "firewall", _("looking for UDP port {port} in the kernel's rules").format(port=PORT)
    if not refuses_input(rules):
        yield Finding(check, "ok", tried, _("the kernel lets it in"))
    elif str(PORT) not in rules:
        yield Finding(check, "warn", tried, _("what no rule lets in is dropped, and none names it"), "firewall_closed")
    else:
        yield Finding(check, "ok", tried, _("a rule names it"))
